//! Invitations: `/api/v1/organizations/{id}/invitations` and `/api/v1/invitations/accept`.

use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Chapter;
use super::body::Body;
use super::caller::Caller;
use super::problem::Problem;
use super::reply::{ApiResult, Created, Message};
use super::views::{page, role};
use crate::app::Limit;
use crate::domain::{Email, Invitation, Secret};
use crate::guard::actions::{AcceptInvitation, CreateInvitation, ListInvitations, RevokeInvitation};

pub(super) struct InvitationsApi;

/// Whom to ask, as what.
#[derive(Object)]
struct CreateInvitationRequest {
    email: String,
    /// One of `list_roles`.
    role_id: Uuid,
    /// Whether to mail the link; true if left out.
    send_email: Option<bool>,
}

/// The token from the mail.
#[derive(Object)]
struct AcceptInvitationRequest {
    #[oai(validator(max_length = 256))]
    token: String,
}

/// An open invitation.
#[derive(Object)]
#[oai(rename = "Invitation")]
struct InvitationView {
    id: Uuid,
    organization_id: Uuid,
    email: String,
    role_id: Uuid,
    role_name: String,
    invited_by: Uuid,
    created_at: OffsetDateTime,
    expires_at: OffsetDateTime,
}

impl From<Invitation> for InvitationView {
    fn from(it: Invitation) -> Self {
        Self {
            id: it.id.into(),
            organization_id: it.organization.into(),
            email: it.email.to_string(),
            role_id: it.role.role.id().into(),
            role_name: it.role.name,
            invited_by: it.invited_by.into(),
            created_at: it.created_at.to_datetime(),
            expires_at: it.expires_at.to_datetime(),
        }
    }
}

/// What accepting an invitation gave.
#[derive(Object)]
struct Joined {
    organization_id: Uuid,
    role_name: String,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Chapter::Organizations")]
impl InvitationsApi {
    /// Invite somebody by mail
    ///
    /// The link works for seven days, for a person who has proved the address; an older open invitation to the same
    /// address is taken back.
    #[oai(
        path = "/organizations/:organization_id/invitations",
        method = "post",
        operation_id = "create_invitation"
    )]
    async fn create(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        body: Body<CreateInvitationRequest>,
    ) -> Created<CreateInvitation, InvitationView> {
        let email: Email = body
            .0
            .email
            .parse()
            .map_err(|invalid: crate::domain::Invalid| Problem::invalid(vec![invalid.at("email")]))?;
        let action = CreateInvitation { organization: organization_id.0.into(), role: role(body.0.role_id) };
        let ok = caller.authorize(action).await?;
        if body.0.send_email.unwrap_or(true) {
            caller.limit(Limit::MailTo(email.as_str()))?;
        }
        let invitation = caller.app().create_invitation(ok, email, body.0.send_email.unwrap_or(true)).await?;
        Ok(invitation.map(InvitationView::from).into())
    }

    /// List the open invitations
    #[oai(
        path = "/organizations/:organization_id/invitations",
        method = "get",
        operation_id = "list_invitations"
    )]
    async fn list(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        /// The id of the last invitation of the page before.
        after: Query<Option<Uuid>>,
        /// How many to list; 100 if left out.
        #[oai(validator(minimum(value = "1"), maximum(value = "500")))]
        limit: Query<Option<i64>>,
    ) -> ApiResult<ListInvitations, Vec<InvitationView>> {
        let ok = caller.authorize(ListInvitations { organization: organization_id.0.into() }).await?;
        let open = caller.app().list_invitations(ok, page(after.0, limit.0)).await?;
        Ok(open.map(|open| open.into_iter().map(InvitationView::from).collect()).into())
    }

    /// Take an invitation back
    #[oai(
        path = "/organizations/:organization_id/invitations/:invitation_id",
        method = "delete",
        operation_id = "revoke_invitation"
    )]
    async fn revoke(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        invitation_id: Path<Uuid>,
    ) -> ApiResult<RevokeInvitation, Message> {
        let action =
            RevokeInvitation { organization: organization_id.0.into(), invitation: invitation_id.0.into() };
        let ok = caller.authorize(action).await?;
        let done = caller.app().revoke_invitation(ok).await?;
        Ok(done.map(|()| Message::new("the invitation is taken back")).into())
    }

    /// Join an organization
    ///
    /// With the token from the mail, as the person it was sent to.
    #[oai(path = "/invitations/accept", method = "post", operation_id = "accept_invitation")]
    async fn accept(
        &self,
        caller: Caller,
        body: Body<AcceptInvitationRequest>,
    ) -> ApiResult<AcceptInvitation, Joined> {
        let action =
            caller.app().invitation_to_accept(caller.principal(), &Secret::new(body.0.token)).await?;
        let ok = caller.authorize(action).await?;
        let joined = caller.app().accept_invitation(ok).await?;
        let view = joined.map(|(organization, role)| Joined {
            organization_id: organization.into(),
            role_name: role.name,
        });
        Ok(view.into())
    }
}
