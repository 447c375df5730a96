//! `/api/v1/organizations`.

use poem_openapi::param::Path;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Chapter;
use super::body::Body;
use super::caller::Caller;
use super::problem::Problem;
use super::reply::{ApiResult, Created, Message};
use crate::domain::{
    Email, FieldError, Invalid, Line, NewOrganization, Organization, OrganizationPatch, OwnOrganization, Slug,
};
use crate::guard::actions::{
    ArchiveOrganization, CreateOrganization, GetOrganization, ListOrganizations, UpdateOrganization,
};

pub(super) struct OrganizationsApi;

/// What founding an organization takes.
#[derive(Object)]
struct CreateOrganizationRequest {
    /// 1 to 255 characters.
    name: String,
    /// 1 to 63 of `a-z`, `0-9` and `-`; nobody else's.
    #[oai(validator(max_length = 255))]
    slug: String,
    /// At most 1,000 characters.
    description: Option<String>,
    billing_email: Option<String>,
}

/// A change to an organization; what is left out stays, `null` clears.
#[derive(Object)]
struct UpdateOrganizationRequest {
    /// 1 to 255 characters.
    name: Option<String>,
    /// At most 1,000 characters.
    #[oai(nullable)]
    description: MaybeUndefined<String>,
    #[oai(nullable)]
    billing_email: MaybeUndefined<String>,
    #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
    max_concurrent_agents: Option<i64>,
    /// Kept for whoever runs the agents: Palisade itself counts no hours. At most a year's.
    #[oai(validator(minimum(value = "0"), maximum(value = "8760")))]
    max_agent_runtime_hours: Option<i64>,
}

/// An organization.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "Organization")]
struct OrganizationView {
    id: Uuid,
    name: String,
    slug: String,
    description: Option<String>,
    billing_email: Option<String>,
    /// Who founded it. Rights come from memberships.
    owner_id: Uuid,
    /// False once it is archived.
    is_active: bool,
    max_concurrent_agents: i64,
    max_agent_runtime_hours: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<Organization> for OrganizationView {
    fn from(it: Organization) -> Self {
        Self {
            id: it.id.into(),
            name: it.name,
            slug: it.slug,
            description: it.description,
            billing_email: it.billing_email.map(|email| email.to_string()),
            owner_id: it.owner.into(),
            is_active: it.archived_at.is_none(),
            max_concurrent_agents: it.max_concurrent_agents,
            max_agent_runtime_hours: it.max_agent_runtime_hours,
            created_at: it.created_at.to_datetime(),
            updated_at: it.updated_at.to_datetime(),
        }
    }
}

/// One of one's own organizations.
#[derive(Object)]
#[oai(rename = "OwnOrganization")]
struct OwnOrganizationView {
    id: Uuid,
    name: String,
    slug: String,
    /// The name of one's role in it.
    role: String,
    /// False once it is archived.
    is_active: bool,
}

impl From<OwnOrganization> for OwnOrganizationView {
    fn from(it: OwnOrganization) -> Self {
        let role = it.role.name;
        Self { id: it.id.into(), name: it.name, slug: it.slug, role, is_active: !it.archived }
    }
}

#[OpenApi(prefix_path = "/api/v1/organizations", tag = "Chapter::Organizations")]
impl OrganizationsApi {
    /// Found an organization
    ///
    /// Whoever founds it is its first owner.
    #[oai(path = "/", method = "post", operation_id = "create_organization")]
    async fn create(
        &self,
        caller: Caller,
        body: Body<CreateOrganizationRequest>,
    ) -> Created<CreateOrganization, OrganizationView> {
        let ok = caller.authorize(CreateOrganization {}).await?;
        let made = caller.app().create_organization(ok, body.0.try_into()?).await?;
        Ok(made.map(OrganizationView::from).into())
    }

    /// List one's own organizations
    #[oai(path = "/", method = "get", operation_id = "list_organizations")]
    async fn list(&self, caller: Caller) -> ApiResult<ListOrganizations, Vec<OwnOrganizationView>> {
        let ok = caller.authorize(ListOrganizations { user: caller.person()?.id }).await?;
        let own = caller.app().list_organizations(ok).await?;
        Ok(own.map(|own| own.into_iter().map(OwnOrganizationView::from).collect()).into())
    }

