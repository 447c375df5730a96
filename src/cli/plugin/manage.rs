//! `palisade plugin install|grant|enable|disable|record|recording|forget|logs`, and what a running server has: by its own API, so that its
//! policies decide and its trail tells who did it.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::server::{Server, text, texts};
use super::stage::{Files, Placed, Staged, is_in_place};
use super::{Outcome, inspect};
use crate::plugins::is_plugin_id;

type Error = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Args)]
pub(in crate::cli) struct InstallArgs {
    /// A plugin's folder, or an image layout (OCI) that holds one
    path: PathBuf,
    /// Which image of the layout, by its name or digest, if there are several
    #[arg(long, value_name = "NAME")]
    reference: Option<String>,
    /// The plugin's configuration, JSON or `@FILE`, laid over the manifest's
    #[arg(long, value_name = "JSON")]
    plugin_config: Option<String>,
    /// What follows without an answer [default: what is usual for the hook]
    #[arg(long, value_enum)]
    on_failure: Option<OnFailure>,
    /// Ask and record, and let nothing come of it
    #[arg(long)]
    monitor: bool,
    /// How long a call may take, in milliseconds
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    deadline_ms: Option<u64>,
    /// Take an older version than the one that is installed
    #[arg(long)]
    allow_downgrade: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnFailure {
    Closed,
    Waitlist,
    Open,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct GrantArgs {
    #[arg(value_parser = id)]
    plugin: String,
    /// An origin that it may ask, such as `https://api.example.com`
    #[arg(long, value_name = "ORIGIN")]
    http: Vec<String>,
    /// A secret that it may use, by the name under which the server keeps it
    #[arg(long, value_name = "NAME")]
    secret: Vec<String>,
    /// A storage of its own
    #[arg(long)]
    kv: bool,
    /// SHA-256 of the component that it is granted to [default: the one that is installed]
    #[arg(long, value_name = "SHA256")]
    digest: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RecordArgs {
    #[arg(value_parser = id)]
    plugin: String,
    /// So many calls
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    most: u32,
    /// For so many minutes
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=1440))]
    minutes: u32,
}

/// A name that becomes part of an address.
pub(super) fn id(text: &str) -> Result<String, String> {
    if is_plugin_id(text) { Ok(text.to_owned()) } else { Err("a plugin id is of a-z, 0-9 and -".to_owned()) }
}

#[expect(clippy::print_stdout, reason = "this is the command line")]
pub(super) async fn install(server: &Server, plugins: &Path, args: &InstallArgs) -> Outcome {
    let mut wish = wish(args)?;
    let files = Files::read(&args.path, args.reference.as_deref())?;
    let id = files.id.clone();
    let staged = Staged::beside(plugins, &files)?;
    let inspection = staged.inspection.clone();
    print!("{}", inspect::text(&inspection));
    let placed = if is_in_place(&args.path, plugins, &id) { None } else { Some(staged.place()?) };
    wish.insert("plugin".to_owned(), id.as_str().into());
    wish.insert("digest".to_owned(), inspection.sha256.into());
    let manifest = inspection.manifest.map(|manifest| manifest.digest);
    wish.insert("manifest_digest".to_owned(), manifest.into());
    match (server.install(&Value::Object(wish)).await, placed) {
        (Ok(state), placed) => {
            placed.map_or(Ok(()), Placed::keep)?;
            println!("\n{}", now(&id, &state));
            Ok(())
        }
        (Err(why), Some(placed)) => {
            placed.undo()?;
            Err(format!("{why}\n  what lay in {} lies there as before", plugins.display()).into())
        }
        (Err(why), None) => Err(why),
    }
}

/// What the API takes, without the plugin's name and digest.
fn wish(args: &InstallArgs) -> Result<Map<String, Value>, Error> {
    let mut wish = Map::new();
    if let Some(config) = &args.plugin_config {
        let config = match config.strip_prefix('@') {
            Some(file) => std::fs::read_to_string(file).map_err(|error| format!("`{file}`: {error}"))?,
            None => config.clone(),
        };
        let config: Map<String, Value> =
            serde_json::from_str(&config).map_err(|error| format!("--plugin-config: {error}"))?;
        wish.insert("config".to_owned(), config.into());
    }
    if let Some(policy) = args.on_failure {
        let policy = match policy {
            OnFailure::Closed => "closed",
            OnFailure::Waitlist => "waitlist",
            OnFailure::Open => "open",
        };
        wish.insert("on_failure".to_owned(), policy.into());
    }
    if let Some(deadline) = args.deadline_ms {
        wish.insert("deadline_ms".to_owned(), deadline.into());
    }
    wish.insert("monitor".to_owned(), args.monitor.into());
    wish.insert("allow_downgrade".to_owned(), args.allow_downgrade.into());
    Ok(wish)
}

