//! Accounts that come from another system.

use uuid::Uuid;

use super::sql::{Sql as _, args};
use super::{Error, Tx};
use crate::domain::{Email, User, UserId};
use crate::guard::Authorized;
use crate::guard::actions::ImportUsers;

impl Tx {
    /// The accounts that have this address or this id: at most two.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn accounts_like(
        &mut self,
        _ok: &Authorized<'_, ImportUsers>,
        email: &Email,
        id: UserId,
    ) -> Result<Vec<(UserId, Email)>, Error> {
        let rows = self
            .all(
                "SELECT id, email FROM users WHERE email = $1 OR id = $2",
                args![email.as_str(), Uuid::from(id)],
            )
            .await?;
        rows.iter().map(|row| Ok((row.get("id")?, super::users::email(row, "email")?))).collect()
    }

    /// Whether it was inserted; it is not if its address or its id was taken meanwhile.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn import_user(
        &mut self,
        _ok: &Authorized<'_, ImportUsers>,
        user: &User,
        password_hash: Option<&str>,
    ) -> Result<bool, Error> {
        let inserted = self
            .run(
                "INSERT INTO users (id, email, password_hash, full_name, department, avatar_url, attributes, \
                 email_verified_at, suspended_at, super_admin, waitlist_status, waitlist_reason, referral_source, \
                 created_at, updated_at, last_login_at) \
                 VALUES ($1, $2, $3, $4, $5, NULL, '{}', $6, $7, $8, $9, NULL, NULL, $10, $11, NULL) \
                 ON CONFLICT DO NOTHING",
                args![
                    Uuid::from(user.id),
                    user.email.as_str(),
                    password_hash,
                    user.full_name.as_deref(),
                    user.department.as_deref(),
                    user.email_verified_at,
                    user.suspended_at,
                    user.super_admin,
                    user.waitlist.as_str(),
                    user.created_at,
                    user.updated_at,
                ],
            )
            .await?;
        Ok(inserted == 1)
    }
}
