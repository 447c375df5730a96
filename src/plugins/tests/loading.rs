//! What is refused before anything is asked.

use super::*;

/// A folder with one plugin `door`: the given manifest and component.
fn door(manifest: &str, component: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let door = dir.path().join("door");
    std::fs::create_dir(&door).unwrap();
    std::fs::write(door.join("manifest.toml"), manifest).unwrap();
    std::fs::write(door.join("door.wasm"), component).unwrap();
    dir
}

const MANIFEST: &str = r#"
    id = "door"
    version = "0.1.0"
    description = "a door"
    world = "palisade:plugin/registration-policy@0.2.0"
    hooks = ["registration.validate"]
    component = "door.wasm"
"#;

async fn error(component: &[u8]) -> LoadError {
    let dir = door(MANIFEST, component);
    Plugins::load(dir.path(), &[binding("door", Value::Null)], limits()).await.unwrap_err()
}

#[tokio::test]
async fn what_is_no_component_is_refused() {
    for bytes in [&b""[..], b"MZ", b"\0asm\x01\0\0\0"] {
        assert!(matches!(error(bytes).await, LoadError::BadComponent { .. }), "{bytes:?}");
    }
}

#[tokio::test]
async fn a_component_that_wants_more_than_its_world_offers_is_refused() {
    // A component of four lines that imports a function: (component (import "wasi:…" (instance)))
    let name = b"wasi:http/outgoing-handler@0.2.0";
    let length = u8::try_from(name.len()).unwrap();
    // an instance type without anything in it; then the import of one
    let mut bytes = b"\0asm\x0d\0\x01\0\x07\x03\x01\x42\0\x0a".to_vec();
    bytes.extend([length + 5, 1, 0, length]);
    bytes.extend(name);
    bytes.extend([5, 0]);
    let error = error(&bytes).await;
    assert!(
        matches!(&error, LoadError::Forbidden { import, .. } if import.starts_with("wasi:http/")),
        "{error}"
    );
}

#[tokio::test]
async fn a_component_under_another_name_is_refused() {
    let bytes = std::fs::read(folder("plugins/waitlist/waitlist.wasm")).unwrap();
    let error = error(&bytes).await.to_string();
    assert!(error.contains("it says it is `waitlist 0.1.0`"), "{error}");
}

#[tokio::test]
async fn an_id_cannot_leave_the_folder() {
    for id in ["..", "../plugins/waitlist", "/etc", "", "Waitlist"] {
        let error = Plugins::load(&folder("plugins"), &[binding(id, Value::Null)], limits()).await;
        assert!(matches!(error, Err(LoadError::BadId(_))), "{id}");
    }
}

#[tokio::test]
async fn a_missing_plugin_is_told_with_its_path() {
    let told = refusal("plugins", "nowhere", Value::Null).await;
    assert!(told.contains("nowhere/manifest.toml"), "{told}");
}

#[tokio::test]
async fn plugins_that_nobody_bound_are_not_touched() {
    let plugins = Plugins::load(&folder("no/such/folder"), &[], limits()).await.unwrap();
    assert_eq!(plugins.loaded().count(), 0);
}

#[test]
fn a_binding_is_read_from_configuration() {
    let read = |text| toml::from_str::<Binding>(text);
    let short = read("plugin = 'waitlist'").unwrap();
    assert_eq!((short.on_failure, short.deadline.as_millis()), (FailurePolicy::Closed, 500));
    assert_eq!(short.config, Value::Null);
    let long = "plugin = 'waitlist'\non_failure = 'waitlist'\ndeadline_ms = 50\nconfig = { mode = 'open' }";
    let long = read(long).unwrap();
    assert_eq!((long.on_failure, long.deadline.as_millis()), (FailurePolicy::Waitlist, 50));
    assert_eq!(long.config, json!({"mode": "open"}));
    assert!(read("plugin = 'waitlist'\non_failure = 'maybe'").is_err());
    assert!(read("plugin = 'waitlist'\ndeadline = 50").is_err());
}
