//! In a real pseudo-terminal: what the terminal adapter does to it, and the program itself.

mod canary;
mod console;
mod release;
mod stage;
