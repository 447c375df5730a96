//! `palisade plugin build`: from source to component, with pinned tools.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::parts::CONTRACT;
use super::{Language, Outcome};
use crate::plugins::{Inspection, ManifestView};

/// The way of `scripts/build-plugin`, for any workspace.
const BUILD_GUEST: &str = include_str!("../../../scripts/build-guest");

#[expect(clippy::print_stdout, reason = "this is the command line")]
pub(super) fn build(folder: &Path) -> Outcome {
    let folder = folder.canonicalize()?;
    let manifest = ManifestView::read(&folder)?;
    let out = folder.join(&manifest.component);
    let world = manifest.world.split(['/', '@']).nth(1).unwrap_or_default();
    match language(&folder)? {
        Language::Rust => rust(&folder, &manifest.id, &out)?,
        Language::Js => js(&folder, world, &out)?,
        Language::Python => python(&folder, world, &out)?,
    }
    let it = Inspection::of(&folder)?;
    println!("{}: {} bytes, sha256 {}", manifest.component, it.size, it.sha256);
    Ok(())
}

pub(super) fn language(folder: &Path) -> Result<Language, String> {
    for (file, language) in [
        ("Cargo.toml", Language::Rust),
        ("package.json", Language::Js),
        ("requirements.txt", Language::Python),
    ] {
        if folder.join(file).is_file() {
            return Ok(language);
        }
    }
    Err("there is no source here: neither Cargo.toml nor package.json nor requirements.txt".to_owned())
}

fn rust(folder: &Path, name: &str, out: &Path) -> Outcome {
    needs("cargo", "a Rust toolchain; https://rustup.rs installs one")?;
    needs("bash", "bash")?;
    // A project of its own is its workspace; a plugin beside others has one above.
    let is_root = |at: &Path| {
        fs::read_to_string(at.join("Cargo.toml"))
            .is_ok_and(|text| text.contains("\n[workspace]") || text.starts_with("[workspace]"))
    };
    let workspace = folder.ancestors().find(|at| is_root(at)).ok_or("there is no Cargo workspace here")?;
    let mut command = Command::new("bash");
    command.args(["-c", BUILD_GUEST, "build-guest"]).arg(workspace).arg(name).arg(out);
    run(command, "the crate was not built")
}

fn js(folder: &Path, world: &str, out: &Path) -> Outcome {
    needs("npm", "Node.js 20 or later with npm; https://nodejs.org")?;
    let tools = folder.join("node_modules/.bin");
    if !tools.join("componentize-qjs").exists() {
        let mut command = Command::new("npm");
        command.args(["ci", "--no-audit", "--no-fund", "--silent"]).current_dir(folder);
        run(command, "npm could not fetch what package-lock.json names")?;
    }
    if folder.join("tsconfig.json").is_file() {
        let mut command = Command::new(tools.join("tsc"));
        command.current_dir(folder);
        run(command, "the TypeScript was refused")?;
    }
    let package: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("package.json"))?)?;
    let main = package
        .get("main")
        .and_then(serde_json::Value::as_str)
        .ok_or("package.json: `main` must name the plugin's file")?;
    let mut command = Command::new(tools.join("componentize-qjs"));
    command.arg("--wit").arg(contract(folder)?).args(["--world", world, "--js", main]);
    command.args(["--stub-wasi", "--sync", "--opt-size", "-o"]).arg(out).current_dir(folder);
    quiet(command, "componentize-qjs failed")
}

fn python(folder: &Path, world: &str, out: &Path) -> Outcome {
    needs("python3", "Python 3.10 or later; https://www.python.org")?;
    let tools = folder.join(".venv");
    if !tools.join("bin/componentize-py").exists() {
        let mut command = Command::new("python3");
        command.args(["-m", "venv"]).arg(&tools);
        run(command, "there is no venv module; Debian has it in python3-venv")?;
        let mut command = Command::new(tools.join("bin/pip"));
        command.args(["install", "-q", "--disable-pip-version-check", "-r", "requirements.txt"]);
        run(command.current_dir(folder), "pip could not install what requirements.txt names")?;
    }
    let mut command = Command::new(tools.join("bin/componentize-py"));
    command.arg("-q").arg("-d").arg(contract(folder)?).args(["-w", world, "componentize", "plugin", "-o"]);
    run(command.arg(out).current_dir(folder), "componentize-py failed")
}

/// In a project of its own, or beside the plugins of this repository.
fn contract(folder: &Path) -> Result<PathBuf, String> {
    let places = [folder.join(CONTRACT), folder.join("../wit/palisade-plugin@0.2.0")];
    let found = places.into_iter().find(|at| at.is_dir());
    found.ok_or_else(|| format!("the contract is missing: `{CONTRACT}`"))
}

fn needs(program: &str, what: &str) -> Result<(), String> {
    let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if version.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(format!("`{program}` is missing: this needs {what}"))
}

fn run(mut command: impl std::borrow::BorrowMut<Command>, otherwise: &str) -> Outcome {
    let status = command.borrow_mut().stdin(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(otherwise.to_owned().into()) }
}

/// As [`run`], and shows what the tool says only if it fails.
#[expect(clippy::print_stderr, reason = "this is the command line")]
fn quiet(mut command: Command, otherwise: &str) -> Outcome {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    eprint!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(otherwise.to_owned().into())
}
