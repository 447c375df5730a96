//! Machine code is kept in the data folder, and only what this installation compiled ever runs.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::beside;
use crate::on_both;
use crate::support::{PASSWORD, Server};

on_both!(f62_code_that_this_installation_did_not_compile_never_runs);

const GUARDED: &str =
    "[[plugins]]\nname = \"waitlist\"\ndeadline_ms = 5000\n[plugins.config]\nmode = \"closed\"\n";

async fn registers(server: &Server, email: &str) -> u16 {
    server.post("/api/v1/auth/register", json!({ "email": email, "password": PASSWORD })).await.status
}

fn code(server: &Server) -> PathBuf {
    server.folder.path().join("compiled/waitlist.code")
}

async fn f62_code_that_this_installation_did_not_compile_never_runs(first: Server) {
    let mut setup = beside(&first);
    setup.plugins = GUARDED;
    let server = Server::with(setup).await;
    let kept = fs::read(code(&server)).unwrap();
    assert_eq!(registers(&server, "ada@example.com").await, 403, "the plugin refuses everybody");
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(code(&server)).unwrap().permissions()) & 0o777,
        0o600
    );

    // The same code after a restart is read and not written again.
    let written = fs::metadata(code(&server)).unwrap().modified().unwrap();
    let server = server.restarted().await;
    assert_eq!(fs::metadata(code(&server)).unwrap().modified().unwrap(), written);
    assert_eq!(registers(&server, "bob@example.com").await, 403);

    // Somebody writes to the folder: machine code with one byte changed, as wasmtime would still load it; nothing.
    let mut changed = kept.clone();
    let place = changed.len() / 2;
    changed[place] ^= 1;
    let mut server = server;
    for bytes in [changed, kept[..place].to_vec(), Vec::new()] {
        fs::write(code(&server), &bytes).unwrap();
        server = server.restarted().await;
        assert_ne!(fs::read(code(&server)).unwrap(), bytes, "it was compiled again");
        assert_eq!(registers(&server, "eve@example.com").await, 403);
    }
    // A folder that cannot be made costs a compilation and nothing else.
    fs::remove_dir_all(code(&server).parent().unwrap()).unwrap();
    fs::write(code(&server).parent().unwrap(), "no folder").unwrap();
    let server = server.restarted().await;
    assert_eq!(registers(&server, "eve@example.com").await, 403);
}
