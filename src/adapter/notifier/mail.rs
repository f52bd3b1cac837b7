//! A mail by SMTP: one connection a mail, plain text, to all receivers at once.

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::Options;
use super::fault::Fault;
use super::lane::Kept;
use super::secret::Secrets;
use crate::domain::announcement::Announcement;
use crate::domain::letter;
use crate::domain::plan::{MailSecurity, Means};

/// Sends it.
///
/// # Errors
///
/// What went wrong, and whether it is tried again: 4yz and a network's faults pass, 5yz stays (RFC 5321, 4.2.1).
pub(super) async fn send(
    options: &Options,
    kept: &mut Kept,
    secrets: &mut Secrets,
    means: &Means,
    announcement: &Announcement,
    text: String,
) -> Result<(), Fault> {
    let Means::Email { server, port, security, user, password, from, to } = means else {
        return Err(Fault::lasting("the channel is no mail"));
    };
    let mail = compose(from, to, announcement, text)?;
    let mut transport =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.as_str()).port(*port).timeout(Some(options.time_limit));
    if *security == MailSecurity::None {
        transport = transport.tls(Tls::None);
    } else {
        let parameters = match &kept.tls {
            Some(parameters) => parameters.clone(),
            None => kept.tls.insert(tls(options, server).await?).clone(),
        };
        transport = transport.tls(if *security == MailSecurity::Tls { Tls::Wrapper(parameters) } else { Tls::Required(parameters) });
    }
    if let (Some(user), Some(password)) = (user, password) {
        if *security == MailSecurity::None && !here(server) {
            return Err(Fault::lasting(format!("a password is not sent to {server} without TLS")));
        }
        let password = secrets.read(password).await.map_err(Fault::lasting)?;
        transport = transport.credentials(Credentials::new(user.clone(), password));
    }
    // Its own limit is one for each answer: a server that drips would hold the channel for minutes.
    let limit = options.time_limit * 2;
    match tokio::time::timeout(limit, transport.build().send(mail)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.is_permanent() || error.is_client() || error.is_tls() => Err(Fault::lasting(Fault::network(&error).why)),
        Ok(Err(error)) => Err(Fault::network(&error)),
        Err(_) => Err(Fault::passing(format!("{server} did not take the mail within {} s", limit.as_secs()))),
    }
}

fn compose(from: &str, to: &[String], announcement: &Announcement, text: String) -> Result<Message, Fault> {
    let mailbox =
        |address: &str| address.parse::<Mailbox>().map_err(|error| Fault::lasting(format!("{address:?} is no mail address: {error}")));
    let mut mail = Message::builder().from(mailbox(from)?).subject(letter::subject(announcement)).message_id(None);
    for address in to {
        mail = mail.to(mailbox(address)?);
    }
    let mut mail =
        mail.header(ContentType::TEXT_PLAIN).body(text).map_err(|error| Fault::lasting(format!("the mail cannot be written: {error}")))?;
    // So that no holiday answers it (RFC 3834, 5).
    mail.headers_mut().insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into()));
    Ok(mail)
}

fn here(server: &str) -> bool {
    server == "localhost" || server.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

async fn tls(options: &Options, server: &str) -> Result<TlsParameters, Fault> {
    let (server, roots) = (server.to_owned(), options.roots.clone());
    let build = move || {
        let mut parameters = TlsParameters::builder(server);
        for root in &roots {
            parameters = parameters.add_root_certificate(Certificate::from_pem(root)?);
        }
        parameters.build_rustls()
    };
    // It reads the system's certificates.
    match tokio::task::spawn_blocking(build).await {
        Ok(Ok(parameters)) => Ok(parameters),
        Ok(Err(error)) => Err(Fault::network(&error)),
        Err(_) => Err(Fault::lasting("TLS cannot be set up")),
    }
}
