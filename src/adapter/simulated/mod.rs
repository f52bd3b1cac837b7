//! The simulated engine: a seeded pure world behind the same port.
