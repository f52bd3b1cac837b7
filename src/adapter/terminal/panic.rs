//! What a panic does: it is logged; where it ends the console the terminal is given back first, and then it is printed.

use std::panic;
use std::thread;

use super::guard::{drawn_elsewhere, restore};

/// Chains itself before the hook that is installed. To be called once, before the terminal is taken.
pub fn install_hook() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let thread = thread::current();
        tracing::error!(thread = thread.name().unwrap_or("unnamed"), "{info}");
        // A task that panics leaves the console running: its end is told on screen by whoever awaits it, and printing
        // here would write over that screen.
        if !drawn_elsewhere() {
            restore();
            print(info);
        }
    }));
}
