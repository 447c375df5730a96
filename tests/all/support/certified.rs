//! A certified OpenID provider: `tests/oidc-provider`, run by Node.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use super::root;

/// The provider; it ends with this.
#[derive(Debug)]
pub struct Certified {
    pub issuer: String,
    process: Child,
}

impl Certified {
    /// None if it is not installed and may be missing.
    #[expect(clippy::disallowed_methods, reason = "tests are told by the environment what must be there")]
    pub fn start(client_id: &str, client_secret: &str, redirect_uri: &str) -> Option<Self> {
        let folder = root().join("tests/oidc-provider");
        if !folder.join("node_modules").is_dir() {
            let may_be_missing = std::env::var("PALISADE_REQUIRE_PROVIDER").is_err();
            assert!(may_be_missing, "tests/oidc-provider is not installed: run the tests with scripts/test");
            return None;
        }
        let spawned = |mut command: Command| command.spawn().expect("node runs");
        let mut command = Command::new("node");
        command.args(["provider.mjs", client_id, client_secret, redirect_uri]).current_dir(folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut it = Self { issuer: String::new(), process: spawned(command) };
        let said = it.process.stdout.take().expect("it can be heard");
        let mut line = String::new();
        let mut said = BufReader::new(said);
        loop {
            line.clear();
            assert!(said.read_line(&mut line).expect("it can be read") > 0, "the provider does not start");
            if let Some(issuer) = line.trim().strip_prefix("listening ") {
                it.issuer = issuer.to_owned();
                return Some(it);
            }
        }
    }

    /// Goes where `auth_url` leads, signs in as `who` and agrees; where the provider sends them back to.
    pub async fn visit(&self, auth_url: &str, who: &str) -> url::Url {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let client = client.build().expect("a client");
        let mut cookies: BTreeMap<String, String> = BTreeMap::new();
        let mut next = auth_url.to_owned();
        for _ in 0..8 {
            let form = next.contains("/interaction/");
            let sent: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let request = if form {
                let body = format!("login={who}");
                client.post(&next).header("content-type", "application/x-www-form-urlencoded").body(body)
            } else {
                client.get(&next)
            };
            let answer = request.header("cookie", sent.join("; ")).send().await.expect("an answer");
            for cookie in answer.headers().get_all("set-cookie") {
                let pair = cookie.to_str().expect("a text").split(';').next().expect("a pair");
                let (name, value) = pair.split_once('=').expect("a pair");
                cookies.insert(name.to_owned(), value.to_owned());
            }
            let status = answer.status();
            let Some(location) = answer.headers().get("location") else {
                panic!("{next}: {status}: {}", answer.text().await.unwrap_or_default());
            };
            let base: url::Url = next.parse().expect("an address");
            let to = base.join(location.to_str().expect("a text")).expect("an address");
            if to.origin() != base.origin() {
                return to;
            }
            next = to.into();
        }
        panic!("the provider sends around in circles");
    }
}

impl Drop for Certified {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
