//! Whatever a guest does costs its own call: each limit by a guest that breaks it, told by the limit's own name, and the
//! accidents of others that must not be ours.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use palisade::plugins::{
    AuthMethod, Binding, Candidate, FailurePolicy, Limits, LoadError, NoHost, Plugins, RequestContext,
    Verdict,
};
use poem::http::Method;
use serde_json::json;

use super::upstream::answer;
use super::{Upstream, bind, doing};
use crate::support::{Answer, Database, PASSWORD, Person, Server, Setup, root};

/// Few places, so that many tests at one time stay small.
fn limits() -> Limits {
    Limits { calls: 2, ..Limits::default() }
}

fn deed(deed: &str, deadline: Duration) -> Binding {
    // So that the next is asked, whatever became of this one.
    let on_failure = Some(FailurePolicy::Open);
    Binding { config: json!({ "do": deed }), deadline, on_failure, ..Binding::new("hostile") }
}

const AMPLE: Duration = Duration::from_secs(30);

async fn load(dir: &Path, bindings: &[Binding], limits: Limits) -> Result<Plugins, LoadError> {
    Plugins::load(dir, bindings, limits, Arc::new(NoHost)).await
}

async fn hostile(bindings: &[Binding], limits: Limits) -> Plugins {
    load(&root().join("plugins/fixtures"), bindings, limits).await.unwrap()
}

async fn ask(plugins: &Plugins) -> Verdict {
    let candidate = Candidate {
        email: "ada@example.com".parse().unwrap(),
        email_verified: false,
        full_name: None,
        department: None,
        referral_source: None,
        method: AuthMethod::Password,
        provider: None,
        payload: None,
    };
    let context = RequestContext { request_id: "r-1".into(), ..RequestContext::default() };
    plugins.validate_registration(&context, &candidate).await.verdict
}

