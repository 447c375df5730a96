use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const MANIFEST_TOML: &str = "id = \"door\"\ncomponent = \"door.wasm\"\n";

/// An image layout that a test may spoil.
struct Made {
    place: TempDir,
    image: Value,
}

impl Made {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("blobs/sha256")).unwrap();
        fs::write(place.path().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        let mut made = Self { place, image: Value::Null };
        let component = made.blob(COMPONENT, b"\0asm");
        let config = json!({ "architecture": "wasm", "os": "wasip2", "layerDigests": [component["digest"]] });
        made.image = json!({
            "schemaVersion": 2,
            "mediaType": IMAGE_MANIFEST,
            "config": made.blob(WASM_CONFIG, config.to_string().as_bytes()),
            "layers": [component, made.blob(MANIFEST, MANIFEST_TOML.as_bytes()), made.blob(SCHEMA, b"{}")],
        });
        made
    }

    fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        fs::write(self.file(&hex), bytes).unwrap();
        json!({ "mediaType": media_type, "digest": format!("sha256:{hex}"), "size": bytes.len() })
    }

    fn file(&self, digest: &str) -> PathBuf {
        self.place.path().join("blobs/sha256").join(digest.trim_start_matches("sha256:"))
    }

    fn index(&self, manifests: &Value) {
        let index = json!({ "schemaVersion": 2, "manifests": manifests });
        fs::write(self.place.path().join("index.json"), index.to_string()).unwrap();
    }

    /// What comes of it after `spoil` had the image's manifest.
    fn read(mut self, spoil: impl FnOnce(&mut Self)) -> Result<Files, String> {
        spoil(&mut self);
        self.index(&json!([self.blob(IMAGE_MANIFEST, self.image.to_string().as_bytes())]));
        read(self.place.path(), None).map_err(|error| error.to_string())
    }
}

fn refusal(spoil: impl FnOnce(&mut Made)) -> String {
    Made::new().read(spoil).unwrap_err()
}

#[test]
fn a_plugin_is_read_out_of_an_image_layout() {
    let files = Made::new().read(|_| ()).unwrap();
    let names: Vec<_> = files.each.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    assert_eq!(files.id, "door");
    let (manifest, schema) = (MANIFEST_TOML.as_bytes(), &b"{}"[..]);
    assert_eq!(
        names,
        [("manifest.toml", manifest), ("door.wasm", &b"\0asm"[..]), ("config.schema.json", schema)]
    );
}

#[test]
fn signatures_come_along_under_names_that_there_may_be() {
    let signed = |title: &str| {
        Made::new().read(|made| {
            let mut layer = made.blob(SIGNATURE, b"c2ln");
            layer["annotations"] = json!({ TITLE: title });
            made.image["layers"].as_array_mut().unwrap().push(layer);
        })
    };
    assert_eq!(signed("door.wasm.sig").unwrap().each[3].0, "door.wasm.sig");
    for title in ["../door.wasm.sig", "/etc/cron.d/x.sig", "door.wasm", "x.sig", "", "a/../door.wasm.sig"] {
        assert!(signed(title).is_err(), "{title}");
    }
}

#[test]
fn f62_a_blob_that_is_not_what_its_digest_or_size_says_is_refused() {
    for layer in 0..3 {
        let told = refusal(|made| {
            let digest = made.image["layers"][layer]["digest"].as_str().unwrap().to_owned();
            let mut bytes = fs::read(made.file(&digest)).unwrap();
            bytes[0] ^= 1;
            fs::write(made.file(&digest), bytes).unwrap();
        });
        assert!(told.contains("not what its digest"), "{told}");
        let told = refusal(|made| {
            let size = made.image["layers"][layer]["size"].as_u64().unwrap();
            made.image["layers"][layer]["size"] = json!(size + 1);
        });
        assert!(told.contains("not what its digest"), "{told}");
    }
    // A file longer than said is not read to its end.
    let told = refusal(|made| made.image["layers"][0]["size"] = json!(1));
    assert!(told.contains("larger than 1 bytes"), "{told}");
    let told = refusal(|made| {
        let digest = made.image["config"]["digest"].as_str().unwrap().to_owned();
        fs::write(made.file(&digest), "{}").unwrap();
    });
    assert!(told.contains("not what its digest"), "{told}");
}

#[test]
fn a_digest_names_no_path() {
    let hex = "a".repeat(64);
    for digest in [
        "sha256:../../../../etc/passwd".to_owned(),
        format!("sha256:{}", hex.to_uppercase()),
        format!("sha512:{hex}{hex}"),
        format!("sha256:{hex}/x"),
        hex,
        String::new(),
    ] {
        let told = refusal(|made| made.image["layers"][0]["digest"] = json!(digest));
        // The configuration names another one by then, or the digest is looked at first.
        assert!(told.contains("no digest") || told.contains("another component"), "{digest}: {told}");
        let told = refusal(|made| made.image["config"]["digest"] = json!(digest));
        assert!(told.contains("no digest"), "{digest}: {told}");
    }
}

#[test]
fn what_is_too_large_is_refused_before_it_is_read() {
    let told = refusal(|made| made.image["layers"][0]["size"] = json!(1_u64 << 40));
    assert!(told.contains("more than"), "{told}");
    let told = refusal(|made| {
        let layer = made.image["layers"][2].clone();
        made.image["layers"].as_array_mut().unwrap().extend(vec![layer; MOST_LAYERS]);
    });
    assert!(told.contains("more than 16 layers"), "{told}");
}

#[test]
fn what_is_no_plugin_is_refused() {
    let told =
        refusal(|made| made.image["config"]["mediaType"] = json!("application/vnd.oci.image.config.v1+json"));
    assert!(told.contains("no WebAssembly"), "{told}");
    let told = refusal(|made| drop(made.image["layers"].as_array_mut().unwrap().remove(1)));
    assert!(told.contains("no layer"), "{told}");
    let told = refusal(|made| {
        let second = made.blob(COMPONENT, b"\0asm2");
        made.image["layers"].as_array_mut().unwrap().push(second);
    });
    assert!(told.contains("several layers"), "{told}");
    let told = refusal(|made| {
        let other = made.blob(COMPONENT, b"\0asm2");
        made.image["layers"][0] = other;
    });
    assert!(told.contains("another component"), "{told}");
}

#[test]
fn of_several_images_one_is_named() {
    let made = Made::new();
    let mut one = made.blob(IMAGE_MANIFEST, made.image.to_string().as_bytes());
    let digest = one["digest"].as_str().unwrap().to_owned();
    one["annotations"] = json!({ REFERENCE: "1.0.0" });
    let mut two = made.blob(IMAGE_MANIFEST, b"{}");
    two["annotations"] = json!({ REFERENCE: "1.1.0" });
    made.index(&json!([one, two]));
    let told = read(made.place.path(), None).unwrap_err().to_string();
    assert!(told.contains("1.0.0, 1.1.0"), "{told}");
    for name in ["1.0.0", digest.as_str()] {
        assert_eq!(read(made.place.path(), Some(name)).unwrap().id, "door");
    }
    assert!(read(made.place.path(), Some("2.0.0")).is_err());
}

#[test]
#[cfg(unix)]
fn what_is_no_file_is_not_opened() {
    // Reading a pipe that nobody writes to would never end.
    let told = refusal(|made| {
        let digest = made.image["layers"][0]["digest"].as_str().unwrap().to_owned();
        fs::remove_file(made.file(&digest)).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(made.file(&digest)).status().unwrap().success());
    });
    assert!(told.contains("no file"), "{told}");
}
