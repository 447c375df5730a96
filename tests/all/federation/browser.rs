//! One whole sign-in in a real browser: a page of a product's, this server, and a certified provider, each on a port of
//! its own; Chromium without a window, driven by the W3C protocol.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use palisade::domain::{Clock as _, SystemClock};
use poem::listener::TcpAcceptor;
use poem::{EndpointExt as _, Response};
use serde_json::{Value, json};

use crate::support::{Certified, Database, Idp, Server, Setup};

/// The key of an element's id (WebDriver section 12).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

struct Browser {
    client: reqwest::Client,
    session: String,
    driver: Child,
    /// Read to its port, and kept, or it could say no more.
    said: Option<Lines<BufReader<ChildStdout>>>,
}

impl Browser {
    /// None if it is not installed and may be missing.
    #[expect(clippy::disallowed_methods, reason = "tests are told by the environment what must be there")]
    async fn start() -> Option<Self> {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let begun = command.spawn().map(|driver| Self { client, session: String::new(), driver, said: None });
        let Ok(mut it) = begun else {
            let may_be_missing = std::env::var("PALISADE_REQUIRE_BROWSER").is_err();
            assert!(may_be_missing, "chromedriver is not installed: run the tests with scripts/test");
            return None;
        };
        let said = BufReader::new(it.driver.stdout.take().expect("it can be heard"));
        let lines = it.said.insert(said.lines());
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let rest = line.split("successfully on port ").nth(1)?;
            Some(rest.trim_end_matches('.').to_owned())
        });
        it.session = format!("http://127.0.0.1:{}/session", port.expect("the driver starts"));
        let arguments = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"];
        let options = json!({ "goog:chromeOptions": { "args": arguments } });
        let made = it.say("", json!({ "capabilities": { "alwaysMatch": options } })).await;
        it.session = format!("{}/{}", it.session, made["sessionId"].as_str().expect("a session"));
        // So that what is looked for is waited for.
        it.say("/timeouts", json!({ "implicit": 20_000 })).await;
        Some(it)
    }

    async fn say(&self, command: &str, body: Value) -> Value {
        let url = format!("{}{command}", self.session);
        let answer = self.client.post(url).body(body.to_string()).send().await.expect("the driver answers");
        let mut answer: Value = serde_json::from_str(&answer.text().await.expect("a text")).expect("JSON");
        assert!(answer["value"]["error"].is_null(), "{command}: {}", answer["value"]["message"]);
        answer["value"].take()
    }

    async fn find(&self, css: &str) -> String {
        let found = self.say("/element", json!({ "using": "css selector", "value": css })).await;
        format!("/element/{}", found[ELEMENT].as_str().expect("an element"))
    }

    async fn click(&self, css: &str) {
        let element = self.find(css).await;
        self.say(&format!("{element}/click"), json!({})).await;
    }

    async fn write(&self, css: &str, text: &str) {
        let element = self.find(css).await;
        self.say(&format!("{element}/value"), json!({ "text": text })).await;
    }

    async fn text(&self, css: &str) -> String {
        let url = format!("{}{}/text", self.session, self.find(css).await);
        let answer = self.client.get(url).send().await.expect("the driver answers");
        let answer: Value = serde_json::from_str(&answer.text().await.expect("a text")).expect("JSON");
        answer["value"].as_str().expect("a text").to_owned()
    }

    async fn end(&self) {
        let ended = self.client.delete(&self.session).send().await;
        assert!(ended.is_ok(), "the browser closes");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn port() -> (std::net::TcpListener, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.set_nonblocking(true).expect("a socket can wait");
    let origin = format!("http://{}", listener.local_addr().expect("it has an address"));
    (listener, origin)
}

fn page(api: &str, provider: &str) -> String {
    format!(
        r#"<!doctype html><title>App</title>
<a id="go" href="{api}/api/v1/auth/oauth/{provider}?return_to=/tasks">Sign in</a>
<script>
const api = "{api}", code = new URLSearchParams(location.search).get("code");
async function trade() {{
  const body = JSON.stringify({{ code }}), headers = {{ "content-type": "application/json" }};
  const answer = await fetch(api + "/api/v1/auth/oauth/token", {{ method: "POST", credentials: "include", headers, body }});
  const tokens = await answer.json();
  const me = await (await fetch(api + "/api/v1/auth/me", {{ headers: {{ authorization: "Bearer " + tokens.access_token }} }})).json();
  const told = document.createElement("p");
  told.id = "told";
  told.textContent = me.email + " to " + tokens.return_to + (document.cookie ? " " + document.cookie : "");
  document.body.append(told);
}}
if (code) trade();
</script>"#
    )
}

fn serve(server: &Server, ours: std::net::TcpListener, theirs: std::net::TcpListener, html: String) {
    let acceptor = TcpAcceptor::from_std(ours).expect("it can be listened to");
    tokio::spawn(poem::Server::new_with_acceptor(acceptor).run(Arc::clone(&server.routes)));
    let product =
        poem::endpoint::make_sync(move |_| Response::builder().content_type("text/html").body(html.clone()));
    let acceptor = TcpAcceptor::from_std(theirs).expect("it can be listened to");
    tokio::spawn(poem::Server::new_with_acceptor(acceptor).run(product.boxed()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_signs_in_with_a_real_browser() {
    let Some(browser) = Browser::start().await else { return };
    let ((ours, api), (theirs, app)) = (port(), port());
    let callback = format!("{api}/api/v1/auth/oauth/certified/callback");
    let Some(provider) = Certified::start("us", "hush hush hush hush", &callback) else { return };
    let mut setup = Setup::on(Database::Sqlite);
    let settings = format!(
        "plugins = []\ncors_origins = [\"{app}\"]\n[oauth]\nfrontend_callback_url = \"{app}/callback\"\n\
         [[oauth.providers]]\nname = \"certified\"\nissuer = \"{}\"\nallow_private_addresses = true\n\
         scopes = [\"openid\", \"email\", \"profile\"]\n",
        provider.issuer
    );
    setup.plugins = Box::leak(settings.into_boxed_str());
    setup.settings.extend([
        ("PALISADE_PUBLIC_URL", api.clone()),
        ("PALISADE_OAUTH_CERTIFIED_CLIENT_ID", "us".to_owned()),
        ("PALISADE_OAUTH_CERTIFIED_CLIENT_SECRET", "hush hush hush hush".to_owned()),
    ]);
    let server = Server::with(setup).await;
    serve(&server, ours, theirs, page(&api, "certified"));
    let now = SystemClock.now().get() - server.clock.now().get();
    server.advance(Duration::from_micros(u64::try_from(now).expect("time goes on")));

    browser.say("/url", json!({ "url": app })).await;
    browser.click("#go").await;
    browser.write("input[name=login]", "ada").await;
    browser.click("button").await;
    // The page sees who it is and where to go on to, and no cookie.
    assert_eq!(browser.text("#told").await, format!("ada@example.com to {app}/tasks"));
    browser.end().await;
}

/// To a browser `localhost` and `127.0.0.1` are two sites: with the form our cookie stays at home, and it comes along
/// where the form's answer leads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_of_another_site_brings_somebody_back_in_a_real_browser() {
    let Some(browser) = Browser::start().await else { return };
    let ((ours, api), (theirs, app), idp) = (port(), port(), Idp::start());
    let elsewhere = idp.url.replace("127.0.0.1", "localhost");
    idp.says.lock().metadata = json!({ "authorization_endpoint": format!("{elsewhere}/authorize") });
    idp.says_of("1", &json!({ "email": "ada@example.com", "email_verified": true }));
    let mut setup = Setup::on(Database::Sqlite);
    let settings = format!(
        "plugins = []\ncors_origins = [\"{app}\"]\n[oauth]\nfrontend_callback_url = \"{app}/callback\"\n\
         [[oauth.providers]]\nname = \"idp\"\nissuer = \"{}\"\nallow_private_addresses = true\n\
         client_id = \"us\"\nclient_auth = \"none\"\nresponse_mode = \"form_post\"\n",
        idp.url
    );
    setup.plugins = Box::leak(settings.into_boxed_str());
    setup.settings.push(("PALISADE_PUBLIC_URL", api.clone()));
    let server = Server::with(setup).await;
    serve(&server, ours, theirs, page(&api, "idp"));

    browser.say("/url", json!({ "url": app })).await;
    browser.click("#go").await;
    assert_eq!(browser.text("#told").await, format!("ada@example.com to {app}/tasks"));
    browser.end().await;
}
