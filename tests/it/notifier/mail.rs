//! Mail: over TLS, after STARTTLS, in clear; to whom, with what secret, and what is tried again.

use rolldeck::adapter::notifier::Options;
use rolldeck::domain::plan::{Channel, MailSecurity, Means};
use rolldeck::domain::release::checklist::Secret;
use tokio::net::TcpListener;

use super::smtp::{Security, Server};
use super::{Notifier, channel, course, options};

/// `\0mailer\0p4ssw0rd` in base64, as AUTH PLAIN says it.
const AUTH: &str = "AG1haWxlcgBwNHNzdzByZA==";

fn mail(port: u16, security: MailSecurity, password: Option<Secret>) -> Channel {
    let by = Means::Email {
        server: "localhost".into(),
        port,
        security,
        user: password.is_some().then(|| "mailer".into()),
        password,
        from: "rolldeck <releases@example.org>".into(),
        to: vec!["team@example.org".into(), "Duty <duty@example.org>".into()],
    };
    channel("mail", by)
}

async fn tell(channel: Channel) -> (Vec<&'static str>, String) {
    course(&Notifier::start(options(), vec![channel]).tell("it begins, für alle").await)
}

#[tokio::test]
async fn a_mail_arrives_over_each_kind_of_connection() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "p4ssw0rd\n").unwrap();
    for (server, security, tls) in [
        (Security::Never, MailSecurity::None, false),
        (Security::Asked, MailSecurity::Starttls, true),
        (Security::First, MailSecurity::Tls, true),
    ] {
        let server = Server::start(server, Vec::new()).await;
        let (words, why) = tell(mail(server.port, security, Some(Secret::File(file.display().to_string())))).await;
        assert_eq!(words, ["sent"], "{security:?}: {why}");
        let mails = server.mails();
        let [mail] = mails.as_slice() else { panic!("{mails:?}") };
        assert_eq!((mail.tls, mail.auth.as_deref()), (tls, Some(AUTH)), "{security:?}");
        assert!(mail.from.contains("<releases@example.org>"), "{mail:?}");
        assert_eq!(mail.to, ["TO:<team@example.org>", "TO:<duty@example.org>"]);
        for part in [
            "Subject: ",
            "From: rolldeck <releases@example.org>",
            "Auto-Submitted: auto-generated",
            "Date: ",
            "Message-ID: ",
            "text/plain; charset=utf-8",
        ] {
            assert!(mail.data.contains(part), "{part}: {}", mail.data);
        }
        // An arrow and an umlaut make it quoted-printable.
        assert!(mail.data.contains("it begins, f=C3=BCr alle"), "{}", mail.data);
    }
}

#[tokio::test]
async fn without_a_user_nobody_signs_in() {
    let server = Server::start(Security::Asked, Vec::new()).await;
    assert_eq!(tell(mail(server.port, MailSecurity::Starttls, None)).await.0, ["sent"]);
    assert_eq!(server.mails()[0].auth, None);
}

#[tokio::test]
async fn a_busy_server_is_tried_again_and_a_refusal_stays() {
    for (refusals, words, said) in [
        (vec!["451 try later", "421 busy"], vec!["again", "again", "sent"], ""),
        (vec!["550 not from here"], vec!["failed"], "not from here"),
    ] {
        let server = Server::start(Security::Never, refusals).await;
        let (course, why) = tell(mail(server.port, MailSecurity::None, None)).await;
        assert_eq!(course, words, "{why}");
        assert!(why.contains(said), "{why}");
    }
}

#[tokio::test]
async fn clear_text_is_refused_where_tls_is_required() {
    let server = Server::start(Security::Never, Vec::new()).await;
    let (words, why) = tell(mail(server.port, MailSecurity::Starttls, Some(Secret::Plain("p4ssw0rd".into())))).await;
    assert_eq!(words.last(), Some(&"failed"), "{why}");
    assert!(server.mails().is_empty());
    let mut afar = mail(server.port, MailSecurity::None, Some(Secret::Plain("p4ssw0rd".into())));
    if let Means::Email { server, .. } = &mut afar.by {
        *server = "mail.example.org".into();
    }
    let (words, why) = tell(afar).await;
    assert_eq!((words, why.as_str()), (vec!["failed"], "a password is not sent to mail.example.org without TLS"));
}

#[tokio::test]
async fn a_certificate_that_nobody_signed_is_refused_at_once() {
    for (server, security) in [(Security::Asked, MailSecurity::Starttls), (Security::First, MailSecurity::Tls)] {
        let server = Server::start(server, Vec::new()).await;
        let mut notifier = Notifier::start(Options { roots: Vec::new(), ..options() }, vec![mail(server.port, security, None)]);
        let (words, why) = course(&notifier.tell("it begins").await);
        assert_eq!(words, ["failed"], "{why}");
        assert!(why.contains("certificate"), "{why}");
        assert!(server.mails().is_empty());
    }
}

#[tokio::test]
async fn a_server_that_is_silent_or_gone_is_given_up_in_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let limits = || Options { tries: 2, ..options() };
    let silent = course(&Notifier::start(limits(), vec![mail(port, MailSecurity::None, None)]).tell("it begins").await);
    drop(listener);
    let gone = course(&Notifier::start(limits(), vec![mail(port, MailSecurity::None, None)]).tell("it begins").await);
    for ((words, why), said) in [(silent, ""), (gone, "refused")] {
        assert_eq!(words, ["again", "failed"], "{why}");
        assert!(why.contains(said) && why.ends_with("given up after 2 tries"), "{why}");
    }
}

#[tokio::test]
async fn a_missing_password_and_a_bad_address_are_named() {
    let server = Server::start(Security::Never, Vec::new()).await;
    let mut bad = mail(server.port, MailSecurity::None, None);
    if let Means::Email { to, .. } = &mut bad.by {
        to.push("nobody at all".into());
    }
    let missing = mail(server.port, MailSecurity::None, Some(Secret::Variable("ROLLDECK_TEST_UNSET".into())));
    for (channel, said) in [(missing, "the variable ROLLDECK_TEST_UNSET is not set"), (bad, "\"nobody at all\" is no mail address")] {
        let (words, why) = tell(channel).await;
        assert_eq!(words, ["failed"]);
        assert!(why.contains(said), "{why}");
    }
}
