//! One `registration.validate` call on the real waitlist component (a fresh store, the guest, the answer), beside the
//! same rule behind an HTTP webhook on this machine, and beside it as plain Rust.
//!
//! `cargo bench --bench plugin`

#![expect(clippy::expect_used, reason = "a benchmark that cannot begin may panic")]

use std::hint::black_box;
use std::net::SocketAddr;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use palisade::plugins::{AuthMethod, Binding, Candidate, Limits, NoHost, Plugins, RequestContext, Verdict};

fn registration_validate(c: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let binding = Binding {
        config: serde_json::json!({
            "allowed_domains": ["example.com", "example.org"],
            "invitation_codes": ["open-sesame"],
        }),
        ..Binding::new("waitlist")
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins");
    let plugins = runtime
        .block_on(Plugins::load(&folder, &[binding], Limits::default(), std::sync::Arc::new(NoHost)))
        .expect("the waitlist plugin");
    let context = RequestContext { request_id: "bench".to_owned(), ..RequestContext::default() };
    let candidate = Candidate {
        email: "ada@example.net".parse().expect("an address"),
        email_verified: false,
        full_name: Some("Ada Lovelace".to_owned()),
        department: None,
        referral_source: None,
        method: AuthMethod::Password,
        provider: None,
        payload: Some(serde_json::json!({ "invitation_code": "open-sesame" })),
    };
    c.bench_function("plugin/registration.validate/waitlist", |b| {
        b.to_async(&runtime).iter(async || {
            let verdict = plugins.validate_registration(&context, black_box(&candidate)).await;
            assert!(matches!(verdict.verdict, Verdict::Accept { .. }));
        });
    });
}

/// The rule of the waitlist plugin for this candidate.
fn rule(payload: &serde_json::Value) -> bool {
    payload["invitation_code"].as_str().is_some_and(|code| ["open-sesame"].contains(&code))
}

/// A webhook that answers by the rule, on connections that are kept.
async fn webhook() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn serve(stream: TcpStream) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        while stream.read_line(&mut line).await.ok()? > 2 {
            if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = text.trim().parse().ok()?;
            }
            line.clear();
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        let verdict = if rule(&serde_json::from_slice(&body).ok()?) { "accept" } else { "waitlist" };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", verdict.len());
        stream.write_all([head.as_bytes(), verdict.as_bytes()].concat().as_slice()).await.ok()?;
    }
}

fn beside(c: &mut Criterion) {
    let payload = serde_json::json!({ "email": "ada@example.net", "invitation_code": "open-sesame" });
    c.bench_function("plugin/registration.validate/plain-rust", |b| {
        b.iter(|| assert!(rule(black_box(&payload))));
    });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let url = format!("http://{}/", runtime.block_on(webhook()));
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    c.bench_function("plugin/registration.validate/webhook", |b| {
        b.to_async(&runtime).iter(async || {
            let answer = client.post(&url).json(black_box(&payload)).send().await.expect("an answer");
            assert_eq!(answer.text().await.expect("a body"), "accept");
        });
    });
}

criterion_group!(benches, registration_validate, beside);
criterion_main!(benches);
