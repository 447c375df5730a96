//! Real SMTP conversations over TLS, as the settings make them.

use palisade::app::mail_principal;
use palisade::guard::actions::DeliverMail;

use super::smtp::{SmtpServer, Speaks};
use crate::support::{Database, Server, Setup};

/// A server that mails to `smtp` and has tried to send one letter; whether it went out.
async fn mailed(url: String, authority: Option<String>) -> bool {
    let mut setup = Setup::on(Database::Sqlite);
    setup.settings.push(("PALISADE_MAIL", url));
    setup.settings.push(("PALISADE_MAIL_FROM", "Acme <no-reply@acme.example>".to_owned()));
    if let Some(file) = authority {
        setup.settings.push(("PALISADE_MAIL_CA_FILE", file));
    }
    let server = Server::with(setup).await;
    server.register("ada@example.com").await;
    let caller = mail_principal();
    let ok = server.app.authorize(&caller, DeliverMail {}).await.expect("the mail job may deliver");
    server.app.deliver_mail(&ok).await.expect("mail can be tried") == 1
}

fn authority(smtp: &SmtpServer) -> Option<String> {
    Some(smtp.authority.display().to_string())
}

fn starttls(smtp: &SmtpServer) -> String {
    format!("smtp://mailer:hunter2@127.0.0.1:{}?tls=required", smtp.port)
}

fn tls(smtp: &SmtpServer) -> String {
    format!("smtps://mailer:hunter2@127.0.0.1:{}", smtp.port)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_goes_out_after_starttls_and_the_password_only_then() {
    let smtp = SmtpServer::start(Speaks::StartTls, "127.0.0.1").await;
    assert!(mailed(starttls(&smtp), authority(&smtp)).await, "{:#?}", smtp.heard());
    let heard = smtp.heard();
    let plain: Vec<_> = heard.iter().filter(|line| line.starts_with("plain ")).collect();
    assert_eq!(plain.len(), 2, "{plain:?}");
    assert_eq!(plain[1], "plain STARTTLS");
    assert!(heard.contains(&"AUTH PLAIN AG1haWxlcgBodW50ZXIy".to_owned()), "{heard:#?}");
    assert!(heard.contains(&"RCPT TO:<ada@example.com>".to_owned()), "{heard:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_goes_out_with_tls_from_the_first_byte() {
    let smtp = SmtpServer::start(Speaks::Tls, "127.0.0.1").await;
    assert!(mailed(tls(&smtp), authority(&smtp)).await, "{:#?}", smtp.heard());
    assert!(smtp.heard().contains(&"AUTH PLAIN AG1haWxlcgBodW50ZXIy".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_an_unknown_authority_gets_neither_password_nor_letter() {
    for speaks in [Speaks::Tls, Speaks::StartTls] {
        let smtp = SmtpServer::start(speaks, "127.0.0.1").await;
        let url = if speaks == Speaks::Tls { tls(&smtp) } else { starttls(&smtp) };
        assert!(!mailed(url, None).await);
        let heard = smtp.heard();
        assert!(!heard.iter().any(|line| line.contains("AUTH") || line.contains("RCPT")), "{heard:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_another_hosts_certificate_gets_nothing() {
    let smtp = SmtpServer::start(Speaks::Tls, "mail.example.com").await;
    assert!(!mailed(tls(&smtp), authority(&smtp)).await);
    assert_eq!(smtp.heard(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_offers_no_tls_gets_no_password_when_tls_is_required() {
    let smtp = SmtpServer::start(Speaks::Plain, "127.0.0.1").await;
    assert!(!mailed(starttls(&smtp), authority(&smtp)).await);
    let heard = smtp.heard();
    assert!(!heard.iter().any(|line| line.contains("AUTH") || line.contains("RCPT")), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_password_leaves_the_letter_waiting() {
    let smtp = SmtpServer::start(Speaks::Tls, "127.0.0.1").await;
    let url = tls(&smtp).replace("hunter2", "hunter3");
    assert!(!mailed(url, authority(&smtp)).await);
    assert!(!smtp.heard().iter().any(|line| line.starts_with("MAIL")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_cannot_be_read_stops_the_start() {
    let smtp = SmtpServer::start(Speaks::Tls, "127.0.0.1").await;
    let empty = smtp.file("empty.pem", "nothing here\n");
    for (url, file, word) in [
        (tls(&smtp), smtp.authority.with_extension("gone"), "authority.gone"),
        (tls(&smtp), empty, "no certificate"),
        ("smtp://127.0.0.1".to_owned(), smtp.authority.clone(), "tls=required only"),
    ] {
        let settings = [("PALISADE_MAIL", url), ("PALISADE_MAIL_CA_FILE", file.display().to_string())];
        let settings = settings.map(|(name, text)| (name.to_owned(), text));
        let file = smtp.file("palisade.toml", "");
        let config = palisade::config::Config::load(Some(&file), settings).expect("the settings are right");
        let error = palisade::cli::wire::mailer(&config).expect_err("it cannot start").to_string();
        assert!(error.contains(word) && !error.contains("hunter2"), "{error}");
    }
}
