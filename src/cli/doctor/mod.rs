//! `palisade doctor`: looks at everything a start needs and tells all that is wrong, each with its remedy.
//!
//! Owns: the report. May import: every floor. Must never: stop at the first fault, make a file that was not there,
//! or print a secret. Read next: `checks.rs`.

mod checks;

use std::io::{self, Write as _};

use super::Outcome;
use crate::config::{Config, ConfigError};

/// How one check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    /// Worth knowing; not a fault.
    Note,
    Wrong,
}

/// The lines of the report, printed as they come.
#[derive(Debug, Default)]
struct Report {
    wrong: usize,
}

impl Report {
    fn add(&mut self, state: State, check: &str, text: &str) -> io::Result<()> {
        let word = match state {
            State::Ok => "ok",
            State::Note => "note",
            State::Wrong => "wrong",
        };
        self.wrong += usize::from(state == State::Wrong);
        // Further lines stand under the first.
        let text = text.replace('\n', "\n                       ");
        writeln!(io::stdout(), "{word:<6} {check:<15} {text}")
    }

    fn ok(&mut self, check: &str, text: impl AsRef<str>) -> io::Result<()> {
        self.add(State::Ok, check, text.as_ref())
    }

    fn note(&mut self, check: &str, text: impl AsRef<str>) -> io::Result<()> {
        self.add(State::Note, check, text.as_ref())
    }

    /// With what to do about it.
    fn wrong(&mut self, check: &str, what: impl std::fmt::Display, remedy: &str) -> io::Result<()> {
        self.add(State::Wrong, check, &format!("{what}\nto mend it: {remedy}"))
    }
}

pub(super) async fn run(config: Result<Config, ConfigError>) -> Outcome {
    let mut report = Report::default();
    match config {
        Err(error) => {
            let remedy = format!(
                "correct `{}` in {}; docs/operations.md lists the settings",
                error.setting, error.source_name
            );
            report.wrong("configuration", &error, &remedy)?;
            report.note("the rest", "not checked: it depends on the configuration")?;
        }
        Ok(config) => {
            checks::configuration(&mut report, &config)?;
            checks::address(&mut report, &config).await?;
            let data = checks::data_directory(&mut report, &config)?;
            let key = checks::master_key(&mut report, &config)?;
            let database = checks::database(&mut report, &config).await?;
            let policies = checks::policies(&mut report, &config)?;
            if policies {
                checks::policy_tests(&mut report, &config)?;
            } else {
                report.note("policy tests", "not run: the policies are wrong")?;
            }
            let plugins = checks::plugins(&mut report, &config).await?;
            let mail = checks::mail(&mut report, &config).await?;
            if data && key && database && policies && plugins && mail && config.refuse_unsafe().is_empty() {
                checks::together(&mut report, &config).await?;
            } else {
                report
                    .note("together", "not tried: it needs all of the above, and a database that is there")?;
            }
        }
    }
    match report.wrong {
        0 => Ok(()),
        1 => Err("one check is wrong".into()),
        count => Err(format!("{count} checks are wrong").into()),
    }
}
