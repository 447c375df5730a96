//! One `registration.validate` call on the real waitlist component: a fresh store, the guest, the answer.
//!
//! `cargo bench --bench plugin`

#![expect(clippy::expect_used, reason = "a benchmark that cannot begin may panic")]

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
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

criterion_group!(benches, registration_validate);
criterion_main!(benches);
