//! Signing in with others: what goes on before anybody is known, what is connected to an account, and what is done with it.

use super::Context;
use crate::domain::{OrganizationId, ProviderId, ProviderName, RoleRef, SessionId, UserId};
use crate::guard::Resource;
use crate::pdp::Value;

/// What is told of the account at the provider that is to be linked.
fn linking(of: &LinkIdentity) -> Context {
    vec![
        ("provider".into(), Value::Text(of.provider.to_string())),
        ("email_verified".into(), Value::Bool(of.email_verified)),
        ("own_domain".into(), Value::Bool(of.own_domain)),
    ]
}

fn brokering(provider: &ProviderName, on_behalf: bool) -> Context {
    vec![
        ("provider".into(), Value::Text(provider.to_string())),
        ("on_behalf".into(), Value::Bool(on_behalf)),
    ]
}

actions! {
    /// See whom one may sign in with.
    ListProviders {} on |_| Resource::Platform;
    /// Get the address of a provider to go to.
    GetSignInUrl {} on |_| Resource::Platform;
    /// Be sent to a provider.
    BeginSignIn {} on |_| Resource::Platform;
    /// Come back from a provider.
    FinishSignIn {} on |_| Resource::Platform;
    /// Be sent on, come back from a provider by a form.
    ReturnByForm {} on |_| Resource::Platform;
    /// Trade the code one came back with for a session.
    ExchangeCode {} on |_| Resource::Platform;
    /// Have an account of a provider's sign somebody in: asked as the person where they are signed in, else as nobody.
    LinkIdentity { user: UserId, provider: ProviderName, email_verified: bool, own_domain: bool }
        on |a| Resource::User(a.user), with |a| linking(a);
    /// List one's accounts at providers.
    ListConnections { user: UserId } on |a| Resource::User(a.user);
    /// Go to a provider to connect an account.
    ConnectProvider { user: UserId, session: Option<SessionId> } on |a| Resource::User(a.user);
    /// Disconnect an account.
    DisconnectProvider { user: UserId } on |a| Resource::User(a.user);
    /// Get a provider's access token of a person who is connected.
    BrokerToken { user: UserId, provider: ProviderName, on_behalf: bool }
        on |a| Resource::User(a.user), with |a| brokering(&a.provider, a.on_behalf);
    /// Disconnect somebody else's account.
    DisconnectUser { user: UserId } on |a| Resource::User(a.user);
    /// Disconnect all of somebody's accounts at providers.
    DisconnectAll { user: UserId } on |a| Resource::User(a.user);
    /// Disconnect everybody's accounts at a provider.
    DisconnectEverybody {} on |_| Resource::Platform;
    /// See which redirect address a provider must be told.
    GetRedirectUri {} on |_| Resource::Platform;
    /// Find the provider of an address's domain.
    DiscoverProvider {} on |_| Resource::Platform;
    /// Give an organization a provider, and whoever comes by it a role.
    RegisterProvider { organization: OrganizationId, role: RoleRef }
        on |a| Resource::Organization(a.organization), giving |a| (a.organization, a.role);
    /// List an organization's providers.
    ListOrganizationProviders { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Change one: its label, its secret, whether it is on.
    UpdateProvider { organization: OrganizationId, provider: ProviderId }
        on |a| Resource::Organization(a.organization);
    /// Take it away.
    RemoveProvider { organization: OrganizationId, provider: ProviderId }
        on |a| Resource::Organization(a.organization);
    /// Say that a domain is an organization's.
    ClaimDomain { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Have DNS asked whether a domain is an organization's.
    ProveDomain { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// List an organization's domains.
    ListDomains { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Give a domain up.
    ReleaseDomain { organization: OrganizationId } on |a| Resource::Organization(a.organization);
    /// Have found that a domain is an organization's.
    ConfirmDomain { organization: OrganizationId } on |a| Resource::Organization(a.organization);
}
