//! Requests in front of other services: which headers tell of them, and the rules.

use serde::{Deserialize, Deserializer, de};
use uuid::Uuid;

use crate::domain::{DoorResource, DoorRule, DoorText, Opens, OrganizationId, ResourceRef};

/// TOML only.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ForwardAuth {
    /// Which headers tell of the request: `original` (the default) or `forwarded`.
    pub headers: OriginalHeaders,
    /// The first that matches decides; without one nobody passes.
    pub rules: Vec<Rule>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OriginalHeaders {
    /// `X-Original-Method`, `X-Original-Host`, `X-Original-URI`, as nginx is told to set them.
    #[default]
    Original,
    /// `X-Forwarded-Method`, `X-Forwarded-Host`, `X-Forwarded-Uri`, as Caddy and Traefik set them.
    Forwarded,
}

/// One rule, checked.
#[derive(Debug, Clone)]
pub struct Rule(pub DoorRule);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    name: Option<String>,
    host: Option<String>,
    path: String,
    #[serde(default)]
    methods: Vec<String>,
    #[serde(default)]
    public: bool,
    action: Option<String>,
    resource: Option<GivenResource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenResource {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    organization: Option<String>,
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = Given::deserialize(deserializer)?;
        let opens = match (given.public, given.action, given.resource) {
            (true, None, None) => Opens::Public,
            (false, Some(action), Some(resource)) => {
                Opens::To { action, resource: resource.read().map_err(de::Error::custom)? }
            }
            _ => {
                return Err(de::Error::custom(
                    "a rule has either `public = true`, or `action` and `resource`",
                ));
            }
        };
        DoorRule::new(given.name, given.host.as_deref(), &given.path, given.methods, opens)
            .map(Self)
            .map_err(de::Error::custom)
    }
}

impl GivenResource {
    fn read(&self) -> Result<DoorResource, &'static str> {
        match (self.kind.as_str(), self.id.as_deref(), self.organization.as_deref()) {
            ("Platform", None, None) => Ok(DoorResource::Platform),
            ("User", Some("caller"), None) => Ok(DoorResource::Caller),
            ("Organization", Some(id), None) => {
                if let Some(name) = id.strip_prefix('{').and_then(|id| id.strip_suffix('}')) {
                    return Ok(DoorResource::OrganizationIn(name.to_owned()));
                }
                let id = Uuid::parse_str(id)
                    .map_err(|_| "the `id` of an organization must be a UUID or `{name}`")?;
                Ok(DoorResource::Organization(OrganizationId::from(id)))
            }
            (kind, Some(id), Some(organization)) if !matches!(kind, "Platform" | "User" | "Organization") => {
                let (id, organization) = (DoorText::parse(id), DoorText::parse(organization));
                if let DoorText::Fixed(id) = &organization
                    && OrganizationId::parse(id).is_none_or(|parsed| parsed.to_string() != *id)
                {
                    return Err("the `organization` of a thing must be a UUID in lower case or `{name}`");
                }
                let named = match &id {
                    DoorText::Fixed(id) => ResourceRef::parse(kind, id),
                    DoorText::InPath(_) => ResourceRef::parse(kind, "x"),
                };
                named.map_err(|_| "a thing's `type` and `id` have at most 255 bytes, and at least one")?;
                Ok(DoorResource::Thing { kind: kind.to_owned(), id, organization })
            }
            _ => Err(
                "`resource` must be `Platform`, a `User` with `id = \"caller\"`, an `Organization` with an `id`, or a thing \
                 of your own with `id` and `organization`",
            ),
        }
    }
}
