//! Who belongs to an organization, as what.

use serde_json::json;

use super::{App, Error};
use crate::domain::{Invalid, Member, Page, UserId};
use crate::guard::actions::{AddMember, ChangeMemberRole, ListMembers, RemoveMember};
use crate::guard::{Authorized, Released};
use crate::store::Kept;

fn last_owner() -> Error {
    Error::Conflict {
        code: "last-owner",
        detail: "this is the organization's last owner; make somebody else an owner first".to_owned(),
    }
}

impl App {
    /// # Errors
    /// If the database does not answer.
    pub async fn list_members(
        &self,
        ok: Authorized<'_, ListMembers>,
        page: Page,
    ) -> Result<Released<ListMembers, Vec<Member>>, Error> {
        let members = self.store.list_members(&ok, page).await?;
        Ok(ok.release(members))
    }

    /// Makes an existing person a member.
    ///
    /// # Errors
    /// [`Error::Invalid`] `unknown-user`, [`Error::Conflict`] `already-a-member`.
    pub async fn add_member(
        &self,
        ok: Authorized<'_, AddMember>,
        user: UserId,
    ) -> Result<Released<AddMember, Member>, Error> {
        let mut tx = self.store.begin().await?;
        if !tx.user_exists(&ok, user).await? {
            let unknown = Invalid::new("unknown-user", "there is no such user");
            return Err(Error::Invalid(vec![unknown.at("user_id")]));
        }
        let member = tx.add_member(&ok, self.fresh(), user, self.now()).await?;
        let details = json!({ "membership": member.id.to_string(), "user": user.to_string(), "role": member.role.name });
        self.note(&mut tx, &ok, details).await?;
        tx.commit().await?;
        Ok(ok.release(member))
    }

    /// # Errors
    /// [`Error::Conflict`] `last-owner` or `changed-meanwhile`.
    pub async fn change_member_role(
        &self,
        ok: Authorized<'_, ChangeMemberRole>,
    ) -> Result<Released<ChangeMemberRole, Member>, Error> {
        let mut tx = self.store.begin().await?;
        let (kept, member) = tx.change_member_role(&ok, self.now()).await?;
        if kept == Kept::LastOwner {
            return Err(last_owner());
        }
        self.note(&mut tx, &ok, json!({ "user": member.user.to_string(), "role": member.role.name })).await?;
        tx.commit().await?;
        Ok(ok.release(member))
    }

    /// Removes a member, or leaves.
    ///
    /// # Errors
    /// [`Error::Conflict`] `last-owner` or `changed-meanwhile`.
    pub async fn remove_member(
        &self,
        ok: Authorized<'_, RemoveMember>,
    ) -> Result<Released<RemoveMember, ()>, Error> {
        let mut tx = self.store.begin().await?;
        if tx.remove_member(&ok).await? == Kept::LastOwner {
            return Err(last_owner());
        }
        self.note(&mut tx, &ok, json!({})).await?;
        tx.commit().await?;
        Ok(ok.release(()))
    }
}
