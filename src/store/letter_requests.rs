//! Letters that somebody asked for by naming an address. Nothing is looked up before the answer, so asking takes the
//! same way for every address; the mail worker does the rest.

use std::net::IpAddr;

use uuid::Uuid;

use super::sql::{Row, Sql as _, args};
use super::users::FindsAccounts;
use super::{Error, Purpose, Store, Tx, users};
use crate::domain::{Email, MessageId, Micros};
use crate::guard::Authorized;
use crate::guard::actions::{DeliverMail, ForgotPassword, ResendVerification};

/// A letter that was asked for.
#[derive(Debug)]
pub struct LetterRequest {
    pub id: MessageId,
    /// What the letter's token is to be good for.
    pub purpose: Purpose,
    pub email: Email,
    /// Of the HTTP request that asked.
    pub request_id: String,
    pub ip: Option<IpAddr>,
}

/// The actions that ask for a letter to an address.
pub trait AsksForLetters: FindsAccounts {
    const PURPOSE: Purpose;
}
impl AsksForLetters for ResendVerification {
    const PURPOSE: Purpose = Purpose::VerifyEmail;
}
impl AsksForLetters for ForgotPassword {
    const PURPOSE: Purpose = Purpose::ResetPassword;
}

fn letter_request(row: &Row) -> Result<LetterRequest, Error> {
    let ip: Option<String> = row.get("ip")?;
    Ok(LetterRequest {
        id: row.get("id")?,
        purpose: row.parse("kind", Purpose::parse)?,
        email: users::email(row, "email")?,
        request_id: row.get("request_id")?,
        ip: ip.and_then(|ip| ip.parse().ok()),
    })
}

impl Tx {
    /// # Errors
    /// If the database does not answer.
    pub async fn insert_letter_request<A: AsksForLetters>(
        &mut self,
        ok: &Authorized<'_, A>,
        id: MessageId,
        email: &Email,
        now: Micros,
    ) -> Result<(), Error> {
        let origin = &ok.caller().origin;
        self.run(
            "INSERT INTO letter_requests (id, kind, email, request_id, ip, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            args![
                Uuid::from(id),
                A::PURPOSE.as_str(),
                email.as_str(),
                origin.request_id.as_str(),
                origin.ip.map(|ip| ip.to_string()),
                now,
            ],
        )
        .await?;
        Ok(())
    }

    /// Takes a request out; false if somebody else has taken it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn take_letter_request(
        &mut self,
        _ok: &Authorized<'_, DeliverMail>,
        id: MessageId,
    ) -> Result<bool, Error> {
        Ok(self.run("DELETE FROM letter_requests WHERE id = $1", args![Uuid::from(id)]).await? == 1)
    }
}

impl Store {
    /// The oldest requests that wait.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_letter_requests(
        &self,
        _ok: &Authorized<'_, DeliverMail>,
        limit: i64,
    ) -> Result<Vec<LetterRequest>, Error> {
        let mut db = self;
        let rows = db
            .all(
                "SELECT id, kind, email, request_id, ip FROM letter_requests ORDER BY id LIMIT $1",
                args![limit],
            )
            .await?;
        rows.iter().map(letter_request).collect()
    }
}
