//! `/api/v1/organizations/{id}/members`.

use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Chapter;
use super::body::Body;
use super::caller::Caller;
use super::reply::{ApiResult, Created, Message};
use super::views::{page, role};
use crate::domain::Member;
use crate::guard::actions::{AddMember, ChangeMemberRole, ListMembers, RemoveMember};

pub(super) struct MembersApi;

/// Whom to make a member, as what.
#[derive(Object)]
struct AddMemberRequest {
    user_id: Uuid,
    /// One of `list_roles`.
    role_id: Uuid,
}

/// The role to give a member.
#[derive(Object)]
struct ChangeMemberRoleRequest {
    /// One of `list_roles`.
    role_id: Uuid,
}

/// One person's place in an organization.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "Membership")]
struct MembershipView {
    id: Uuid,
    user_id: Uuid,
    organization_id: Uuid,
    role_id: Uuid,
    role_name: String,
    email: String,
    full_name: Option<String>,
    avatar_url: Option<String>,
    joined_at: OffsetDateTime,
}

impl From<Member> for MembershipView {
    fn from(it: Member) -> Self {
        Self {
            id: it.id.into(),
            user_id: it.user.into(),
            organization_id: it.organization.into(),
            role_id: it.role.role.id().into(),
            role_name: it.role.name,
            email: it.email.to_string(),
            full_name: it.full_name,
            avatar_url: it.avatar_url,
            joined_at: it.joined_at.to_datetime(),
        }
    }
}

#[OpenApi(prefix_path = "/api/v1/organizations", tag = "Chapter::Organizations")]
impl MembersApi {
    /// List the members of an organization
    #[oai(path = "/:organization_id/members", method = "get", operation_id = "list_members")]
    async fn list(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        /// The id of the last membership of the page before.
        after: Query<Option<Uuid>>,
        /// How many to list; 100 if left out.
        #[oai(validator(minimum(value = "1"), maximum(value = "500")))]
        limit: Query<Option<i64>>,
    ) -> ApiResult<ListMembers, Vec<MembershipView>> {
        let ok = caller.authorize(ListMembers { organization: organization_id.0.into() }).await?;
        let members = caller.app().list_members(ok, page(after.0, limit.0)).await?;
        Ok(members.map(|members| members.into_iter().map(MembershipView::from).collect()).into())
    }

    /// Make an existing person a member
    #[oai(path = "/:organization_id/members", method = "post", operation_id = "add_member")]
    async fn add(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        body: Body<AddMemberRequest>,
    ) -> Created<AddMember, MembershipView> {
        let AddMemberRequest { user_id, role_id } = body.0;
        let action = AddMember { organization: organization_id.0.into(), role: role(role_id) };
        let ok = caller.authorize(action).await?;
        let member = caller.app().add_member(ok, user_id.into()).await?;
        Ok(member.map(MembershipView::from).into())
    }

    /// Give a member another role
    #[oai(
        path = "/:organization_id/members/:membership_id",
        method = "patch",
        operation_id = "change_member_role"
    )]
    async fn change_role(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        membership_id: Path<Uuid>,
        body: Body<ChangeMemberRoleRequest>,
    ) -> ApiResult<ChangeMemberRole, MembershipView> {
        let action = ChangeMemberRole {
            organization: organization_id.0.into(),
            membership: membership_id.0.into(),
            role: role(body.0.role_id),
        };
        let ok = caller.authorize(action).await?;
        let member = caller.app().change_member_role(ok).await?;
        Ok(member.map(MembershipView::from).into())
    }

    /// Remove a member, or leave
    #[oai(
        path = "/:organization_id/members/:membership_id",
        method = "delete",
        operation_id = "remove_member"
    )]
    async fn remove(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        membership_id: Path<Uuid>,
    ) -> ApiResult<RemoveMember, Message> {
        let action =
            RemoveMember { organization: organization_id.0.into(), membership: membership_id.0.into() };
        let ok = caller.authorize(action).await?;
        let done = caller.app().remove_member(ok).await?;
        Ok(done.map(|()| Message::new("the member is removed")).into())
    }
}