    /// Read an organization
    #[oai(path = "/:organization_id", method = "get", operation_id = "get_organization")]
    async fn get(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
    ) -> ApiResult<GetOrganization, OrganizationView> {
        let ok = caller.authorize(GetOrganization { organization: organization_id.0.into() }).await?;
        let organization = caller.app().get_organization(ok).await?;
        Ok(organization.map(OrganizationView::from).into())
    }

    /// Change an organization
    #[oai(path = "/:organization_id", method = "patch", operation_id = "update_organization")]
    async fn update(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        body: Body<UpdateOrganizationRequest>,
    ) -> ApiResult<UpdateOrganization, OrganizationView> {
        let ok = caller.authorize(UpdateOrganization { organization: organization_id.0.into() }).await?;
        let organization = caller.app().update_organization(ok, body.0.try_into()?).await?;
        Ok(organization.map(OrganizationView::from).into())
    }

    /// Archive an organization
    ///
    /// Nothing is deleted: members may still read it, and nothing in it can be changed or used.
    #[oai(path = "/:organization_id", method = "delete", operation_id = "archive_organization")]
    async fn archive(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
    ) -> ApiResult<ArchiveOrganization, Message> {
        let ok = caller.authorize(ArchiveOrganization { organization: organization_id.0.into() }).await?;
        let done = caller.app().archive_organization(ok).await?;
        Ok(done.map(|()| Message::new("the organization is archived")).into())
    }
}

/// Collects the fields that are wrong, so that all are told at once.
#[derive(Default)]
struct Wrong(Vec<FieldError>);

impl Wrong {
    fn check<T>(&mut self, field: &str, parsed: Result<T, Invalid>) -> Option<T> {
        parsed.map_err(|invalid| self.0.push(invalid.at(field))).ok()
    }
}

/// Absent, or a text that is empty as the old clients send it.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

impl TryFrom<CreateOrganizationRequest> for NewOrganization {
    type Error = Problem;

    fn try_from(body: CreateOrganizationRequest) -> Result<Self, Problem> {
        let mut wrong = Wrong::default();
        let name = wrong.check("name", Line::parse(&body.name));
        let slug = wrong.check("slug", Slug::parse(&body.slug));
        let description = given(body.description).map(|text| Line::parse(&text)).transpose();
        let description = wrong.check("description", description);
        let billing_email = given(body.billing_email).map(|text| text.parse::<Email>()).transpose();
        let billing_email = wrong.check("billing_email", billing_email);
        match (name, slug, description, billing_email) {
            (Some(name), Some(slug), Some(description), Some(billing_email)) => {
                Ok(Self { name, slug, description, billing_email })
            }
            _ => Err(Problem::invalid(wrong.0)),
        }
    }
}

impl TryFrom<UpdateOrganizationRequest> for OrganizationPatch {
    type Error = Problem;

    fn try_from(body: UpdateOrganizationRequest) -> Result<Self, Problem> {
        let mut wrong = Wrong::default();
        let name = wrong.check("name", body.name.map(|text| Line::parse(&text)).transpose());
        let description = wrong.check("description", changed(body.description, Line::parse));
        let billing_email = wrong.check("billing_email", changed(body.billing_email, str::parse));
        match (name, description, billing_email) {
            (Some(name), Some(description), Some(billing_email)) => Ok(Self {
                name,
                description,
                billing_email,
                max_concurrent_agents: body.max_concurrent_agents,
                max_agent_runtime_hours: body.max_agent_runtime_hours,
            }),
            _ => Err(Problem::invalid(wrong.0)),
        }
    }
}

/// A field of a patch: left out, cleared by `null` or by an empty text, or set.
fn changed<T>(
    field: MaybeUndefined<String>,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
) -> Result<Option<Option<T>>, Invalid> {
    match field {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Ok(Some(None)),
        MaybeUndefined::Value(text) => given(Some(text)).map(|text| parse(&text)).transpose().map(Some),
    }
}
