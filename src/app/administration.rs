//! What administrators do to accounts.

use serde_json::{Map, json};

use super::{App, Error, parse_email};
use crate::domain::{Password, Secret, User, UserId, Waitlist};
use crate::guard::actions::{CreateAdministrator, ReinstateUser, SuspendUser};
use crate::guard::{Authorized, Released};
use crate::store::NewUser;

impl App {
    /// Makes a super admin, for whoever holds the machine: a new account, or an existing one raised, whose
    /// password is then left as it is. The address counts as proved.
    ///
    /// # Errors
    /// [`Error::Invalid`] on the address or the password.
    pub async fn create_administrator(
        &self,
        ok: Authorized<'_, CreateAdministrator>,
        email: &str,
        password: &Secret,
    ) -> Result<Released<CreateAdministrator, UserId>, Error> {
        let email = parse_email(email)?;
        let existing = self.store.find_account(&ok, &email).await?;
        let now = self.now();
        let id = match existing {
            Some(account) => {
                let mut tx = self.store.begin().await?;
                tx.make_administrator(&ok, account.user.id, now).await?;
                self.note(&mut tx, &ok, json!({ "user": account.user.id.to_string() })).await?;
                tx.commit().await?;
                account.user.id
            }
            None => {
                let password = Password::choose(password.expose(), &email)
                    .map_err(|invalid| Error::Invalid(vec![invalid.at("password")]))?;
                let password_hash = self.hasher.hash(password).await?;
                let id: UserId = self.fresh();
                let user = User {
                    id,
                    email,
                    full_name: None,
                    department: None,
                    avatar_url: None,
                    attributes: Map::new(),
                    email_verified_at: Some(now),
                    suspended_at: None,
                    super_admin: true,
                    waitlist: Waitlist::None,
                    waitlist_reason: None,
                    referral_source: None,
                    created_at: now,
                    updated_at: now,
                    last_login_at: None,
                    language: None,
                    deletion_due_at: None,
                };
                let mut tx = self.store.begin().await?;
                tx.insert_user(&ok, &NewUser { user, password_hash: Some(password_hash) }).await?;
                self.note(&mut tx, &ok, json!({ "user": id.to_string() })).await?;
                tx.commit().await?;
                id
            }
        };
        Ok(ok.release(id))
    }

    /// Stops an account; its sessions end at once.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn suspend_user(
        &self,
        ok: Authorized<'_, SuspendUser>,
    ) -> Result<Released<SuspendUser, User>, Error> {
        let mut tx = self.store.begin().await?;
        let user = tx.suspend_user(&ok, self.now()).await?;
        self.note(&mut tx, &ok, json!({})).await?;
        tx.commit().await?;
        Ok(ok.release(user))
    }

    /// Undoes a suspension. The person signs in anew.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn reinstate_user(
        &self,
        ok: Authorized<'_, ReinstateUser>,
    ) -> Result<Released<ReinstateUser, User>, Error> {
        let mut tx = self.store.begin().await?;
        let user = tx.reinstate_user(&ok, self.now()).await?;
        self.note(&mut tx, &ok, json!({})).await?;
        tx.commit().await?;
        Ok(ok.release(user))
    }
}
