//! Roles on single things, and everything in them.

use serde_json::json;

use super::{App, Error};
use crate::domain::{
    FieldError, Grant, GrantFilter, GrantHolder, Invalid, MAX_GRANTS, Micros, Page, ResourceRef,
};
use crate::guard::actions::{CreateGrant, DeleteGrant, GetGrant, ListGrants};
use crate::guard::{Authorized, Released};
use crate::store::Ungrantable;

impl App {
    /// Gives a member or an agent of the organization a role on a registered thing, until then or for good; of no more
    /// than the caller has there, and for no longer.
    ///
    /// # Errors
    /// [`Error::Invalid`] `in-the-past`, `not-a-member` or `not-registered`; [`Error::Denied`] `role-not-held`;
    /// [`Error::Conflict`] `already-granted` or `too-many-grants`.
    pub async fn create_grant(
        &self,
        ok: Authorized<'_, CreateGrant>,
        holder: GrantHolder,
        on: &ResourceRef,
        expires_at: Option<Micros>,
    ) -> Result<Released<CreateGrant, Grant>, Error> {
        let CreateGrant { organization, role } = *ok.action();
        let now = self.now();
        if expires_at.is_some_and(|end| end <= now) {
            let over = Invalid::new("in-the-past", "it would be over before it began");
            return Err(Error::Invalid(vec![over.at("expires_at")]));
        }
        let Some(thing) = self.store.resource_facts(&ok, on).await? else {
            return Err(ungrantable(Ungrantable::NoResource, holder));
        };
        if !self.guard.holds_on(ok.caller(), (organization, role), &thing.entities, expires_at).await? {
            return Err(self.refuse_permitted(&ok, "role-not-held").await);
        }
        let mut tx = self.store.begin().await?;
        let made = tx.insert_grant(&ok, self.fresh(), (holder, on), expires_at, now).await?;
        let grant = made.map_err(|why| ungrantable(why, holder))?;
        self.note(&mut tx, &ok, told(&grant)).await?;
        tx.commit().await?;
        Ok(ok.release(grant))
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn list_grants(
        &self,
        ok: Authorized<'_, ListGrants>,
        filter: &GrantFilter,
        page: Page,
    ) -> Result<Released<ListGrants, Vec<Grant>>, Error> {
        let grants = self.store.list_grants(&ok, filter, page, self.now()).await?;
        Ok(ok.release(grants))
    }

    /// # Errors
    /// [`Error::NotFound`], also when it is over.
    pub async fn get_grant(&self, ok: Authorized<'_, GetGrant>) -> Result<Released<GetGrant, Grant>, Error> {
        let grant = self.store.get_grant(&ok, self.now()).await?;
        Ok(ok.release(grant))
    }

    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_grant(
        &self,
        ok: Authorized<'_, DeleteGrant>,
    ) -> Result<Released<DeleteGrant, ()>, Error> {
        let mut tx = self.store.begin().await?;
        let grant = tx.delete_grant(&ok).await?;
        self.note(&mut tx, &ok, told(&grant)).await?;
        tx.commit().await?;
        Ok(ok.release(()))
    }
}

fn ungrantable(why: Ungrantable, holder: GrantHolder) -> Error {
    let wrong = |error: FieldError| Error::Invalid(vec![error]);
    match (why, holder) {
        (Ungrantable::NoHolder, GrantHolder::User(_)) => wrong(
            Invalid::new("not-a-member", "this person does not belong to the organization").at("user_id"),
        ),
        (Ungrantable::NoHolder, GrantHolder::Agent(_)) => {
            wrong(Invalid::new("not-a-member", "there is no such agent in the organization").at("agent_id"))
        }
        (Ungrantable::NoResource, _) => wrong(
            Invalid::new("not-registered", "no such thing is registered in this organization").at("resource"),
        ),
        (Ungrantable::TooMany, _) => {
            let detail = format!("one person or agent has at most {MAX_GRANTS} grants in an organization");
            Error::Conflict { code: "too-many-grants", detail }
        }
    }
}

fn told(grant: &Grant) -> serde_json::Value {
    json!({
        "grant": grant.id.to_string(), "holder": grant.holder.id().to_string(), "role": grant.role.role.id().to_string(),
        "name": grant.role.name, "on": grant.on.to_string(), "expires_at": grant.expires_at.map(Micros::get),
    })
}
