//! The registry: one type per action of the schema, and the object it is done to.
//!
//! The name is one word in five places: the type here, the action in `policies/schema.cedarschema`, the
//! operation in the OpenAPI document (`get_me`), the span, and the event.

use std::borrow::Cow;

use super::Resource;
use crate::domain::{
    AgentId, ApiKeyId, Email, InvitationId, KeyOwner, MembershipId, MessageId, OrganizationId, SessionId,
    SystemRole, UserId,
};
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

            impl Action for $name {
                const NAME: &'static str = stringify!($name);

                fn resource(&self) -> Resource {
                    let of: fn(&Self) -> Resource = $resource;
                    of(self)
                }

                $(fn context(&self) -> Context {
                    let of: fn(&Self) -> Context = $context;
                    of(self)
                })?
            }
        )*

        /// Every action of the registry, sorted; a test holds it against the schema.
        #[must_use]
        pub fn names() -> Vec<&'static str> {
            let mut names = vec![$(stringify!($name)),*];
            names.sort_unstable();
            names
        }
    };
}

/// The role that an action would give somebody.
fn granting(organization: OrganizationId, role: SystemRole) -> Context {
    vec![("role".into(), Value::Entity(role_ref(organization, role)))]
}

/// The address that would get an account.
fn registering(email: Option<&Email>) -> Context {
    let text = |text: Option<&str>| Value::Text(text.unwrap_or_default().to_owned());
    vec![
        ("email".into(), text(email.map(Email::as_str))),
        ("email_domain".into(), text(email.map(Email::domain))),
    ]
}

/// `Role::"<organization>/<name>"`.
#[must_use]
pub fn role_ref(organization: OrganizationId, role: SystemRole) -> EntityRef {
    EntityRef::new("Role", format!("{organization}/{}", role.name()))
}

fn owner_of_token(owner: Option<KeyOwner>) -> Resource {
    match owner {
        None => Resource::Platform,
        Some(KeyOwner::User(user)) => Resource::User(user),
        Some(KeyOwner::Organization(organization)) => Resource::Organization(organization),
        Some(KeyOwner::Agent(organization, agent)) => Resource::Agent(organization, agent),
    }
}

