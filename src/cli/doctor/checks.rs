//! The checks. Each prints its line; those whose failure makes a whole start pointless say whether all is well.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::Report;
use crate::cli::wire;
use crate::config::{Config, Mail, Mode};
use crate::crypto::MasterKey;
use crate::domain::OsRandom;
use crate::guard::actions;
use crate::pdp::{self, Pdp};
use crate::plugins::NoHost;
use crate::store::{MIGRATIONS, Store};

/// How long a mail server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Failed policy tests that are shown one by one.
const SHOWN_FAILURES: usize = 5;

pub(super) fn configuration(report: &mut Report, config: &Config) -> io::Result<()> {
    let check = "configuration";
    for found in config.refuse_unsafe() {
        report.wrong(check, format!("{}: {}", found.setting, found.why), found.fix)?;
    }
    if config.mode == Mode::Production {
        return if config.refuse_unsafe().is_empty() {
            report.ok(check, "safe for production")
        } else {
            Ok(())
        };
    }
    let mut production = config.clone();
    production.mode = Mode::Production;
    let mut refused: Vec<_> = production.refuse_unsafe().into_iter().map(|found| found.setting).collect();
    refused.dedup();
    let text = match refused.as_slice() {
        [] => "development mode; production would take these settings too".to_owned(),
        some => format!("development mode; production would refuse: {}", some.join(", ")),
    };
    report.ok(check, text)
}

pub(super) async fn address(report: &mut Report, config: &Config) -> io::Result<()> {
    let check = "listen";
    match tokio::net::TcpListener::bind(config.listen).await {
        Ok(_) => report.ok(check, format!("{} is free", config.listen)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            report.note(check, format!("{} is in use: does the server run already?", config.listen))
        }
        Err(error) => {
            let what = format!("cannot listen on {}: {error}", config.listen);
            report.wrong(
                check,
                what,
                "set PALISADE_LISTEN to an address of this machine and a port you may use",
            )
        }
    }
}

pub(super) fn data_directory(report: &mut Report, config: &Config) -> io::Result<bool> {
    let check = "data directory";
    let shown = config.data_dir.display();
    let Some(there) = nearest(&config.data_dir) else {
        report.wrong(check, format!("{shown} has no parent that exists"), "set PALISADE_DATA_DIR")?;
        return Ok(false);
    };
    if let Err(error) = writable(&there) {
        let what = format!("{} cannot be written to: {error}", there.display());
        report.wrong(check, what, "give it to the user that runs Palisade, or set PALISADE_DATA_DIR")?;
        return Ok(false);
    }
    if there == config.data_dir {
        report.ok(check, format!("{shown} can be written to"))?;
    } else {
        report.ok(check, format!("{shown} is not there yet; the first start makes it"))?;
    }
    Ok(there == config.data_dir)
}

/// Whether there is a key that a start would use as it is.
pub(super) fn master_key(report: &mut Report, config: &Config) -> io::Result<bool> {
    let check = "master key";
    if config.master_key.is_some() {
        report.ok(check, "comes from the settings")?;
        return Ok(true);
    }
    let path = config.data_dir.join("master.key");
    if path.exists() {
        return match MasterKey::load_or_create(&path, &OsRandom) {
            Ok(_) => report.ok(check, format!("{} can be read", path.display())).map(|()| true),
            Err(error) => {
                let remedy = "restore the file from your backup, and let only its owner read it (chmod 600)";
                report.wrong(check, error, remedy).map(|()| false)
            }
        };
    }
    let shown = path.display();
    if sqlite_file(config).is_some_and(|file| file.exists()) {
        let text = format!(
            "{shown} is not there, but a database is\nif a server has run on it, restore the file from your \
             backup; otherwise the first start makes it"
        );
        report.note(check, text)?;
    } else {
        report.ok(check, format!("{shown} is not there yet; the first start makes it"))?;
    }
    Ok(false)
}

