//! Who belongs to which organization, as what.

use uuid::Uuid;

use super::organizations::held_role;
use super::sql::{Row, Sql as _, args};
use super::{Error, Store, Tx, users};
use crate::domain::{
    GrantHolder, Member, MembershipId, Micros, OrganizationId, Page, RoleRef, SystemRole, UserId,
};
use crate::guard::actions::{AddMember, ChangeMemberRole, ListMembers, RemoveMember};
use crate::guard::{Action, Authorized};

macro_rules! select_members {
    ($rest:literal) => {
        concat!(
            "SELECT memberships.id, memberships.organization_id, user_id, role_id, joined_at, users.email, ",
            "users.full_name, users.avatar_url, (SELECT roles.name FROM roles WHERE roles.id = role_id) AS role_name FROM memberships JOIN users ON users.id = memberships.user_id ",
            $rest
        )
    };
}

fn member(row: &Row) -> Result<Member, Error> {
    Ok(Member {
        id: row.get("id")?,
        organization: row.get("organization_id")?,
        user: row.get("user_id")?,
        role: held_role(row)?,
        email: users::email(row, "email")?,
        full_name: row.get("full_name")?,
        avatar_url: row.get("avatar_url")?,
        joined_at: row.get("joined_at")?,
    })
}

/// What became of a change that must leave an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    Done,
    /// It would have taken the last owner, so nothing was changed.
    LastOwner,
}

/// The actions that change or end a membership.
pub(super) trait ChangesMemberships: Action {
    fn membership(&self) -> (OrganizationId, MembershipId);
}
impl ChangesMemberships for ChangeMemberRole {
    fn membership(&self) -> (OrganizationId, MembershipId) {
        (self.organization, self.membership)
    }
}
impl ChangesMemberships for RemoveMember {
    fn membership(&self) -> (OrganizationId, MembershipId) {
        (self.organization, self.membership)
    }
}

impl Store {
    /// # Errors
    /// If the database does not answer.
    pub async fn list_members(
        &self,
        ok: &Authorized<'_, ListMembers>,
        page: Page,
    ) -> Result<Vec<Member>, Error> {
        let mut db = self;
        let rows = db
            .all(
                select_members!(
                    "WHERE organization_id = $1 AND memberships.id > $2 ORDER BY memberships.id LIMIT $3"
                ),
                args![Uuid::from(ok.action().organization), page.after.unwrap_or_default(), page.limit],
            )
            .await?;
        rows.iter().map(member).collect()
    }
}

impl Tx {
    pub(super) async fn insert_membership(
        &mut self,
        (id, organization): (MembershipId, OrganizationId),
        user: UserId,
        role: RoleRef,
        invited_by: Option<UserId>,
        now: Micros,
    ) -> Result<(), Error> {
        self.run(
            "INSERT INTO memberships (id, organization_id, user_id, role_id, invited_by, joined_at, updated_at, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $6, 1)",
            args![
                Uuid::from(id),
                Uuid::from(organization),
                Uuid::from(user),
                Uuid::from(role.id()),
                invited_by.map(Uuid::from),
                now,
            ],
        )
        .await?;
        Ok(())
    }

    /// # Errors
    /// [`Conflict::AlreadyMember`](super::Conflict::AlreadyMember).
    pub async fn add_member(
        &mut self,
        ok: &Authorized<'_, AddMember>,
        id: MembershipId,
        user: UserId,
        now: Micros,
    ) -> Result<Member, Error> {
        let AddMember { organization, role } = *ok.action();
        self.hold_role(organization, role).await?;
        let by = ok.caller().user().map(|by| by.id);
        self.insert_membership((id, organization), user, role, by, now).await?;
        member(&self.one(select_members!("WHERE memberships.id = $1"), args![Uuid::from(id)]).await?)
    }

    /// # Errors
    /// [`Error::Changed`] if the membership is not the one the decision saw.
    pub async fn change_member_role(
        &mut self,
        ok: &Authorized<'_, ChangeMemberRole>,
        now: Micros,
    ) -> Result<(Kept, Member), Error> {
        let ChangeMemberRole { organization, membership, role } = *ok.action();
        self.hold_role(organization, role).await?;
        let keeps_owner = role == SystemRole::Owner.into();
        let kept = self.check_last_owner(ok, keeps_owner).await?;
        if kept == Kept::Done {
            let changed = self
                .run(
                    "UPDATE memberships SET role_id = $2, updated_at = $3, version = version + 1 \
                     WHERE id = $1 AND version = $4",
                    args![Uuid::from(membership), Uuid::from(role.id()), now, ok.seen()],
                )
                .await?;
            if changed != 1 {
                return Err(Error::Changed);
            }
        }
        let row =
            self.one(select_members!("WHERE memberships.id = $1"), args![Uuid::from(membership)]).await?;
        Ok((kept, member(&row)?))
    }

    /// # Errors
    /// [`Error::Changed`] if the membership is not the one the decision saw.
    pub async fn remove_member(&mut self, ok: &Authorized<'_, RemoveMember>) -> Result<Kept, Error> {
        let kept = self.check_last_owner(ok, false).await?;
        if kept == Kept::Done {
            let RemoveMember { organization, membership } = *ok.action();
            let who = "SELECT user_id FROM memberships WHERE id = $1 AND organization_id = $2";
            let who = self.optional(who, args![Uuid::from(membership), Uuid::from(organization)]).await?;
            let who = who.ok_or(Error::Changed)?.get("user_id")?;
            self.drop_grants(organization, GrantHolder::User(who)).await?;
            let removed = self
                .run(
                    "DELETE FROM memberships WHERE id = $1 AND version = $2",
                    args![Uuid::from(ok.action().membership), ok.seen()],
                )
                .await?;
            if removed != 1 {
                return Err(Error::Changed);
            }
        }
        Ok(kept)
    }

    /// Whether an owner remains when the membership in question is one no more.
    async fn check_last_owner<A: ChangesMemberships>(
        &mut self,
        ok: &Authorized<'_, A>,
        keeps_owner: bool,
    ) -> Result<Kept, Error> {
        let (organization, membership) = ok.action().membership();
        self.hold_organization(organization).await?;
        if keeps_owner {
            return Ok(Kept::Done);
        }
        let owners = self
            .all(
                // Whoever is to be deleted will not be there, and can do nothing meanwhile.
                "SELECT memberships.id FROM memberships JOIN users ON users.id = memberships.user_id \
                 WHERE organization_id = $1 AND role_id = $2 AND users.deletion_due_at IS NULL",
                args![Uuid::from(organization), Uuid::from(SystemRole::Owner.id())],
            )
            .await?;
        let ids = owners.iter().map(|row| row.get::<MembershipId>("id")).collect::<Result<Vec<_>, _>>()?;
        Ok(if ids == [membership] { Kept::LastOwner } else { Kept::Done })
    }
}
