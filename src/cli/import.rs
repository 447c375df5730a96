//! `palisade import users`: JSON lines or CSV, row by row.

mod records;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use self::records::Records;
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

fn csv(reader: impl BufRead) -> Result<impl Iterator<Item = Line>, Box<dyn std::error::Error + Send + Sync>> {
    let mut records = Records::new(reader);
    let header: Vec<String> = match records.next() {
        Some((_, Ok(header))) => header.iter().map(|column| column.trim().to_owned()).collect(),
        Some((_, Err(why))) => return Err(format!("the header: {why}").into()),
        None => return Err("the file is empty".into()),
    };
    if let Some(unknown) = header.iter().find(|column| !COLUMNS.contains(&column.as_str())) {
        return Err(format!("the header has a column `{unknown}`; known are {}", COLUMNS.join(", ")).into());
    }
    if !header.iter().any(|column| column == "email") {
        return Err("the header has no column `email`".into());
    }
    Ok(records.map(move |(line, record)| {
        let row = record.and_then(|record| Fields::of(&header, record)).and_then(|fields| fields.row(line));
        (line, row)
    }))
}

impl Fields {
    /// One record of a CSV file; an empty field is none.
    fn of(header: &[String], record: Vec<String>) -> Result<Self, String> {
        if record.len() != header.len() {
            return Err(format!("this row has {} fields; the header has {}", record.len(), header.len()));
        }
        let mut named: HashMap<&str, String> = header.iter().map(String::as_str).zip(record).collect();
        let mut take = |name| named.remove(name).filter(|text| !text.is_empty());
        let yes = |text: Option<String>| match text.as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err("email_verified and suspended are `true`, `false` or empty".to_owned()),
        };
        Ok(Self {
            id: take("id"),
            email: take("email").unwrap_or_default(),
            email_verified: yes(take("email_verified"))?,
            suspended: yes(take("suspended"))?,
            password_hash: take("password_hash"),
            password_salt: take("password_salt"),
            full_name: take("full_name"),
            department: take("department"),
            created_at: take("created_at"),
        })
    }

    fn row(self, line: u64) -> Result<ImportedRow, String> {
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