/// Whether there is a database, and it is up to date.
pub(super) async fn database(report: &mut Report, config: &Config) -> io::Result<bool> {
    let check = "database";
    if let Some(file) = sqlite_file(config).filter(|file| !file.exists()) {
        let text =
            format!("{} is not there yet; `palisade migrate` or the first start makes it", file.display());
        return report.ok(check, text).map(|()| false);
    }
    let newest = MIGRATIONS.last().map_or("", |(_, name, ..)| *name);
    let kind = if sqlite_file(config).is_some() { "SQLite" } else { "PostgreSQL" };
    match Store::open(config.database_url().expose()).await {
        Ok(store) => {
            let answer = store.ping().await;
            store.close().await;
            if let Err(error) = answer {
                report.wrong(check, chain(&error), "look at the database server's own log")?;
                return Ok(false);
            }
            let text = format!("{kind} opens; its tables are at {newest}, brought there if they were behind");
            report.ok(check, text).map(|()| true)
        }
        Err(error) => {
            let remedy =
                "check PALISADE_DATABASE_URL, that the database runs, and that its user may create tables";
            report.wrong(check, chain(&error), remedy).map(|()| false)
        }
    }
}

pub(super) fn policies(report: &mut Report, config: &Config) -> io::Result<bool> {
    let check = "policies";
    let pdp = match Pdp::load(&config.policies_dir) {
        Ok(pdp) => pdp,
        Err(error) => {
            let remedy = "correct these places, or set PALISADE_POLICIES_DIR to the folder with the policies";
            return report.wrong(check, error, remedy).map(|()| false);
        }
    };
    let known = pdp.operations();
    let missing: Vec<_> =
        actions::names().into_iter().filter(|name| !known.iter().any(|it| it == name)).collect();
    if !missing.is_empty() {
        let what = format!("the schema lacks operations of this server: {}", missing.join(", "));
        let remedy = "bring the schema's actions in from this release's `policies/schema.cedarschema`";
        return report.wrong(check, what, remedy).map(|()| false);
    }
    let shown = config.policies_dir.display();
    report.ok(check, format!("{shown} is valid, version {}", pdp.version())).map(|()| true)
}

pub(super) fn policy_tests(report: &mut Report, config: &Config) -> io::Result<()> {
    let check = "policy tests";
    let folder = config.policies_dir.join("tests");
    if !folder.is_dir() {
        return report.note(check, format!("{} is not there, so nothing was tested", folder.display()));
    }
    match pdp::run_tests(&config.policies_dir, &folder, None) {
        Ok(tests) if tests.failures.is_empty() => report.ok(check, tests.to_string()),
        Ok(mut tests) => {
            let summary = format!("{} of {} failed", tests.failures.len(), tests.cases);
            tests.failures.truncate(SHOWN_FAILURES);
            let shown: String = tests.failures.iter().map(|failure| format!("\n{failure}")).collect();
            let remedy =
                "correct the policy, or the test if the policy is what you want; all: `palisade policy test`";
            report.wrong(check, summary + &shown, remedy)
        }
        Err(error) => report.wrong(check, error, "correct these places"),
    }
}

pub(super) async fn plugins(report: &mut Report, config: &Config) -> io::Result<bool> {
    let check = "plugins";
    match wire::load_plugins(config, std::sync::Arc::new(NoHost)).await {
        Ok(plugins) => {
            let each = plugins.loaded().map(|it| {
                let short = it.sha256.get(..12).unwrap_or_default();
                let lacks = match it.lacks.as_slice() {
                    [] => String::new(),
                    lacks => format!(", not granted: {}", lacks.join(", ")),
                };
                format!("{} {} at {} (sha256 {short}…){lacks}", it.plugin, it.version, it.hook.name())
            });
            let each: Vec<_> = each.collect();
            let none = "none bound: every registration is accepted".to_owned();
            report.ok(check, if each.is_empty() { none } else { each.join("\n") }).map(|()| true)
        }
        Err(error) => {
            let remedy = "correct `[[plugins]]` in the settings file, or PALISADE_PLUGINS_DIR; docs/plugins.md tells more";
            report.wrong(check, chain(&*error), remedy).map(|()| false)
        }
    }
}

