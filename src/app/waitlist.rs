//! Requests for an account: letting in who waits, and turning away.

use std::collections::BTreeMap;

use serde_json::json;

use super::{App, Error};
use crate::domain::{Email, RejectionReason, User, UserId, Waitlist, WaitlistEntry};
use crate::guard::actions::{ApproveAllRegistrations, ApproveRegistration, ListWaitlist, RejectRegistration};
use crate::guard::{Action, Authorized, Released};
use crate::outbound::{Letter, Template};
use crate::store::{ProvesAddress, Tx};

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
    ) -> Result<Released<ListWaitlist, (Vec<WaitlistEntry>, i64)>, Error> {
        let found = self.store.list_waitlist(&ok, status, limit, offset).await?;
        Ok(ok.release(found))
    }

    /// Says yes to somebody who waits or was turned away. Once every condition is met the account opens and they are
    /// told; doing it twice is no error and sends one letter.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn approve_registration(
        &self,
        ok: Authorized<'_, ApproveRegistration>,
    ) -> Result<Released<ApproveRegistration, User>, Error> {
        let mut tx = self.store.begin().await?;
        let requires = self.settings.waitlist_requires;
        let (user, changed) = tx.approve_registration(&ok, requires, self.now()).await?;
        if let Some(let_in) = changed {
            self.note(&mut tx, &ok, json!({ "user": user.id.to_string(), "opened": let_in.opened })).await?;
            if let_in.opened {
                self.tell_let_in(&mut tx, &ok, let_in.email, let_in.full_name).await?;
            }
        }
        tx.commit().await?;
        self.mail_waits.notify_one();
        self.review_waits.notify_one();
        Ok(ok.release(user))
    }

    /// Says yes to everybody who waits; to how many.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn approve_all_registrations(
        &self,
        ok: Authorized<'_, ApproveAllRegistrations>,
    ) -> Result<Released<ApproveAllRegistrations, usize>, Error> {
        let mut tx = self.store.begin().await?;
        let requires = self.settings.waitlist_requires;
        let approved = tx.approve_all_registrations(&ok, requires, self.now()).await?;
        let count = approved.len();
        if count > 0 {
            self.note(&mut tx, &ok, json!({ "count": count })).await?;
        }
        for let_in in approved.into_iter().filter(|let_in| let_in.opened) {
            self.tell_let_in(&mut tx, &ok, let_in.email, let_in.full_name).await?;
        }
        tx.commit().await?;
        self.mail_waits.notify_one();
        self.review_waits.notify_one();
        Ok(ok.release(count))
    }

    /// Turns somebody away who waits: they are told, their sessions end and the account cannot be used. Nothing is
    /// deleted, and an administrator may still say yes. Doing it twice is no error and sends one letter.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] `not-waiting` if they were let in already.
    pub async fn reject_registration(
        &self,
        ok: Authorized<'_, RejectRegistration>,
        reason: Option<RejectionReason>,
    ) -> Result<Released<RejectRegistration, User>, Error> {
        let mut tx = self.store.begin().await?;
        let (user, changed) = tx.reject_registration(&ok, reason.as_ref(), self.now()).await?;
        if user.waitlist != Waitlist::Rejected {
            return Err(Error::Conflict {
                code: "not-waiting",
                detail: "this account does not wait; to stop it, suspend it".to_owned(),
            });
        }
        if changed {
            let reason = reason.as_ref().map(ToString::to_string);
            self.note(&mut tx, &ok, json!({ "user": user.id.to_string(), "reason": reason })).await?;
            let values = reason.map(|reason| ("reason".to_owned(), reason)).into_iter().collect();
            let letter = Letter {
                template: Template::RegistrationRejected,
                to: user.email.clone(),
                name: user.full_name.clone(),
                values,
            };
            self.enqueue(&mut tx, &ok, letter).await?;
        }
        tx.commit().await?;
        self.mail_waits.notify_one();
        Ok(ok.release(user))
    }

    /// After an address was proved, in the same transaction: opens the account if it waited for nothing else.
    pub(super) async fn open_proved_registration<A: ProvesAddress>(
        &self,
        tx: &mut Tx,
        ok: &Authorized<'_, A>,
        user: UserId,
    ) -> Result<bool, Error> {
        let requires = self.settings.waitlist_requires;
        let Some(let_in) = tx.open_proved_registration(ok, user, requires, self.now()).await? else {
            return Ok(false);
        };
        self.tell_let_in(tx, ok, let_in.email, let_in.full_name).await?;
        Ok(true)
    }

    pub(super) async fn tell_let_in<A: Action>(
        &self,
        tx: &mut Tx,
        ok: &Authorized<'_, A>,
        to: Email,
        name: Option<String>,
    ) -> Result<(), Error> {
        let values = BTreeMap::from([("link".to_owned(), self.settings.public_url.to_string())]);
        self.enqueue(tx, ok, Letter { template: Template::WaitlistApproved, to, name, values }).await
    }
}
