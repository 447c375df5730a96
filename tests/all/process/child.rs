//! A child process and the place it runs in.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Database, PASSWORD, root};

/// No step takes this long on the slowest machine; a test that waits longer has failed.
const LONGEST: Duration = Duration::from_secs(120);

/// A data directory and a database: what outlives a process.
pub struct Place {
    pub folder: TempDir,
    pub url: String,
    /// More `PALISADE_*` for every command run here.
    pub settings: Vec<(&'static str, String)>,
}

impl Place {
    pub async fn on(database: Database) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let url = database.fresh(folder.path()).await;
        // Compiling a guest takes seconds in a debug build: only tests of plugins bind one.
        std::fs::write(folder.path().join("palisade.toml"), "plugins = []\n")
            .expect("the folder can be written");
        Self { folder, url, settings: Vec::new() }
    }

    pub async fn on_sqlite() -> Self {
        Self::on(Database::Sqlite).await
    }

    pub fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((name, value.into()));
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command
            .env("PALISADE_LISTEN", "127.0.0.1:0")
            .env("PALISADE_DATA_DIR", self.folder.path())
            .env("PALISADE_DATABASE_URL", &self.url)
            .env("PALISADE_POLICIES_DIR", root().join("policies"))
            .env("PALISADE_PLUGINS_DIR", root().join("plugins"))
            .env("PALISADE_HASHING_MEMORY_KIB", "8")
            .env("PALISADE_HASHING_ITERATIONS", "1")
            // Commands change what a server knows, and tests do not wait for it to look.
            .env("PALISADE_FACTS_MAX_AGE_MS", "0")
            .env("PALISADE_RATE_LIMITS_ENABLED", "false");
        command.envs(self.settings.iter().map(|(name, value)| (*name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str], input: &str) -> Finished {
        let mut child = Child::spawn(self.command(arguments));
        if let Some(mut stdin) = child.process.stdin.take() {
            // A command that reads nothing has closed its end already.
            let _ = stdin.write_all(input.as_bytes());
        }
        child.finish()
    }

    /// Starts the server and waits until it listens.
    pub fn serve(&self) -> Child {
        let mut child = Child::spawn(self.command(&["serve"]));
        child.wait_until_it_listens();
        child
    }

    /// Starts the server and waits for nothing.
    pub fn starting(&self) -> Child {
        Child::spawn(self.command(&["serve"]))
    }

    pub fn admin(&self, email: &str) {
        self.run(&["admin", "create", email], &format!("{PASSWORD}\n")).succeeded();
    }
}

/// What a command that ended has printed.
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    #[track_caller]
    pub fn succeeded(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }

    /// What it complained of. It never got as far as listening.
    #[track_caller]
    pub fn failed(self) -> String {
        assert_eq!(self.code, Some(1), "{}{}", self.stdout, self.stderr);
        assert!(!self.stdout.contains("listening"), "{}", self.stdout);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self.stderr
    }
}

enum Line {
    Out(String),
    Err(String),
}

/// A running process; killed when it is dropped.
pub struct Child {
    pub process: std::process::Child,
    lines: Receiver<Line>,
    stdout: String,
    stderr: String,
    /// Where it listens, once it does.
    pub url: String,
}

fn forward(from: impl Read + Send + 'static, to: Sender<Line>, line: fn(String) -> Line) {
    std::thread::spawn(move || {
        for text in BufReader::new(from).lines().map_while(Result::ok) {
            if to.send(line(text)).is_err() {
                return;
            }
        }
    });
}

impl Child {
    fn spawn(mut command: Command) -> Self {
        let mut process = command.spawn().expect("the program can be started");
        let (send, lines) = channel();
        forward(process.stdout.take().expect("a pipe"), send.clone(), Line::Out);
        forward(process.stderr.take().expect("a pipe"), send, Line::Err);
        Self { process, lines, stdout: String::new(), stderr: String::new(), url: String::new() }
    }

