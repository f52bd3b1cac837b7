//! The weights of an HTTPRoute between two Services, and what its gateways say of it: api-semantics 4.2.

use serde_json::Value;

use crate::adapter::kubernetes::objects::custom::{list, number, text};
use crate::domain::plan::Route;
use crate::domain::step::Share;

/// A backend's place in its rule, and its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backend {
    pub at: usize,
    /// A weight that is not there means 1.
    pub weight: u32,
    /// Whether it is there: a guard tests what is written.
    pub written: bool,
}

/// A rule whose users are shared between the two Services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    pub at: usize,
    pub stable: Backend,
    pub canary: Backend,
}

impl Rule {
    /// Returns the canary's share; nothing of nothing is 0.
    pub fn share(&self) -> Share {
        Share::ratio(self.canary.weight, self.canary.weight.saturating_add(self.stable.weight))
    }
}

/// Returns the rules that have both Services as backends; rules with neither, or with one alone, are none of ours.
///
/// # Errors
///
/// A sentence where there is none, or one has a backend besides: its share could not be told in two weights.
pub fn rules(spec: &Value, route: &Route) -> Result<Vec<Rule>, String> {
    let mut rules = Vec::new();
    for (at, rule) in list(spec, "/rules").iter().enumerate() {
        let backends = list(rule, "/backendRefs");
        let find = |service: &str| {
            let mut found = backends.iter().enumerate().filter(|(_, backend)| is(backend, service));
            (found.next().map(|(at, backend)| self::backend(at, backend)), found.next().is_some())
        };
        let ((stable, twice), (canary, again)) = (find(&route.stable_service), find(&route.canary_service));
        let (Some(stable), Some(canary)) = (stable, canary) else { continue };
        if backends.len() > 2 || twice || again {
            return Err(format!("rule {} of HTTPRoute {} has other backends besides", at + 1, route.name));
        }
        rules.push(Rule { at, stable, canary });
    }
    if rules.is_empty() {
        let (stable, canary) = (&route.stable_service, &route.canary_service);
        return Err(format!("no rule of HTTPRoute {} has both {stable} and {canary} as backends", route.name));
    }
    Ok(rules)
}

fn backend(at: usize, backend: &Value) -> Backend {
    let weight = number(backend, "/weight");
    Backend { at, weight: weight.map_or(1, |weight| u32::try_from(weight).unwrap_or(u32::MAX)), written: weight.is_some() }
}

/// A backend of another kind or namespace may have the same name.
fn is(backend: &Value, service: &str) -> bool {
    let own = |key: &str, word: &str| matches!(text(backend, key), found if found.is_empty() || found == word);
    text(backend, "/name") == service
        && own("/kind", "Service")
        && text(backend, "/group").is_empty()
        && text(backend, "/namespace").is_empty()
}

/// Returns what the gateways say against the route, reason and words. One that no gateway has taken shares nobody out.
pub fn complaints(status: &Value, generation: i64, name: &str) -> Vec<(String, String)> {
    let parents = list(status, "/parents");
    if parents.is_empty() {
        return vec![("NotAccepted".into(), format!("no gateway has accepted HTTPRoute {name}: nobody shares the users out by it"))];
    }
    let generation = u64::try_from(generation).unwrap_or(0);
    let mut complaints = Vec::new();
    for parent in parents {
        let gateway = text(parent, "/parentRef/name");
        for kind in ["Accepted", "ResolvedRefs"] {
            let condition = list(parent, "/conditions").iter().find(|condition| text(condition, "/type") == kind);
            let Some(condition) = condition else { continue };
            if text(condition, "/status") != "True" {
                let words = format!("gateway {gateway}: {}", text(condition, "/message"));
                complaints.push((text(condition, "/reason").to_owned(), words));
            } else if number(condition, "/observedGeneration").is_some_and(|seen| seen < generation) {
                complaints.push(("NotObserved".into(), format!("gateway {gateway} has not taken the last weights in yet")));
            }
        }
    }
    complaints.dedup();
    complaints
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn route() -> Route {
        Route { name: "web".into(), stable_service: "web".into(), canary_service: "web-canary".into() }
    }

    fn with(rules: &Value) -> Value {
        json!({"rules": rules})
    }

    #[test]
    fn an_absent_weight_is_one_and_a_share_is_of_the_sum() {
        let rules = json!([
            {"backendRefs": [{"name": "web"}]},
            {"backendRefs": [{"name": "web-canary", "port": 80, "weight": 1}, {"name": "web", "port": 80}]},
            {"backendRefs": [{"name": "web", "weight": 300}, {"name": "web-canary", "weight": 100}]},
        ]);
        let found = super::rules(&with(&rules), &route()).unwrap();
        let said: Vec<_> = found.iter().map(|rule| (rule.at, rule.stable.at, rule.canary.at, rule.share().to_string())).collect();
        assert_eq!(said, [(1, 1, 0, "50 %".into()), (2, 0, 1, "25 %".into())]);
        assert_eq!((found[0].stable.written, found[0].canary.written), (false, true));
    }

    #[test]
    fn a_route_that_two_weights_cannot_tell_is_refused() {
        for (rules, words) in [
            (json!([]), "no rule of HTTPRoute web has both web and web-canary as backends"),
            (json!([{"backendRefs": [{"name": "web"}]}]), "no rule of HTTPRoute web has both web and web-canary as backends"),
            (
                json!([{"backendRefs": [{"name": "web"}, {"name": "web-canary", "namespace": "other"}]}]),
                "no rule of HTTPRoute web has both web and web-canary as backends",
            ),
            (
                json!([{"backendRefs": [{"name": "web"}, {"name": "web-canary"}, {"name": "x"}]}]),
                "rule 1 of HTTPRoute web has other backends besides",
            ),
            (
                json!([{"backendRefs": [{"name": "web"}, {"name": "web-canary"}, {"name": "web", "port": 81}]}]),
                "rule 1 of HTTPRoute web has other backends besides",
            ),
        ] {
            assert_eq!(super::rules(&with(&rules), &route()), Err(words.to_owned()), "{rules}");
        }
    }

    #[test]
    fn what_a_gateway_says_against_it_is_told() {
        let said = |status: &Value| {
            complaints(status, 2, "web").into_iter().map(|(reason, words)| format!("{reason}: {words}")).collect::<Vec<_>>()
        };
        let parent = |accepted: &str, seen: u32| {
            json!({"parents": [{"parentRef": {"name": "edge"}, "conditions": [
                {"type": "Accepted", "status": "True", "observedGeneration": seen},
                {"type": "ResolvedRefs", "status": accepted, "reason": "BackendNotFound", "message": "no Service web-canary", "observedGeneration": seen}]}]})
        };
        assert_eq!(said(&json!({})), ["NotAccepted: no gateway has accepted HTTPRoute web: nobody shares the users out by it"]);
        assert_eq!(said(&parent("True", 2)), [""; 0]);
        assert_eq!(said(&parent("False", 2)), ["BackendNotFound: gateway edge: no Service web-canary"]);
        assert_eq!(said(&parent("True", 1)), ["NotObserved: gateway edge has not taken the last weights in yet"]);
    }
}
