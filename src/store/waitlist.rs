//! Requests for an account: the rows that wait, and what opens or closes them.

use uuid::Uuid;

use super::sql::{Row, Sql as _, args};
use super::users::{email, select_users, user};
use super::{Error, ProvesAddress, Store, Tx};
use crate::domain::{
    Email, Micros, RejectionReason, User, UserId, Waitlist, WaitlistEntry, WaitlistRequires,
};
use crate::guard::Authorized;
use crate::guard::actions::{
    ApproveAllRegistrations, ApproveRegistration, GetMe, ListWaitlist, RejectRegistration,
    ReviewRegistrations,
};

/// Somebody an administrator said yes to.
#[derive(Debug)]
pub struct LetIn {
    pub email: Email,
    pub full_name: Option<String>,
    /// False while the account waits for its other conditions.
    pub opened: bool,
}

fn let_in(row: &Row) -> Result<LetIn, Error> {
    Ok(LetIn {
        email: email(row, "email")?,
        full_name: row.get("full_name")?,
        opened: row.get::<String>("waitlist_status")? == Waitlist::Approved.as_str(),
    })
}

/// Whether something but an administrator's yes is missing; the places of the two settings.
macro_rules! misses {
    ($verified_email:literal, $plugin:literal) => {
        concat!(
            "((",
            $verified_email,
            " AND email_verified_at IS NULL) OR (",
            $plugin,
            " AND waitlist_accepted_at IS NULL))"
        )
    };
}

impl Store {
    /// Whoever has this status, oldest first, and how many there are in all.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_waitlist(
        &self,
        _ok: &Authorized<'_, ListWaitlist>,
        status: Waitlist,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<WaitlistEntry>, i64), Error> {
        let mut db = self;
        let rows = db
            .all(
                select_users!(
                    "WHERE waitlist_status = $1 AND purged_at IS NULL ORDER BY id LIMIT $2 OFFSET $3"
                ),
                args![status.as_str(), limit, offset],
            )
            .await?;
        let total = db
            .one(
                "SELECT COUNT(*) AS total FROM users WHERE waitlist_status = $1 AND purged_at IS NULL",
                args![status.as_str()],
            )
            .await?;
        let entry = |(row, position): (&Row, i64)| {
            Ok(WaitlistEntry {
                user: user(row)?,
                position: (status == Waitlist::Pending).then_some(position),
                approved_at: row.get("waitlist_approved_at")?,
                accepted_at: row.get("waitlist_accepted_at")?,
            })
        };
        Ok((rows.iter().zip(offset + 1..).map(entry).collect::<Result<_, Error>>()?, total.get("total")?))
    }

    /// Where the person stands in the list, from 1; none if they do not wait.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn waitlist_position(&self, ok: &Authorized<'_, GetMe>) -> Result<Option<i64>, Error> {
        let mut db = self;
        let row = db
            .one(
                "SELECT COUNT(*) AS position FROM users WHERE waitlist_status = 'pending' AND id <= $1 AND EXISTS \
                 (SELECT 1 FROM users AS own WHERE own.id = $1 AND own.waitlist_status = 'pending')",
                args![Uuid::from(ok.action().user)],
            )
            .await?;
        Ok(Some(row.get::<i64>("position")?).filter(|position| *position > 0))
    }
}

