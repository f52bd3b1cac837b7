//! Logging to a rotating file, with secrets taken out.
