//! The way out for letters: an SMTP server, or a folder while developing.

use std::fs;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use url::Url;

use super::catalogue::Catalogue;
use super::compose::{Written, compose, write};
use super::kept::{KeptLetter, kept};
use super::letter::Letter;
use crate::domain::{Language, MessageId, Micros, Secret};

/// How long one command to the SMTP server may take.
const SMTP_TIMEOUT: Duration = Duration::from_secs(20);

/// How a certificate begins (RFC 7468 section 5.1).
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Where letters go.
#[derive(Debug, Clone)]
pub enum Transport {
    /// One `<message id>.eml` file a letter, readable by the owner only. The folder is made if need be.
    Folder(PathBuf),
    /// `smtps://user:password@host` (TLS from the first byte), `smtp://…?tls=required` (STARTTLS), or
    /// `smtp://host` without TLS, which takes credentials for a loopback host only. A path in the URL is
    /// the name given in EHLO.
    ///
    /// `authority` is a PEM file with certificates of authorities that are trusted beside the public ones.
    Smtp { url: Secret, authority: Option<PathBuf> },
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
    catalogue: Catalogue,
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
    pub fn new(transport: Transport, from: &str, catalogue: Catalogue) -> Result<Self, MailError> {
        let from: Mailbox = from.parse().map_err(|_| {
            MailError::Setup(format!("`{from}` is not a mailbox such as `Acme <no-reply@acme.example>`"))
        })?;
        if from.name.as_deref().is_some_and(|name| name.contains(char::is_control)) {
            return Err(MailError::Setup("the sender's name holds control characters".into()));
        }
        let way = match transport {
            Transport::Folder(folder) => Way::Folder(folder),
            Transport::Smtp { url, authority } => Way::Smtp(smtp(url.expose(), authority.as_deref())?),
        };
        Ok(Self { from, catalogue, way })
    }

    /// The newest letters of the development folder, newest first, at most `limit`; none if letters go elsewhere.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub async fn kept(&self, limit: usize) -> io::Result<Vec<KeptLetter>> {
        let Way::Folder(folder) = &self.way else { return Ok(Vec::new()) };
        let folder = folder.clone();
        tokio::task::spawn_blocking(move || kept(&folder, limit)).await.map_err(io::Error::other)?
    }

    /// Writes one letter out, for somebody else to send.
    ///
    /// # Errors
    /// [`MailError::Permanent`]: a template cannot be filled in.
    pub fn write(&self, letter: &Letter, language: Language) -> Result<Written, MailError> {
        write(&self.catalogue, &self.from, letter, language)
    }

    /// Sends one letter in `language`, dated `date`.
    ///
    /// # Errors
    /// [`MailError::Permanent`] or [`MailError::Transient`].
    pub async fn send(
        &self,
        id: MessageId,
        letter: &Letter,
        language: Language,
        date: Micros,
    ) -> Result<(), MailError> {
        let message = compose(&self.catalogue, &self.from, id, (letter, language), date)?;
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

fn smtp(text: &str, authority: Option<&Path>) -> Result<AsyncSmtpTransport<Tokio1Executor>, MailError> {
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
    let builder = match authority {
        Some(file) if encrypted => {
            let tls = trusting(host, file)?;
            builder.tls(if url.scheme() == "smtps" { Tls::Wrapper(tls) } else { Tls::Required(tls) })
        }
        Some(_) => return Err(setup("mail_ca_file is of use with smtps:// or ?tls=required only")),
        None => builder,
    };
    Ok(builder.timeout(Some(SMTP_TIMEOUT)).build())
}

/// TLS with a server called `host`, whose certificate may come from the authorities in `file` too.
fn trusting(host: &str, file: &Path) -> Result<TlsParameters, MailError> {
    let setup = |why: String| MailError::Setup(format!("mail_ca_file `{}`: {why}", file.display()));
    let pem = fs::read(file).map_err(|error| setup(error.to_string()))?;
    if !pem.windows(CERTIFICATE.len()).any(|window| window == CERTIFICATE) {
        return Err(setup("holds no certificate in PEM".to_owned()));
    }
    let certificate = Certificate::from_pem(&pem).map_err(|_| setup("cannot be read as PEM".to_owned()))?;
    TlsParameters::builder(host.to_owned())
        .add_root_certificate(certificate)
        .build_rustls()
        .map_err(|_| setup("holds a certificate that cannot be an authority's".to_owned()))
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
