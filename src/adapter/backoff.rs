//! How long to wait before a lost link is tried again: a pure function of the number of failures.
