//! Whether the certificate in a TLS Secret stays good for so long.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use serde::Deserialize;
use x509_cert::Certificate;
use x509_cert::time::Time;

use crate::domain::release::finding::Finding;

/// The public half of a TLS Secret. The key comes with it over the wire, and is dropped while decoding.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub struct Secret {
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "tls.crt")]
    certificate: Option<ByteString>,
}

/// Judges a Secret; the chain is as good as the first of it that expires.
pub fn judge(secret: &Secret, name: &str, days: u32, now: Timestamp) -> Finding {
    let Some(ByteString(pem)) = secret.data.as_ref().and_then(|data| data.certificate.as_ref()) else {
        return Finding::fail(format!("secret {name} has no tls.crt"));
    };
    let chain = match Certificate::load_pem_chain(pem) {
        Ok(chain) if !chain.is_empty() => chain,
        Ok(_) => return Finding::fail(format!("tls.crt of secret {name} holds no certificate")),
        Err(error) => return Finding::fail(format!("tls.crt of secret {name} cannot be read: {error}")),
    };
    let mut ends: Option<(Timestamp, usize)> = None;
    for (at, certificate) in chain.iter().enumerate() {
        let validity = certificate.tbs_certificate().validity();
        let (Some(from), Some(until)) = (time(&validity.not_before), time(&validity.not_after)) else {
            return Finding::unknown(format!("tls.crt of secret {name} says no time that can be read"));
        };
        if from > now {
            return Finding::fail(format!("{} begins {}", which(at), date(from)));
        }
        if ends.is_none_or(|(first, _)| until < first) {
            ends = Some((until, at));
        }
    }
    let Some((until, at)) = ends else { return Finding::fail(format!("tls.crt of secret {name} holds no certificate")) };
    let left = until.duration_since(now);
    let (which, date) = (which(at), date(until));
    if left <= SignedDuration::ZERO {
        return Finding::fail(format!("{which} expired {date}"));
    }
    let words = format!("{which} expires {date}, in {} days of {days} wanted", left.as_hours() / 24);
    if left > SignedDuration::from_hours(24 * i64::from(days)) { Finding::pass(words) } else { Finding::fail(words) }
}

fn which(at: usize) -> String {
    if at == 0 { "the certificate".into() } else { format!("certificate {} of the chain", at + 1) }
}

fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn time(time: &Time) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(time.to_unix_duration().as_secs()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;
    use crate::domain::release::checklist::Verdict;

    fn certificate(from: (i32, u8, u8), until: (i32, u8, u8)) -> String {
        let mut params = CertificateParams::new(vec!["shop.example".into()]).expect("a name");
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(until.0, until.1, until.2);
        params.self_signed(&KeyPair::generate().expect("a key")).expect("a certificate").pem()
    }

    fn told(text: &str) -> (Verdict, String) {
        let secret = Secret { data: Some(Data { certificate: Some(ByteString(text.as_bytes().to_vec())) }) };
        let finding = judge(&secret, "tls", 14, "2026-03-02T22:00:00Z".parse().expect("a time"));
        (finding.verdict, finding.evidence)
    }

    #[test]
    fn the_first_of_the_chain_that_expires_decides() {
        let long = certificate((2026, 1, 1), (2027, 3, 2));
        let soon = certificate((2026, 1, 1), (2026, 3, 10));
        let late = certificate((2049, 1, 1), (2052, 3, 10));
        for (text, verdict, words) in [
            (long.clone(), Verdict::Pass, "the certificate expires 2027-03-02, in 364 days of 14 wanted"),
            (soon.clone(), Verdict::Fail, "the certificate expires 2026-03-10, in 7 days of 14 wanted"),
            (format!("{long}{soon}"), Verdict::Fail, "certificate 2 of the chain expires 2026-03-10, in 7 days of 14 wanted"),
            (certificate((2020, 1, 1), (2026, 3, 2)), Verdict::Fail, "the certificate expired 2026-03-02"),
            (late, Verdict::Fail, "the certificate begins 2049-01-01"),
        ] {
            assert_eq!(told(&text), (verdict, words.to_owned()));
        }
    }

    #[test]
    fn what_is_no_certificate_is_said_and_never_quoted() {
        for text in ["", "hunter2", "-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n"] {
            let (verdict, words) = told(text);
            assert_eq!(verdict, Verdict::Fail, "{text}");
            assert!(words.starts_with("tls.crt of secret tls") && !words.contains("hunter2"), "{words}");
        }
        let empty = judge(&Secret::default(), "tls", 14, Timestamp::UNIX_EPOCH);
        assert_eq!((empty.verdict, empty.evidence.as_str()), (Verdict::Fail, "secret tls has no tls.crt"));
    }

    #[test]
    fn only_the_public_half_is_decoded() {
        let secret: Secret = serde_json::from_str(r#"{"data": {"tls.key": 5, "tls.crt": "aGk="}}"#).expect("the key is not looked at");
        assert!(secret.data.is_some());
    }
}
