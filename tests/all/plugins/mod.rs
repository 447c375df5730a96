//! Each hook end to end, through the HTTP API, with built components: `plugins/fixtures`.

mod capabilities;
mod compiled;
mod hooks;
mod installs;
mod limits;
mod managing;
mod observing;
mod recording;
mod running;
mod shipped;
mod trying;
pub mod upstream;

use palisade::app::events_principal;
use palisade::guard::actions::DeliverEvents;
use serde_json::Value;

use crate::support::{Database, Person, Server, Setup, root};
pub use upstream::Upstream;

/// Binds fixtures: the TOML of `[[plugins]]`.
pub fn bind(setup: &mut Setup, plugins: String) {
    setup.settings.push(("PALISADE_PLUGINS_DIR", root().join("plugins/fixtures").display().to_string()));
    setup.plugins = plugins.leak();
}

/// One fixture doing one deed, with more lines of its binding.
pub fn doing(name: &str, deed: &str, more: &str) -> String {
    format!("[[plugins]]\nname = \"{name}\"\ndeadline_ms = 5000\n{more}\n[plugins.config]\ndo = \"{deed}\"\n")
}

/// On a database of the same kind as `first`: for servers whose settings are not known before the test runs.
pub fn beside(first: &Server) -> Setup {
    Setup::on(if first.config.database_url().expose().starts_with("sqlite") {
        Database::Sqlite
    } else {
        Database::postgres().expect("it is there")
    })
}

/// What the trail says about plugins, oldest first: action, failure, and each finding.
pub async fn findings(server: &Server, root: &Person) -> Vec<(String, Option<String>, Value)> {
    let events = server.get_as(root, "/api/v1/events?limit=100").await.expect(200);
    let events = events.as_array().expect("a list").iter().rev();
    events
        .filter(|event| event["details"].get("plugins").is_some())
        .map(|event| {
            let failure = event["failure"].as_str().map(str::to_owned);
            (
                event["action"].as_str().expect("an action").to_owned(),
                failure,
                event["details"]["plugins"].clone(),
            )
        })
        .collect()
}

/// Tells sinks what waits; how many events were taken.
pub async fn deliver_events(server: &Server) -> usize {
    let caller = events_principal();
    let ok = server.app.authorize(&caller, DeliverEvents {}).await.expect("the job may deliver");
    server.app.deliver_events(&ok).await.expect("events can be told")
}
