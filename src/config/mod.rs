//! Configuration: serde structs over embedded defaults and the user's files.
