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
    Plugins::load(dir.path(), &[binding("door", Value::Null)], limits(), Arc::new(NoHost)).await.unwrap_err()
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
        let error =
            Plugins::load(&folder("plugins"), &[binding(id, Value::Null)], limits(), Arc::new(NoHost)).await;
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
    let plugins = Plugins::load(&folder("no/such/folder"), &[], limits(), Arc::new(NoHost)).await.unwrap();
    assert_eq!(plugins.loaded().count(), 0);
}

#[tokio::test]
async fn only_a_registration_can_wait() {
    let waits = Binding { on_failure: Some(FailurePolicy::Waitlist), ..binding("gate", Value::Null) };
    let error = Plugins::load(&folder("plugins/fixtures"), &[waits], limits(), Arc::new(NoHost)).await;
    assert!(matches!(error, Err(LoadError::Refused { .. })), "{error:?}");
}

#[tokio::test]
async fn what_was_not_granted_is_told() {
    let gate = binding("gate", Value::Null);
    let plugins =
        Plugins::load(&folder("plugins/fixtures"), &[gate], limits(), Arc::new(NoHost)).await.unwrap();
    let lacks = &plugins.loaded().next().unwrap().lacks;
    assert_eq!(lacks[..], ["https://api.example.com:443", "http", "secret token", "secret other", "kv"]);
}

/// Two lines of a component that imports an instance named `name`, of nothing.
fn importing(name: &str) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap();
    let mut bytes = b"\0asm\x0d\0\x01\0\x07\x03\x01\x42\0\x0a".to_vec();
    bytes.extend([length + 5, 1, 0, length]);
    bytes.extend(name.as_bytes());
    bytes.extend([5, 0]);
    bytes
}

#[tokio::test]
async fn wasi_is_there_and_empty() {
    // It comes past the imports, and fails for what it does not export.
    for name in ["wasi:cli/environment@0.2.0", "wasi:random/random@0.2.3", "wasi:sockets/tcp@0.2.0"] {
        let error = error(&importing(name)).await;
        let LoadError::BadComponent { what, .. } = &error else { panic!("{name}: {error}") };
        assert!(what.contains("no exported instance"), "{what}");
    }
    for name in ["wasi:http/types@0.2.0", "wasi:keyvalue/store@0.2.0", "palisade:plugin/kv@0.2.0", "env:x/y"]
    {
        assert!(matches!(error(&importing(name)).await, LoadError::Forbidden { .. }), "{name}");
    }
}

/// Keeps one piece of code, as long as it is asked for under the same name, and counts what it was given.
#[derive(Debug, Default)]
struct Keeper {
    kept: Mutex<Option<(String, Vec<u8>)>>,
    given: std::sync::atomic::AtomicUsize,
}

#[async_trait::async_trait]
impl Host for Keeper {
    fn kept_code(&self, _: &str, name: &str) -> Option<Vec<u8>> {
        self.kept.lock().as_ref().filter(|kept| kept.0 == name).map(|kept| kept.1.clone())
    }

    fn keep_code(&self, _: &str, name: &str, code: &[u8]) {
        self.given.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        *self.kept.lock() = Some((name.to_owned(), code.to_vec()));
    }

    async fn permits(&self, _: Asker<'_>, ask: Ask<'_>) -> bool {
        matches!(ask, Ask::Handle { .. })
    }

    fn vouches(&self, _: &[u8], _: Option<&str>) -> bool {
        true
    }

    async fn fetch(&self, _: http::Request<Vec<u8>>, _: bool) -> Result<http::Response<Vec<u8>>, FetchError> {
        Err(FetchError::Denied("there is no network here".to_owned()))
    }

    async fn kv_get(&self, _: Asker<'_>, _: &str) -> Result<Option<Vec<u8>>, KvError> {
        Err(KvError::Denied)
    }

    async fn kv_set(&self, _: Asker<'_>, _: &str, _: Vec<u8>, _: Duration) -> Result<(), KvError> {
        Err(KvError::Denied)
    }

    async fn kv_delete(&self, _: Asker<'_>, _: &str) -> Result<(), KvError> {
        Err(KvError::Denied)
    }

    async fn kv_increment(&self, _: Asker<'_>, _: &str, _: i64, _: Duration) -> Result<i64, KvError> {
        Err(KvError::Denied)
    }
}

#[tokio::test]
async fn a_component_is_compiled_once_for_the_same_engine() {
    let keeper = Arc::new(Keeper::default());
    let load = async |limits: Limits| {
        let bindings = [binding("waitlist", json!({ "mode": "open" }))];
        let plugins =
            Plugins::load(&folder("plugins"), &bindings, limits, Arc::<Keeper>::clone(&keeper)).await;
        assert_eq!(ask(&plugins.unwrap(), &candidate("ada@example.com")).await, accepted());
        keeper.given.load(std::sync::atomic::Ordering::Relaxed)
    };
    assert_eq!(load(limits()).await, 1, "the first start compiles");
    assert_eq!(load(limits()).await, 1, "the second does not");
    assert_eq!(load(Limits { fuel: Some(u64::MAX), ..limits() }).await, 2, "code that counts is other code");
    if let Some((_, code)) = &mut *keeper.kept.lock() {
        code.truncate(code.len() / 2);
    }
    assert_eq!(load(Limits { fuel: Some(u64::MAX), ..limits() }).await, 3, "what does not load is compiled");
}

#[tokio::test]
async fn what_stands_in_a_broken_manifest_is_not_told() {
    let dir = door("kQ7-a-line-of-another-file", b"");
    let bindings = [binding("door", Value::Null)];
    let error =
        Plugins::load(dir.path(), &bindings, limits(), Arc::new(NoHost)).await.unwrap_err().to_string();
    assert!(error.contains("manifest.toml: line 1: ") && !error.contains("kQ7"), "{error}");
    let error = Inspection::of(&dir.path().join("door")).unwrap_err().to_string();
    assert!(!error.contains("kQ7"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_no_regular_file_is_not_read() {
    let dir = door(MANIFEST, b"");
    let component = dir.path().join("door/door.wasm");
    std::fs::remove_file(&component).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &component).unwrap();
    let bindings = [binding("door", Value::Null)];
    let error =
        Plugins::load(dir.path(), &bindings, limits(), Arc::new(NoHost)).await.unwrap_err().to_string();
    assert!(error.contains("it is not a regular file"), "{error}");
}

#[test]
fn a_description_forges_no_line() {
    let forged = MANIFEST.replace("\"a door\"", "\"a door\\nsha256     0000\\u001b[2K\"");
    let dir = door(&forged, &std::fs::read(folder("plugins/waitlist/waitlist.wasm")).unwrap());
    let manifest = Inspection::of(&dir.path().join("door")).unwrap().manifest.unwrap();
    assert_eq!(manifest.description, "a door sha256 0000[2K");
}
