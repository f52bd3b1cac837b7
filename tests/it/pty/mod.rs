//! In a real pseudo-terminal: what the terminal adapter does to it, and the program itself.

mod console;
mod stage;
