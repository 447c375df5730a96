//! The facts a decision rests on, read as Cedar entities.

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::organizations::role;
use super::sql::{Row, Sql as _, args};
use super::{Error, Store, users};
use crate::domain::{
    AgentId, GrantHolder, InvitationId, MembershipId, Micros, OrganizationId, Roles, SystemRole, UserId,
};
use crate::guard::actions::role_ref;
use crate::guard::{AgentPrincipal, Facts, FactsError, GivenRole, Party, Resource, Slice};
use crate::pdp::{Entity, EntityRef, FactSet, Value};

#[async_trait]
impl Facts for Store {
    async fn about(&self, party: &Party, resource: &Resource) -> Result<Arc<Slice>, FactsError> {
        self.slice(party, resource).await.map_err(|error| FactsError(Box::new(error)))
    }

    async fn own_roles(&self, organization: OrganizationId) -> Result<Roles, FactsError> {
        self.roles_of(organization).await.map_err(|error| FactsError(Box::new(error)))
    }

    async fn grants(
        &self,
        organization: OrganizationId,
        revision: i64,
        holder: GrantHolder,
    ) -> Result<Arc<[GivenRole]>, FactsError> {
        let known = self.known_grants(organization, revision, holder);
        known.await.map_err(|error| FactsError(Box::new(error)))
    }
}

impl Store {
    async fn slice(&self, party: &Party, resource: &Resource) -> Result<Arc<Slice>, Error> {
        Ok(Arc::new(match *resource {
            Resource::Organization(id) => return self.organization_slice(party, id).await,
            Resource::Platform => bare(resource, true),
            Resource::User(user) => self.user_slice(party, user).await?,
            Resource::Membership(organization, id) => self.membership_slice(party, organization, id).await?,
            Resource::Invitation(organization, id) => self.invitation_slice(party, organization, id).await?,
            Resource::Agent(organization, id) => self.agent_slice(party, organization, id).await?,
        }))
    }

    async fn user_slice(&self, party: &Party, user: UserId) -> Result<Slice, Error> {
        // One's own entity is known already.
        if person(party) == Some(user) {
            return Ok(Slice { exists: true, ..Slice::default() });
        }
        let known = self
            .known(
                "SELECT email, email_verified_at, suspended_at, super_admin, waitlist_status, deletion_due_at \
                 FROM users WHERE id = $1 AND purged_at IS NULL",
                args![Uuid::from(user)],
                |row| Ok(FactSet::from(user_entity(user, row)?)),
            )
            .await?;
        let exists = known.is_some();
        let nobody = || Entity {
            uid: Resource::User(user).entity(),
            attributes: user_attributes(String::new(), [false; 4]),
            parents: Vec::new(),
        };
        let entities = known.map_or_else(|| nobody().into(), |known| FactSet::clone(&known));
        Ok(Slice { entities, exists, ..Slice::default() })
    }

    /// The organization and the party's role in it, in one statement.
    async fn organization_slice(&self, party: &Party, id: OrganizationId) -> Result<Arc<Slice>, Error> {
        let caller_id = person(party).map(Uuid::from);
        let known = self
            .known(
                "SELECT archived_at, organizations.version, roles_revision, register_revision, grants_revision, role_id \
                 FROM organizations \
                 LEFT JOIN memberships ON memberships.organization_id = organizations.id AND memberships.user_id = $2 \
                 WHERE organizations.id = $1",
                args![Uuid::from(id), caller_id],
                |row| {
                    let archived = row.get::<Option<Micros>>("archived_at")?.is_some();
                    Ok(Slice {
                        entities: organization_entities(id, archived).into(),
                        roles: roles(id, row)?,
                        exists: true,
                        version: Some(row.get("version")?),
                        // Most organizations never make a role, and pay nothing for those that do.
                        own_roles: Some((id, row.get("roles_revision")?)).filter(|(_, revision)| *revision > 0),
                        register: Some(row.get("register_revision")?),
                        grants: Some((id, row.get("grants_revision")?)).filter(|(_, revision)| *revision > 0),
                    })
                },
            )
            .await?;
        let nothing = || Slice { entities: organization_entities(id, false).into(), ..Slice::default() };
        Ok(known.unwrap_or_else(|| Arc::new(nothing())))
    }

    async fn membership_slice(
        &self,
        party: &Party,
        organization: OrganizationId,
        id: MembershipId,
    ) -> Result<Slice, Error> {
        let mut slice = Arc::unwrap_or_clone(self.organization_slice(party, organization).await?);
        let mut db = self;
        let row = db
            .optional(
                "SELECT user_id, role_id, version FROM memberships WHERE id = $1 AND organization_id = $2",
                args![Uuid::from(id), Uuid::from(organization)],
            )
            .await?;
        slice.exists = row.is_some();
        let (user, role, version) = match row {
            Some(row) => (row.get::<UserId>("user_id")?.to_string(), role(&row)?, Some(row.get("version")?)),
            None => (String::new(), SystemRole::Viewer.into(), None),
        };
        slice.version = version;
        slice.entities.push(Entity {
            uid: Resource::Membership(organization, id).entity(),
            attributes: vec![
                ("organization".into(), Value::Entity(Resource::Organization(organization).entity())),
                ("user".into(), Value::Entity(EntityRef::new("User", user))),
                ("role".into(), Value::Entity(role_ref(organization, role))),
            ],
            parents: vec![Resource::Organization(organization).entity()],
        });
        Ok(slice)
    }

