//! `/api/v1/organizations/{id}/resources`: the register of a product's own things.

use std::collections::BTreeMap;

use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Chapter;
use super::body::Body;
use super::caller::Caller;
use super::problem::Problem;
use super::reply::{ApiResult, Message};
use crate::domain::{Invalid, NewResource, RegisteredResource, ResourceRef};
use crate::guard::actions::{DeleteResource, GetResource, ListResources, LoadResources, PutResource};
use crate::guard::plain_attributes;

pub(super) struct ResourcesApi;

/// A thing of yours, by its type in the schema and your own id.
#[derive(Object)]
#[oai(rename = "ResourceName")]
struct NameView {
    /// An entity type of the schema, such as `Project`.
    #[oai(rename = "type", validator(max_length = 255))]
    kind: String,
    /// At most 255 bytes; compared byte by byte.
    #[oai(validator(max_length = 255))]
    id: String,
}

/// What is true of a thing. It replaces all that was said of it before.
#[derive(Object)]
struct PutResourceRequest {
    /// What the schema gives the type, except `organization`, which we set. A reference is `{ "type", "id" }`.
    #[oai(default)]
    attributes: BTreeMap<String, Value>,
    /// What the thing is directly in; each must be registered. Whatever may be in an organization is in its own.
    #[oai(default, validator(max_items = 16))]
    parents: Vec<NameView>,
    /// Only if this is its version now; 0: only if it is not registered yet. Left out: whatever is there.
    #[oai(validator(minimum(value = "0")))]
    version: Option<i64>,
}

/// One of many things.
#[derive(Object)]
struct LoadedResource {
    /// An entity type of the schema, such as `Project`.
    #[oai(rename = "type", validator(max_length = 255))]
    kind: String,
    /// At most 255 bytes; compared byte by byte.
    #[oai(validator(max_length = 255))]
    id: String,
    /// As in `put_resource`.
    #[oai(default)]
    attributes: BTreeMap<String, Value>,
    /// As in `put_resource`; each registered already, or earlier in the list.
    #[oai(default, validator(max_items = 16))]
    parents: Vec<NameView>,
}

/// Many things, in an order in which each comes after what it is in.
#[derive(Object)]
struct LoadResourcesRequest {
    #[oai(validator(min_items = 1, max_items = 500))]
    resources: Vec<LoadedResource>,
}

/// A thing as it is registered.
#[derive(Object)]
#[oai(rename = "Resource")]
struct ResourceView {
    organization_id: Uuid,
    #[oai(rename = "type")]
    kind: String,
    id: String,
    attributes: BTreeMap<String, Value>,
    parents: Vec<NameView>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    /// 1 when it was registered, one more with each change.
    version: i64,
}

/// How many things were registered.
#[derive(Object)]
#[oai(rename = "Loaded")]
struct LoadedView {
    count: u64,
}

impl From<&ResourceRef> for NameView {
    fn from(it: &ResourceRef) -> Self {
        Self { kind: it.kind().to_owned(), id: it.id().to_owned() }
    }
}

impl From<RegisteredResource> for ResourceView {
    fn from(it: RegisteredResource) -> Self {
        let NameView { kind, id } = (&it.name).into();
        Self {
            organization_id: it.organization.into(),
            kind,
            id,
            attributes: plain_attributes(&it.attributes).into_iter().collect(),
            parents: it.parents.iter().map(NameView::from).collect(),
            created_at: it.created_at.to_datetime(),
            updated_at: it.updated_at.to_datetime(),
            version: it.version,
        }
    }
}

/// The name, or which part of it is wrong; `place` is what stands before that part.
fn name(kind: &str, id: &str, place: &str) -> Result<ResourceRef, Problem> {
    ResourceRef::parse(kind, id)
        .map_err(|(part, invalid)| Problem::invalid(vec![invalid.at(format!("{place}{part}"))]))
}

fn names(parents: &[NameView], place: &str) -> Result<Vec<ResourceRef>, Problem> {
    let parents = parents.iter().enumerate();
    parents.map(|(n, parent)| name(&parent.kind, &parent.id, &format!("{place}parents.{n}."))).collect()
}

fn map(attributes: BTreeMap<String, Value>) -> Map<String, Value> {
    attributes.into_iter().collect()
}