/// How many calls ended how.
fn outcomes(plugins: &Plugins) -> BTreeMap<&'static str, u64> {
    plugins.counts().into_iter().map(|count| (count.outcome, count.calls)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn f57_each_limit_ends_its_own_call_and_has_a_counter_of_its_own() {
    let soon = Duration::from_millis(200);
    let deeds = [
        ("loop-forever", soon),
        ("flood-log", soon),
        ("grow-forever", AMPLE),
        ("grow-and-live", AMPLE),
        ("hoard-handles", AMPLE),
        ("panic", AMPLE),
        ("recurse-forever", AMPLE),
        ("huge-reason", AMPLE),
        ("long-log-line", AMPLE),
        ("invalid-text", AMPLE),
        ("fail", AMPLE),
        ("behave", AMPLE),
    ]
    .map(|(name, deadline)| deed(name, deadline));
    let plugins = hostile(&deeds, limits()).await;
    for round in 1..=2 {
        // Not one of them could say anything that counts.
        assert!(matches!(ask(&plugins).await, Verdict::Accept { .. }));
        let each = [
            ("timeout", 2),
            ("limit:log", 1),
            ("memory", 1),
            // The one that could not live on, and the one that did.
            ("limit:memory", 2),
            ("handles", 1),
            ("trap", 2),
            ("limit:stack", 1),
            ("output", 2),
            ("engine", 1),
            ("failed", 1),
            ("ok", 2),
        ];
        let expected = each.map(|(outcome, calls)| (outcome, calls * round)).into_iter().collect();
        assert_eq!(outcomes(&plugins), expected, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f57_fuel_ends_a_call_at_the_same_place_always() {
    let bounded = Limits { fuel: Some(50_000_000), ..limits() };
    let plugins = hostile(&[deed("behave", AMPLE), deed("loop-forever", AMPLE)], bounded).await;
    ask(&plugins).await;
    // Long before its deadline, which is half a minute away.
    assert_eq!(outcomes(&plugins), [("ok", 1), ("fuel", 1)].into());
}

/// The sections of a module or a component (both begin with eight bytes): their kinds and contents.
fn sections(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let (mut at, mut found) = (8, Vec::new());
    while at < bytes.len() {
        let kind = bytes[at];
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            at += 1;
            length |= usize::from(bytes[at] & 0x7f) << shift;
            shift += 7;
            if bytes[at] & 0x80 == 0 {
                break;
            }
        }
        found.push((kind, bytes[at + 1..at + 1 + length].to_vec()));
        at += 1 + length;
    }
    found
}

fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn joined(head: &[u8], sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = head[..8].to_vec();
    for (kind, content) in sections {
        bytes.push(*kind);
        bytes.extend(leb(content.len()));
        bytes.extend(content);
    }
    bytes
}

/// The hostile plugin with one section of its own module replaced: `kind` as in the binary format.
fn altered(kind: u8, content: &[u8]) -> tempfile::TempDir {
    rewritten(|inner| inner.iter_mut().find(|(found, _)| *found == kind).unwrap().1 = content.to_vec())
}

/// The hostile plugin with its own module's sections changed.
fn rewritten(change: impl FnOnce(&mut Vec<(u8, Vec<u8>)>)) -> tempfile::TempDir {
    let from = root().join("plugins/fixtures/hostile");
    let component = fs::read(from.join("hostile.wasm")).unwrap();
    let mut outer = sections(&component);
    // In a component a section 1 is a module, and the first is the guest's own.
    let module = &mut outer.iter_mut().find(|(kind, _)| *kind == 1).unwrap().1;
    let mut inner = sections(module);
    change(&mut inner);
    *module = joined(module, &inner);
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("hostile");
    fs::create_dir(&to).unwrap();
    fs::copy(from.join("manifest.toml"), to.join("manifest.toml")).unwrap();
    fs::write(to.join("hostile.wasm"), joined(&component, &outer)).unwrap();
    dir
}

/// A number as the binary format has it, and what follows.
fn number(bytes: &[u8]) -> (usize, &[u8]) {
    let (mut number, mut at) = (0, 0);
    loop {
        number |= usize::from(bytes[at] & 0x7f) << (7 * at);
        at += 1;
        if bytes[at - 1] & 0x80 == 0 {
            return (number, &bytes[at..]);
        }
    }
}

/// Adds an entry to a section that is a list; how many there were.
fn pushed(sections: &mut [(u8, Vec<u8>)], kind: u8, entry: &[u8]) -> usize {
    let section = &mut sections.iter_mut().find(|(found, _)| *found == kind).unwrap().1;
    let (count, rest) = number(section);
    *section = [&leb(count + 1), rest, entry].concat();
    count
}

/// How many functions a module imports; this one imports nothing else.
fn imported(sections: &[(u8, Vec<u8>)]) -> usize {
    let Some((_, section)) = sections.iter().find(|(kind, _)| *kind == IMPORTS) else { return 0 };
    let (count, mut rest) = number(section);
    for _ in 0..count {
        for _ in 0..2 {
            let (length, name) = number(rest);
            rest = &name[length..];
        }
        assert_eq!(rest[0], 0, "a function");
        rest = number(&rest[1..]).1;
    }
    count
}

const TYPES: u8 = 1;
const IMPORTS: u8 = 2;
const FUNCTIONS: u8 = 3;
const TABLES: u8 = 4;
const START: u8 = 8;
const ELEMENTS: u8 = 9;
const CODE: u8 = 10;
const MEMORIES: u8 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn f57_a_table_or_memory_that_begins_larger_than_it_may_be_is_refused_at_the_start() {
    // One table of function references, without an end.
    let table = |elements: usize| [vec![1, 0x70, 0], leb(elements)].concat();
    let pages = |pages: usize| [vec![1, 0], leb(pages)].concat();
    let behave = [deed("behave", AMPLE)];
    for (what, kind, fits, too_large) in [
        ("table", TABLES, table(20_000), table(20_001)),
        ("memory", MEMORIES, pages(400), pages(513)),
        ("memory", MEMORIES, pages(400), pages(65_536)),
    ] {
        let dir = altered(kind, &too_large);
        let error = load(dir.path(), &behave, limits()).await.unwrap_err();
        assert!(
            matches!(&error, LoadError::BadComponent { what: told, .. } if told.contains(what)),
            "{error}"
        );
        let dir = altered(kind, &fits);
        let plugins = load(dir.path(), &behave, limits()).await.unwrap();
        ask(&plugins).await;
        assert_eq!(outcomes(&plugins), [("ok", 1)].into(), "{what}");
    }
}

/// Whether the engine lets a guest grow its table by so much, before its own code runs.
async fn grows_its_table_by(elements: usize) -> BTreeMap<&'static str, u64> {
    let dir = rewritten(|inner| {
        // One table without an end, and a function at the start that lets it grow and takes no for an answer.
        let tables = &mut inner.iter_mut().find(|(kind, _)| *kind == TABLES).unwrap().1;
        *tables = [vec![1, 0x70, 0], leb(1_000)].concat();
        let nothing = pushed(inner, TYPES, &[0x60, 0, 0]);
        let function = imported(inner) + pushed(inner, FUNCTIONS, &leb(nothing));
        // No locals; `ref.null func`, `i32.const`, `table.grow 0`, `drop`, `end`. Three bytes hold the number and its sign.
        let wish = [elements | 0x80, elements >> 7 | 0x80, elements >> 14]
            .map(|byte| u8::try_from(byte & 0xff).unwrap());
        let body = [&[0, 0xd0, 0x70, 0x41][..], &wish, &[0xfc, 15, 0, 0x1a, 0x0b]].concat();
        pushed(inner, CODE, &[leb(body.len()), body].concat());
        let at = inner.iter().position(|(kind, _)| [ELEMENTS, 12, CODE].contains(kind)).unwrap();
        inner.insert(at, (START, leb(function)));
    });
    let plugins = load(dir.path(), &[deed("behave", AMPLE)], limits()).await.unwrap();
    ask(&plugins).await;
    outcomes(&plugins)
}

#[tokio::test(flavor = "multi_thread")]
async fn f57_a_table_grows_as_far_as_it_may_and_a_refusal_is_counted() {
    assert_eq!(grows_its_table_by(19_000).await, [("ok", 1)].into());
    assert_eq!(grows_its_table_by(19_001).await, [("ok", 1), ("limit:table", 1)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn f57_a_component_larger_than_it_may_be_is_not_read() {
    let small = Limits { component_bytes: 1_000, ..limits() };
    let error = load(&root().join("plugins/fixtures"), &[deed("behave", AMPLE)], small).await.unwrap_err();
    assert!(matches!(error, LoadError::Unreadable { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f57_a_plugin_that_traps_while_it_is_questioned_stops_the_start_and_no_more() {
    let dir = root().join("plugins/fixtures");
    let error = load(&dir, &[deed("panic-in-check", AMPLE)], limits()).await.unwrap_err();
    assert!(error.to_string().contains("trapped"), "{error}");
}

/// Nothing is without a bound unless it says so: the defaults of the engine have none.
#[test]
fn accident_a_host_without_ceilings_is_not_what_we_ship() {
    let Limits {
        memory_bytes,
        stack_bytes,
        output_bytes,
        log_lines,
        log_bytes,
        calls,
        table_elements,
        handles,
        fuel: _,
        component_bytes,
    } = Limits::default();
    assert!(memory_bytes <= 64 << 20 && stack_bytes <= 1 << 20 && output_bytes <= 64 << 10);
    assert!(log_lines <= 100 && log_bytes <= 64 << 10 && calls <= 1_000);
    assert!(table_elements <= 100_000 && handles <= 10_000 && component_bytes <= 64 << 20);
}

/// CVE-2026-27195: a host that dropped a call in flight panicked at the next, and with `panic = "abort"` was gone.
#[test]
fn accident_a_panic_of_the_host_is_not_the_end_of_it() {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(!text.contains("panic = \"abort\""), "a panic must unwind");
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let (_, rest) = lock.split_once("name = \"wasmtime\"\nversion = \"").expect("it is locked");
    let major: u32 = rest.split('.').next().unwrap().parse().unwrap();
    assert!(
        major >= 48,
        "the fixed lines of CVE-2026-27204 and CVE-2026-27572, and the features that we turned off"
    );
    assert!(!text.contains("component-model-async"));
}

/// A server with the gate bound, and an administrator who was in before.
struct Gate {
    server: Server,
    root: Person,
}

async fn with(deed: &str, url: &str, more: &str) -> Gate {
    let mut setup = Setup::on(Database::Sqlite);
    bind(&mut setup, "plugins = []".to_owned());
    let server = Server::with(setup).await;
    server.register("ada@example.com").await;
    let root = server.super_admin("root@example.com").await;
    let binding = doing("gate", deed, more).replace("deadline_ms = 5000", "deadline_ms = 400");
    Gate { server: server.reconfigured(&format!("{binding}url = \"{url}\"\n")).await, root }
}

async fn login(gate: &Gate) -> Answer {
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    gate.server.send(Method::POST, "/api/v1/auth/login", None, Some(&body)).await
}

impl Gate {
    /// How many calls ended how, as an administrator is told.
    async fn calls(&self) -> BTreeMap<String, u64> {
        let all = self.server.get_as(&self.root, "/api/v1/admin/plugins").await.expect(200);
        let all =
            all["plugins"].as_array().unwrap().iter().find(|it| it["plugin"] == "gate").unwrap().clone();
        let each = all["calls"].as_array().unwrap().iter();
        each.map(|it| (it["outcome"].as_str().unwrap().to_owned(), it["calls"].as_u64().unwrap())).collect()
    }
}

fn sum<const N: usize>(each: [(&str, u64); N]) -> BTreeMap<String, u64> {
    each.map(|(outcome, calls)| (outcome.to_owned(), calls)).into()
}

/// CVE-2026-27195.
#[tokio::test(flavor = "multi_thread")]
async fn accident_a_call_dropped_while_the_host_works_for_it_leaves_a_host_that_answers() {
    // Whoever is asked says nothing, and holds the line.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", silent.local_addr().unwrap());
    let gate = with("fetch-plain", &origin, &format!("grants.internal_http = [\"{origin}\"]")).await;
    for _ in 0..3 {
        // The client goes away, and with it the request and the call in flight.
        let gone = tokio::time::timeout(Duration::from_millis(150), login(&gate)).await;
        assert!(gone.is_err());
    }
    // The call ends within its time, and the next one is as good as the first.
    for asked in 1..=2 {
        let begin = Instant::now();
        let told = login(&gate).await;
        assert!(begin.elapsed() < Duration::from_secs(20));
        assert!([403, 503].contains(&told.status), "{}", told.body);
        assert_eq!(gate.calls().await.get("limit:http-time"), Some(&asked));
    }
}

/// CVE-2026-27572: more than 32,768 header fields.
#[tokio::test(flavor = "multi_thread")]
async fn accident_headers_without_number_reach_neither_the_host_nor_the_guest() {
    let many = Upstream::start(|_| answer(&"x-a: 1\r\n".repeat(33_000), "ok")).await;
    let grants = format!("grants.internal_http = [\"{}\"]", many.origin());
    let gate = with("fetch-plain", &many.origin(), &grants).await;
    let told = login(&gate).await;
    assert!(told.body["detail"].as_str().is_some_and(|told| told.contains("Unreachable")), "{}", told.body);
    assert_eq!(gate.calls().await, sum([("ok", 1)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn f57_requests_and_their_answers_are_counted_where_they_are_bounded() {
    let upstream = Upstream::saying_ok().await;
    let grants = format!("grants.internal_http = [\"{}\"]", upstream.origin());
    let gate = with("fetch-many", &upstream.origin(), &grants).await;
    login(&gate).await;
    assert_eq!(gate.calls().await, sum([("ok", 1), ("limit:http-requests", 1)]));
    // Above what a plugin gets, and above what the host reads at all.
    for size in [300 << 10, 2 << 20] {
        let huge = match size {
            0x4_b000 => Upstream::start(|_| answer("", &"x".repeat(300 << 10))).await,
            _ => Upstream::start(|_| answer("", &"x".repeat(2 << 20))).await,
        };
        let grants = format!("grants.internal_http = [\"{}\"]", huge.origin());
        let gate = with("fetch-plain", &huge.origin(), &grants).await;
        let told = login(&gate).await;
        assert!(told.body["detail"].as_str().is_some_and(|told| told.contains("TooLarge")), "{}", told.body);
        assert_eq!(gate.calls().await, sum([("ok", 1), ("limit:http-answer", 1)]), "{size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f57_a_request_larger_than_it_may_be_is_not_sent_and_counted() {
    let upstream = Upstream::saying_ok().await;
    let grants = format!("grants.internal_http = [\"{}\"]", upstream.origin());
    let gate = with("fetch-large", &upstream.origin(), &grants).await;
    let told = login(&gate).await.body["detail"].as_str().unwrap_or_default().to_owned();
    assert_eq!(told.matches("TooLarge").count(), 3, "{told}");
    assert!(upstream.heard().is_empty());
    assert_eq!(gate.calls().await, sum([("ok", 1), ("limit:http-request", 1)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn f57_uses_of_the_storage_are_bounded_and_counted() {
    let gate = with("keep-many", "", "grants.kv = true").await;
    let told = login(&gate).await.body["detail"].as_str().unwrap_or_default().to_owned();
    assert_eq!(told.matches("ok").count(), 32, "{told}");
    assert_eq!(gate.calls().await, sum([("ok", 1), ("limit:kv-uses", 1)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plugin_was_denied_is_counted() {
    let gate = with("keep-denied", "", "").await;
    login(&gate).await;
    assert_eq!(gate.calls().await, sum([("ok", 1), ("limit:denied", 1)]));
}
