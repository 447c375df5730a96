//! Accounts.

use std::str::FromStr as _;

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::sql::{Row, Sql as _, Value, args};
use super::{Error, SignsIn, Store, Tx};
use crate::domain::{Email, Language, Line, Micros, ProfilePatch, User, UserId, Waitlist};
use crate::guard::actions::{
    AddMember, ChangeEmail, CreateAdministrator, FinishSignIn, ForgotPassword, GetMe, Login, RefreshSession,
    Register, ReinstateUser, ResendVerification, SuspendUser, UpdateMe,
};
use crate::guard::{Action, Authorized};

/// An account with the hash of its password.
#[derive(Debug)]
pub struct Account {
    pub user: User,
    pub password_hash: Option<String>,
}

/// A new row.
#[derive(Debug)]
pub struct NewUser {
    pub user: User,
    /// None: the person signs in with others only.
    pub password_hash: Option<String>,
}

/// The actions that must find an account by its address.
pub trait FindsAccounts: Action {}
impl FindsAccounts for Login {}
impl FindsAccounts for Register {}
impl FindsAccounts for RefreshSession {}
impl FindsAccounts for CreateAdministrator {}
impl FindsAccounts for ResendVerification {}
impl FindsAccounts for ForgotPassword {}
impl FindsAccounts for ChangeEmail {}
impl FindsAccounts for FinishSignIn {}

/// The actions that make an account.
pub trait MakesAccounts: Action {}
impl MakesAccounts for Register {}
impl MakesAccounts for CreateAdministrator {}

macro_rules! select_users {
    ($rest:literal) => {
        concat!(
            "SELECT id, email, password_hash, full_name, department, avatar_url, attributes, email_verified_at, ",
            "suspended_at, super_admin, waitlist_status, waitlist_reason, referral_source, created_at, updated_at, ",
            "last_login_at, deletion_due_at, waitlist_approved_at, waitlist_accepted_at, language FROM users ",
            $rest
        )
    };
}

macro_rules! insert_user {
    ($rest:literal) => {
        concat!(
            "INSERT INTO users (id, email, password_hash, full_name, department, avatar_url, ",
            "attributes, email_verified_at, suspended_at, super_admin, waitlist_status, ",
            "waitlist_reason, referral_source, created_at, updated_at, last_login_at, language) VALUES ($1, $2, ",
            "$3, $4, $5, NULL, $6, $7, NULL, $8, $9, $10, $11, $12, $12, NULL, $13)",
            $rest
        )
    };
}
pub(super) use select_users;

pub(super) fn account(row: &Row) -> Result<Account, Error> {
    Ok(Account { user: user(row)?, password_hash: row.get("password_hash")? })
}

pub(super) fn email(row: &Row, column: &'static str) -> Result<Email, Error> {
    row.parse(column, |text| Email::from_str(text).ok())
}

pub(super) fn user(row: &Row) -> Result<User, Error> {
    Ok(User {
        id: row.get("id")?,
        email: email(row, "email")?,
        full_name: row.get("full_name")?,
        department: row.get("department")?,
        avatar_url: row.get("avatar_url")?,
        attributes: row.parse("attributes", |text| serde_json::from_str::<Map<String, Json>>(text).ok())?,
        email_verified_at: row.get("email_verified_at")?,
        suspended_at: row.get("suspended_at")?,
        super_admin: row.get("super_admin")?,
        waitlist: row.parse("waitlist_status", Waitlist::parse)?,
        waitlist_reason: row.get("waitlist_reason")?,
        referral_source: row.get("referral_source")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        last_login_at: row.get("last_login_at")?,
        language: super::outbox::language(row)?,
        deletion_due_at: row.get("deletion_due_at")?,
    })
}

impl Store {
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get_me(&self, ok: &Authorized<'_, GetMe>) -> Result<User, Error> {
        let mut db = self;
        user(&db.one(select_users!("WHERE id = $1"), args![Uuid::from(ok.action().user)]).await?)
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn find_account<A: FindsAccounts>(
        &self,
        _ok: &Authorized<'_, A>,
        email: &Email,
    ) -> Result<Option<Account>, Error> {
        let mut db = self;
        let row = db
            .optional(select_users!("WHERE email = $1 AND purged_at IS NULL"), args![email.as_str()])
            .await?;
        row.as_ref().map(account).transpose()
    }
}

impl Tx {
    /// # Errors
    /// [`Conflict::EmailTaken`](super::Conflict::EmailTaken).
    pub async fn insert_user<A: MakesAccounts>(
        &mut self,
        _ok: &Authorized<'_, A>,
        new: &NewUser,
    ) -> Result<(), Error> {
        self.run(insert_user!(""), row_of(new)).await?;
        Ok(())
    }