impl Tx {
    /// Notes that an administrator says yes, and opens the account if nothing else is missing; the account as it is
    /// then, and what this call changed of it. Also for somebody who was turned away.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn approve_registration(
        &mut self,
        ok: &Authorized<'_, ApproveRegistration>,
        requires: WaitlistRequires,
        now: Micros,
    ) -> Result<(User, Option<LetIn>), Error> {
        let id = Uuid::from(ok.action().user);
        let changed = self
            .optional(
                concat!(
                    "UPDATE users SET updated_at = $2, waitlist_approved_at = $2, ",
                    "waitlist_status = CASE WHEN ",
                    misses!("$3", "$4"),
                    " THEN 'pending' ELSE 'approved' END, ",
                    "waitlist_reason = CASE WHEN ",
                    misses!("$3", "$4"),
                    " THEN waitlist_reason ELSE NULL END ",
                    "WHERE id = $1 AND (waitlist_status = 'rejected' OR (waitlist_status = 'pending' AND ",
                    "(waitlist_approved_at IS NULL OR NOT ",
                    misses!("$3", "$4"),
                    "))) ",
                    "RETURNING email, full_name, waitlist_status"
                ),
                args![id, now, requires.verified_email, requires.plugin],
            )
            .await?;
        let row = self.one(select_users!("WHERE id = $1"), args![id]).await?;
        Ok((user(&row)?, changed.as_ref().map(let_in).transpose()?))
    }

    /// The same for everybody who waits, in one statement: who was said yes to by it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn approve_all_registrations(
        &mut self,
        _ok: &Authorized<'_, ApproveAllRegistrations>,
        requires: WaitlistRequires,
        now: Micros,
    ) -> Result<Vec<LetIn>, Error> {
        let rows = self
            .all(
                concat!(
                    "UPDATE users SET updated_at = $1, waitlist_approved_at = $1, ",
                    "waitlist_status = CASE WHEN ",
                    misses!("$2", "$3"),
                    " THEN 'pending' ELSE 'approved' END, ",
                    "waitlist_reason = CASE WHEN ",
                    misses!("$2", "$3"),
                    " THEN waitlist_reason ELSE NULL END ",
                    "WHERE waitlist_status = 'pending' AND (waitlist_approved_at IS NULL OR NOT ",
                    misses!("$2", "$3"),
                    ") RETURNING email, full_name, waitlist_status"
                ),
                args![now, requires.verified_email, requires.plugin],
            )
            .await?;
        rows.iter().map(let_in).collect()
    }

    /// Turns somebody away who waits and ends their sessions; the account as it is then, and whether this call changed it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn reject_registration(
        &mut self,
        ok: &Authorized<'_, RejectRegistration>,
        reason: Option<&RejectionReason>,
        now: Micros,
    ) -> Result<(User, bool), Error> {
        let id = Uuid::from(ok.action().user);
        let reason = reason.map(ToString::to_string);
        let changed = self
            .run(
                "UPDATE users SET waitlist_status = 'rejected', waitlist_reason = $3, waitlist_approved_at = NULL, \
                 waitlist_accepted_at = NULL, updated_at = $2 WHERE id = $1 AND waitlist_status = 'pending'",
                args![id, now, reason],
            )
            .await?;
        if changed == 1 {
            self.run(
                "UPDATE sessions SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL",
                args![id, now],
            )
            .await?;
        }
        let row = self.one(select_users!("WHERE id = $1"), args![id]).await?;
        Ok((user(&row)?, changed == 1))
    }

    /// Opens an account that waited for its address to be proved, if nothing else is missing.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn open_proved_registration<A: ProvesAddress>(
        &mut self,
        _ok: &Authorized<'_, A>,
        user: UserId,
        requires: WaitlistRequires,
        now: Micros,
    ) -> Result<Option<LetIn>, Error> {
        let row = self
            .optional(
                "UPDATE users SET waitlist_status = 'approved', waitlist_reason = NULL, updated_at = $2 \
                 WHERE id = $1 AND waitlist_status = 'pending' AND email_verified_at IS NOT NULL \
                 AND $3 AND (waitlist_approved_at IS NOT NULL OR NOT $4) \
                 AND (waitlist_accepted_at IS NOT NULL OR NOT $5) \
                 RETURNING email, full_name, waitlist_status",
                args![Uuid::from(user), now, requires.verified_email, requires.approval, requires.plugin],
            )
            .await?;
        row.as_ref().map(let_in).transpose()
    }

    /// Notes that the plugins say yes to somebody who waits, and opens the account if nothing else is missing. None if
    /// they do not wait any more, are not whom the plugins were asked about, or have their yes already.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn accept_registration(
        &mut self,
        _ok: &Authorized<'_, ReviewRegistrations>,
        asked: &User,
        requires: WaitlistRequires,
        now: Micros,
    ) -> Result<Option<LetIn>, Error> {
        let row = self
            .optional(
                "UPDATE users SET updated_at = $2, waitlist_accepted_at = $2, \
                 waitlist_status = CASE WHEN ($3 AND email_verified_at IS NULL) OR ($4 AND waitlist_approved_at IS NULL) \
                 THEN 'pending' ELSE 'approved' END, \
                 waitlist_reason = CASE WHEN ($3 AND email_verified_at IS NULL) OR ($4 AND waitlist_approved_at IS NULL) \
                 THEN waitlist_reason ELSE NULL END \
                 WHERE id = $1 AND waitlist_status = 'pending' AND waitlist_accepted_at IS NULL AND email = $5 \
                 RETURNING email, full_name, waitlist_status",
                args![
                    Uuid::from(asked.id),
                    now,
                    requires.verified_email,
                    requires.approval,
                    asked.email.as_str()
                ],
            )
            .await?;
        row.as_ref().map(let_in).transpose()
    }
}

impl Store {
    /// Who waits for a yes of the plugins, by id, beyond `after`. With `proved`, only those who have proved their
    /// address.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_unaccepted(
        &self,
        _ok: &Authorized<'_, ReviewRegistrations>,
        proved: bool,
        after: UserId,
        limit: i64,
    ) -> Result<Vec<User>, Error> {
        let mut db = self;
        let rows = db
            .all(
                select_users!(
                    "WHERE waitlist_status = 'pending' AND waitlist_accepted_at IS NULL AND id > $1 \
                     AND (email_verified_at IS NOT NULL OR NOT $2) AND suspended_at IS NULL \
                     AND deletion_due_at IS NULL ORDER BY id LIMIT $3"
                ),
                args![Uuid::from(after), proved, limit],
            )
            .await?;
        rows.iter().map(user).collect()
    }

    /// The provider that somebody without a password came by first; none for whoever has one.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn provider_of_passwordless(
        &self,
        _ok: &Authorized<'_, ReviewRegistrations>,
        user: UserId,
    ) -> Result<Option<String>, Error> {
        let mut db = self;
        let row = db
            .optional(
                "SELECT identities.provider FROM identities JOIN users ON users.id = identities.user_id \
                 WHERE users.id = $1 AND users.password_hash IS NULL ORDER BY identities.id LIMIT 1",
                args![Uuid::from(user)],
            )
            .await?;
        row.map(|row| row.get("provider")).transpose()
    }
}
