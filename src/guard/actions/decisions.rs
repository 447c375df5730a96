//! The log of decisions.

use uuid::Uuid;

use crate::domain::OrganizationId;
use crate::guard::Resource;

actions! {
    /// List what was decided anywhere.
    ListDecisions {} on |_| Resource::Platform;
    /// Read one decision and what it rested on.
    GetDecision { decision: Uuid } on |_| Resource::Platform;
    /// List what was decided about an organization and what is in it.
    ListOrganizationDecisions { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Read one decision about an organization or what is in it.
    GetOrganizationDecision { organization: OrganizationId, decision: Uuid }
        on |a| Resource::Organization(a.organization);
    /// Write decisions down.
    RecordDecisions {} on |_| Resource::Platform;
    /// Remove decisions that are older than they are kept.
    PruneDecisions {} on |_| Resource::Platform;
    /// Read the whole log; only from the command line.
    ExportDecisions {} on |_| Resource::Platform;
}
