//! Bringing in the accounts of another system, in batches that can be repeated.

use std::collections::HashMap;

use serde_json::{Map, json};

use super::{App, Error};
use crate::crypto::{FirebaseScrypt, import_hash};
use crate::domain::{Department, Email, FullName, Micros, User, UserId, Waitlist};
use crate::guard::Authorized;
use crate::guard::actions::ImportUsers;
use crate::store::Tx;

/// One account as the other system wrote it. Nothing of it was checked.
#[derive(Debug, Clone, Default)]
pub struct ImportedRow {
    /// Where it stands in the file.
    pub line: u64,
    /// A UUID, kept; without one the account gets a new id.
    pub id: Option<String>,
    pub email: String,
    pub email_verified: bool,
    pub suspended: bool,
    pub password_hash: Option<String>,
    /// Base64; Firebase only.
    pub password_salt: Option<String>,
    pub full_name: Option<String>,
    pub department: Option<String>,
    pub created_at: Option<Micros>,
}

/// What became of the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    pub imported: u64,
    /// They were there already, most likely from an earlier run.
    pub present: u64,
    /// Line and reason; no reason repeats anything secret.
    pub refused: Vec<(u64, String)>,
}

/// An import under way: what it has seen, over all batches.
#[derive(Debug, Default)]
pub struct Import {
    /// Writes nothing, and reports as if it did.
    pub dry_run: bool,
    pub firebase: Option<FirebaseScrypt>,
    pub report: ImportReport,
    emails: HashMap<Email, u64>,
    ids: HashMap<UserId, u64>,
}

impl Import {
    #[must_use]
    pub fn new(dry_run: bool, firebase: Option<FirebaseScrypt>) -> Self {
        Self { dry_run, firebase, ..Self::default() }
    }
}

enum Became {
    Imported,
    Present,
    Refused(String),
}

impl App {
    /// Imports a batch in one transaction: if it fails, none of the batch happened, and the same file can be imported
    /// again. Keep batches at about a hundred rows: while one is written, SQLite takes no other write.
    ///
    /// # Errors
    /// If the database does not answer. A row that is refused is no error: `import.report` tells.
    pub async fn import_users(
        &self,
        ok: &Authorized<'_, ImportUsers>,
        import: &mut Import,
        rows: &[ImportedRow],
    ) -> Result<(), Error> {
        let mut tx = self.store.begin().await?;
        let mut report = ImportReport::default();
        let mut users = Vec::new();
        for row in rows {
            let became = match self.checked(import, row) {
                Ok((user, hash)) => {
                    let became = self.import_one(&mut tx, ok, row, &user, hash.as_deref()).await?;
                    if matches!(became, Became::Imported) {
                        users.push(user.id.to_string());
                    }
                    became
                }
                Err(why) => Became::Refused(why),
            };
            match became {
                Became::Imported => report.imported += 1,
                Became::Present => report.present += 1,
                Became::Refused(why) => report.refused.push((row.line, why)),
            }
        }
        if !import.dry_run && !users.is_empty() {
            self.note(&mut tx, ok, json!({ "users": users })).await?;
            tx.commit().await?;
        }
        import.report.imported += report.imported;
        import.report.present += report.present;
        import.report.refused.append(&mut report.refused);
        Ok(())
    }

    async fn import_one(
        &self,
        tx: &mut Tx,
        ok: &Authorized<'_, ImportUsers>,
        row: &ImportedRow,
        user: &User,
        hash: Option<&str>,
    ) -> Result<Became, Error> {
        let known = tx.accounts_like(ok, &user.email, user.id).await?;
        let with_id = row.id.is_some();
        Ok(match known.as_slice() {
            [] if tx.import_user(ok, user, hash).await? => Became::Imported,
            [] => Became::Refused("the account was made by somebody else meanwhile".to_owned()),
            [(id, email)] if *email == user.email && (!with_id || *id == user.id) => Became::Present,
            [(_, email)] if *email == user.email => {
                Became::Refused("email: an account with another id has this address".to_owned())
            }
            _ => Became::Refused("id: an account with another address has this id".to_owned()),
        })
    }

    /// The account that a row describes, with the hash as it will be stored.
    fn checked(&self, import: &mut Import, row: &ImportedRow) -> Result<(User, Option<String>), String> {
        let at = |field: &'static str| move |why: crate::domain::Invalid| format!("{field}: {}", why.message);
        let email: Email = row.email.parse().map_err(at("email"))?;
        let id = match &row.id {
            Some(text) => UserId::parse(text).ok_or("id: this is not a UUID")?,
            None => self.fresh(),
        };
        let full_name = row.full_name.as_deref().map(FullName::parse).transpose().map_err(at("full_name"))?;
        let department =
            row.department.as_deref().map(Department::parse).transpose().map_err(at("department"))?;
        let hash = match (&row.password_hash, &row.password_salt, &import.firebase) {
            (None, None, _) => None,
            (None, Some(_), _) => return Err("password_hash: there is a salt and no hash".to_owned()),
            (Some(hash), None, _) => Some(import_hash(hash)),
            (Some(hash), Some(salt), Some(firebase)) => Some(firebase.import(hash, salt)),
            (Some(_), Some(_), None) => {
                return Err(
                    "password_salt: only Firebase's hashes have one, and --firebase is not given".to_owned()
                );
            }
        };
        let hash = hash.transpose().map_err(|error| format!("password_hash: {error}"))?;
        if let Some(line) = import.emails.get(&email) {
            return Err(format!("email: line {line} has the same address"));
        }
        if let Some(line) = import.ids.get(&id) {
            return Err(format!("id: line {line} has the same id"));
        }
        import.emails.insert(email.clone(), row.line);
        import.ids.insert(id, row.line);
        let now = self.now();
        let user = User {
            id,
            email,
            full_name: full_name.map(FullName::into_string),
            department: department.map(Department::into_string),
            avatar_url: None,
            attributes: Map::new(),
            email_verified_at: row.email_verified.then_some(now),
            suspended_at: row.suspended.then_some(now),
            super_admin: false,
            waitlist: Waitlist::None,
            waitlist_reason: None,
            referral_source: None,
            language: None,
            deletion_due_at: None,
            created_at: row.created_at.unwrap_or(now),
            updated_at: now,
            last_login_at: None,
        };
        Ok((user, hash))
    }
}
