//! The roles that an organization makes for itself, and how they inherit.

use std::collections::HashMap;

use super::{Description, Line, Micros, OrganizationId, ProjectRole, RoleId, SystemRole};

pub type RoleName = Line<100>;

/// A role that somebody can be given: one of the platform's, or one of the organization's own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RoleRef {
    System(SystemRole),
    /// One of the platform's, for one thing.
    Project(ProjectRole),
    /// Whether there is one of this id, and whose, is not said.
    Custom(RoleId),
}

impl RoleRef {
    #[must_use]
    pub fn id(self) -> RoleId {
        match self {
            Self::System(role) => role.id(),
            Self::Project(role) => role.id(),
            Self::Custom(id) => id,
        }
    }
}

impl From<SystemRole> for RoleRef {
    fn from(role: SystemRole) -> Self {
        Self::System(role)
    }
}

impl From<RoleId> for RoleRef {
    fn from(id: RoleId) -> Self {
        let system = SystemRole::from_id(id).map(Self::System);
        system.or_else(|| ProjectRole::from_id(id).map(Self::Project)).unwrap_or(Self::Custom(id))
    }
}

/// A role as those who hold it show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRole {
    pub role: RoleRef,
    pub name: String,
}

impl HeldRole {
    /// `own` is the name of the organization's own role of this id, if there is one. What ended before its role was
    /// deleted, such as a terminated agent, still points at it.
    #[must_use]
    pub fn new(role: RoleRef, own: Option<String>) -> Self {
        let name = match role {
            RoleRef::System(role) => role.name().to_owned(),
            RoleRef::Project(role) => role.name().to_owned(),
            RoleRef::Custom(_) => own.unwrap_or_else(|| "(deleted)".to_owned()),
        };
        Self { role, name }
    }
}

/// A role that an organization made.
#[derive(Debug, Clone)]
pub struct CustomRole {
    pub id: RoleId,
    pub organization: OrganizationId,
    pub name: String,
    pub description: Option<String>,
    /// What it adds to the role it inherits from: sorted, each once, wildcards unexpanded.
    pub permissions: Vec<String>,
    pub inherits_from: Option<RoleRef>,
    pub created_at: Micros,
    pub updated_at: Micros,
}

/// What making a role takes.
#[derive(Debug, Clone)]
pub struct NewRole {
    pub name: RoleName,
    pub description: Option<Description>,
    pub permissions: Vec<String>,
    pub inherits_from: Option<RoleRef>,
}

/// A change to a role. `None` leaves a field, `Some(None)` clears it.
#[derive(Debug, Clone, Default)]
pub struct RolePatch {
    pub name: Option<RoleName>,
    pub description: Option<Option<Description>>,
    pub permissions: Option<Vec<String>>,
    pub inherits_from: Option<Option<RoleRef>>,
}

/// The roles of one organization: its own, and the platform's that these build on.
#[derive(Debug, Clone, Default)]
pub struct Roles(HashMap<RoleId, CustomRole>);

impl Roles {
    /// How many roles of its own an organization has at most.
    pub const MAX: usize = 200;
    /// How many of its own roles stand in one line of inheritance at most.
    pub const MAX_DEPTH: usize = 8;
    /// How many permissions a role lists at most; it can inherit more.
    pub const MAX_PERMISSIONS: usize = 100;

    #[must_use]
    pub fn get(&self, id: RoleId) -> Option<&CustomRole> {
        self.0.get(&id)
    }

    /// Adds a role, or puts it in place of the one with its id.
    pub fn put(&mut self, role: CustomRole) {
        self.0.insert(role.id, role);
    }

