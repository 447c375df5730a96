//! Organizations.

use serde_json::json;

use super::{App, Error};
use crate::domain::{NewOrganization, Organization, OrganizationPatch, OwnOrganization};
use crate::guard::actions::{
    ArchiveOrganization, CreateOrganization, GetOrganization, ListOrganizations, UpdateOrganization,
};
use crate::guard::{Authorized, Released};

impl App {
    /// Founds an organization; whoever does is its first owner.
    ///
    /// # Errors
    /// [`Error::Conflict`] `slug-taken`.
    pub async fn create_organization(
        &self,
        ok: Authorized<'_, CreateOrganization>,
        new: NewOrganization,
    ) -> Result<Released<CreateOrganization, Organization>, Error> {
        let owner =
            ok.caller().user().map(|user| user.id).ok_or(Error::Unauthenticated { code: "not-signed-in" })?;
        let mut tx = self.store.begin().await?;
        let made = tx.insert_organization(&ok, (self.fresh(), self.fresh()), owner, &new, self.now()).await?;
        self.note(&mut tx, &ok, json!({ "organization": made.id.to_string(), "slug": made.slug })).await?;
        tx.commit().await?;
        Ok(ok.release(made))
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn list_organizations(
        &self,
        ok: Authorized<'_, ListOrganizations>,
    ) -> Result<Released<ListOrganizations, Vec<OwnOrganization>>, Error> {
        let own = self.store.list_organizations(&ok).await?;
        Ok(ok.release(own))
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn get_organization(
        &self,
        ok: Authorized<'_, GetOrganization>,
    ) -> Result<Released<GetOrganization, Organization>, Error> {
        let organization = self.store.get_organization(&ok).await?;
        Ok(ok.release(organization))
    }

    /// # Errors
    /// [`Error::Conflict`] `changed-meanwhile`.
    pub async fn update_organization(
        &self,
        ok: Authorized<'_, UpdateOrganization>,
        patch: OrganizationPatch,
    ) -> Result<Released<UpdateOrganization, Organization>, Error> {
        let mut tx = self.store.begin().await?;
        let organization = tx.update_organization(&ok, patch, self.now()).await?;
        self.note(&mut tx, &ok, json!({})).await?;
        tx.commit().await?;
        Ok(ok.release(organization))
    }

    /// Closes an organization: its members may still read it, and nothing in it can be changed or used.
    ///
    /// # Errors
    /// [`Error::Conflict`] `changed-meanwhile`.
    pub async fn archive_organization(
        &self,
        ok: Authorized<'_, ArchiveOrganization>,
    ) -> Result<Released<ArchiveOrganization, ()>, Error> {
        let mut tx = self.store.begin().await?;
        tx.archive_organization(&ok, self.now()).await?;
        self.note(&mut tx, &ok, json!({})).await?;
        tx.commit().await?;
        Ok(ok.release(()))
    }
}
