//! Letting in who waits.

use std::collections::BTreeMap;

use serde_json::json;

use super::{App, Error};
use crate::domain::{User, Waitlist};
use crate::guard::actions::{ApproveRegistration, ListWaitlist};
use crate::guard::{Authorized, Released};
use crate::outbound::{Letter, Template};

impl App {
    /// Whoever has this status, oldest first, and how many there are in all.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_waitlist(
        &self,
        ok: Authorized<'_, ListWaitlist>,
        status: Waitlist,
        limit: i64,
        offset: i64,
    ) -> Result<Released<ListWaitlist, (Vec<User>, i64)>, Error> {
        let found = self.store.list_waitlist(&ok, status, limit, offset).await?;
        Ok(ok.release(found))
    }

    /// Lets somebody in and tells them; doing it twice is no error and sends one letter.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn approve_registration(
        &self,
        ok: Authorized<'_, ApproveRegistration>,
    ) -> Result<Released<ApproveRegistration, User>, Error> {
        let mut tx = self.store.begin().await?;
        let (user, changed) = tx.approve_registration(&ok, self.now()).await?;
        if changed {
            self.note(&mut tx, &ok, json!({ "user": user.id.to_string() })).await?;
            let letter = Letter {
                template: Template::WaitlistApproved,
                to: user.email.clone(),
                name: user.full_name.clone(),
                values: BTreeMap::from([("link".to_owned(), self.settings.public_url.to_string())]),
            };
            self.enqueue(&mut tx, &ok, letter).await?;
        }
        tx.commit().await?;
        self.mail_waits.notify_one();
        Ok(ok.release(user))
    }
}
