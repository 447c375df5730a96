//! What keeps the server from starting, and how it says so.

use std::fs;
use std::path::Path;

use super::Place;
use crate::support::root;

const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// Settings that production takes. The database is local and away, so that a start gets past every check and no further.
async fn safe() -> Place {
    let mut place = Place::on_sqlite().await;
    place.url = "postgres://palisade:canary7f3a@127.0.0.1:1/palisade".to_owned();
    place
        .set("PALISADE_RATE_LIMITS_ENABLED", "true")
        .set("PALISADE_MODE", "production")
        .set("PALISADE_PUBLIC_URL", "https://id.example.com/")
        .set("PALISADE_MASTER_KEY", KEY)
        .set("PALISADE_MAIL", "smtps://user:canary7f3a@mail.example.com:465")
        .set("PALISADE_MAIL_FROM", "Palisade <no-reply@example.com>")
        .set("PALISADE_HASHING_MEMORY_KIB", "19456")
        .set("PALISADE_HASHING_ITERATIONS", "2")
}

#[tokio::test]
async fn production_refuses_each_unsafe_setting_with_its_fix() {
    let cases = [
        ("PALISADE_PUBLIC_URL", "http://id.example.com/", "public_url", "PALISADE_PUBLIC_URL"),
        ("PALISADE_MAIL", "folder", "mail", "PALISADE_MAIL"),
        ("PALISADE_MAIL", "smtp://user:canary7f3a@mail.example.com:25", "mail", "tls=required"),
        ("PALISADE_MAIL_FROM", "Palisade <no-reply@localhost>", "mail_from", "PALISADE_MAIL_FROM"),
        ("PALISADE_DATABASE_URL", "sqlite:///tmp/palisade.db", "database_url", "PALISADE_DATA_DIR"),
        ("PALISADE_DATABASE_URL", "sqlite::memory:", "database_url", "PALISADE_DATA_DIR"),
        (
            "PALISADE_DATABASE_URL",
            "postgres://u:canary7f3a@db.example.com/p",
            "database_url",
            "sslmode=verify-full",
        ),
        ("PALISADE_CORS_ORIGINS", "http://app.example.com", "cors_origins", "PALISADE_CORS_ORIGINS"),
        ("PALISADE_HASHING_MEMORY_KIB", "8", "hashing", "memory_kib"),
    ];
    for (name, value, setting, fix) in cases {
        let told = safe().await.set(name, value).run(&["serve"], "").failed();
        assert!(told.contains("production mode refuses to start"), "{name}: {told}");
        let lines: Vec<_> = told.lines().filter(|line| line.starts_with("  ")).collect();
        let [line] = lines[..] else { panic!("{name} = {value}: {told}") };
        assert!(line.trim().starts_with(&format!("{setting}: ")), "{name}: {told}");
        assert!(line.contains(fix), "{name}: {told}");
        assert!(!told.contains("canary7f3a"), "{told}");
    }

    let mut unset = safe().await;
    unset.settings.retain(|(name, _)| *name != "PALISADE_MASTER_KEY");
    let told = unset.run(&["serve"], "").failed();
    assert!(told.contains("  master_key: ") && told.contains("openssl rand -base64 32"), "{told}");

    let place = safe().await;
    let example = "[[plugins]]\nname = \"waitlist\"\nconfig = { invitation_codes = [\"welcome-aboard\"] }\n";
    fs::write(place.folder.path().join("palisade.toml"), example).unwrap();
    let told = place.run(&["serve"], "").failed();
    assert!(told.contains("  plugins: ") && told.contains("choose invitation codes"), "{told}");
}

#[tokio::test]
async fn production_with_nothing_set_is_told_everything_at_once() {
    let place = Place::on_sqlite().await.set("PALISADE_MODE", "production");
    let told = place.run(&["serve"], "").failed();
    for setting in ["public_url", "master_key", "mail", "mail_from", "hashing"] {
        assert!(told.contains(&format!("\n  {setting}: ")), "{setting}: {told}");
    }
}

#[tokio::test]
async fn a_database_that_is_away_is_told_without_its_password() {
    // Everything else is right, in production's eyes too.
    let told = safe().await.run(&["serve"], "").failed();
    assert!(told.contains("cannot open the database"), "{told}");
    assert!(told.contains("because: "), "{told}");
    assert!(!told.contains("canary7f3a") && !told.contains("refuses"), "{told}");

    let mut place = Place::on_sqlite().await;
    place.url = format!("sqlite://{}/missing/palisade.db", place.folder.path().display());
    let told = place.run(&["migrate"], "").failed();
    assert!(told.contains("cannot") && told.contains("palisade.db"), "{told}");
}

