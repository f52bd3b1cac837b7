//! The imperative middle: model, update, effects and the loop.
