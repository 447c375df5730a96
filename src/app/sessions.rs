//! One's own sign-ins: listing and ending them, and telling of one from a device not seen before.

use serde_json::json;

use super::{App, Error, letter};
use crate::domain::{Micros, Session, User, device_name, network_name};
use crate::guard::actions::{ListSessions, LogoutAll, RevokeOtherSessions, RevokeSession};
use crate::guard::{Authorized, Released};
use crate::outbound::Template;
use crate::store::{Familiarity, SignsIn, Tx};

impl App {
    /// # Errors
    /// If the database does not answer.
    pub async fn list_sessions(
        &self,
        ok: Authorized<'_, ListSessions>,
    ) -> Result<Released<ListSessions, Vec<Session>>, Error> {
        let sessions = self.store.list_sessions(&ok, self.now()).await?;
        Ok(ok.release(sessions))
    }

    /// Ends one session of the person's own; it may be the one the request rests on.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is another's, over, or none.
    pub async fn revoke_session(
        &self,
        ok: Authorized<'_, RevokeSession>,
    ) -> Result<Released<RevokeSession, ()>, Error> {
        let mut tx = self.store.begin().await?;
        tx.revoke_own_session(&ok, self.now()).await?;
        self.note(&mut tx, &ok, json!({ "session": ok.action().session.to_string() })).await?;
        tx.commit().await?;
        Ok(ok.release(()))
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn revoke_other_sessions(
        &self,
        ok: Authorized<'_, RevokeOtherSessions>,
    ) -> Result<Released<RevokeOtherSessions, ()>, Error> {
        let mut tx = self.store.begin().await?;
        tx.revoke_other_sessions(&ok, self.now()).await?;
        self.note(&mut tx, &ok, json!({ "kept": ok.action().session.map(|id| id.to_string()) })).await?;
        tx.commit().await?;
        Ok(ok.release(()))
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn logout_all(&self, ok: Authorized<'_, LogoutAll>) -> Result<Released<LogoutAll, ()>, Error> {
        let mut tx = self.store.begin().await?;
        tx.revoke_all_sessions(&ok, self.now()).await?;
        self.note(&mut tx, &ok, json!({})).await?;
        tx.commit().await?;
        Ok(ok.release(()))
    }

    /// Remembers where a sign-in came from, and tells the person by mail if it is a place not seen before.
    pub(super) async fn greet_device<A: SignsIn>(
        &self,
        tx: &mut Tx,
        ok: &Authorized<'_, A>,
        user: &User,
        now: Micros,
    ) -> Result<(), Error> {
        let origin = &ok.caller().origin;
        let (device, network) = (device_name(origin.user_agent.as_deref()), network_name(origin.ip));
        if tx.remember_device(ok, user.id, (&device, &network), now).await? != Familiarity::New {
            return Ok(());
        }
        let values = [
            ("device", device),
            ("network", network),
            ("time", now.to_sentence()),
            ("link", self.page("/reset-password")),
        ];
        self.enqueue(tx, ok, letter(Template::NewDevice, user, values)).await?;
        self.mail_waits.notify_one();
        Ok(())
    }
}
