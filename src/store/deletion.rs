//! The end of an account: asked for, thought over, purged.

use uuid::Uuid;

use super::sql::{Row, Sql as _, args};
use super::users::{select_users, user};
use super::{Error, Store, Tx};
use crate::domain::{Micros, OrganizationId, OwnKeys, SystemRole, User, UserId};
use crate::guard::Authorized;
use crate::guard::actions::{DeleteMe, PurgeAccounts, RestoreMe};

/// What became of the wish to be deleted.
#[derive(Debug)]
pub enum Deletion {
    Scheduled(Box<User>),
    /// These organizations would be left without an owner; nothing was changed. Their slugs.
    LastOwner(Vec<String>),
}

impl Tx {
    /// Has the account purged at `due`, or when it is to be already. Every session and every API key of the person's own
    /// ends, and every token that was sent is worthless.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn schedule_deletion(
        &mut self,
        ok: &Authorized<'_, DeleteMe>,
        due: Micros,
        now: Micros,
    ) -> Result<Deletion, Error> {
        let id = ok.action().user;
        let needed = self.owned_by_nobody_else(id).await?;
        if !needed.is_empty() {
            return Ok(Deletion::LastOwner(needed));
        }
        self.run(
            "UPDATE users SET deletion_due_at = COALESCE(deletion_due_at, $2), updated_at = $3 WHERE id = $1",
            args![Uuid::from(id), due, now],
        )
        .await?;
        self.void_email_tokens(id, now).await?;
        self.end_sessions(id, None, now).await?;
        self.end_keys_of(id, OwnKeys::Ended, now).await?;
        let row = self.one(select_users!("WHERE id = $1"), args![Uuid::from(id)]).await?;
        Ok(Deletion::Scheduled(Box::new(user(&row)?)))
    }

    /// The slugs of the organizations that have no other owner who stays. Archived ones need none.
    async fn owned_by_nobody_else(&mut self, id: UserId) -> Result<Vec<String>, Error> {
        let owner = Uuid::from(SystemRole::Owner.id());
        // In one order for everybody, so that two owners who leave at once wait for each other and not for ever.
        let owned = self
            .all(
                "SELECT organizations.id FROM memberships \
                 JOIN organizations ON organizations.id = memberships.organization_id \
                 WHERE memberships.user_id = $1 AND role_id = $2 AND archived_at IS NULL ORDER BY organizations.id",
                args![Uuid::from(id), owner],
            )
            .await?;
        for row in &owned {
            self.hold_organization(row.get::<OrganizationId>("id")?).await?;
        }
        let needed = self
            .all(
                "SELECT slug FROM memberships own JOIN organizations ON organizations.id = own.organization_id \
                 WHERE own.user_id = $1 AND own.role_id = $2 AND archived_at IS NULL AND NOT EXISTS \
                 (SELECT 1 FROM memberships other JOIN users ON users.id = other.user_id \
                 WHERE other.organization_id = own.organization_id AND other.role_id = $2 AND other.user_id <> $1 \
                 AND users.deletion_due_at IS NULL) ORDER BY slug",
                args![Uuid::from(id), owner],
            )
            .await?;
        needed.iter().map(|row| row.get("slug")).collect()
    }

    /// Keeps the account after all.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn restore_account(
        &mut self,
        ok: &Authorized<'_, RestoreMe>,
        now: Micros,
    ) -> Result<User, Error> {
        let id = Uuid::from(ok.action().user);
        self.run(
            "UPDATE users SET deletion_due_at = NULL, updated_at = $2 WHERE id = $1 AND deletion_due_at IS NOT NULL",
            args![id, now],
        )
        .await?;
        user(&self.one(select_users!("WHERE id = $1"), args![id]).await?)
    }

    /// Takes everything of a person out; false if the account is not due (any more).
    ///
    /// What the person did stays in the events, under an id that names nobody.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn purge_account(
        &mut self,
        _ok: &Authorized<'_, PurgeAccounts>,
        account: UserId,
        now: Micros,
    ) -> Result<bool, Error> {
        let id = Uuid::from(account);
        let due = "SELECT email FROM users WHERE id = $1 AND deletion_due_at <= $2 AND suspended_at IS NULL";
        let Some(row) = self.optional(due, args![id, now]).await? else { return Ok(false) };
        let email: String = row.get("email")?;
        // A name that nobody can register with mail (RFC 2606 section 2), so that the address itself is free again.
        let nobody = format!("{id}@deleted.invalid");
        let purged = self
            .run(
                "UPDATE users SET email = $2, password_hash = NULL, full_name = NULL, department = NULL, \
                 avatar_url = NULL, attributes = '{}', email_verified_at = NULL, super_admin = $4, \
                 waitlist_status = 'none', waitlist_reason = NULL, waitlist_approved_at = NULL, waitlist_accepted_at = NULL, referral_source = NULL, last_login_at = NULL, \
                 deletion_due_at = NULL, purged_at = $3, updated_at = $3 \
                 WHERE id = $1 AND deletion_due_at <= $3 AND suspended_at IS NULL",
                args![id, nobody, now, false],
            )
            .await?;
        if purged != 1 {
            return Ok(false);
        }
        self.run(
            "UPDATE organizations SET owner_id = COALESCE((SELECT user_id FROM memberships \
             WHERE organization_id = organizations.id AND role_id = $2 AND user_id <> $1 \
             ORDER BY memberships.id LIMIT 1), owner_id) WHERE owner_id = $1",
            args![id, Uuid::from(SystemRole::Owner.id())],
        )
        .await?;
        self.run(
            "UPDATE invitations SET revoked_at = $2 \
             WHERE invited_by = $1 AND accepted_at IS NULL AND revoked_at IS NULL",
            args![id, now],
        )
        .await?;
        self.drop_all_grants(account).await?;
        for statement in [
            "DELETE FROM sessions WHERE user_id = $1",
            "DELETE FROM api_keys WHERE user_id = $1",
            "DELETE FROM email_tokens WHERE user_id = $1",
            "DELETE FROM known_devices WHERE user_id = $1",
            "DELETE FROM known_networks WHERE user_id = $1",
            "DELETE FROM memberships WHERE user_id = $1",
            "DELETE FROM identities WHERE user_id = $1",
            "DELETE FROM oauth_codes WHERE user_id = $1",
            "DELETE FROM oauth_flows WHERE user_id = $1",
        ] {
            self.run(statement, args![id]).await?;
        }
        self.forget_decisions(account, &email).await?;
        for statement in
            ["DELETE FROM invitations WHERE email = $1", "DELETE FROM letter_requests WHERE email = $1"]
        {
            self.run(statement, args![email.as_str()]).await?;
        }
        Ok(true)
    }
}

impl Store {
    /// The accounts whose time is over, the oldest wish first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_due_accounts(
        &self,
        _ok: &Authorized<'_, PurgeAccounts>,
        limit: i64,
        now: Micros,
    ) -> Result<Vec<UserId>, Error> {
        let mut db = self;
        let rows = db
            .all(
                "SELECT id FROM users WHERE deletion_due_at <= $1 AND suspended_at IS NULL \
                 ORDER BY deletion_due_at, id LIMIT $2",
                args![now, limit],
            )
            .await?;
        rows.iter().map(|row: &Row| row.get("id")).collect()
    }
}