    /// Reads until a line of either stream contains `text`, and gives that line.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + LONGEST;
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            let line = self.keep(line);
            if line.contains(text) {
                return line;
            }
        }
        panic!("`{text}` was never said, only:\n{}{}", self.stdout, self.stderr);
    }

    #[track_caller]
    pub fn wait_until_it_listens(&mut self) {
        let line = self.wait_for("listening on http://");
        self.url = line.trim_start_matches("listening on ").to_owned();
    }

    fn keep(&mut self, line: Line) -> String {
        let (all, line) = match line {
            Line::Out(line) => (&mut self.stdout, line),
            Line::Err(line) => (&mut self.stderr, line),
        };
        all.push_str(&line);
        all.push('\n');
        line
    }

    /// Waits until it ends by itself.
    pub fn finish(mut self) -> Finished {
        let deadline = Instant::now() + LONGEST;
        // Both streams end when the process does.
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.keep(line);
        }
        assert!(Instant::now() < deadline, "it did not end:\n{}{}", self.stdout, self.stderr);
        let status = self.process.wait().expect("it has ended");
        let (stdout, stderr) = (std::mem::take(&mut self.stdout), std::mem::take(&mut self.stderr));
        Finished { code: status.code(), stdout, stderr }
    }

    /// As a service manager asks.
    pub fn terminate(&self) {
        let done = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        assert!(done.expect("there is a `kill`").success());
    }

    pub fn hang_up(&self) {
        let done = Command::new("kill").args(["-HUP", &self.process.id().to_string()]).status();
        assert!(done.expect("there is a `kill`").success());
    }

    #[cfg(target_os = "linux")]
    /// How many files and connections it may have open from now on; what is open stays.
    pub fn limit_descriptors(&self, most: u32) {
        let limit = format!("--nofile={most}:");
        let done = Command::new("prlimit").args(["--pid", &self.process.id().to_string(), &limit]).status();
        assert!(done.expect("there is a `prlimit`").success());
    }

    /// As a power cut does.
    pub fn kill(mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it is dead");
    }

    pub fn stop(self) -> Finished {
        self.terminate();
        self.finish()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a server told a client; [`None`] if it was gone.
pub type Told = Option<(u16, Value)>;

impl Child {
    pub async fn send(&self, method: &str, path: &str, token: Option<&str>, body: Option<Value>) -> Told {
        ask(&self.url, method, path, token, body).await
    }

    #[track_caller]
    pub fn has_said_nothing_of(finished: &Finished, secret: &str) {
        for (name, text) in [("stdout", &finished.stdout), ("stderr", &finished.stderr)] {
            assert!(!text.contains(secret), "{name} holds `{secret}`");
        }
    }

    pub async fn register(&self, email: &str) -> Told {
        let body = json!({ "email": email, "password": PASSWORD });
        self.send("POST", "/api/v1/auth/register", None, Some(body)).await
    }

    /// Access and refresh token.
    pub async fn login(&self, email: &str) -> (String, String) {
        let body = json!({ "email": email, "password": PASSWORD });
        let told = self.send("POST", "/api/v1/auth/login", None, Some(body)).await.expect("an answer");
        assert_eq!(told.0, 200, "{email}: {}", told.1);
        let text = |key: &str| told.1[key].as_str().expect("a token").to_owned();
        (text("access_token"), text("refresh_token"))
    }
}

/// One request over a connection of its own.
pub async fn ask(url: &str, method: &str, path: &str, token: Option<&str>, body: Option<Value>) -> Told {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut request = client.request(method.parse().expect("a method"), format!("{url}{path}"));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.timeout(LONGEST).send().await.ok()?;
    let status = response.status().as_u16();
    let text = response.text().await.ok()?;
    Some((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
}

/// The newest letter in `folder` to `email`, as soon as there is one.
pub async fn letter(folder: &Path, email: &str) -> String {
    let deadline = Instant::now() + LONGEST;
    while Instant::now() < deadline {
        let files = std::fs::read_dir(folder.join("mail")).into_iter().flatten().flatten();
        let texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
        if let Some(text) =
            texts.filter(|text| text.contains(&format!("To: {email}"))).max_by_key(String::len)
        {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no letter came to {email}");
}
