//! What the words mean: ids, addresses, names, secrets, time.
//!
//! Owns: the types every other floor speaks in. May import: nothing of ours.
//! Must never: do I/O, know HTTP, SQL or Cedar. Parse, don't validate: a value of these types is right.
//! Read next: `policies/schema.cedarschema`, the same words for the policies.

mod account;
mod agent;
mod api_key;
mod clock;
mod custom_role;
mod decision;
mod doors;
mod email;
mod event;
mod export;
mod federation;
mod grant;
mod ids;
mod invalid;
mod language;
mod network;
mod organization;
mod organization_provider;
mod password;
mod quota;
mod random;
mod resource;
mod role;
mod secret;
mod session;
mod strength;
mod target;
mod text;
mod trusted;

pub use account::{
    Department, FullName, ProfilePatch, ReferralSource, RejectionReason, User, Waitlist, WaitlistEntry,
    WaitlistRequires,
};
pub use agent::{Agent, AgentName, AgentPatch, AgentType, ForeignId, NewAgent};
pub use api_key::{ApiKey, KeyName, KeyOwner, NewApiKey, OwnKeys};
pub use clock::{Clock, Micros, SystemClock, TestClock};
pub use custom_role::{CustomRole, Gift, HeldRole, NewRole, RoleName, RolePatch, RoleRef, Roles};
pub use decision::{DecisionFilter, LoggedDecision};
pub use doors::{Door, DoorQuestion, DoorResource, DoorRule, DoorText, Opens, door};
pub use email::Email;
pub use event::{Event, EventFilter};
pub use export::{AccountExport, KnownDevice};
pub use federation::{
    Claim, ClaimAction, ClaimMap, ClientAuth, ClientKey, Connection, FLOW_PARAMETERS, FlowPurpose,
    IdTokenAlgorithm, Identity, IdentityKey, Provider, ProviderName, ProviderTokens, ResponseMode,
    ReturnOrigins, Revocation, Told,
};
pub use grant::{Grant, GrantFilter, GrantHolder, MAX_GRANTS, ProjectRole};
pub use ids::{
    AgentId, ApiKeyId, DelegationId, GrantId, IdentityId, InvitationId, MembershipId, MessageId,
    OrganizationId, ProviderId, RoleId, SessionId, UserId,
};
pub use invalid::{FieldError, Invalid};
pub use language::Language;
pub use network::Network;
pub use organization::{
    Description, Invitation, Member, NewOrganization, Organization, OrganizationName, OrganizationPatch,
    OwnOrganization, Page,
};
pub use organization_provider::{
    ClaimedDomain, DomainName, DomainProof, NewOrganizationProvider, ORGANIZATION_PREFIX,
    OrganizationProvider, ProviderHome, ProviderPatch,
};
pub use password::Password;
pub use quota::Quota;
pub use random::{OsRandom, Random, SeededRandom};
pub use resource::{NewResource, RegisteredResource, ResourceRef};
pub use role::SystemRole;
pub use secret::{Secret, TokenHash};
pub use session::{Session, device_name, network_name};
pub use strength::Strength;
pub use target::{Ambiguous, Target};
pub use text::{Line, Slug};
pub use trusted::{ForeignToken, Signed, Subjects, TrustedIssuer};
