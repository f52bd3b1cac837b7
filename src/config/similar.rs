//! "Did you mean": the nearest of the names that would have been right.

/// Returns the known name that was probably meant: at most a third of its letters differ (two neighbours swapped count
/// once), or one is the start of the other.
pub(super) fn similar<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_lowercase();
    known
        .into_iter()
        .filter_map(|name| {
            let distance = strsim::damerau_levenshtein(&text, &name.to_lowercase());
            let near = distance <= (name.chars().count() / 3).max(1);
            let start = text.chars().count() >= 3 && (name.starts_with(&text) || text.starts_with(name) && name.len() >= 3);
            (near || start).then_some((distance, name))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_name_is_proposed() {
        let known = ["namespace", "context", "colour", "name", "blue-green"];
        for (typed, meant) in [
            ("namspace", Some("namespace")),
            ("color", Some("colour")),
            ("nmae", Some("name")),
            ("names", Some("name")),
            ("ctx", None),
            ("Context", Some("context")),
            ("bluegreen", Some("blue-green")),
            ("cont", Some("context")),
            ("x", None),
            ("replicas", None),
        ] {
            assert_eq!(similar(typed, known), meant, "{typed}");
        }
    }
}