#[OpenApi(prefix_path = "/api/v1/organizations", tag = "Chapter::Decisions")]
impl ResourcesApi {
    /// Register a thing, or replace what is registered of it
    ///
    /// Its type, attributes and parents are held against the schema.
    #[oai(
        path = "/:organization_id/resources/:type/:resource_id",
        method = "put",
        operation_id = "put_resource"
    )]
    async fn put(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        /// An entity type of the schema.
        #[oai(name = "type")]
        kind: Path<String>,
        /// Your own id.
        resource_id: Path<String>,
        body: Body<PutResourceRequest>,
    ) -> ApiResult<PutResource, ResourceView> {
        let ok = caller.authorize(PutResource { organization: organization_id.0.into() }).await?;
        let PutResourceRequest { attributes, parents, version } = body.0;
        let new = NewResource {
            name: name(&kind.0, &resource_id.0, "")?,
            attributes: map(attributes),
            parents: names(&parents, "")?,
            version,
        };
        let resource = caller.app().put_resource(ok, new).await?;
        Ok(resource.map(ResourceView::from).into())
    }

    /// Read what is registered of a thing
    #[oai(
        path = "/:organization_id/resources/:type/:resource_id",
        method = "get",
        operation_id = "get_resource"
    )]
    async fn get(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        /// An entity type of the schema.
        #[oai(name = "type")]
        kind: Path<String>,
        /// Your own id.
        resource_id: Path<String>,
    ) -> ApiResult<GetResource, ResourceView> {
        let ok = caller.authorize(GetResource { organization: organization_id.0.into() }).await?;
        let name = name(&kind.0, &resource_id.0, "")?;
        let resource = caller.app().get_resource(ok, &name).await?;
        Ok(resource.map(ResourceView::from).into())
    }

    /// Strike a thing off
    ///
    /// Refused while others are in it or refer to it.
    #[oai(
        path = "/:organization_id/resources/:type/:resource_id",
        method = "delete",
        operation_id = "delete_resource"
    )]
    async fn delete(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        /// An entity type of the schema.
        #[oai(name = "type")]
        kind: Path<String>,
        /// Your own id.
        resource_id: Path<String>,
        /// Only if this is its version now.
        version: Query<Option<i64>>,
    ) -> ApiResult<DeleteResource, Message> {
        let ok = caller.authorize(DeleteResource { organization: organization_id.0.into() }).await?;
        let name = name(&kind.0, &resource_id.0, "")?;
        let deleted = caller.app().delete_resource(ok, &name, version.0).await?;
        Ok(deleted.map(|()| Message::new("The thing is struck off.")).into())
    }

    /// List the things of a type
    #[oai(path = "/:organization_id/resources", method = "get", operation_id = "list_resources")]
    async fn list(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        /// An entity type of the schema.
        #[oai(name = "type", validator(min_length = 1, max_length = 255))]
        kind: Query<String>,
        /// The id of the last thing of the page before.
        #[oai(validator(max_length = 255))]
        after: Query<Option<String>>,
        /// How many to list; 100 if left out.
        #[oai(validator(minimum(value = "1"), maximum(value = "500")))]
        limit: Query<Option<i64>>,
    ) -> ApiResult<ListResources, Vec<ResourceView>> {
        let ok = caller.authorize(ListResources { organization: organization_id.0.into() }).await?;
        let after = after.0.unwrap_or_default();
        if [&kind.0, &after].iter().any(|text| text.chars().any(char::is_control)) {
            let invalid = Invalid::new("control-character", "this may not hold control characters");
            return Err(Problem::invalid(vec![invalid.at("after")]));
        }
        let resources = caller.app().list_resources(ok, &kind.0, &after, limit.0.unwrap_or(100)).await?;
        Ok(resources.map(|resources| resources.into_iter().map(ResourceView::from).collect()).into())
    }

    /// Register many things at once
    ///
    /// All of them or none; `errors` names what is wrong with which.
    #[oai(path = "/:organization_id/resources", method = "post", operation_id = "load_resources")]
    async fn load(
        &self,
        caller: Caller,
        organization_id: Path<Uuid>,
        body: Body<LoadResourcesRequest>,
    ) -> ApiResult<LoadResources, LoadedView> {
        let ok = caller.authorize(LoadResources { organization: organization_id.0.into() }).await?;
        let mut new = Vec::with_capacity(body.0.resources.len());
        for (n, it) in body.0.resources.into_iter().enumerate() {
            let place = format!("resources.{n}.");
            let name = name(&it.kind, &it.id, &place)?;
            let parents = names(&it.parents, &place)?;
            new.push(NewResource { name, attributes: map(it.attributes), parents, version: None });
        }
        let loaded = caller.app().load_resources(ok, new).await?;
        Ok(loaded.map(|count| LoadedView { count: count as u64 }).into())
    }
}
