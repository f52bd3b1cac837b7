//! Which bytes a version is: read from where it runs, and what is shipped so that no other bytes come.

use super::Bound;
use super::checklist::SubjectService;
use super::finding::Finding;
use crate::domain::id::{EnvironmentName, ServiceName, repository_of, version_of};

/// An environment in which instances of a version run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub environment: EnvironmentName,
    /// What the engine pulled, `sha256:…`; none for an image that was built where it runs, which no registry knows.
    pub digest: Option<String>,
    /// What the engine calls the bytes; equal only where they are.
    pub id: String,
}

/// Returns the binding of a service to what was seen of its version.
pub fn bind(service: &SubjectService, seen: &[Seen]) -> Bound {
    let bound = |digest: Option<&str>, source: String| Bound {
        service: service.service.clone(),
        image: service.image.clone(),
        digest: digest.map(ToOwned::to_owned),
        source,
    };
    let mut digests: Vec<(&str, &EnvironmentName)> =
        seen.iter().filter_map(|seen| Some((seen.digest.as_deref()?, &seen.environment))).collect();
    let places = |of: &[(&str, &EnvironmentName)]| {
        let mut names: Vec<&str> = of.iter().map(|(_, environment)| environment.as_str()).collect();
        names.dedup();
        names.join(" and ")
    };
    let Some((first, _)) = digests.first().copied() else {
        return match seen.first() {
            Some(local) => bound(None, format!("runs in {}, built there: it has no digest that a registry knows", local.environment)),
            None => bound(None, format!("{} runs nowhere yet", service.version)),
        };
    };
    if digests.iter().all(|(digest, _)| *digest == first) {
        return bound(Some(first), format!("runs in {}", places(&digests)));
    }
    digests.dedup_by_key(|(digest, _)| *digest);
    let named: Vec<String> = digests.iter().map(|(digest, environment)| format!("{} in {environment}", short(digest))).collect();
    bound(None, format!("the tag was pushed again: it runs as {}", named.join(", ")))
}

impl Bound {
    /// Returns the image to ship: by digest where one is known, so that the tag's next push changes nothing. The tag stays
    /// in it, for people; an engine that has both pulls by the digest.
    pub fn shipped(&self) -> String {
        match &self.digest {
            Some(digest) if !self.image.contains('@') => format!("{}:{}@{digest}", repository_of(&self.image), version_of(&self.image)),
            _ => self.image.clone(),
        }
    }
}

/// Returns an image as it is shipped under a release: by digest where the release is bound to one of this very tag. Another
/// image than the release's is left as it is: the gate has its own word on that.
pub fn pinned(image: &str, service: &ServiceName, bound: &[Bound]) -> String {
    let same = |bound: &&Bound| bound.service == *service && bound.image == image;
    bound.iter().find(same).map_or_else(|| image.to_owned(), Bound::shipped)
}

/// Returns whether a version is of the same bytes there as here. `here`: where the release goes to, if it runs there already;
/// else `bound`, what the release is bound to, is compared.
pub fn same(place: &EnvironmentName, there: &[Seen], here: &[Seen], bound: Option<&str>) -> Finding {
    let Some(first) = there.first() else { return Finding::fail(format!("it does not run in {place}")) };
    if let Some(other) = there.iter().find(|seen| seen.id != first.id) {
        return Finding::fail(format!("{place} runs two of this tag: {} and {}", short(&first.id), short(&other.id)));
    }
    if let Some(other) = here.iter().find(|seen| seen.id != first.id) {
        return Finding::fail(format!("{} here, {} in {place}", short(&other.id), short(&first.id)));
    }
    match (&first.digest, bound) {
        (Some(digest), Some(bound)) if digest != bound => {
            Finding::fail(format!("bound to {}, {place} runs {}", short(bound), short(digest)))
        }
        (Some(digest), _) if !here.is_empty() => Finding::pass(format!("{} here and in {place}", short(digest))),
        (Some(digest), Some(_)) => Finding::pass(format!("bound to {}, as it runs in {place}", short(digest))),
        (Some(digest), None) => Finding::unknown(format!("{place} runs {}, and the release is bound to its tag alone", short(digest))),
        (None, _) if !here.is_empty() => Finding::pass(format!("{} here and in {place}, weak: built there, not pulled", short(&first.id))),
        (None, _) => Finding::unknown(format!("{place} runs {}, built there: it has no digest to compare", short(&first.id))),
    }
}

