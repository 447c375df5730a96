//! Asking somebody to join, by mail.

use std::collections::BTreeMap;

use serde_json::json;

use super::hooks::{calling_person, with_findings};
use super::{App, Error};
use crate::domain::{Email, HeldRole, Invitation, OrganizationId, Page, RoleRef, Secret};
use crate::guard::actions::{AcceptInvitation, CreateInvitation, ListInvitations, RevokeInvitation};
use crate::guard::{Authorized, Principal, Released};
use crate::outbound::{Letter, Template};
use crate::plugins::InvitationWish;

impl App {
    /// Invites an address and mails it the link; an older open invitation to the same address is taken back.
    ///
    /// # Errors
    /// [`Error::Refused`] and [`Error::Unavailable`] by a plugin.
    pub async fn create_invitation(
        &self,
        ok: Authorized<'_, CreateInvitation>,
        email: Email,
        send_email: bool,
    ) -> Result<Released<CreateInvitation, Invitation>, Error> {
        let by = ok.caller().user().ok_or(Error::Unauthenticated { code: "not-signed-in" })?;
        let wish = InvitationWish {
            organization: ok.action().organization.to_string(),
            email: email.to_string(),
            role: match ok.action().role {
                RoleRef::System(role) => role.name().to_owned(),
                role @ (RoleRef::Project(_) | RoleRef::Custom(_)) => role.id().to_string(),
            },
            inviter: Some(calling_person(by)),
        };
        let context = self.hook_context(ok.caller(), None, Some(wish.organization.clone()));
        let findings = self.obey(&ok, self.plugins().org_invite(&context, &wish).await).await?;
        let token = Secret::random(&*self.random);
        let lifetime = self.settings.invitation_lifetime;
        let mut tx = self.store.begin().await?;
        let (invitation, organization) = tx
            .insert_invitation(&ok, self.fresh(), (&email, by.id), token.hash(), lifetime, self.now())
            .await?;
        let details = json!({ "invitation": invitation.id.to_string(), "role": invitation.role.name });
        self.note(&mut tx, &ok, with_findings(details, &findings)).await?;
        if send_email {
            let values = BTreeMap::from([
                ("link".to_owned(), self.link("/accept-invitation", &token)),
                ("organization".to_owned(), organization),
                ("inviter".to_owned(), by.email.to_string()),
                ("role".to_owned(), invitation.role.name.clone()),
            ]);
            self.enqueue(
                &mut tx,
                &ok,
                Letter { template: Template::Invitation, to: email, name: None, values },
            )
            .await?;
        }
        tx.commit().await?;
        self.mail_waits.notify_one();
        Ok(ok.release(invitation))
    }

    /// # Errors
    /// If the database does not answer.
    pub async fn list_invitations(
        &self,
        ok: Authorized<'_, ListInvitations>,
        page: Page,
    ) -> Result<Released<ListInvitations, Vec<Invitation>>, Error> {
        let open = self.store.list_invitations(&ok, page, self.now()).await?;
        Ok(ok.release(open))
    }

    /// # Errors
    /// [`Error::NotFound`] if it is not open any more.
    pub async fn revoke_invitation(
        &self,
        ok: Authorized<'_, RevokeInvitation>,
    ) -> Result<Released<RevokeInvitation, ()>, Error> {
        let mut tx = self.store.begin().await?;
        tx.revoke_invitation(&ok, self.now()).await?;
        self.note(&mut tx, &ok, json!({})).await?;
        tx.commit().await?;
        Ok(ok.release(()))
    }

    /// The action that accepting the invitation behind `token` is. An unknown token is as little found as one that
    /// is somebody else's.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Unauthenticated`] if nobody is signed in.
    pub async fn invitation_to_accept(
        &self,
        caller: &Principal,
        token: &Secret,
    ) -> Result<AcceptInvitation, Error> {
        if caller.is_anonymous() {
            return Err(Error::Unauthenticated { code: "not-signed-in" });
        }
        let found = self.store.invitation_of_token_unguarded(token.hash()).await?;
        let (organization, invitation) = found.ok_or(Error::NotFound)?;
        Ok(AcceptInvitation { organization, invitation })
    }

    /// Joins the organization with the role that the invitation names.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not open any more; [`Error::Conflict`] `already-a-member`.
    pub async fn accept_invitation(
        &self,
        ok: Authorized<'_, AcceptInvitation>,
    ) -> Result<Released<AcceptInvitation, (OrganizationId, HeldRole)>, Error> {
        let user =
            ok.caller().user().map(|user| user.id).ok_or(Error::Unauthenticated { code: "not-signed-in" })?;
        let mut tx = self.store.begin().await?;
        let joined = tx.accept_invitation(&ok, self.fresh(), user, self.now()).await?;
        self.note(&mut tx, &ok, json!({ "role": joined.1.name })).await?;
        tx.commit().await?;
        Ok(ok.release(joined))
    }
}
