//! Scripted input through the console's update, with the engine and the journal played by hand: what is asked for, what
//! leaves, and in which order. The safety rules of the console, each as a test.

mod chronicle;
mod driver;
pub mod fixture;
mod forms;
mod journal;
mod orders;
mod release;
mod screens;
mod turns;
