//! `palisade plugin install|grant|enable|disable|list|logs` against a running server: what an administrator may do over
//! the API, and no more.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::process::{Child, Place, in_places};
use crate::support::{PASSWORD, root};

in_places!(
    a_plugin_is_installed_granted_enabled_and_disabled_from_the_command_line,
    what_a_server_does_not_take_leaves_the_folder_as_it_was,
);

/// A place with a plugins' folder of its own, empty.
fn own(place: Place) -> (Place, PathBuf) {
    let folder = place.folder.path().join("own-plugins");
    fs::create_dir(&folder).unwrap();
    (place.set("PALISADE_PLUGINS_DIR", folder.display().to_string()), folder)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// From now on commands speak to this server as this person.
async fn speak_as(place: &mut Place, server: &Child, email: &str) -> String {
    let token = server.login(email).await.0;
    place.settings.retain(|(name, _)| !["PALISADE_SERVER", "PALISADE_TOKEN"].contains(name));
    place.settings.push(("PALISADE_SERVER", server.url.clone()));
    place.settings.push(("PALISADE_TOKEN", token.clone()));
    token
}

fn gate() -> String {
    root().join("plugins/fixtures/gate").display().to_string()
}

async fn a_plugin_is_installed_granted_enabled_and_disabled_from_the_command_line(place: Place) {
    let (mut place, folder) = own(place);
    place.admin("root@example.com");
    let server = place.serve();
    server.register("ada@example.com").await;
    let token = speak_as(&mut place, &server, "root@example.com").await;

    let told =
        place.run(&["plugin", "install", &gate(), "--plugin-config", r#"{"do":"count"}"#], "").succeeded();
    assert!(told.contains("asks for   https://api.example.com, *, secret token, secret other, kv"), "{told}");
    assert!(
        told.contains("palisade plugin grant gate") && told.contains("palisade plugin enable gate"),
        "{told}"
    );
    assert_eq!(names(&folder), ["gate"]);
    assert_eq!(names(&folder.join("gate")), ["gate.wasm", "manifest.toml"]);
    let told = place.run(&["plugin", "list", "--running"], "").succeeded();
    assert!(told.contains("gate 0.1.0  login.authenticated  installed, not enabled"), "{told}");

    // What it does not ask for, the server refuses in its own words.
    let told = place.run(&["plugin", "grant", "gate", "--secret", "nobody"], "").failed();
    assert!(told.contains("the server answered 422") && told.contains("secrets: "), "{told}");
    let told = place.run(&["plugin", "grant", "gate", "--kv"], "").succeeded();
    assert!(told.contains("not granted: https://api.example.com:443, http, secret token"), "{told}");
    let told = place.run(&["plugin", "enable", "gate"], "").succeeded();
    assert!(told.contains("installed, enabled"), "{told}");
    for status in [200, 200, 403] {
        let body = json!({ "email": "ada@example.com", "password": PASSWORD });
        let told = server.send("POST", "/api/v1/auth/login", None, Some(body)).await.unwrap();
        assert_eq!(told.0, status, "{}", told.1);
    }
    // Without its storage it has no answer, and its lines say so.
    place.run(&["plugin", "grant", "gate"], "").succeeded();
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    assert_eq!(server.send("POST", "/api/v1/auth/login", None, Some(body)).await.unwrap().0, 503);
    let told = place.run(&["plugin", "logs", "gate"], "").succeeded();
    assert!(told.contains("no answer at login.authenticated: failed"), "{told}");
    let told = place.run(&["plugin", "list", "--running"], "").succeeded();
    assert!(told.contains("calls: failed 1, limit:denied 1, ok 3"), "{told}");

    // The token may come from a file or from standard input too; never as an argument.
    let file = place.folder.path().join("token");
    fs::write(&file, format!("{token}\n")).unwrap();
    place.settings.retain(|(name, _)| *name != "PALISADE_TOKEN");
    let told = place.run(&["plugin", "disable", "gate"], "").failed();
    assert!(told.contains("PALISADE_TOKEN"), "{told}");
    place.run(&["plugin", "disable", "gate", "--token-file", "-"], &token).succeeded();
    let file = file.display().to_string();
    let told = place.run(&["plugin", "list", "--running", "--token-file", &file], "").succeeded();
    assert!(told.contains("installed, not enabled"), "{told}");
    let told = server.send("GET", "/api/v1/events?limit=100", Some(&token), None).await.unwrap().1;
    for action in ["InstallPlugin", "GrantPlugin", "EnablePlugin", "DisablePlugin"] {
        assert!(told.as_array().unwrap().iter().any(|event| event["action"] == action), "{action}");
    }
}

async fn what_a_server_does_not_take_leaves_the_folder_as_it_was(place: Place) {
    let (mut place, folder) = own(place);
    place.admin("root@example.com");
    let server = place.serve();
    server.register("ada@example.com").await;
    // Somebody without the right to.
    let token = speak_as(&mut place, &server, "ada@example.com").await;
    let refused = place.run(&["plugin", "install", &gate()], "");
    Child::has_said_nothing_of(&refused, &token);
    let told = refused.failed();
    assert!(told.contains("the server answered 40") && told.contains("lies there as before"), "{told}");
    assert!(names(&folder).is_empty());
    for command in
        [&["plugin", "list", "--running"][..], &["plugin", "enable", "gate"], &["plugin", "logs", "gate"]]
    {
        assert!(place.run(command, "").failed().contains("the server answered 40"));
    }

    // A configuration that its schema refuses: by place and rule, and without its value.
    speak_as(&mut place, &server, "root@example.com").await;
    let waitlist = root().join("plugins/waitlist").display().to_string();
    let told = place.run(&["plugin", "install", &waitlist, "--plugin-config", r#"{"mode":"hunter2"}"#], "");
    Child::has_said_nothing_of(&told, "hunter2");
    let told = told.failed();
    assert!(told.contains("plugin-unusable") && told.contains("/mode: breaks the rule `enum"), "{told}");
    assert!(names(&folder).is_empty());

    // What was there before stands again.
    place.run(&["plugin", "install", &waitlist], "").succeeded();
    let other = place.folder.path().join("waitlist");
    fs::create_dir(&other).unwrap();
    let manifest = fs::read_to_string(root().join("plugins/waitlist/manifest.toml")).unwrap();
    fs::write(other.join("manifest.toml"), manifest.replace("0.1.0\"\nd", "0.2.0\"\nd")).unwrap();
    fs::copy(root().join("plugins/waitlist/waitlist.wasm"), other.join("waitlist.wasm")).unwrap();
    let told = place.run(&["plugin", "install", &other.display().to_string()], "").failed();
    assert!(told.contains("it says it is `waitlist 0.1.0`"), "{told}");
    assert_eq!(fs::read_to_string(folder.join("waitlist/manifest.toml")).unwrap(), manifest);
    assert_eq!(names(&folder), ["waitlist"]);
    place.run(&["plugin", "enable", "waitlist"], "").succeeded();
}

/// An image layout that holds the gate, as tools for registries write it.
fn layout(at: &Path) {
    fs::create_dir_all(at.join("blobs/sha256")).unwrap();
    let blob = |media_type: &str, bytes: &[u8]| -> Value {
        let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        fs::write(at.join("blobs/sha256").join(&hex), bytes).unwrap();
        json!({ "mediaType": media_type, "digest": format!("sha256:{hex}"), "size": bytes.len() })
    };
    let file = |name: &str| fs::read(root().join("plugins/fixtures/gate").join(name)).unwrap();
    let component = blob("application/wasm", &file("gate.wasm"));
    let config = json!({ "architecture": "wasm", "os": "wasip2", "layerDigests": [component["digest"]] });
    let image = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob("application/vnd.wasm.config.v0+json", config.to_string().as_bytes()),
        "layers": [
            component,
            blob("application/vnd.palisade.plugin.manifest.v1+toml", &file("manifest.toml")),
        ],
    });
    let image = blob("application/vnd.oci.image.manifest.v1+json", image.to_string().as_bytes());
    fs::write(at.join("index.json"), json!({ "schemaVersion": 2, "manifests": [image] }).to_string())
        .unwrap();
    fs::write(at.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn f62_a_plugin_comes_out_of_an_image_layout_or_not_at_all() {
    let (mut place, folder) = own(Place::on_sqlite().await);
    place.admin("root@example.com");
    let server = place.serve();
    speak_as(&mut place, &server, "root@example.com").await;
    let at = place.folder.path().join("image");
    layout(&at);
    // One bit of one blob, and nothing of it arrives.
    for blob in names(&at.join("blobs/sha256")) {
        let file = at.join("blobs/sha256").join(&blob);
        let before = fs::read(&file).unwrap();
        let mut spoilt = before.clone();
        spoilt[0] ^= 1;
        fs::write(&file, spoilt).unwrap();
        let told = place.run(&["plugin", "install", &at.display().to_string()], "").failed();
        assert!(told.contains("not what its digest"), "{told}");
        fs::write(&file, before).unwrap();
    }
    assert!(names(&folder).is_empty());
    place
        .run(&["plugin", "install", &at.display().to_string(), "--plugin-config", r#"{"do":"deny"}"#], "")
        .succeeded();
    assert_eq!(
        fs::read(folder.join("gate/gate.wasm")).unwrap(),
        fs::read(root().join("plugins/fixtures/gate/gate.wasm")).unwrap()
    );
    place.run(&["plugin", "enable", "gate"], "").succeeded();
    server.register("ada@example.com").await;
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let told = server.send("POST", "/api/v1/auth/login", None, Some(body)).await.unwrap();
    assert_eq!(told.1["code"], "plugin:gate/not-today");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_goes_out_by_https_or_stays_on_this_machine() {
    let mut place = Place::on_sqlite().await;
    place.settings.push(("PALISADE_TOKEN", "pal-token-of-nobody".to_owned()));
    for server in
        ["http://192.0.2.1:8080", "http://id.example.com", "ftp://127.0.0.1", "https://user:word@127.0.0.1:1"]
    {
        let finished = place.run(&["plugin", "list", "--running", "--server", server], "");
        Child::has_said_nothing_of(&finished, "pal-token-of-nobody");
        let told = finished.failed();
        assert!(told.contains("by https alone"), "{server}: {told}");
    }
    // A name that could lead elsewhere on the server is none.
    let told = place.run(&["plugin", "enable", "../../auth/logout"], "");
    assert_eq!(told.code, Some(2), "{}", told.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_tells_of_a_configuration_that_its_schema_refuses_and_not_what_it_says() {
    let place = Place::on_sqlite().await;
    let settings = "[[plugins]]\nname = \"waitlist\"\nconfig.invitation_codes = [\"hunter2\"]\n";
    fs::write(place.folder.path().join("palisade.toml"), settings).unwrap();
    let told = place.run(&["doctor"], "");
    assert_eq!(told.code, Some(1));
    Child::has_said_nothing_of(&told, "hunter2");
    assert!(told.stdout.contains("/invitation_codes/0: breaks the rule `minLength 8`"), "{}", told.stdout);
    let told = place.run(&["plugin", "list"], "");
    Child::has_said_nothing_of(&told, "hunter2");
    assert!(told.stdout.contains("/invitation_codes/0"), "{}", told.stdout);
}
