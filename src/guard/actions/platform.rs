//! What administrators of the platform, its command line and its own jobs do.

use crate::domain::{MessageId, UserId};
use crate::guard::Resource;

actions! {
    /// Read what the process has counted.
    GetMetrics {} on |_| Resource::Platform;
    /// List who waits to be let in.
    ListWaitlist {} on |_| Resource::Platform;
    /// Let somebody in who waits.
    ApproveRegistration { user: UserId } on |_| Resource::Platform;
    /// Let everybody in who waits.
    ApproveAllRegistrations {} on |_| Resource::Platform;
    /// Turn somebody away who waits.
    RejectRegistration { user: UserId } on |_| Resource::Platform;
    /// List the letters that have not gone out; never what is in them.
    ListMessages {} on |_| Resource::Platform;
    /// Try a letter again that was given up.
    RetryMessage { message: MessageId } on |_| Resource::Platform;
    /// Stop an account: its sessions end and nothing of it may be used.
    SuspendUser { user: UserId } on |a| Resource::User(a.user);
    /// Undo a suspension.
    ReinstateUser { user: UserId } on |a| Resource::User(a.user);
    /// List what happened anywhere.
    ListEvents {} on |_| Resource::Platform;
    /// Walk the audit trail's chain, and export it; only from the command line.
    VerifyEvents {} on |_| Resource::Platform;
    /// Remove events that are older than they must be kept.
    PruneEvents {} on |_| Resource::Platform;
    /// Make somebody a super admin; only from the command line.
    CreateAdministrator {} on |_| Resource::Platform;
    /// Read when each signing key signs and verifies.
    ListSigningKeys {} on |_| Resource::Platform;
    /// Make the next signing key, and drop those that are over.
    RotateSigningKeys {} on |_| Resource::Platform;
    /// Seal everything anew under the current master key; only from the command line.
    ResealSecrets {} on |_| Resource::Platform;
    /// Bring in accounts of another system; only from the command line.
    ImportUsers {} on |_| Resource::Platform;
    /// Send what waits in the outbox.
    DeliverMail {} on |_| Resource::Platform;
    /// Write down which keys were used when.
    RecordKeyUse {} on |_| Resource::Platform;
    /// Purge the accounts whose time to think again is over.
    PurgeAccounts {} on |_| Resource::Platform;
    /// Delete sign-ins, tokens and links that have been over for long.
    PurgeExpired {} on |_| Resource::Platform;
    /// Ask the registration plugins again about those who wait.
    ReviewRegistrations {} on |_| Resource::Platform;
}
