//! Quantities as the API writes them: `250m`, `2`, `128Mi`, `12345678n`.

/// Returns thousandths of a core, rounded up; none for what is no quantity.
pub fn cpu_millis(text: &str) -> Option<u32> {
    Some((parse(text)? * 1000.0).ceil().clamp(0.0, f64::from(u32::MAX)) as u32)
}

/// Returns bytes; none for what is no quantity.
#[expect(clippy::cast_sign_loss, reason = "clamped to be positive")]
pub fn bytes(text: &str) -> Option<u64> {
    Some(parse(text)?.max(0.0) as u64)
}

fn parse(text: &str) -> Option<f64> {
    const SUFFIXES: [(&str, f64); 14] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
    ];
    let (number, factor) =
        SUFFIXES.iter().find_map(|(suffix, factor)| text.strip_suffix(suffix).map(|rest| (rest, *factor))).unwrap_or((text, 1.0));
    let number: f64 = number.parse().ok()?;
    number.is_finite().then_some(number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_in_all_their_suffixes() {
        for (text, millis) in [("250m", 250), ("1", 1000), ("0.5", 500), ("12345678n", 13), ("2", 2000)] {
            assert_eq!(cpu_millis(text), Some(millis), "{text}");
        }
        for (text, expected) in [("2048Ki", 2_097_152), ("128Mi", 134_217_728), ("1G", 1_000_000_000), ("1e3", 1000), ("42", 42)] {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
        assert_eq!(bytes("much"), None);
    }
}
