//! What Kubernetes takes for a name, a label and an image, so that a typo is found in the plan and not at the first request.
//!
//! Sources: kubernetes.io, "Object Names and IDs" and "Labels and Selectors"; the OCI distribution specification.

use crate::domain::id::repository_of;

/// Says why a text is no DNS label (RFC 1123), as namespaces, Services, containers and our own names must be.
pub(super) fn label(text: &str) -> Option<&'static str> {
    if text.len() > 63 {
        return Some("at most 63 characters");
    }
    (!dns(text)).then_some("lower-case letters, digits and `-`, not at either end")
}

/// Says why a text is no DNS subdomain (RFC 1123), as workloads' names must be.
pub(super) fn subdomain(text: &str) -> Option<&'static str> {
    if text.len() > 253 {
        return Some("at most 253 characters");
    }
    let valid = text.split('.').all(dns);
    (!valid).then_some("lower-case letters, digits, `-` and `.`, beginning and ending with a letter or digit")
}

fn dns(part: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !part.is_empty() && part.bytes().all(inside) && !part.starts_with('-') && !part.ends_with('-')
}

/// Says why a text is no label key: `color`, `example.com/track`.
pub(super) fn label_key(text: &str) -> Option<&'static str> {
    let name = match text.split_once('/') {
        Some((prefix, _)) if subdomain(prefix).is_some() => return Some("what stands before the `/` must be a domain name"),
        Some((_, name)) => name,
        None => text,
    };
    if name.is_empty() { Some("a label's key is not empty") } else { label_value(name) }
}

/// Says why a text is no label value.
pub(super) fn label_value(text: &str) -> Option<&'static str> {
    if text.len() > 63 {
        return Some("at most 63 characters");
    }
    let edge = |character: Option<char>| character.is_none_or(|c| c.is_ascii_alphanumeric());
    let valid = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && edge(text.chars().next())
        && edge(text.chars().next_back());
    (!valid).then_some("letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit")
}

/// Says why a text is no image repository, in words that help.
pub(super) fn repository(text: &str) -> Option<String> {
    let bare = repository_of(text);
    if text.contains("://") {
        return Some("an image has no `https://` before it".into());
    }
    if bare != text {
        return Some(format!("without the version: \"{bare}\""));
    }
    let mut parts = text.split('/');
    let host = parts.next().unwrap_or_default();
    // Only the first part may be a host, with capitals and a port.
    let host_like = host.contains(['.', ':']) || host == "localhost";
    let path = |part: &str| {
        let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
        let edge = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        part.bytes().all(inside) && edge(part.as_bytes().first()) && edge(part.as_bytes().last())
    };
    let rest: Vec<_> = parts.collect();
    let first = if host_like && !rest.is_empty() {
        host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'-' | b'[' | b']'))
    } else {
        path(host)
    };
    let valid = first && rest.iter().all(|part| path(part));
    (!valid).then(|| "lower-case letters, digits, `-`, `_`, `.` and `/`".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_as_kubernetes_does() {
        for (text, valid) in [("booking", true), ("b-2", true), ("-b", false), ("B", false), ("a.b", false), ("", false), ("a_b", false)] {
            assert_eq!(label(text).is_none(), valid, "{text}");
        }
        assert!(label(&"a".repeat(64)).is_some());
        for (text, valid) in [("a.b", true), ("a..b", false), ("a-", false), ("", false), (".a", false)] {
            assert_eq!(subdomain(text).is_none(), valid, "{text}");
        }
        for (text, valid) in [("color", true), ("example.com/track", true), ("/x", false), ("a/b/c", false), ("", false), ("a/", false)] {
            assert_eq!(label_key(text).is_none(), valid, "{text}");
        }
        for (text, valid) in [("blue", true), ("", true), ("v1.2_x", true), ("-x", false), ("a b", false)] {
            assert_eq!(label_value(text).is_none(), valid, "{text}");
        }
    }

    #[test]
    fn an_image_repository_has_no_version_and_no_scheme() {
        for text in ["lab/web", "registry:5000/team/app", "ghcr.io/Team/app", "localhost/app", "app", "10.0.0.1:5000/a/b-c_d"] {
            let valid = repository(text).is_none();
            assert_eq!(valid, !text.contains('T'), "{text}");
        }
        assert_eq!(repository("lab/web:1.0.0").unwrap(), "without the version: \"lab/web\"");
        assert_eq!(repository("lab/web@sha256:0").unwrap(), "without the version: \"lab/web\"");
        for text in ["", "/x", "a//b", "https://x/y", "a b", "lab/"] {
            assert!(repository(text).is_some(), "{text}");
        }
    }
}
