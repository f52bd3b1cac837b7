//! How a command fails: in a sentence for a person and an exit code for a script.

use std::fmt;
use std::process::ExitCode;

use crate::config::ConfigErrors;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// The configuration is wrong.
    Config(ConfigErrors),
    /// The command line asks for what cannot be.
    Usage(String),
    /// It went wrong while running.
    Runtime(String),
}

impl Failure {
    /// Returns 2 for wrong usage and configuration, 1 for the rest.
    pub fn code(&self) -> ExitCode {
        match self {
            Self::Config(_) | Self::Usage(_) => ExitCode::from(2),
            Self::Runtime(_) => ExitCode::from(1),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(errors) => errors.fmt(f),
            Self::Usage(sentence) | Self::Runtime(sentence) => write!(f, "rolldeck: {sentence}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Self::Config(errors)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Runtime(format!("{error:#}"))
    }
}