#[tokio::test]
async fn an_unknown_or_wrong_setting_is_named_and_its_value_is_not() {
    for (name, value) in [
        ("PALISADE_LISTN", "canary7f3a"),
        ("PALISADE_LISTEN", "canary7f3a"),
        ("PALISADE_MODE", "canary7f3a"),
        ("PALISADE_MAIL", "canary7f3a"),
        ("PALISADE_MASTER_KEY", "canary7f3a"),
        ("PALISADE_DATABASE_URL", "mysql://canary7f3a@localhost/x"),
        ("PALISADE_PUBLIC_URL", "canary7f3a"),
        ("PALISADE_CORS_ORIGINS", "https://*.canary7f3a.example"),
        ("PALISADE_REVEAL_ACCOUNTS", "canary7f3a"),
        ("PALISADE_HASHING_MEMORY_KIB", "7"),
        ("PALISADE_HASHING_QUEUE", "-1"),
        ("PALISADE_CONFIG", "/missing/palisade.toml"),
    ] {
        let told = Place::on_sqlite().await.set(name, value).run(&["serve"], "").failed();
        let key = name.trim_start_matches("PALISADE_").to_lowercase();
        assert!(told.contains(name) || (name == "PALISADE_CONFIG" && told.contains(&key)), "{name}: {told}");
        assert!(!told.contains("canary7f3a"), "{told}");
    }
    let place = Place::on_sqlite().await;
    fs::write(place.folder.path().join("palisade.toml"), "listn = \"canary7f3a\"\n").unwrap();
    let told = place.run(&["serve"], "").failed();
    assert!(
        told.contains("listn") && told.contains("palisade.toml") && !told.contains("canary7f3a"),
        "{told}"
    );
}

/// A copy of the shipped policies that a test may spoil.
fn policies(place: &Place) -> std::path::PathBuf {
    let copy = place.folder.path().join("policies");
    copy_folder(&root().join("policies"), &copy);
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn a_bad_policy_stops_the_start_with_its_place() {
    let cases = [
        ("bad.cedar", "// one\n// two\npermit (principal, action resource);\n", "bad.cedar:3:27: "),
        (
            "bad.cedar",
            "@id(\"bad.rule\")\n@why(\"Bad.\")\npermit (principal is User, action == Action::\"GetMe\", resource is User)\n\
             when { principal.emial == \"x\" };\n",
            "bad.cedar:4:",
        ),
        ("bad.cedarschema", "entity User;\nentity ;\n", "bad.cedarschema:2:"),
    ];
    for (name, text, place_told) in cases {
        let place = Place::on_sqlite().await;
        let folder = policies(&place);
        fs::write(folder.join(name), text).unwrap();
        let place = place.set("PALISADE_POLICIES_DIR", folder.display().to_string());
        let told = place.run(&["serve"], "").failed();
        assert!(told.contains(place_told), "{name}: {told}");
        assert!(!place.folder.path().join("palisade.db").exists(), "nothing was touched");
        place.run(&["policy", "test"], "").failed();
    }
    // The copy itself is good.
    let place = Place::on_sqlite().await;
    let folder = policies(&place);
    let place = place.set("PALISADE_POLICIES_DIR", folder.display().to_string());
    place.serve();
    let place = place.set("PALISADE_POLICIES_DIR", "/missing/policies");
    assert!(place.run(&["serve"], "").failed().contains("/missing/policies"));
}

#[tokio::test]
async fn a_plugin_that_is_not_there_or_refuses_its_configuration_stops_the_start() {
    for (config, told_of) in [
        ("[[plugins]]\nname = \"no-such-plugin\"\n", "no-such-plugin"),
        (
            "[[plugins]]\nname = \"waitlist\"\nconfig = { invitation_codes = [\"short\"] }\n",
            "/invitation_codes/0: breaks the rule `minLength 8`",
        ),
        ("[[plugins]]\nname = \"waitlist\"\nconfig = { mdoe = \"open\" }\n", "`mdoe` is not known"),
        ("[[plugins]]\nname = \"../../etc\"\n", "etc"),
    ] {
        let place = Place::on_sqlite().await;
        fs::write(place.folder.path().join("palisade.toml"), config).unwrap();
        let told = place.run(&["serve"], "").failed();
        assert!(told.contains(told_of), "{config}: {told}");
    }
}