/// Returns as much of a digest as people compare.
pub fn short(digest: &str) -> &str {
    let hex = digest.find(':').map_or(0, |colon| colon + 1);
    digest.get(..hex + 12).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::release::checklist::Verdict;
    use Verdict::{Fail, Pass, Unknown};

    const A: &str = "sha256:aaaaaaaaaaaaaaaa";
    const B: &str = "sha256:bbbbbbbbbbbbbbbb";

    fn service() -> SubjectService {
        SubjectService { service: "web".into(), version: "2.2.0".into(), image: "shop/web:2.2.0".into(), digest: None }
    }

    fn pulled(environment: &str, digest: &str) -> Seen {
        Seen { environment: environment.into(), digest: Some(digest.into()), id: digest.into() }
    }

    fn local(environment: &str, id: &str) -> Seen {
        Seen { digest: None, ..pulled(environment, id) }
    }

    #[test]
    fn a_binding_says_where_it_was_read_or_why_it_is_weak() {
        for (seen, digest, source) in [
            (vec![pulled("staging", A)], Some(A), "runs in staging"),
            (vec![pulled("development", A), pulled("staging", A), pulled("staging", A)], Some(A), "runs in development and staging"),
            (vec![local("development", B), pulled("staging", A)], Some(A), "runs in staging"),
            (
                vec![pulled("staging", A), pulled("production", B)],
                None,
                "the tag was pushed again: it runs as sha256:aaaaaaaaaaaa in staging, sha256:bbbbbbbbbbbb in production",
            ),
            (vec![local("staging", A)], None, "runs in staging, built there: it has no digest that a registry knows"),
            (vec![], None, "2.2.0 runs nowhere yet"),
        ] {
            let bound = bind(&service(), &seen);
            assert_eq!((bound.digest.as_deref(), bound.source.as_str(), bound.weak()), (digest, source, digest.is_none()));
        }
    }

    #[test]
    fn what_is_shipped_names_the_tag_and_the_digest_and_reads_as_the_tag() {
        let bound = |image: &str, digest: Option<&str>| Bound {
            image: image.into(),
            digest: digest.map(ToOwned::to_owned),
            ..bind(&service(), &[])
        };
        for (image, digest, shipped) in [
            ("shop/web:2.2.0", Some(A), "shop/web:2.2.0@sha256:aaaaaaaaaaaaaaaa"),
            ("registry:5000/shop/web:2.2.0", Some(A), "registry:5000/shop/web:2.2.0@sha256:aaaaaaaaaaaaaaaa"),
            ("shop/web", Some(A), "shop/web:latest@sha256:aaaaaaaaaaaaaaaa"),
            ("shop/web:2.2.0", None, "shop/web:2.2.0"),
            ("shop/web:2.2.0@sha256:cccc", Some(A), "shop/web:2.2.0@sha256:cccc"),
        ] {
            let found = bound(image, digest).shipped();
            assert_eq!(found, shipped);
            assert_eq!((version_of(&found), repository_of(&found)), (version_of(image), repository_of(image)), "{image}");
        }
    }

    #[test]
    fn only_the_releases_own_image_is_pinned() {
        let bound = [Bound { digest: Some(A.into()), ..bind(&service(), &[]) }];
        for (image, of, shipped) in [
            ("shop/web:2.2.0", "web", "shop/web:2.2.0@sha256:aaaaaaaaaaaaaaaa"),
            ("shop/web:2.2.1", "web", "shop/web:2.2.1"),
            ("shop/web:2.2.0", "api", "shop/web:2.2.0"),
        ] {
            assert_eq!(pinned(image, &of.into(), &bound), shipped, "{image} {of}");
        }
        assert_eq!(pinned("shop/web:2.2.0", &"web".into(), &[]), "shop/web:2.2.0");
    }

    #[test]
    fn bytes_are_compared_by_what_the_engines_call_them() {
        let staging = EnvironmentName::new("staging");
        for (there, here, bound, verdict, words) in [
            (vec![], vec![], Some(A), Fail, "it does not run in staging"),
            (vec![pulled("staging", A)], vec![], Some(A), Pass, "bound to sha256:aaaaaaaaaaaa, as it runs in staging"),
            (vec![pulled("staging", A)], vec![], Some(B), Fail, "bound to sha256:bbbbbbbbbbbb, staging runs sha256:aaaaaaaaaaaa"),
            (vec![pulled("staging", A)], vec![pulled("production", A)], None, Pass, "sha256:aaaaaaaaaaaa here and in staging"),
            (
                vec![pulled("staging", A)],
                vec![pulled("production", B)],
                Some(A),
                Fail,
                "sha256:bbbbbbbbbbbb here, sha256:aaaaaaaaaaaa in staging",
            ),
            (
                vec![pulled("staging", A)],
                vec![],
                None,
                Unknown,
                "staging runs sha256:aaaaaaaaaaaa, and the release is bound to its tag alone",
            ),
            (
                vec![local("staging", A)],
                vec![],
                None,
                Unknown,
                "staging runs sha256:aaaaaaaaaaaa, built there: it has no digest to compare",
            ),
            (
                vec![local("staging", A)],
                vec![local("production", A)],
                None,
                Pass,
                "sha256:aaaaaaaaaaaa here and in staging, weak: built there, not pulled",
            ),
            (
                vec![pulled("staging", A), pulled("staging", B)],
                vec![],
                None,
                Fail,
                "staging runs two of this tag: sha256:aaaaaaaaaaaa and sha256:bbbbbbbbbbbb",
            ),
        ] {
            let finding = same(&staging, &there, &here, bound);
            assert_eq!((finding.verdict, finding.evidence.as_str()), (verdict, words));
        }
    }
}
