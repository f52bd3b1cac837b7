//! Drawing: a function of the model.