    /// As [`Tx::insert_user`], but an address that has an account is no error and changes nothing; whether it had none.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn insert_user_if_new<A: MakesAccounts>(
        &mut self,
        _ok: &Authorized<'_, A>,
        new: &NewUser,
    ) -> Result<bool, Error> {
        Ok(self.run(insert_user!(" ON CONFLICT (email) DO NOTHING"), row_of(new)).await? == 1)
    }

    /// # Errors
    /// [`Error::NotFound`].
    pub async fn update_me(
        &mut self,
        ok: &Authorized<'_, UpdateMe>,
        patch: ProfilePatch,
        now: Micros,
    ) -> Result<User, Error> {
        let id = Uuid::from(ok.action().user);
        let mut kept = user(&self.one(select_users!("WHERE id = $1"), args![id]).await?)?;
        if let Some(full_name) = patch.full_name {
            kept.full_name = full_name.map(Line::into_string);
        }
        if let Some(department) = patch.department {
            kept.department = department.map(Line::into_string);
        }
        if let Some(attributes) = patch.attributes {
            kept.attributes = attributes;
        }
        if let Some(language) = patch.language {
            kept.language = language;
        }
        kept.updated_at = now;
        self.run(
            "UPDATE users SET full_name = $2, department = $3, attributes = $4, updated_at = $5, language = $6 WHERE id = $1",
            args![
                id,
                kept.full_name.as_deref(),
                kept.department.as_deref(),
                json(&kept.attributes),
                now,
                kept.language.map(Language::as_str),
            ],
        )
        .await?;
        Ok(kept)
    }

    /// Notes a sign-in, and keeps a freshly made hash if the old one's parameters have changed.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn signed_in<A: SignsIn>(
        &mut self,
        _ok: &Authorized<'_, A>,
        user: UserId,
        rehashed: Option<&str>,
        now: Micros,
    ) -> Result<(), Error> {
        self.run(
            "UPDATE users SET last_login_at = $2, password_hash = COALESCE($3, password_hash) WHERE id = $1",
            args![Uuid::from(user), now, rehashed],
        )
        .await?;
        Ok(())
    }

    /// Makes an existing account a super admin.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn make_administrator(
        &mut self,
        _ok: &Authorized<'_, CreateAdministrator>,
        user: UserId,
        now: Micros,
    ) -> Result<(), Error> {
        self.run(
            "UPDATE users SET super_admin = $2, waitlist_status = 'approved', \
             email_verified_at = COALESCE(email_verified_at, $3), updated_at = $3 WHERE id = $1",
            args![Uuid::from(user), true, now],
        )
        .await?;
        Ok(())
    }

    /// Stops an account and ends its sessions.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn suspend_user(
        &mut self,
        ok: &Authorized<'_, SuspendUser>,
        now: Micros,
    ) -> Result<User, Error> {
        let id = Uuid::from(ok.action().user);
        self.run(
            "UPDATE users SET suspended_at = COALESCE(suspended_at, $2), updated_at = $2 WHERE id = $1",
            args![id, now],
        )
        .await?;
        self.run(
            "UPDATE sessions SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL",
            args![id, now],
        )
        .await?;
        user(&self.one(select_users!("WHERE id = $1"), args![id]).await?)
    }

    /// # Errors
    /// [`Error::NotFound`].
    pub async fn reinstate_user(
        &mut self,
        ok: &Authorized<'_, ReinstateUser>,
        now: Micros,
    ) -> Result<User, Error> {
        let id = Uuid::from(ok.action().user);
        self.run("UPDATE users SET suspended_at = NULL, updated_at = $2 WHERE id = $1", args![id, now])
            .await?;
        user(&self.one(select_users!("WHERE id = $1"), args![id]).await?)
    }

    /// Whether there is such an account, for whoever may add one to an organization.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn user_exists(
        &mut self,
        _ok: &Authorized<'_, AddMember>,
        user: UserId,
    ) -> Result<bool, Error> {
        Ok(self
            .optional("SELECT id FROM users WHERE id = $1 AND purged_at IS NULL", args![Uuid::from(user)])
            .await?
            .is_some())
    }
}

fn row_of(new: &NewUser) -> Vec<Value> {
    let user = &new.user;
    args![
        Uuid::from(user.id),
        user.email.as_str(),
        new.password_hash.as_deref(),
        user.full_name.as_deref(),
        user.department.as_deref(),
        json(&user.attributes),
        user.email_verified_at,
        user.super_admin,
        user.waitlist.as_str(),
        user.waitlist_reason.as_deref(),
        user.referral_source.as_deref(),
        user.created_at,
        user.language.map(Language::as_str),
    ]
}

fn json(object: &Map<String, Json>) -> String {
    Json::Object(object.clone()).to_string()
}
