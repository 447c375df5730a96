//! One's own account.

use serde_json::json;

use super::{App, Error};
use crate::domain::{ProfilePatch, Secret, User, Waitlist};
use crate::guard::actions::{GetMe, UpdateMe, VerifyEmail};
use crate::guard::{Authorized, Released};
use crate::store;

/// What a person reads of themselves.
#[derive(Debug)]
pub struct Me {
    pub user: User,
    /// How far from the front of the waitlist, from 1; none if they do not wait.
    pub waitlist_position: Option<i64>,
}

impl App {
    /// # Errors
    /// If the database does not answer.
    pub async fn me(&self, ok: Authorized<'_, GetMe>) -> Result<Released<GetMe, Me>, Error> {
        let user = self.store.get_me(&ok).await?;
        let waitlist_position = match user.waitlist {
            Waitlist::Pending => self.store.waitlist_position(&ok).await?,
            Waitlist::Approved | Waitlist::Rejected | Waitlist::None => None,
        };
        Ok(ok.release(Me { user, waitlist_position }))
    }

    /// Changes what a person may change of themselves: nothing a policy reads.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn update_me(
        &self,
        ok: Authorized<'_, UpdateMe>,
        patch: ProfilePatch,
    ) -> Result<Released<UpdateMe, User>, Error> {
        let mut tx = self.store.begin().await?;
        let user = tx.update_me(&ok, patch, self.now()).await?;
        self.note(&mut tx, &ok, json!({})).await?;
        tx.commit().await?;
        Ok(ok.release(user))
    }

    /// Proves an address. Works once. If an account waited for nothing else, it opens.
    ///
    /// # Errors
    /// [`Error::Conflict`] `token-invalid` if the token is unknown, used, over or not about the account's address.
    pub async fn verify_email(
        &self,
        ok: Authorized<'_, VerifyEmail>,
        token: &Secret,
    ) -> Result<Released<VerifyEmail, ()>, Error> {
        let mut tx = self.store.begin().await?;
        let user = match tx.verify_email(&ok, token.hash(), self.now()).await {
            Err(store::Error::NotFound) => {
                return Err(Error::Conflict {
                    code: "token-invalid",
                    detail: "this link was used, is too old or was never sent; ask for a new one".to_owned(),
                });
            }
            user => user?,
        };
        let opened = self.open_proved_registration(&mut tx, &ok, user).await?;
        self.note(&mut tx, &ok, json!({ "user": user.to_string(), "opened": opened })).await?;
        tx.commit().await?;
        self.mail_waits.notify_one();
        self.review_waits.notify_one();
        Ok(ok.release(()))
    }
}