pub(super) async fn mail(report: &mut Report, config: &Config) -> io::Result<bool> {
    let check = "mail";
    if let Err(error) = wire::mailer(config) {
        return report
            .wrong(
                check,
                chain(&*error),
                "correct PALISADE_MAIL, PALISADE_MAIL_FROM, PALISADE_MAIL_CA_FILE or the template named",
            )
            .map(|()| false);
    }
    match config.mail() {
        Mail::Folder(folder) => {
            let place = nearest(&folder).unwrap_or_else(|| folder.clone());
            if let Err(error) = writable(&place) {
                let what = format!("{} cannot be written to: {error}", place.display());
                return report.wrong(check, what, "name another folder in PALISADE_MAIL").map(|()| false);
            }
            report.ok(check, format!("letters go into {}/", folder.display())).map(|()| true)
        }
        Mail::Smtp(url) => {
            let Some((host, port)) = mail_server(url.expose()) else {
                return report.wrong(check, "the URL names no host", "correct PALISADE_MAIL").map(|()| false);
            };
            let address = (host.trim_matches(['[', ']']), port);
            let tried = tokio::time::timeout(PATIENCE, tokio::net::TcpStream::connect(address)).await;
            let what = match tried {
                Ok(Ok(_)) => {
                    let text = format!("{host}:{port} answers; whether it takes our password was not tried");
                    return report.ok(check, text).map(|()| true);
                }
                Ok(Err(error)) => format!("{host}:{port} does not answer: {error}"),
                Err(_) => format!("{host}:{port} did not answer within {} s", PATIENCE.as_secs()),
            };
            // Letters wait in the outbox meanwhile, so the server can start.
            report
                .wrong(check, what, "check host and port in PALISADE_MAIL, and the way there")
                .map(|()| true)
        }
    }
}

/// What no single check sees, such as signing keys that another master key sealed.
pub(super) async fn together(report: &mut Report, config: &Config) -> io::Result<()> {
    let check = "together";
    match wire::app(config, None, wire::World::default()).await {
        Ok(app) => {
            app.close().await;
            report.ok(check, "a start with these settings succeeds")
        }
        Err(error) => report.wrong(check, chain(&*error), "restore what belongs together from one backup"),
    }
}

/// Host and port as the mailer will use them.
fn mail_server(url: &str) -> Option<(String, u16)> {
    let url = Url::parse(url).ok()?;
    let upgraded = url.query_pairs().any(|(key, _)| key == "tls");
    let usual = match (url.scheme(), upgraded) {
        ("smtps", _) => 465,
        (_, true) => 587,
        (_, false) => 25,
    };
    Some((url.host_str()?.to_owned(), url.port().unwrap_or(usual)))
}

/// The file of a SQLite database.
fn sqlite_file(config: &Config) -> Option<PathBuf> {
    let url = config.database_url();
    Some(PathBuf::from(url.expose().strip_prefix("sqlite:")?.trim_start_matches("//")))
}

/// The folder, or the nearest one above it that exists.
fn nearest(folder: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(folder).ok()?;
    if absolute.is_dir() {
        return Some(folder.to_owned());
    }
    absolute.ancestors().skip(1).find(|it| it.is_dir()).map(Path::to_owned)
}

/// Writes a file that goes at once.
fn writable(folder: &Path) -> io::Result<()> {
    io::Write::write_all(&mut tempfile::tempfile_in(folder)?, b"palisade doctor")
}

/// An error with its causes, each told once.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| cause.source()).map(ToString::to_string) {
        if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
