//! Where a gate of Flagger is: a webhook that a person opens, reachable through the API server where it is a Service of the
//! cluster that speaks as flagger-loadtester does (api-semantics 5).

/// A gate server behind a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    pub namespace: String,
    pub service: String,
    /// As the proxy of the API server takes it: `web:80`, `https:web:443`.
    pub port: String,
    /// What stands before the last word: `/gate`, `/rollback`.
    pub path: String,
}

impl Gate {
    /// Reads the address of a webhook.
    ///
    /// # Errors
    ///
    /// The end of the sentence "the gate is at …", where it cannot be opened from here.
    pub fn at(url: &str) -> Result<Self, String> {
        let outside = || Err(format!("{url}, which is no Service of the cluster"));
        let Some((scheme @ ("http" | "https"), rest)) = url.split_once("://") else { return outside() };
        let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (host, port) = host.split_once(':').unwrap_or((host, if scheme == "https" { "443" } else { "80" }));
        let labels: Vec<&str> = host.split('.').collect();
        let named = |label: &&str| label.starts_with(|c: char| c.is_ascii_lowercase()) && !label.contains(['@', '[']);
        let (service, namespace) = match labels.as_slice() {
            [service, namespace] if named(service) && named(namespace) => (service, namespace),
            [service, namespace, "svc", ..] if named(service) && named(namespace) => (service, namespace),
            // A bare name is a Service of Flagger's own namespace, which the Canary does not tell.
            _ => return outside(),
        };
        if port.parse::<u16>().is_err() {
            return outside();
        }
        let before = path.strip_suffix("/check").filter(|before| before.ends_with("/gate") || before.ends_with("/rollback"));
        let Some(before) = before else {
            return Err(format!("{url}, which has no /open beside it that is known here"));
        };
        Ok(Self {
            namespace: (*namespace).to_owned(),
            service: (*service).to_owned(),
            port: if scheme == "https" { format!("https:{service}:{port}") } else { format!("{service}:{port}") },
            path: before.to_owned(),
        })
    }

    /// Returns the path of `open` or `close` through the API server.
    pub fn proxied(&self, word: &str) -> String {
        format!("/api/v1/namespaces/{}/services/{}/proxy{}/{word}", self.namespace, self.port, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_service_of_the_cluster_is_reached_and_only_a_gate_that_is_known() {
        let proxied = |url: &str| Gate::at(url).map(|gate| gate.proxied("open"));
        for (url, path) in [
            ("http://gates.test/gate/check", "/api/v1/namespaces/test/services/gates:80/proxy/gate/open"),
            ("http://gates.test.svc:8080/rollback/check", "/api/v1/namespaces/test/services/gates:8080/proxy/rollback/open"),
            ("https://gates.test.svc.cluster.local/gate/check", "/api/v1/namespaces/test/services/https:gates:443/proxy/gate/open"),
        ] {
            assert_eq!(proxied(url).as_deref(), Ok(path), "{url}");
        }
        for url in [
            "http://127.0.0.1:18085/gate/check",
            "http://gates/gate/check",
            "http://gates.example.com/gate/check",
            "http://gates.test:x/gate/check",
            "http://user@gates.test/gate/check",
            "http://gates.test/gate/approve",
            "gates.test/gate/check",
            "",
        ] {
            assert!(proxied(url).is_err(), "{url}");
        }
    }
}
