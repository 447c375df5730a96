//! `palisade import users`: JSON lines or CSV, row by row.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Outcome, wire};
use crate::app::{Import, ImportedRow};
use crate::config::Config;
use crate::crypto::FirebaseScrypt;
use crate::domain::Micros;
use crate::guard::Principal;
use crate::guard::actions::ImportUsers;
use crate::telemetry;

const BATCH: usize = 100;

/// A row as both formats spell it. A field that is not known stops the row: what it means could matter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(default)]
    id: Option<String>,
    email: String,
    #[serde(default)]
    email_verified: Option<bool>,
    #[serde(default)]
    suspended: Option<bool>,
    #[serde(default)]
    password_hash: Option<String>,
    #[serde(default)]
    password_salt: Option<String>,
    #[serde(default)]
    full_name: Option<String>,
    #[serde(default)]
    department: Option<String>,
    #[serde(default)]
    created_at: Option<String>,
}

/// A line of the file, read or not.
type Line = (u64, Result<ImportedRow, String>);

#[expect(clippy::print_stdout, reason = "this is the command line")]
pub(super) async fn users(config: Config, file: &Path, dry_run: bool, firebase: Option<&Path>) -> Outcome {
    telemetry::start("warn", config.log_format)?;
    let firebase = firebase.map(parameters).transpose()?;
    let mut lines = open(file)?;
    let app = wire::app(&config, None, wire::World::default()).await?;
    let caller = Principal::system("cli", "import-users".to_owned());
    let ok = app.authorize(&caller, ImportUsers {}).await?;
    let mut import = Import::new(dry_run, firebase);
    let mut refused = 0;
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        let mut read = 0;
        for (line, row) in lines.by_ref().take(BATCH) {
            read += 1;
            match row {
                Ok(row) => batch.push(row),
                Err(why) => import.report.refused.push((line, why)),
            }
        }
        app.import_users(&ok, &mut import, &batch).await?;
        let mut told = std::mem::take(&mut import.report.refused);
        told.sort();
        refused += told.len();
        for (line, why) in told {
            println!("line {line}: {why}");
        }
        if read < BATCH {
            break;
        }
    }
    app.close().await;
    let report = import.report;
    let would = if dry_run { " would be" } else { "" };
    println!(
        "{} accounts{would} imported, {} there already, {refused} refused",
        report.imported, report.present
    );
    match refused {
        0 => Ok(()),
        _ => Err(format!("{refused} rows were refused; mend them and import the file again").into()),
    }
}

fn parameters(file: &Path) -> Result<FirebaseScrypt, Box<dyn std::error::Error + Send + Sync>> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("`{}`: {error}", file.display()))?;
    Ok(FirebaseScrypt::parse(&text)?)
}

/// JSON lines if the file begins with `{`, else CSV with a header.
fn open(file: &Path) -> Result<Box<dyn Iterator<Item = Line>>, Box<dyn std::error::Error + Send + Sync>> {
    let told = |error: std::io::Error| format!("`{}`: {error}", file.display());
    let mut reader = BufReader::new(File::open(file).map_err(told)?);
    let first = reader.fill_buf().map_err(told)?.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'{') { Ok(Box::new(json_lines(reader))) } else { Ok(Box::new(csv(reader)?)) }
}

fn json_lines(reader: impl BufRead) -> impl Iterator<Item = Line> {
    let numbered = (1_u64..).zip(reader.lines());
    let kept = numbered.filter(|(_, text)| !text.as_ref().is_ok_and(|text| text.trim().is_empty()));
    kept.map(|(line, text)| {
        let row = text.map_err(|_| "this is not UTF-8".to_owned()).and_then(|text| {
            // serde_json tells where, and of an unknown field which; a value it repeats only by its type.
            let fields: Fields = serde_json::from_str(&text).map_err(|error| unread(&error))?;
            fields.row(line)
        });
        (line, row)
    })
}

/// What is wrong, without a value: serde's own text repeats one that has the wrong type.
fn unread(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.starts_with("unknown field") || text.starts_with("missing field") {
        return text;
    }
    match error.classify() {
        serde_json::error::Category::Data => {
            format!("a field has the wrong type, at column {}", error.column())
        }
        _ => format!("this is not JSON, at column {}", error.column()),
    }
}

fn csv(reader: impl BufRead) -> Result<impl Iterator<Item = Line>, Box<dyn std::error::Error + Send + Sync>> {
    const COLUMNS: [&str; 9] = [
        "id",
        "email",
        "email_verified",
        "suspended",
        "password_hash",
        "password_salt",
        "full_name",
        "department",
        "created_at",
    ];
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(reader);
    let header = reader.headers()?.clone();
    if let Some(unknown) = header.iter().find(|column| !COLUMNS.contains(column)) {
        return Err(format!("the header has a column `{unknown}`; known are {}", COLUMNS.join(", ")).into());
    }
    if !header.iter().any(|column| column == "email") {
        return Err("the header has no column `email`".into());
    }
    Ok(reader.into_records().map(move |record| match record {
        Ok(record) => {
            let line = record.position().map_or(0, csv::Position::line);
            // What serde says of a wrong value repeats it.
            let fields = record.deserialize::<Fields>(Some(&header));
            let wrong = |_| "email_verified and suspended are `true`, `false` or empty".to_owned();
            (line, fields.map_err(wrong).and_then(|fields| fields.row(line)))
        }
        Err(error) => {
            let line = error.position().map_or(0, csv::Position::line);
            let why = match error.kind() {
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    format!("this row has {len} fields; the header has {expected_len}")
                }
                csv::ErrorKind::Utf8 { .. } => "this is not UTF-8".to_owned(),
                _ => "this row cannot be read".to_owned(),
            };
            (line, Err(why))
        }
    }))
}

impl Fields {
    fn row(self, line: u64) -> Result<ImportedRow, String> {
        // An empty field of a CSV file is none.
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let created_at = given(self.created_at).map(|text| {
            let at = OffsetDateTime::parse(&text, &Rfc3339).ok();
            at.and_then(|at| i64::try_from(at.unix_timestamp_nanos() / 1_000).ok()).map(Micros::new)
        });
        if created_at == Some(None) {
            return Err("created_at: this is no instant such as 2024-05-31T12:00:00Z".to_owned());
        }
        Ok(ImportedRow {
            line,
            id: given(self.id),
            email: self.email,
            email_verified: self.email_verified.unwrap_or(false),
            suspended: self.suspended.unwrap_or(false),
            password_hash: given(self.password_hash),
            password_salt: given(self.password_salt),
            full_name: given(self.full_name),
            department: given(self.department),
            created_at: created_at.flatten(),
        })
    }
}
