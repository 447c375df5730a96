//! Decisions as a service.

use crate::domain::OrganizationId;
use crate::guard::{Action, Resource};

actions! {
    /// Ask one question about a product's thing.
    Evaluate { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Ask several at once.
    Evaluations { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Ask why one is answered as it is.
    ExplainDecision { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Read where decisions are asked for.
    GetAuthzenConfiguration {} on |_| Resource::Platform;
}

/// The actions that let somebody ask about an organization's things.
pub trait Asks: Action {
    fn organization(&self) -> OrganizationId;
}

macro_rules! asks {
    ($($action:ty),*) => {$(
        impl Asks for $action {
            fn organization(&self) -> OrganizationId {
                self.organization
            }
        }
    )*};
}
asks!(Evaluate, Evaluations, ExplainDecision);
