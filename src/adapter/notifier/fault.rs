//! What went wrong with one try, and whether another may go better.

use std::error::Error;
use std::time::Duration;

/// Why a try failed. Its sentence is cleaned of secrets by the lane before anybody sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub why: String,
    pub again: Again,
}

/// Whether it is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It would fail the same way.
    Never,
    Soon,
    /// The server said when.
    After(Duration),
}

impl Fault {
    pub(super) fn lasting(why: impl Into<String>) -> Self {
        Self { why: why.into(), again: Again::Never }
    }

    pub(super) fn passing(why: impl Into<String>) -> Self {
        Self { why: why.into(), again: Again::Soon }
    }

    /// Takes an error of the network: all pass but a certificate that is not trusted.
    pub(super) fn network(error: &(dyn Error + 'static)) -> Self {
        let why = chain(error);
        if distrusted(error) { Self::lasting(why) } else { Self::passing(why) }
    }
}

/// Says an error with what is behind it, each once: many repeat their source in their own words.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        source = error.source();
    }
    said
}

/// Returns whether TLS refused the server, or the server does not speak it.
fn distrusted(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        // rustls' error comes wrapped in one of I/O, whose `source` skips what it wraps.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if error.is::<rustls::Error>() || wrapped.and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_some() {
            return true;
        }
        next = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_is_not_trusted_is_not_tried_again() {
        let tls = || rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let kind = std::io::ErrorKind::InvalidData;
        for (error, again) in [
            (std::io::Error::new(kind, tls()), Again::Never),
            (std::io::Error::new(kind, std::io::Error::new(kind, tls())), Again::Never),
            (std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "refused"), Again::Soon),
        ] {
            assert_eq!(Fault::network(&error).again, again, "{error:?}");
        }
    }
}
