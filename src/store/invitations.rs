//! Offers of a membership.

use std::time::Duration;

use uuid::Uuid;

use super::organizations::{held_role, role};
use super::sql::{Row, Sql as _, args};
use super::{Error, Store, Tx, users};
use crate::domain::{
    Email, HeldRole, Invitation, InvitationId, MembershipId, Micros, OrganizationId, Page, TokenHash, UserId,
};
use crate::guard::Authorized;
use crate::guard::actions::{AcceptInvitation, CreateInvitation, ListInvitations, RevokeInvitation};

macro_rules! select_invitations {
    ($rest:literal) => {
        concat!(
            "SELECT id, organization_id, email, role_id, invited_by, created_at, expires_at, ",
            "(SELECT roles.name FROM roles WHERE roles.id = role_id) AS role_name FROM invitations ",
            $rest
        )
    };
}

fn invitation(row: &Row) -> Result<Invitation, Error> {
    Ok(Invitation {
        id: row.get("id")?,
        organization: row.get("organization_id")?,
        email: users::email(row, "email")?,
        role: held_role(row)?,
        invited_by: row.get("invited_by")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
    })
}

impl Store {
    /// The invitations that are neither accepted, revoked nor over.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list_invitations(
        &self,
        ok: &Authorized<'_, ListInvitations>,
        page: Page,
        now: Micros,
    ) -> Result<Vec<Invitation>, Error> {
        let mut db = self;
        let rows = db
            .all(
                select_invitations!(
                    "WHERE organization_id = $1 AND id > $2 AND accepted_at IS NULL AND revoked_at IS NULL \
                     AND expires_at > $3 ORDER BY id LIMIT $4"
                ),
                args![Uuid::from(ok.action().organization), page.after.unwrap_or_default(), now, page.limit],
            )
            .await?;
        rows.iter().map(invitation).collect()
    }
}

impl Tx {
    /// Keeps an invitation and takes back older open ones to the same address. Also answers with the name of the organization, for the letter.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn insert_invitation(
        &mut self,
        ok: &Authorized<'_, CreateInvitation>,
        id: InvitationId,
        (email, invited_by): (&Email, UserId),
        token: TokenHash,
        lifetime: Duration,
        now: Micros,
    ) -> Result<(Invitation, String), Error> {
        let organization = Uuid::from(ok.action().organization);
        self.hold_role(ok.action().organization, ok.action().role).await?;
        self.run(
            "UPDATE invitations SET revoked_at = $3 WHERE organization_id = $1 AND email = $2 \
             AND accepted_at IS NULL AND revoked_at IS NULL",
            args![organization, email.as_str(), now],
        )
        .await?;
        self.run(
            "INSERT INTO invitations (id, organization_id, email, role_id, invited_by, token_hash, created_at, \
             expires_at, accepted_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, NULL)",
            args![
                Uuid::from(id),
                organization,
                email.as_str(),
                Uuid::from(ok.action().role.id()),
                Uuid::from(invited_by),
                token,
                now,
                now + lifetime,
            ],
        )
        .await?;
        let row = self.one(select_invitations!("WHERE id = $1"), args![Uuid::from(id)]).await?;
        let name = self.one("SELECT name FROM organizations WHERE id = $1", args![organization]).await?;
        Ok((invitation(&row)?, name.get("name")?))
    }

    /// # Errors
    /// [`Error::NotFound`] if it is not open any more.
    pub async fn revoke_invitation(
        &mut self,
        ok: &Authorized<'_, RevokeInvitation>,
        now: Micros,
    ) -> Result<(), Error> {
        let revoked = self
            .run(
                "UPDATE invitations SET revoked_at = $2 WHERE id = $1 AND accepted_at IS NULL AND revoked_at IS NULL",
                args![Uuid::from(ok.action().invitation), now],
            )
            .await?;
        if revoked == 1 { Ok(()) } else { Err(Error::NotFound) }
    }

    /// Spends an invitation and makes the person a member with the role it names. The inviter must still be a
    /// member: whoever was removed leaves no open doors behind.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not open any more;
    /// [`Conflict::AlreadyMember`](super::Conflict::AlreadyMember).
    pub async fn accept_invitation(
        &mut self,
        ok: &Authorized<'_, AcceptInvitation>,
        membership: MembershipId,
        user: UserId,
        now: Micros,
    ) -> Result<(OrganizationId, HeldRole), Error> {
        let AcceptInvitation { organization, invitation } = *ok.action();
        self.hold_organization(organization).await?;
        let row = self
            .one(
                "UPDATE invitations SET accepted_at = $2 WHERE id = $1 AND accepted_at IS NULL AND revoked_at IS NULL \
                 AND expires_at > $2 AND EXISTS (SELECT 1 FROM memberships \
                 WHERE memberships.organization_id = invitations.organization_id \
                 AND memberships.user_id = invitations.invited_by) \
                 RETURNING role_id, invited_by",
                args![Uuid::from(invitation), now],
            )
            .await?;
        let role = role(&row)?;
        let name = self.hold_role(organization, role).await?;
        self.insert_membership((membership, organization), user, role, Some(row.get("invited_by")?), now)
            .await?;
        Ok((organization, HeldRole::new(role, name)))
    }
}