    async fn invitation_slice(
        &self,
        party: &Party,
        organization: OrganizationId,
        id: InvitationId,
    ) -> Result<Slice, Error> {
        let mut slice = Arc::unwrap_or_clone(self.organization_slice(party, organization).await?);
        let mut db = self;
        let row = db
            .optional(
                "SELECT email, role_id FROM invitations WHERE id = $1 AND organization_id = $2",
                args![Uuid::from(id), Uuid::from(organization)],
            )
            .await?;
        slice.exists = row.is_some();
        slice.version = None;
        let (email, role) = match row {
            Some(row) => (users::email(&row, "email")?.to_string(), role(&row)?),
            None => (String::new(), SystemRole::Viewer.into()),
        };
        slice.entities.push(Entity {
            uid: Resource::Invitation(organization, id).entity(),
            attributes: vec![
                ("organization".into(), Value::Entity(Resource::Organization(organization).entity())),
                ("email".into(), Value::Text(email)),
                ("role".into(), Value::Entity(role_ref(organization, role))),
            ],
            parents: vec![Resource::Organization(organization).entity()],
        });
        Ok(slice)
    }

    async fn agent_slice(
        &self,
        party: &Party,
        organization: OrganizationId,
        id: AgentId,
    ) -> Result<Slice, Error> {
        let mut slice = Arc::unwrap_or_clone(self.organization_slice(party, organization).await?);
        let found = self.agent_principal(organization, id).await?;
        slice.exists = found.is_some();
        slice.version = found.as_ref().map(|(_, version)| *version);
        let agent = found.map(|(agent, _)| agent).unwrap_or(AgentPrincipal {
            id,
            organization,
            role: SystemRole::AgentExecutor.into(),
            suspended: false,
            project: None,
            task: None,
        });
        slice.entities.push(agent.entity());
        Ok(slice)
    }
}

/// Whose roles are looked up.
fn person(party: &Party) -> Option<UserId> {
    match party {
        Party::User(user) => Some(user.id),
        Party::Anonymous
        | Party::System(_)
        | Party::Agent(_)
        | Party::Service(_)
        | Party::Credential(_)
        | Party::Plugin(_) => None,
    }
}

fn bare(resource: &Resource, exists: bool) -> Slice {
    let entity = Entity { uid: resource.entity(), attributes: Vec::new(), parents: Vec::new() };
    Slice { entities: entity.into(), exists, ..Slice::default() }
}

/// A person, by a row of theirs; the roles are somebody else's to add.
pub(super) fn user_entity(user: UserId, row: &Row) -> Result<Entity, Error> {
    let flags = [
        row.get::<Option<Micros>>("email_verified_at")?.is_some(),
        row.get::<String>("waitlist_status")? == "pending",
        row.get::<Option<Micros>>("suspended_at")?.is_some(),
        row.get("super_admin")?,
    ];
    let mut attributes = user_attributes(users::email(row, "email")?.to_string(), flags);
    if row.get::<String>("waitlist_status")? == "rejected" {
        attributes.push(("rejected".into(), Value::Bool(true)));
    }
    if row.get::<Option<Micros>>("deletion_due_at")?.is_some() {
        attributes.push(("deleting".into(), Value::Bool(true)));
    }
    Ok(Entity { uid: Resource::User(user).entity(), attributes, parents: Vec::new() })
}

/// The roles of a row's `role_id`, null for none.
pub(super) fn roles(organization: OrganizationId, row: &Row) -> Result<Vec<EntityRef>, Error> {
    Ok(match row.get::<Option<Uuid>>("role_id")? {
        Some(_) => vec![role_ref(organization, role(row)?)],
        None => Vec::new(),
    })
}

fn user_attributes(
    email: String,
    [email_verified, waitlisted, suspended, super_admin]: [bool; 4],
) -> Vec<(std::borrow::Cow<'static, str>, Value)> {
    vec![
        ("email".into(), Value::Text(email)),
        ("email_verified".into(), Value::Bool(email_verified)),
        ("waitlisted".into(), Value::Bool(waitlisted)),
        ("suspended".into(), Value::Bool(suspended)),
        ("super_admin".into(), Value::Bool(super_admin)),
    ]
}

/// The organization and its five roles, each a member of the one it includes.
fn organization_entities(id: OrganizationId, archived: bool) -> Vec<Entity> {
    let uid = Resource::Organization(id).entity();
    let roles = [
        ("owners", SystemRole::Owner),
        ("admins", SystemRole::Admin),
        ("members", SystemRole::Member),
        ("viewers", SystemRole::Viewer),
        ("agent_executors", SystemRole::AgentExecutor),
    ];
    let mut attributes =
        vec![("organization".into(), Value::Entity(uid.clone())), ("archived".into(), Value::Bool(archived))];
    let mut entities = Vec::with_capacity(roles.len() + 1);
    for (attribute, role) in roles {
        attributes.push((attribute.into(), Value::Entity(role_ref(id, role))));
        let parents = role.includes().map(|lower| role_ref(id, lower)).into_iter().collect();
        entities.push(Entity { uid: role_ref(id, role), attributes: Vec::new(), parents });
    }
    entities.push(Entity { uid, attributes, parents: Vec::new() });
    entities
}