    /// In no order.
    pub fn iter(&self) -> impl Iterator<Item = &CustomRole> {
        self.0.values()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The role and those it inherits from, nearest first; nothing if one of them is missing, or the line has no end
    /// or more than [`Self::MAX_DEPTH`] of the organization's own.
    #[must_use]
    pub fn line(&self, role: RoleRef) -> Option<Vec<RoleRef>> {
        let mut line = Vec::new();
        let mut next = Some(role);
        let mut own = 0;
        while let Some(role) = next {
            line.push(role);
            next = match role {
                RoleRef::System(role) => role.includes().map(RoleRef::System),
                RoleRef::Project(_) => None,
                RoleRef::Custom(id) => {
                    own += 1;
                    if own > Self::MAX_DEPTH {
                        return None;
                    }
                    self.get(id)?.inherits_from
                }
            };
        }
        Some(line)
    }

    /// All that a role gives, its own or inherited; nothing as [`Self::line`].
    #[must_use]
    pub fn gift(&self, role: RoleRef) -> Option<Gift<'_>> {
        let mut gift = Gift::default();
        for role in self.line(role)? {
            match role {
                RoleRef::System(role) => gift.system = gift.system.or(Some(role)),
                RoleRef::Project(role) => gift.permissions.extend_from_slice(role.permissions()),
                RoleRef::Custom(id) => {
                    gift.permissions.extend(self.get(id)?.permissions.iter().map(String::as_str));
                }
            }
        }
        gift.permissions.sort_unstable();
        gift.permissions.dedup();
        Some(gift)
    }
}

/// What a role gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gift<'a> {
    /// What the organization's own roles list: sorted, each once, wildcards unexpanded.
    pub permissions: Vec<&'a str>,
    /// One of the platform's roles, with all that the policies give it.
    pub system: Option<SystemRole>,
}

impl Gift<'_> {
    /// What this gives and `other` did not.
    #[must_use]
    pub fn beyond(mut self, other: &Self) -> Self {
        self.permissions.retain(|permission| !other.permissions.contains(permission));
        self.system = self.system.filter(|_| self.system != other.system);
        self
    }
}

impl FromIterator<CustomRole> for Roles {
    fn from_iter<I: IntoIterator<Item = CustomRole>>(roles: I) -> Self {
        Self(roles.into_iter().map(|role| (role.id, role)).collect())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(n: usize) -> RoleId {
        RoleId::from(Uuid::from_u128(n as u128))
    }

    fn role(n: usize, permissions: &[&str], inherits_from: Option<RoleRef>) -> CustomRole {
        CustomRole {
            id: id(n),
            organization: OrganizationId::from(Uuid::nil()),
            name: n.to_string(),
            description: None,
            permissions: permissions.iter().map(|&it| it.to_owned()).collect(),
            inherits_from,
            created_at: Micros::new(0),
            updated_at: Micros::new(0),
        }
    }

    #[test]
    fn a_role_gives_what_every_role_above_it_gives() {
        let viewer = RoleRef::System(SystemRole::Viewer);
        let roles: Roles = [
            role(1, &["task:write", "org:read"], Some(RoleRef::Custom(id(2)))),
            role(2, &["spec:read"], Some(viewer)),
        ]
        .into_iter()
        .collect();
        let all = roles.gift(RoleRef::Custom(id(1))).unwrap();
        assert_eq!(all.permissions, ["org:read", "spec:read", "task:write"]);
        assert_eq!(all.system, Some(SystemRole::Viewer));
        assert_eq!(roles.gift(RoleRef::Custom(id(3))), None);
    }

    #[test]
    fn a_line_without_end_or_over_the_bound_is_none() {
        let above = |n: usize| Some(RoleRef::Custom(id(n + 1)));
        let mut roles: Roles =
            (1..=Roles::MAX_DEPTH).map(|n| role(n, &[], above(n).filter(|_| n < Roles::MAX_DEPTH))).collect();
        assert_eq!(roles.line(RoleRef::Custom(id(1))).map(|line| line.len()), Some(Roles::MAX_DEPTH));
        roles.put(role(0, &[], above(0)));
        assert_eq!(roles.line(RoleRef::Custom(id(0))), None);
        roles.put(role(Roles::MAX_DEPTH, &[], Some(RoleRef::Custom(id(1)))));
        assert_eq!(roles.line(RoleRef::Custom(id(1))), None);
    }
}
