//! The load: requests made ready beforehand, sent one after the other on each connection.
//!
//! A connection waits for its answer before it asks again, so latency is what a client sees who does the same, not what
//! one sees who asks at a fixed rate.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A request as bytes, and what its answer must hold: this text so many times.
pub(crate) struct Request {
    bytes: Vec<u8>,
    expected: (&'static str, usize),
}

pub(crate) struct Load {
    requests: Vec<Request>,
    /// How many questions a request asks.
    pub(crate) questions: usize,
    /// Which request is next, whatever connection it goes over; a second run goes on where the first ended.
    next: AtomicUsize,
}

/// What became of a load.
pub(crate) struct Ran {
    pub(crate) took: Duration,
    pub(crate) latencies: Vec<Duration>,
}

impl Request {
    pub(crate) fn post(path: &str, key: &str, body: &Value, expected: (&'static str, usize)) -> Self {
        Self { bytes: bytes("POST", path, key, Some(body)), expected }
    }
}

fn bytes(method: &str, path: &str, key: &str, body: Option<&Value>) -> Vec<u8> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let credential = if key.is_empty() { String::new() } else { format!("Authorization: Bearer {key}\r\n") };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{credential}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body.into_bytes()].concat()
}

impl Load {
    pub(crate) fn of(requests: impl Iterator<Item = Request>, questions: usize) -> Self {
        Self { requests: requests.collect(), questions, next: AtomicUsize::new(0) }
    }

    pub(crate) fn run(&self, address: SocketAddr, connections: usize, time: Duration) -> Ran {
        let begin = Instant::now();
        let end = begin + time;
        let latencies = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..connections).map(|_| scope.spawn(move || self.one_connection(address, end))).collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("a connection that ends well"))
                .collect()
        });
        Ran { took: begin.elapsed(), latencies }
    }

    fn one_connection(&self, address: SocketAddr, end: Instant) -> Vec<Duration> {
        let mut connection = Connection::to(address);
        let mut latencies = Vec::with_capacity(1 << 18);
        loop {
            let request = &self.requests[self.next.fetch_add(1, Ordering::Relaxed) % self.requests.len()];
            let sent = Instant::now();
            let (status, body) = connection.ask(&request.bytes);
            let now = Instant::now();
            latencies.push(now - sent);
            let (text, count) = request.expected;
            let found = String::from_utf8_lossy(body).matches(text).count();
            assert!(status == 200 && found == count, "{status} {}", String::from_utf8_lossy(body));
            if now >= end {
                return latencies;
            }
        }
    }
}

/// One keep-alive connection.
struct Connection {
    stream: TcpStream,
    /// What one read brings; kept, since clearing so much for each answer takes the servers' cores longer than reading it.
    chunk: Box<[u8]>,
    buffer: Vec<u8>,
    body: Vec<u8>,
}

impl Connection {
    fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("an option");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("an option");
        let chunk = vec![0; 1 << 16].into_boxed_slice();
        Self { stream, chunk, buffer: Vec::with_capacity(1 << 16), body: Vec::new() }
    }

    /// The status and the body of the answer.
    fn ask(&mut self, request: &[u8]) -> (u16, &[u8]) {
        self.stream.write_all(request).expect("a request that is sent");
        self.buffer.clear();
        loop {
            let read = self.stream.read(&mut self.chunk).expect("an answer");
            assert!(read > 0, "the server hung up");
            self.buffer.extend_from_slice(&self.chunk[..read]);
            let Some(head) = self.buffer.windows(4).position(|it| it == b"\r\n\r\n") else { continue };
            let text = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
            let status = text.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
            let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
            let rest = &self.buffer[head + 4..];
            self.body.clear();
            let whole = match length {
                Some(length) => {
                    let length: usize = length.trim().parse().expect("a length");
                    rest.get(..length).map(|body| self.body.extend_from_slice(body))
                }
                None if text.contains("\r\ntransfer-encoding: chunked") => unchunked(rest, &mut self.body),
                None => Some(()),
            };
            if whole.is_some() {
                return (status, &self.body);
            }
        }
    }
}

/// Puts chunks together (RFC 9112 section 7.1); nothing if the last has not come yet.
fn unchunked(mut rest: &[u8], body: &mut Vec<u8>) -> Option<()> {
    loop {
        let line = rest.windows(2).position(|it| it == b"\r\n")?;
        let size = String::from_utf8_lossy(&rest[..line]);
        let size = usize::from_str_radix(size.trim(), 16).expect("the size of a chunk");
        let chunk = rest.get(line + 2..line + 2 + size)?;
        rest = rest.get(line + 2 + size + 2..)?;
        if size == 0 {
            return Some(());
        }
        body.extend_from_slice(chunk);
    }
}

/// One request to set the stage.
pub(crate) fn call(address: SocketAddr, method: &str, path: &str, key: &str, body: Option<&Value>) -> Value {
    let mut connection = Connection::to(address);
    let (status, body) = connection.ask(&bytes(method, path, key, body));
    assert!((200..300).contains(&status), "{method} {path}: {status} {}", String::from_utf8_lossy(body));
    serde_json::from_slice(body).expect("JSON")
}

/// Whether something answers there with a success.
pub(crate) fn is_ready(address: SocketAddr, path: &str) -> bool {
    if TcpStream::connect(address).is_err() {
        return false;
    }
    Connection::to(address).ask(&bytes("GET", path, "", None)).0 == 200
}
