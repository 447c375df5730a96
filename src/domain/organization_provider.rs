//! Providers that an organization has for its own people, and the domains that are its own.

use std::fmt;

use uuid::Uuid;

use super::{ClientAuth, Micros, OrganizationId, ProviderId, RoleRef, Secret};

/// Names of providers that begin so are organizations'; the configuration has none.
pub const ORGANIZATION_PREFIX: &str = "sso-";

impl ProviderId {
    /// What the provider is called in addresses.
    #[must_use]
    pub fn name(self) -> String {
        format!("{ORGANIZATION_PREFIX}{}", Uuid::from(self).simple())
    }

    /// The one that is called so; `None` if an organization's provider cannot be.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let id = Self::parse(name.strip_prefix(ORGANIZATION_PREFIX)?)?;
        (id.name() == name).then_some(id)
    }
}

/// A provider of an organization's.
#[derive(Debug, Clone)]
pub struct OrganizationProvider {
    pub id: ProviderId,
    pub organization: OrganizationId,
    pub label: String,
    /// OpenID Connect, to the letter.
    pub issuer: String,
    pub client_id: String,
    pub client_auth: ClientAuth,
    /// The claim that says whether an address is verified.
    pub verified_claim: String,
    /// What somebody is made who comes for the first time; no member, if the role is gone.
    pub role: RoleRef,
    pub enabled: bool,
    pub created_at: Micros,
    pub updated_at: Micros,
}

/// What registering one takes.
#[derive(Debug)]
pub struct NewOrganizationProvider {
    pub label: String,
    pub issuer: String,
    pub client_id: String,
    /// None: a public client, PKCE alone.
    pub client_secret: Option<Secret>,
    pub client_auth: ClientAuth,
    pub verified_claim: String,
}

/// What of it can be changed; what is left out stays.
#[derive(Debug, Default)]
pub struct ProviderPatch {
    pub label: Option<String>,
    pub client_secret: Option<Secret>,
    pub enabled: Option<bool>,
}

/// The organization that a provider is of, and what its people become there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProviderHome {
    pub organization: OrganizationId,
    pub role: RoleRef,
}

/// A domain such as `acme.example`: ASCII (punycode where it is not), lower case, at least two labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DomainName(String);

impl DomainName {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let label = |label: &str| {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            (1..=63).contains(&label.len())
                && label.chars().all(plain)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // A last label of digits would be an address of the network.
        let last = text.rsplit('.').next().unwrap_or_default();
        let named = last.chars().any(|c| c.is_ascii_lowercase());
        let right = text.len() <= 253 && text.contains('.') && named && text.split('.').all(label);
        right.then_some(Self(text))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether anybody can get a name below it, as below `com`, `co.uk` or `github.io` (publicsuffix.org).
    #[must_use]
    pub fn is_public_suffix(&self) -> bool {
        psl::domain(self.0.as_bytes()).is_none()
    }

    /// Where DNS says whose it is: only who runs the domain can have a name with `_` there.
    #[must_use]
    pub fn challenge_name(&self) -> String {
        format!("_palisade-challenge.{self}")
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A domain that an organization says is its own.
#[derive(Debug, Clone)]
pub struct ClaimedDomain {
    pub name: DomainName,
    pub organization: OrganizationId,
    /// When it was found that it is; it counts from then on.
    pub confirmed_at: Option<Micros>,
    /// How that was found.
    pub proof: Option<DomainProof>,
    /// What proves it in DNS: made for this organization and this claim. None: claimed before there was such a thing.
    pub challenge: Option<String>,
    pub created_at: Micros,
}

/// How a domain was found to be an organization's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainProof {
    /// An administrator of the platform says so.
    Administrator,
    Dns,
}

impl DomainProof {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Dns => "dns",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::Administrator, Self::Dns].into_iter().find(|it| it.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ProviderName;

    #[test]
    fn a_name_leads_to_one_provider_and_back() {
        let id = ProviderId::from(Uuid::from_u128(0x0192_abcd_0000_7000_8000_0000_0000_0001));
        let name = id.name();
        assert_eq!(ProviderId::of_name(&name), Some(id));
        assert!(ProviderName::parse(&name).is_some());
        for other in ["sso-", "idp", &name.to_uppercase(), &format!("{name}0"), &Uuid::from(id).to_string()] {
            assert_eq!(ProviderId::of_name(other), None, "{other}");
        }
        let dashed = format!("sso-{}", Uuid::from(id));
        assert_eq!(ProviderId::of_name(&dashed), None);
    }

    #[test]
    fn a_domain_is_a_plain_name() {
        assert_eq!(
            DomainName::parse(" ACME.Example ").map(|it| it.to_string()).as_deref(),
            Some("acme.example")
        );
        assert!(DomainName::parse("mail.xn--acm-cma.example").is_some());
        for bad in [
            "",
            "acme",
            "acme.",
            ".acme.example",
            "a..b",
            "-a.example",
            "a-.example",
            "a_b.example",
            "10.0.0.1",
            "acme.example/",
            "*.example",
            "ada@acme.example",
            "äcme.example",
            "acme.example.",
            "_palisade-challenge.acme.example",
            &format!("{}.example", "a".repeat(64)),
        ] {
            assert!(DomainName::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn what_is_handed_out_to_anybody_is_a_public_suffix() {
        let public = |name: &str| DomainName::parse(name).unwrap().is_public_suffix();
        for name in ["co.uk", "CO.UK", "github.io", "s3.amazonaws.com", "xn--55qx5d.cn", "foo.ck"] {
            assert!(public(name), "{name}");
        }
        for name in ["acme.com", "acme.co.uk", "acme.github.io", "mail.acme.com", "acme.example", "www.ck"] {
            assert!(!public(name), "{name}");
        }
    }
}
