//! The terminal: raw mode and its guard, input, clipboard and title.
