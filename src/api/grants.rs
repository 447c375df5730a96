//! `/api/v1/organizations/{id}/grants`.

use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Chapter;
use super::body::Body;
use super::caller::Caller;
use super::problem::Problem;
use super::reply::{ApiResult, Created, Message};
use super::views::{instant, page, role};
use crate::domain::{Grant, GrantFilter, GrantHolder, Invalid, Micros, ResourceRef};
use crate::guard::actions::{CreateGrant, DeleteGrant, GetGrant, ListGrants};

pub(super) struct GrantsApi;

/// A registered thing.
#[derive(Object)]
#[oai(rename = "GrantedThing")]
struct ThingView {
    /// An entity type of the schema, such as `Project`.
    #[oai(rename = "type", validator(max_length = 255))]
    kind: String,
    /// Your own id.
    #[oai(validator(max_length = 255))]
    id: String,
}

/// Who gets which role on what: a person or an agent.
#[derive(Object)]
struct CreateGrantRequest {
    /// A member of the organization.
    user_id: Option<Uuid>,
    /// An agent of the organization.
    agent_id: Option<Uuid>,
    /// One of the organization's own, or a project role; see `list_roles`.
    role_id: Uuid,
    resource: ThingView,
    /// From when on it gives nothing any more; for good if left out.
    expires_at: Option<OffsetDateTime>,
}

/// A role on a thing and everything in it.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "Grant")]
struct GrantView {
    id: Uuid,
    organization_id: Uuid,
    user_id: Option<Uuid>,
    agent_id: Option<Uuid>,
    role_id: Uuid,
    role_name: String,
    resource: ThingView,
    /// Absent if a machine gave it.
    granted_by: Option<Uuid>,
    created_at: OffsetDateTime,
    expires_at: Option<OffsetDateTime>,
}

impl From<Grant> for GrantView {
    fn from(it: Grant) -> Self {
        let (user_id, agent_id) = match it.holder {
            GrantHolder::User(id) => (Some(id.into()), None),
            GrantHolder::Agent(id) => (None, Some(id.into())),
        };
        Self {
            id: it.id.into(),
            organization_id: it.organization.into(),
            user_id,
            agent_id,
            role_id: it.role.role.id().into(),
            role_name: it.role.name,
            resource: ThingView { kind: it.on.kind().to_owned(), id: it.on.id().to_owned() },
            granted_by: it.granted_by.map(Uuid::from),
            created_at: it.created_at.to_datetime(),
            expires_at: it.expires_at.map(Micros::to_datetime),
        }
    }
}

fn holder(user: Option<Uuid>, agent: Option<Uuid>) -> Result<Option<GrantHolder>, Problem> {
    match (user, agent) {
        (None, None) => Ok(None),
        (Some(user), None) => Ok(Some(GrantHolder::User(user.into()))),
        (None, Some(agent)) => Ok(Some(GrantHolder::Agent(agent.into()))),
        (Some(_), Some(_)) => {
            let both = Invalid::new("one-of-two", "name a person or an agent, not both");
            Err(Problem::invalid(vec![both.at("agent_id")]))
        }
    }
}

fn thing(kind: &str, id: &str, place: &str) -> Result<ResourceRef, Problem> {
    let wrong = |(part, invalid): (&str, Invalid)| invalid.at(format!("{place}{part}"));
    ResourceRef::parse(kind, id).map_err(|error| Problem::invalid(vec![wrong(error)]))
}

#[OpenApi(prefix_path = "/api/v1/organizations", tag = "Chapter::Organizations")]
impl GrantsApi {
    /// Give a role on one thing and everything in it
    ///
    /// Of no more than the caller holds there, and for no longer.
    #[oai(path = "/:organization_id/grants", method = "post", operation_id = "create_grant")]
    async fn create(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        body: Body<CreateGrantRequest>,
    ) -> Created<CreateGrant, GrantView> {
        let CreateGrantRequest { user_id, agent_id, role_id, resource, expires_at } = body.0;
        let action = CreateGrant { organization: organization_id.0.into(), role: role(role_id) };
        let ok = caller.authorize(action).await?;
        let nobody = || Invalid::new("required", "name a person or an agent").at("user_id");
        let holder = holder(user_id, agent_id)?.ok_or_else(|| Problem::invalid(vec![nobody()]))?;
        let on = thing(&resource.kind, &resource.id, "resource.")?;
        let grant = caller.app().create_grant(ok, holder, &on, expires_at.map(instant)).await?;
        Ok(grant.map(GrantView::from).into())
    }

    /// List who has which role on what
    #[oai(path = "/:organization_id/grants", method = "get", operation_id = "list_grants")]
    async fn list(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        /// Only this person's.
        user_id: Query<Option<Uuid>>,
        /// Only this agent's.
        agent_id: Query<Option<Uuid>>,
        /// Only those on a thing of this type, together with `resource_id`.
        #[oai(name = "type", validator(max_length = 255))]
        kind: Query<Option<String>>,
        /// Only those on the thing with this id, together with `type`; not those on what it is in.
        #[oai(validator(max_length = 255))]
        resource_id: Query<Option<String>>,
        /// The id of the last grant of the page before.
        after: Query<Option<Uuid>>,
        /// How many to list; 100 if left out.
        #[oai(validator(minimum(value = "1"), maximum(value = "500")))]
        limit: Query<Option<i64>>,
    ) -> ApiResult<ListGrants, Vec<GrantView>> {
        let ok = caller.authorize(ListGrants { organization: organization_id.0.into() }).await?;
        let on = match (kind.0, resource_id.0) {
            (None, None) => None,
            (kind, id) => Some(thing(&kind.unwrap_or_default(), &id.unwrap_or_default(), "")?),
        };
        let filter = GrantFilter { holder: holder(user_id.0, agent_id.0)?, on };
        let grants = caller.app().list_grants(ok, &filter, page(after.0, limit.0)).await?;
        Ok(grants.map(|grants| grants.into_iter().map(GrantView::from).collect()).into())
    }

    /// Read who has a role on a thing
    #[oai(path = "/:organization_id/grants/:grant_id", method = "get", operation_id = "get_grant")]
    async fn get(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        grant_id: Path<Uuid>,
    ) -> ApiResult<GetGrant, GrantView> {
        let action = GetGrant { organization: organization_id.0.into(), grant: grant_id.0.into() };
        let ok = caller.authorize(action).await?;
        Ok(caller.app().get_grant(ok).await?.map(GrantView::from).into())
    }

    /// Take a role on a thing away
    #[oai(path = "/:organization_id/grants/:grant_id", method = "delete", operation_id = "delete_grant")]
    async fn delete(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        grant_id: Path<Uuid>,
    ) -> ApiResult<DeleteGrant, Message> {
        let action = DeleteGrant { organization: organization_id.0.into(), grant: grant_id.0.into() };
        let ok = caller.authorize(action).await?;
        let done = caller.app().delete_grant(ok).await?;
        Ok(done.map(|()| Message::new("the role is taken away")).into())
    }
}
