use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::thread::JoinHandle;

use uuid::Uuid;

use super::super::letter::Template;
use super::*;

const DATE: Micros = Micros::new(1_800_000_000_000_000);

fn id() -> MessageId {
    Uuid::from_u128(7).into()
}

fn letter() -> Letter {
    Letter {
        template: Template::VerifyEmail,
        to: "ada@example.com".parse().unwrap(),
        name: Some("Ada".into()),
        values: BTreeMap::from([("link".into(), "https://id.example.com/verify?token=abc".into())]),
    }
}

/// An SMTP server for one conversation: it says `answer` to the command named first in it, and is content
/// with everything else. The conversation ends with the letter's end or when the client goes; the thread
/// tells all lines it heard.
fn smtp_server(refuse: &'static str, answer: &'static str) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut heard = Vec::new();
        let mut in_data = false;
        let mut say = |line: &str| stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
        say("220 sink.example ESMTP");
        for line in lines {
            let Ok(line) = line else { break };
            let ended = in_data && line == ".";
            let command = if ended { "." } else { line.split([' ', ':']).next().unwrap_or_default() };
            if !in_data || ended {
                in_data = command == "DATA" && refuse != "DATA";
                match command {
                    refused if refused == refuse => say(answer),
                    "EHLO" => say("250-sink.example\r\n250 AUTH PLAIN"),
                    "DATA" => say("354 go on"),
                    "AUTH" => say("235 welcome"),
                    "QUIT" => {
                        heard.push(line);
                        say("221 bye");
                        break;
                    }
                    _ => say("250 ok"),
                }
            }
            heard.push(line);
            if ended {
                break;
            }
        }
        heard
    });
    (format!("smtp://{address}/palisade.example"), server)
}

/// Sends one letter to a server that refuses one command; tells the result and what the server heard.
async fn conversation(
    refuse: &'static str,
    answer: &'static str,
    user: &str,
) -> (Result<(), MailError>, Vec<String>) {
    let (url, server) = smtp_server(refuse, answer);
    let url = Secret::new(url.replace("smtp://", &format!("smtp://{user}")));
    let mailer = Mailer::new(
        Transport::Smtp { url, authority: None },
        "Acme <no-reply@acme.example>",
        Catalogue::default(),
    )
    .unwrap();
    let result = mailer.send(id(), &letter(), Language::En, DATE).await;
    drop(mailer);
    (result, tokio::task::spawn_blocking(|| server.join().unwrap()).await.unwrap())
}

#[tokio::test]
async fn a_letter_is_handed_to_the_server_in_one_conversation() {
    let (result, heard) = conversation("", "", "").await;
    assert_eq!(result, Ok(()));
    let at = |line: &str| {
        heard.iter().position(|heard| heard == line).unwrap_or_else(|| panic!("{line}: {heard:#?}"))
    };
    let order = [
        at("EHLO palisade.example"),
        at("MAIL FROM:<no-reply@acme.example>"),
        at("RCPT TO:<ada@example.com>"),
        at("DATA"),
        at("Message-ID: <00000000-0000-0000-0000-000000000007@acme.example>"),
        at("https://id.example.com/verify?token=abc"),
        at("."),
    ];
    assert!(order.is_sorted(), "{heard:#?}");
    assert_eq!(heard.iter().filter(|line| line.starts_with("RCPT")).count(), 1);
}

#[tokio::test]
async fn a_final_refusal_is_permanent_and_any_other_is_transient() {
    for (command, answer, permanent) in [
        ("RCPT", "550 5.1.1 no such mailbox", true),
        ("RCPT", "451 4.3.0 come back later", false),
        ("MAIL", "553 not this sender", true),
        ("MAIL", "421 shutting down", false),
        ("DATA", "554 no", true),
        (".", "552 too big", true),
        (".", "452 disk full", false),
    ] {
        let (result, heard) = conversation(command, answer, "").await;
        match result {
            Err(MailError::Permanent(_)) => assert!(permanent, "{answer}"),
            Err(MailError::Transient(_)) => assert!(!permanent, "{answer}"),
            other => panic!("{answer}: {other:?} after {heard:#?}"),
        }
    }
}

#[tokio::test]
async fn a_refused_sign_in_is_our_fault_and_not_the_letters() {
    let (result, heard) = conversation("AUTH", "535 5.7.8 wrong password", "mailer:hunter2@").await;
    assert!(matches!(&result, Err(MailError::Transient(text)) if !text.contains("hunter2")), "{result:?}");
    assert!(!heard.iter().any(|line| line.starts_with("MAIL")), "{heard:#?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_transient() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Secret::new(format!("smtp://{}", listener.local_addr().unwrap()));
    drop(listener);
    let mailer =
        Mailer::new(Transport::Smtp { url, authority: None }, "no-reply@acme.example", Catalogue::default())
            .unwrap();
    let result = mailer.send(id(), &letter(), Language::En, DATE).await;
    assert!(matches!(result, Err(MailError::Transient(_))), "{result:?}");
}

#[tokio::test]
async fn in_a_folder_a_letter_is_one_private_file_however_often_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = folder.path().join("deep/outbox");
    let mailer =
        Mailer::new(Transport::Folder(outbox.clone()), "Acme <no-reply@acme.example>", Catalogue::default())
            .unwrap();
    for _ in 0..2 {
        mailer.send(id(), &letter(), Language::En, DATE).await.unwrap();
    }
    let files: Vec<_> = fs::read_dir(&outbox).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["00000000-0000-0000-0000-000000000007.eml"]);
    let path = outbox.join(&files[0]);
    assert!(fs::read_to_string(&path).unwrap().contains("\r\nhttps://id.example.com/verify?token=abc\r\n"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_transient() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mailer =
        Mailer::new(Transport::Folder(file.path().join("x")), "no-reply@acme.example", Catalogue::default())
            .unwrap();
    let result = mailer.send(id(), &letter(), Language::En, DATE).await;
    assert!(matches!(result, Err(MailError::Transient(_))), "{result:?}");
}

#[tokio::test]
async fn settings_that_would_leak_or_cannot_work_are_refused_without_repeating_the_password() {
    let folder = || Transport::Folder(PathBuf::from("unused"));
    for from in ["", "Acme", "Acme <>", "a@b\r\nBcc: c@d", "Ac\r\nme <no-reply@acme.example>"] {
        assert!(
            matches!(Mailer::new(folder(), from, Catalogue::default()), Err(MailError::Setup(_))),
            "{from:?}"
        );
    }
    for url in [
        "",
        "mail.example",
        "http://mail.example",
        "smtp://u:hunter2@mail.example",
        "smtp://u:hunter2@mail.example?tls=opportunistic",
        "smtp://u:hunter2@mail.example?tls=off",
        "smtp://u@mail.example",
        "smtp://u:hunter2@127.0.0.1.evil.example",
    ] {
        let error = Mailer::new(
            Transport::Smtp { url: Secret::new(url.into()), authority: None },
            "no-reply@acme.example",
            Catalogue::default(),
        )
        .unwrap_err();
        assert!(matches!(&error, MailError::Setup(text) if !text.contains("hunter2")), "{url}: {error}");
    }
    for url in ["smtps://u:p@mail.example", "smtp://u:p@mail.example:587?tls=required", "smtp://mail.example"]
    {
        let made = Mailer::new(
            Transport::Smtp { url: Secret::new(url.into()), authority: None },
            "no-reply@acme.example",
            Catalogue::default(),
        );
        assert!(made.is_ok(), "{url}: {made:?}");
    }
}
