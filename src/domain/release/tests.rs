//! The name of a release.

use crate::domain::id::ReleaseId;

#[test]
fn a_release_has_a_name_that_fits_an_object() {
    let at = "2026-01-02T03:04:05Z".parse().unwrap();
    for (service, want) in [
        ("backend", "20260102-0304-backend-7f3a"),
        ("Ticket_Office.v2", "20260102-0304-ticket-office-v2-7f3a"),
        ("a-service-with-a-very-long-name-indeed", "20260102-0304-a-service-with-a-ver-7f3a"),
        ("nineteen-and-a-bit--more", "20260102-0304-nineteen-and-a-bit-7f3a"),
        ("漢字", "20260102-0304-release-7f3a"),
        ("--", "20260102-0304-release-7f3a"),
    ] {
        let id = ReleaseId::make(at, &service.into(), 0x7f3a);
        assert_eq!(id.as_str(), want);
        assert!(id.as_str().len() <= 40);
    }
    assert_eq!(ReleaseId::make(at, &"backend".into(), 1).as_str(), "20260102-0304-backend-0001");
}
