//! The registry: one type per action of the schema, and the object it is done to.
//!
//! The name is one word in five places: the type here, the action in `policies/schema.cedarschema`, the
//! operation in the OpenAPI document (`get_me`), the span, and the event.

use std::borrow::Cow;

use super::Resource;
use crate::domain::{OrganizationId, RoleRef};
use crate::pdp::{EntityRef, Value};

/// What a question says beside principal, action and resource.
pub type Context = Vec<(Cow<'static, str>, Value)>;

/// Something a principal may or may not do. The value names the object.
pub trait Action: Send + Sync + std::fmt::Debug + 'static {
    /// The Cedar action's id.
    const NAME: &'static str;

    fn resource(&self) -> Resource;

    /// The role that the action gives somebody, and where. The guard lets it through only if the caller holds
    /// every permission of it.
    fn gives(&self) -> Option<(OrganizationId, RoleRef)> {
        None
    }

    /// An action that gives a role names it.
    fn context(&self) -> Context {
        self.gives().map_or_else(Context::new, |(organization, role)| {
            vec![("role".into(), Value::Entity(role_ref(organization, role)))]
        })
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? } on $resource:expr
        $(, with $context:expr)? $(, giving $role:expr)?;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone)]
            pub struct $name { $(pub $field: $type,)* }

            impl $crate::guard::Action for $name {
                const NAME: &'static str = stringify!($name);

                fn resource(&self) -> $crate::guard::Resource {
                    let of: fn(&Self) -> $crate::guard::Resource = $resource;
                    of(self)
                }

                $(fn context(&self) -> $crate::guard::actions::Context {
                    let of: fn(&Self) -> $crate::guard::actions::Context = $context;
                    of(self)
                })?

                $(fn gives(&self) -> Option<($crate::domain::OrganizationId, $crate::domain::RoleRef)> {
                    let of: fn(&Self) -> ($crate::domain::OrganizationId, $crate::domain::RoleRef) = $role;
                    Some(of(self))
                })?
            }
        )*

        /// The names of this file's actions.
        pub(super) const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

/// Each file is one area; its actions are named as if they stood here.
macro_rules! areas {
    ($($area:ident),* $(,)?) => {
        $(mod $area;)*
        $(pub use self::$area::*;)*

        /// Every action of the registry, sorted; a test holds it against the schema.
        #[must_use]
        pub fn names() -> Vec<&'static str> {
            let mut names = [$(self::$area::NAMES),*].concat();
            names.sort_unstable();
            names
        }
    };
}

areas![
    identity,
    organizations,
    credentials,
    federation,
    platform,
    resources,
    access,
    search,
    policies,
    roles,
    decisions,
    forwarding,
    grants,
    plugins,
];

/// `Role::"<organization>/<name>"` for the platform's, `Role::"<organization>/<role id>"` for the organization's own,
/// `Role::"<name>"` for the platform's on one thing.
#[must_use]
pub fn role_ref(organization: OrganizationId, role: impl Into<RoleRef>) -> EntityRef {
    let id = match role.into() {
        RoleRef::System(role) => format!("{organization}/{}", role.name()),
        RoleRef::Project(role) => role.name().to_owned(),
        RoleRef::Custom(id) => format!("{organization}/{id}"),
    };
    EntityRef::new("Role", id)
}