actions! {
    /// Make an account.
    Register { email: Option<Email> } on |_| Resource::Platform, with |a| registering(a.email.as_ref());
    /// Trade a password for a session.
    Login {} on |_| Resource::Platform;
    /// Trade a refresh token for the next.
    RefreshSession {} on |_| Resource::Platform;
    /// Prove an address with the token that was sent to it.
    VerifyEmail {} on |_| Resource::Platform;
    /// Have the letter sent again that proves an address.
    ResendVerification {} on |_| Resource::Platform;
    /// Have a letter sent that resets a password.
    ForgotPassword {} on |_| Resource::Platform;
    /// Set a new password with the token of that letter.
    ResetPassword {} on |_| Resource::Platform;
    /// Hear what we think of a password.
    CheckPasswordStrength {} on |_| Resource::Platform;
    /// Read the public signing keys.
    GetJwks {} on |_| Resource::Platform;

    /// End the session that the request rests on.
    Logout { user: UserId, session: Option<SessionId> } on |a| Resource::User(a.user);
    /// Read one's own account.
    GetMe { user: UserId } on |a| Resource::User(a.user);
    /// Change one's own profile.
    UpdateMe { user: UserId } on |a| Resource::User(a.user);

    /// Set a new password, knowing the current one.
    ChangePassword { user: UserId, session: Option<SessionId> } on |a| Resource::User(a.user);
    /// List the sign-ins of one's account that still live.
    ListSessions { user: UserId, session: Option<SessionId> } on |a| Resource::User(a.user);
    /// End one of them.
    RevokeSession { user: UserId, session: SessionId } on |a| Resource::User(a.user);
    /// End all of them but the one the request rests on.
    RevokeOtherSessions { user: UserId, session: Option<SessionId> } on |a| Resource::User(a.user);
    /// End all of them.
    LogoutAll { user: UserId } on |a| Resource::User(a.user);
    /// Ask for another address.
    ChangeEmail { user: UserId } on |a| Resource::User(a.user);
    /// Take the other address, proved with the token that was sent to it.
    ConfirmEmailChange { user: UserId, session: Option<SessionId> } on |a| Resource::User(a.user);
    /// Have one's account deleted, after a time to think again.
    DeleteMe { user: UserId } on |a| Resource::User(a.user);
    /// Keep an account that was to be deleted.
    RestoreMe { user: UserId } on |a| Resource::User(a.user);
    /// Read everything that is kept about oneself.
    ExportMe { user: UserId } on |a| Resource::User(a.user);

    /// Found an organization.
    CreateOrganization {} on |_| Resource::Platform;
    /// List the organizations one belongs to.
    ListOrganizations { user: UserId } on |_| Resource::Platform;
    /// Read an organization.
    GetOrganization { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Change an organization.
    UpdateOrganization { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Close an organization; nothing in it is deleted.
    ArchiveOrganization { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// List the roles an organization can give.
    ListRoles { organization: OrganizationId } on |a| Resource::Organization(a.organization);

    /// List who belongs to an organization.
    ListMembers { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Make somebody a member without asking them.
    AddMember { organization: OrganizationId, role: SystemRole }
        on |a| Resource::Organization(a.organization), with |a| granting(a.organization, a.role);
    /// Give a member another role.
    ChangeMemberRole { organization: OrganizationId, membership: MembershipId, role: SystemRole }
        on |a| Resource::Membership(a.organization, a.membership), with |a| granting(a.organization, a.role);
    /// Remove a member, or leave.
    RemoveMember { organization: OrganizationId, membership: MembershipId }
        on |a| Resource::Membership(a.organization, a.membership);

    /// Ask somebody to join, by mail.
    CreateInvitation { organization: OrganizationId, role: SystemRole }
        on |a| Resource::Organization(a.organization), with |a| granting(a.organization, a.role);
    /// List the open invitations.
    ListInvitations { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Take an invitation back.
    RevokeInvitation { organization: OrganizationId, invitation: InvitationId }
        on |a| Resource::Invitation(a.organization, a.invitation);
    /// Join, with the token that was sent.
    AcceptInvitation { organization: OrganizationId, invitation: InvitationId }
        on |a| Resource::Invitation(a.organization, a.invitation);

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

    /// List what one did, and what was done to one's account.
    ListOwnEvents { user: UserId } on |a| Resource::User(a.user);
    /// List what happened in an organization.
    ListOrganizationEvents { organization: OrganizationId } on |a| Resource::Organization(a.organization);
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

    /// Make a key that acts for oneself.
    CreateApiKey { user: UserId } on |a| Resource::User(a.user);
    /// List one's own keys.
    ListApiKeys { user: UserId } on |a| Resource::User(a.user);
    /// Give a key of one's own a new secret.
    RotateApiKey { user: UserId, key: ApiKeyId } on |a| Resource::User(a.user);
    /// End a key of one's own.
    RevokeApiKey { user: UserId, key: ApiKeyId } on |a| Resource::User(a.user);
    /// Make a key that acts as the organization's own service.
    CreateOrganizationApiKey { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// List an organization's own keys.
    ListOrganizationApiKeys { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Give an organization's key a new secret.
    RotateOrganizationApiKey { organization: OrganizationId, key: ApiKeyId }
        on |a| Resource::Organization(a.organization);
    /// End an organization's key.
    RevokeOrganizationApiKey { organization: OrganizationId, key: ApiKeyId }
        on |a| Resource::Organization(a.organization);
    /// Write down which keys were used when.
    RecordKeyUse {} on |_| Resource::Platform;

    /// Make an agent.
    CreateAgent { organization: OrganizationId, role: SystemRole }
        on |a| Resource::Organization(a.organization), with |a| granting(a.organization, a.role);
    /// List an organization's agents.
    ListAgents { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Read an agent.
    GetAgent { organization: OrganizationId, agent: AgentId } on |a| Resource::Agent(a.organization, a.agent);
    /// Change an agent.
    UpdateAgent { organization: OrganizationId, agent: AgentId } on |a| Resource::Agent(a.organization, a.agent);
    /// Stop an agent for now.
    SuspendAgent { organization: OrganizationId, agent: AgentId } on |a| Resource::Agent(a.organization, a.agent);
    /// Let a stopped agent go on.
    ResumeAgent { organization: OrganizationId, agent: AgentId } on |a| Resource::Agent(a.organization, a.agent);
    /// End an agent for good; its keys are dead.
    TerminateAgent { organization: OrganizationId, agent: AgentId }
        on |a| Resource::Agent(a.organization, a.agent);
    /// Make a key that acts for an agent.
    CreateAgentApiKey { organization: OrganizationId, agent: AgentId }
        on |a| Resource::Agent(a.organization, a.agent);
    /// List an agent's keys.
    ListAgentApiKeys { organization: OrganizationId, agent: AgentId }
        on |a| Resource::Agent(a.organization, a.agent);
    /// Give an agent's key a new secret.
    RotateAgentApiKey { organization: OrganizationId, agent: AgentId, key: ApiKeyId }
        on |a| Resource::Agent(a.organization, a.agent);
    /// End an agent's key.
    RevokeAgentApiKey { organization: OrganizationId, agent: AgentId, key: ApiKeyId }
        on |a| Resource::Agent(a.organization, a.agent);
    /// Make a short-lived token of an agent's, for one task.
    CreateAgentToken { organization: OrganizationId, agent: AgentId }
        on |a| Resource::Agent(a.organization, a.agent);

    /// Trade a person's token and an agent's credential for a token of both (RFC 8693).
    ExchangeToken { organization: OrganizationId, agent: AgentId }
        on |a| Resource::Agent(a.organization, a.agent);
    /// Ask what a token is (RFC 7662): at all, then about the token of somebody.
    IntrospectToken { of: Option<KeyOwner> } on |a| owner_of_token(a.of);
    /// Give a token up (RFC 7009): at all, then the token of somebody.
    RevokeToken { of: Option<KeyOwner> } on |a| owner_of_token(a.of);
    /// Purge the accounts whose time to think again is over.
    PurgeAccounts {} on |_| Resource::Platform;
}
