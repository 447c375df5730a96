//! Somebody whom plugins ask over HTTP, on this machine.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

#[derive(Debug, Clone)]
pub struct Upstream {
    pub port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    /// Answers each request with `answer` of its whole text: the status line's end, headers, an empty line, a body.
    pub async fn start(answer: fn(&str) -> String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let told = Arc::clone(&told);
                tokio::spawn(async move {
                    let mut text = Vec::new();
                    let mut part = [0; 4096];
                    while !whole(&text) {
                        match stream.read(&mut part).await {
                            Ok(0) | Err(_) => return,
                            Ok(read) => text.extend_from_slice(&part[..read]),
                        }
                    }
                    let text = String::from_utf8_lossy(&text).into_owned();
                    let answer = answer(&text);
                    told.lock().push(text);
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        Self { port, heard }
    }

    /// Says 200 and `body`.
    pub async fn saying_ok() -> Self {
        Self::start(|_| answer("", "ok")).await
    }

    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Every request so far, as it came over the wire.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().clone()
    }
}

/// 200 with these headers, each ended by `\r\n`, and this body.
pub fn answer(headers: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn whole(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
    body.len() >= length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}
