//! The registry: one type per action of the schema, and the object it is done to.
//!
//! The name is one word in five places: the type here, the action in `policies/schema.cedarschema`, the
//! operation in the OpenAPI document (`get_me`), the span, and the event.

use std::borrow::Cow;

use super::Resource;
use crate::domain::{OrganizationId, SystemRole};
use crate::pdp::{EntityRef, Value};

/// What a question says beside principal, action and resource.
pub type Context = Vec<(Cow<'static, str>, Value)>;

/// Something a principal may or may not do. The value names the object.
pub trait Action: Send + Sync + std::fmt::Debug + 'static {
    /// The Cedar action's id.
    const NAME: &'static str;

    fn resource(&self) -> Resource;

    fn context(&self) -> Context {
        Context::new()
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? } on $resource:expr
        $(, with $context:expr)?;)*) => {
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

areas![identity, organizations, credentials, platform, plugins];

/// The role that an action would give somebody.
fn granting(organization: OrganizationId, role: SystemRole) -> Context {
    vec![("role".into(), Value::Entity(role_ref(organization, role)))]
}

/// `Role::"<organization>/<name>"`.
#[must_use]
pub fn role_ref(organization: OrganizationId, role: SystemRole) -> EntityRef {
    EntityRef::new("Role", format!("{organization}/{}", role.name()))
}
