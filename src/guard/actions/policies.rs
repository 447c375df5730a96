//! The policies themselves.

use crate::guard::Resource;

actions! {
    /// Take up the policies as their folder has them now.
    ReloadPolicies {} on |_| Resource::Platform;
}
