//! An image's name, as the tools of the trade read it: what stands for the registry, and what is meant where nothing stands.

/// A name taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image {
    /// As it stands in the name: `registry.example.com:5000`, `docker.io`.
    pub registry: String,
    /// `team/app`.
    pub name: String,
    pub tag: String,
    pub digest: Option<String>,
}

impl Image {
    /// Reads a name; none where it is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (text, None),
        };
        let (named, tag) = match named.rsplit_once(':') {
            // A colon before the last slash is a port.
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (named, "latest"),
        };
        let (registry, name) = match named.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest.to_owned()),
            Some(_) => ("docker.io", named.to_owned()),
            None if named.is_empty() => return None,
            None => ("docker.io", format!("library/{named}")),
        };
        let of =
            |allowed: &str, text: &str| !text.is_empty() && text.chars().all(|char| char.is_ascii_alphanumeric() || allowed.contains(char));
        let sound = of("._-", tag) && of("._-/", &name) && of(".:-[]", registry) && !name.contains("..") && digest.is_none_or(is_digest);
        sound.then(|| Self { registry: registry.into(), name, tag: tag.into(), digest: digest.map(str::to_owned) })
    }

    /// Returns the host that answers for the registry.
    pub(super) fn host(&self) -> &str {
        if self.registry == "docker.io" || self.registry == "index.docker.io" { "registry-1.docker.io" } else { &self.registry }
    }

    /// Returns whether the registry is on this machine.
    pub(super) fn is_here(&self) -> bool {
        is_here(self.registry.rsplit_once(':').map_or(&self.registry, |(host, _)| host))
    }

    /// Returns how it is spoken to, the better first. In clear only with this machine, and with a registry of its own port, as
    /// test clusters have them.
    pub(super) fn schemes(&self) -> &'static [&'static str] {
        let own_port = self.registry.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port != 443));
        if self.is_here() || own_port { &["https", "http"] } else { &["https"] }
    }
}

/// Returns whether a host is this machine.
pub(super) fn is_here(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Returns whether a text is a digest of the one kind that is in use.
pub(super) fn is_digest(text: &str) -> bool {
    let hex = |char: char| char.is_ascii_digit() || ('a'..='f').contains(&char);
    text.strip_prefix("sha256:").is_some_and(|rest| rest.len() == 64 && rest.chars().all(hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_the_tools_of_the_trade_do() {
        for (text, registry, name, tag, schemes) in [
            ("app", "docker.io", "library/app", "latest", 1),
            ("team/app:2.2.0", "docker.io", "team/app", "2.2.0", 1),
            ("registry.example.com/team/deep/app:1", "registry.example.com", "team/deep/app", "1", 1),
            ("registry.example.com:5000/app", "registry.example.com:5000", "app", "latest", 2),
            ("registry.example.com:443/app", "registry.example.com:443", "app", "latest", 1),
            ("localhost/app:1", "localhost", "app", "1", 2),
            ("127.0.0.1:5000/app:1", "127.0.0.1:5000", "app", "1", 2),
            ("[::1]:5000/app:1", "[::1]:5000", "app", "1", 2),
        ] {
            let image = Image::read(text).unwrap();
            assert_eq!((image.registry.as_str(), image.name.as_str(), image.tag.as_str()), (registry, name, tag), "{text}");
            assert_eq!(image.schemes().len(), schemes, "{text}");
        }
        let digest = format!("sha256:{}", "0a".repeat(32));
        assert_eq!(Image::read(&format!("app:1@{digest}")).unwrap().digest.as_deref(), Some(digest.as_str()));
        assert_eq!(Image::read("app").unwrap().host(), "registry-1.docker.io");
    }

    #[test]
    fn what_is_no_name_goes_to_no_registry() {
        for text in [
            "",
            "app:",
            "app@sha256:1",
            "a b",
            "h.example.com/../x:1",
            "h.example.com/a?b:1",
            "user@h.example.com/a:1",
            "h.example.com/a:1#x",
        ] {
            assert_eq!(Image::read(text), None, "{text}");
        }
        assert!(!is_digest(&format!("sha256:{}", "0A".repeat(32))));
    }

    #[test]
    fn only_this_machine_is_here() {
        for (host, here) in
            [("localhost", true), ("127.9.9.9", true), ("[::1]", true), ("localhost.example.com", false), ("10.0.0.1", false)]
        {
            assert_eq!(is_here(host), here, "{host}");
        }
    }
}
