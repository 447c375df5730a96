//! An SMTP server in the test's process, with TLS by a certificate of its own authority.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// How the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// TLS from the first byte (RFC 8314 section 3.3).
    Tls,
    /// TLS after STARTTLS (RFC 3207).
    StartTls,
    /// No TLS at all.
    Plain,
}

/// What the server heard; a line that came without TLS begins with `plain `.
pub type Heard = Arc<Mutex<Vec<String>>>;

pub struct SmtpServer {
    pub port: u16,
    pub heard: Heard,
    /// The authority's certificate, as `mail_ca_file` names it.
    pub authority: PathBuf,
    folder: tempfile::TempDir,
}

impl SmtpServer {
    /// For any number of conversations, one after the other; its certificate is for `name`.
    pub async fn start(speaks: Speaks, name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (config, pem) = certified(name);
        let authority = folder.path().join("authority.pem");
        std::fs::write(&authority, pem).expect("the folder can be written");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let heard = Heard::default();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let all = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                converse(stream, speaks, &acceptor, &all).await;
            }
        });
        Self { port, heard, authority, folder }
    }

    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().clone()
    }

    /// A file in the server's folder.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("the folder can be written");
        path
    }
}

/// A server's certificate for `name`, and the certificate of the authority that signed it.
fn certified(name: &str) -> (ServerConfig, String) {
    let mut params = CertificateParams::new(Vec::new()).expect("no names are right names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key can be made");
    let pem = params.self_signed(&key).expect("an authority signs itself").pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().expect("a key can be made");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("the name is right");
    let certificate = params.signed_by(&key, &issuer).expect("the authority signs");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(rustls::DEFAULT_VERSIONS)
        .expect("the versions are known")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("key and certificate fit");
    (config, pem)
}

async fn converse(stream: TcpStream, speaks: Speaks, acceptor: &TlsAcceptor, heard: &Heard) {
    match speaks {
        Speaks::Tls => {
            if let Ok(stream) = acceptor.accept(stream).await {
                talk(stream, true, false, heard).await;
            }
        }
        Speaks::Plain => {
            talk(stream, true, false, &Arc::clone(heard)).await;
        }
        Speaks::StartTls => {
            if let Some(stream) = talk(stream, true, true, heard).await
                && let Ok(stream) = acceptor.accept(stream).await
            {
                talk(stream, false, false, heard).await;
            }
        }
    }
}

/// One conversation; gives the stream back when the client says STARTTLS.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    greets: bool,
    offers_tls: bool,
    heard: &Heard,
) -> Option<S> {
    let mut stream = BufReader::new(stream);
    let mut in_data = false;
    if greets {
        say(&mut stream, "220 sink.example ESMTP").await?;
    }
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        heard.lock().push(if offers_tls { format!("plain {line}") } else { line.clone() });
        if in_data && line != "." {
            continue;
        }
        let command = line.split([' ', ':']).next().unwrap_or_default();
        in_data = command == "DATA";
        let answer = match command {
            "EHLO" if offers_tls => "250-sink.example\r\n250 STARTTLS",
            "EHLO" => "250-sink.example\r\n250 AUTH PLAIN",
            "STARTTLS" if offers_tls => {
                say(&mut stream, "220 go on").await?;
                return Some(stream.into_inner());
            }
            "AUTH" if line == "AUTH PLAIN AG1haWxlcgBodW50ZXIy" => "235 welcome",
            "AUTH" => "535 5.7.8 wrong password",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        say(&mut stream, answer).await?;
    }
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, line: &str) -> Option<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await.ok()?;
    stream.flush().await.ok()
}
