//! The way out for letters: an SMTP server, or a folder while developing.

use std::fs;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use url::Url;

use super::compose::compose;
use super::letter::Letter;
use crate::domain::{MessageId, Micros, Secret};

/// How long one command to the SMTP server may take.
const SMTP_TIMEOUT: Duration = Duration::from_secs(20);

/// Where letters go.
#[derive(Debug, Clone)]
pub enum Transport {
    /// One `<message id>.eml` file a letter, readable by the owner only. The folder is made if need be.
    Folder(PathBuf),
    /// `smtps://user:password@host` (TLS from the first byte), `smtp://…?tls=required` (STARTTLS), or
    /// `smtp://host` without TLS, which takes credentials for a loopback host only. A path in the URL is
    /// the name given in EHLO.
    Smtp { url: Secret },
}

/// Why a letter did not go out. The texts are for logs: they hold no link and no password, but the server's
/// answer in them may hold the address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The settings cannot work.
    #[error("mail is not set up rightly: {0}")]
    Setup(String),
    /// This letter will never go out: trying again is of no use.
    #[error("the letter was refused for good: {0}")]
    Permanent(String),
    /// The letter did not go out now: try again later.
    #[error("the letter did not go out yet: {0}")]
    Transient(String),
}

/// Sends letters. The same id sent twice has the same Message-ID (and overwrites its file).
#[derive(Debug)]
pub struct Mailer {
    from: Mailbox,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Folder(PathBuf),
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

impl Mailer {
    /// `from` is a mailbox such as `Acme <no-reply@acme.example>`; its display name is who the letters
    /// speak of.
    ///
    /// # Errors
    /// [`MailError::Setup`]. Nothing is connected yet.
    pub fn new(transport: Transport, from: &str) -> Result<Self, MailError> {
        let from: Mailbox = from.parse().map_err(|_| {
            MailError::Setup(format!("`{from}` is not a mailbox such as `Acme <no-reply@acme.example>`"))
        })?;
        if from.name.as_deref().is_some_and(|name| name.contains(char::is_control)) {
            return Err(MailError::Setup("the sender's name holds control characters".into()));
        }
        let way = match transport {
            Transport::Folder(folder) => Way::Folder(folder),
            Transport::Smtp { url } => Way::Smtp(smtp(url.expose())?),
        };
        Ok(Self { from, way })
    }

    /// Sends one letter, dated `date`.
    ///
    /// # Errors
    /// [`MailError::Permanent`] or [`MailError::Transient`].
    pub async fn send(&self, id: MessageId, letter: &Letter, date: Micros) -> Result<(), MailError> {
        let message = compose(&self.from, id, letter, date)?;
        match &self.way {
            Way::Folder(folder) => {
                let (folder, bytes) = (folder.clone(), message.formatted());
                tokio::task::spawn_blocking(move || file(&folder, id, &bytes))
                    .await
                    .map_err(|_| MailError::Transient("the server is stopping".into()))?
                    .map_err(|error| MailError::Transient(format!("the mail folder: {error}")))
            }
            Way::Smtp(server) => server.send(message).await.map(drop).map_err(|error| refused(&error)),
        }
    }
}

fn smtp(text: &str) -> Result<AsyncSmtpTransport<Tokio1Executor>, MailError> {
    // None of these messages may repeat the URL: a password is in it.
    let setup = |what: &str| MailError::Setup(what.to_owned());
    let url = Url::parse(text).map_err(|_| setup("the SMTP URL is not a URL"))?;
    // The URL standard does not read the host of an unknown scheme as an address, so we do.
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    let encrypted =
        url.scheme() == "smtps" || url.query_pairs().any(|(key, value)| key == "tls" && value == "required");
    if url.password().is_some() && !encrypted && !loopback {
        return Err(setup("an SMTP password is sent over TLS only; use smtps:// or ?tls=required"));
    }
    if url.password().is_none() && !url.username().is_empty() {
        return Err(setup("the SMTP URL has a user name and no password"));
    }
    let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(text);
    let builder = builder
        .map_err(|_| setup("the SMTP URL is not smtp://host or smtps://host, with ?tls=required or not"))?;
    Ok(builder.timeout(Some(SMTP_TIMEOUT)).build())
}

/// Whose fault it was. A refused sign-in (RFC 4954 section 4 and 6) has a permanent code, but it is ours, not
/// the letter's: an operator mends it, and the letter goes out then.
fn refused(error: &lettre::transport::smtp::Error) -> MailError {
    let mut text = error.to_string();
    text.retain(|c| !c.is_control());
    let ours = error.status().is_some_and(|code| matches!(u16::from(code), 530 | 534 | 535 | 538));
    if error.is_permanent() && !ours { MailError::Permanent(text) } else { MailError::Transient(text) }
}

/// Writes `<id>.eml` so that whoever looks sees all of it or nothing.
fn file(folder: &Path, id: MessageId, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let draft = folder.join(format!(".{id}.{}", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut written = options.open(&draft)?;
    written.write_all(bytes)?;
    written.sync_all()?;
    fs::rename(&draft, folder.join(format!("{id}.eml")))
}

#[cfg(test)]
mod tests;