/// What came of it, and what is left to do.
fn now(id: &str, state: &Value) -> String {
    if state.get("enabled").and_then(Value::as_bool) == Some(true) {
        return "nothing of it has changed: it has its grants and is asked as before".to_owned();
    }
    let (asks, lacks) = (texts(state, "asks"), texts(state, "lacks"));
    let has = if asks.is_empty() || lacks.len() == asks.len() {
        "has nothing that it asks for"
    } else {
        "has what it was granted before"
    };
    let steps = next_steps(id, &lacks).iter().map(|step| format!("\n  {step}")).collect::<String>();
    format!("it is installed, {has}, and is not asked (any more); now:{steps}")
}

fn next_steps(id: &str, asks: &[String]) -> Vec<String> {
    let mut grant = format!("palisade plugin grant {id}");
    for wish in asks {
        grant.push_str(&match wish.as_str() {
            "kv" => " --kv".to_owned(),
            "http" => " --http https://…".to_owned(),
            other => match other.strip_prefix("secret ") {
                Some(name) => format!(" --secret {name}"),
                None => format!(" --http {other}"),
            },
        });
    }
    let enable = format!("palisade plugin enable {id}");
    if asks.is_empty() { vec![enable] } else { vec![grant, enable] }
}

#[expect(clippy::print_stdout, reason = "this is the command line")]
pub(super) async fn grant(server: &Server, args: &GrantArgs) -> Outcome {
    let digest = match &args.digest {
        Some(digest) => digest.clone(),
        None => text(&server.plugin(&args.plugin).await?, "digest"),
    };
    let body = json!({ "digest": digest, "http": args.http, "secrets": args.secret, "kv": args.kv });
    let state = server.change(&args.plugin, "grant", Some(&body)).await?;
    println!("{}", line(&state));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is the command line")]
pub(super) async fn turn(server: &Server, plugin: &str, way: &str) -> Outcome {
    println!("{}", line(&server.change(plugin, way, None).await?));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is the command line")]
pub(super) async fn record(server: &Server, args: &RecordArgs) -> Outcome {
    let body = json!({ "most": args.most, "minutes": args.minutes });
    let told = server.change(&args.plugin, "recording", Some(&body)).await?;
    println!("what {} is told is recorded until {}, masked", args.plugin, text(&told, "until"));
    Ok(())
}

/// As it came: whoever reads it is a program, `run --input` above all.
#[expect(clippy::print_stdout, reason = "the recording is the output")]
pub(super) async fn recording(server: &Server, plugin: &str) -> Outcome {
    println!("{:#}", server.recording(plugin).await?);
    Ok(())
}

pub(super) async fn forget(server: &Server, plugin: &str) -> Outcome {
    server.forget_recording(plugin).await
}

#[expect(clippy::print_stdout, reason = "the lines are the output")]
pub(super) async fn logs(server: &Server, plugin: &str) -> Outcome {
    for line in server.lines(plugin).await? {
        let [at, level, request, said] = ["at", "level", "request_id", "text"].map(|key| text(&line, key));
        println!("{at} {level:<5} {request}  {said}");
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the list is the output")]
pub(super) async fn list(server: &Server) -> Outcome {
    for plugin in server.plugins().await? {
        println!("{}", line(&plugin));
    }
    Ok(())
}

/// A plugin's state, with what an operator may want to do something about on lines of its own.
fn line(state: &Value) -> String {
    let is = |key: &str| state.get(key).and_then(Value::as_bool).unwrap_or(false);
    let mut how =
        vec![text(state, "source"), if is("enabled") { "enabled" } else { "not enabled" }.to_owned()];
    how.extend(is("monitor").then(|| "monitored".to_owned()));
    how.extend(is("recorded").then(|| "recorded".to_owned()));
    how.extend(is("quarantined").then(|| "IN QUARANTINE".to_owned()));
    let [plugin, version, hook, digest, policy, fault] =
        ["plugin", "version", "hook", "digest", "on_failure", "fault"].map(|key| text(state, key));
    let mut all = format!(
        "{plugin} {version}  {hook}  {}  without an answer {policy}\n    sha256 {digest}",
        how.join(", ")
    );
    let other = state.get("replacement").unwrap_or(&Value::Null);
    if other.is_object() {
        let [version, digest] = ["version", "digest"].map(|key| text(other, key));
        let asks = texts(other, "asks").join(", ");
        all = format!("{all}\n    in the folder lies another: {version}, sha256 {digest}, asks for {asks}");
    }
    let lacks = texts(state, "lacks");
    if !lacks.is_empty() {
        all = format!("{all}\n    asks for, and is not granted: {}", lacks.join(", "));
    }
    if !fault.is_empty() {
        all = format!("{all}\n    CANNOT BE USED: {fault}");
    }
    let calls = state.get("calls").and_then(Value::as_array).into_iter().flatten();
    let calls: Vec<_> = calls
        .map(|count| format!("{} {}", text(count, "outcome"), count.get("calls").unwrap_or(&Value::Null)))
        .collect();
    if !calls.is_empty() {
        all = format!("{all}\n    calls: {}", calls.join(", "));
    }
    all
}
