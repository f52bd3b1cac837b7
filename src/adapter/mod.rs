//! One folder for each thing outside. An adapter speaks `port` and knows neither the console nor the other adapters.

pub mod backoff;
pub mod check;
pub mod clock;
pub mod kubernetes;
pub mod notifier;
pub mod records;
pub mod simulated;
pub mod terminal;
