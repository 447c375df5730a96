//! From what a provider says to what we take of it.

use serde_json::Value;

use super::ProviderError;
use crate::domain::{ClaimAction, Email, IdentityKey, Provider, Told};

/// Characters of a name that are kept.
const LONGEST: usize = 100;
const LONGEST_SUBJECT: usize = 255;

/// Everything a provider has said of one person.
#[derive(Debug, Default)]
pub struct Said {
    /// Issuer, subject and claims of a checked ID token.
    pub id_token: Option<(String, String, Value)>,
    pub userinfo: Option<Value>,
    /// Addresses with `email`, `primary` and `verified`.
    pub emails: Option<Value>,
}

/// Who somebody is, by the provider's words. An address and whether it is verified are taken from one and the same
/// place, or somebody's own words would be vouched for by another's.
///
/// # Errors
/// If there is no subject, two that differ, or something is missing that must be there.
pub fn told(provider: &Provider, said: &Said) -> Result<Told, ProviderError> {
    let claims = &provider.claims;
    let (issuer, subject) = match &said.id_token {
        Some((issuer, subject, _)) => {
            // OpenID Connect Core 1.0 section 5.3.2.
            let other = said.userinfo.as_ref().and_then(|it| it.get("sub")).and_then(Value::as_str);
            if said.userinfo.is_some() && other != Some(subject) {
                return Err(ProviderError::Unusable("the user info is somebody else's"));
            }
            (issuer.clone(), subject.clone())
        }
        None => {
            let found = said.userinfo.as_ref().and_then(|it| claims.subject.of(it)).and_then(subject);
            (provider.namespace(), found.ok_or(ProviderError::Unusable("it names no subject"))?)
        }
    };
    let id_claims = said.id_token.as_ref().map(|(_, _, claims)| claims);
    let places = || id_claims.into_iter().chain(&said.userinfo);
    let (email, email_verified) = match said.emails.as_ref() {
        Some(list) => from_list(list),
        None => places()
            .find_map(|place| {
                let email: Email = claims.email.text(place)?.parse().ok()?;
                let verified = claims.email_verified.of(place) == Some(&Value::Bool(true));
                Some((Some(email), verified))
            })
            .unwrap_or((None, false)),
    };
    let email_verified = email_verified && email.as_ref().is_some_and(|email| provider.vouches_for(email));
    let text =
        |claim: &crate::domain::Claim| places().find_map(|place| claim.text(place)).map(|text| short(&text));
    let (name, username) = (text(&claims.name), text(&claims.username));
    let missing = |action, there: bool| action == ClaimAction::Require && !there;
    if missing(claims.email.action, email.is_some())
        || missing(claims.email_verified.action, email_verified)
        || missing(claims.name.action, name.is_some())
        || missing(claims.username.action, username.is_some())
    {
        return Err(ProviderError::Unusable("a required claim is missing"));
    }
    let key = IdentityKey { provider: provider.name.clone(), issuer, subject };
    Ok(Told { key, email, email_verified, name, username })
}

/// A text, or a whole number as GitHub has it.
fn subject(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_u64() => number.to_string(),
        _ => return None,
    };
    (1..=LONGEST_SUBJECT).contains(&text.len()).then_some(text)
}

/// The primary address if it is verified, else any that is, else the primary one.
fn from_list(list: &Value) -> (Option<Email>, bool) {
    let entries = list.as_array().map_or(&[][..], Vec::as_slice).iter().filter_map(|entry| {
        let email: Email = entry.get("email")?.as_str()?.parse().ok()?;
        let is = |name: &str| entry.get(name) == Some(&Value::Bool(true));
        Some((is("verified"), is("primary"), email))
    });
    let best = entries.reduce(|best, next| if (next.0, next.1) > (best.0, best.1) { next } else { best });
    best.map_or((None, false), |(verified, _, email)| (Some(email), verified))
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn provider(claims: Value) -> Provider {
        let mut written =
            json!({ "name": "idp", "client_id": "us", "token_url": "https://idp.example.com/token" });
        written["claims"] = claims;
        serde_json::from_value(written).unwrap()
    }

    fn id_token(claims: Value) -> Option<(String, String, Value)> {
        Some(("https://idp.example.com".into(), "ada".into(), claims))
    }

    #[test]
    fn only_the_word_true_beside_the_address_verifies_it() {
        let said = |claims: Value| Said { id_token: id_token(claims), ..Said::default() };
        let of = |claims: Value| told(&provider(json!({})), &said(claims)).unwrap().email_verified;
        assert!(of(json!({ "email": "a@b.example", "email_verified": true })));
        for word in
            [json!(false), json!("true"), json!("false"), json!(0), json!(1), json!(null), json!([true])]
        {
            assert!(!of(json!({ "email": "a@b.example", "email_verified": word })), "{word}");
        }
        assert!(!of(json!({ "email": "a@b.example" })));
        let unheard = provider(json!({ "email_verified": "" }));
        let claims = said(json!({ "email": "a@b.example", "email_verified": true, "": true }));
        assert!(!told(&unheard, &claims).unwrap().email_verified);
    }

    #[test]
    fn the_two_are_never_taken_from_two_places() {
        let said = Said {
            id_token: id_token(json!({ "email_verified": true })),
            userinfo: Some(json!({ "sub": "ada", "email": "b@b.example" })),
            ..Said::default()
        };
        let it = told(&provider(json!({})), &said).unwrap();
        assert_eq!((it.email.unwrap().as_str(), it.email_verified), ("b@b.example", false));
        let said = Said {
            id_token: id_token(json!({ "email": "a@b.example" })),
            userinfo: Some(json!({ "sub": "ada", "email": "b@b.example", "email_verified": true })),
            ..Said::default()
        };
        let it = told(&provider(json!({})), &said).unwrap();
        assert_eq!((it.email.unwrap().as_str(), it.email_verified), ("a@b.example", false));
    }

    #[test]
    fn a_providers_word_counts_in_its_own_domains_only() {
        let mut acme = provider(json!({}));
        let mut verified = |domains: &[&str], email: &str| {
            acme.domains = domains.iter().map(|&it| it.to_owned()).collect();
            let claims = json!({ "email": email, "email_verified": true });
            told(&acme, &Said { id_token: id_token(claims), ..Said::default() }).unwrap().email_verified
        };
        assert!(verified(&[], "ada@anywhere.example"));
        assert!(verified(&["acme.example", "acme.test"], "ada@ACME.example"));
        for other in [
            "ada@anywhere.example",
            "ada@mail.acme.example",
            "ada@evilacme.example",
            "acme.example@a.example",
        ] {
            assert!(!verified(&["acme.example"], other), "{other}");
        }
    }

    #[test]
    fn user_info_of_another_subject_is_refused() {
        for other in [json!({ "sub": "eve" }), json!({}), json!({ "sub": 7 })] {
            let said = Said { id_token: id_token(json!({})), userinfo: Some(other), ..Said::default() };
            assert!(told(&provider(json!({})), &said).is_err());
        }
    }

    #[test]
    fn github_says_who_somebody_is_by_number_and_by_a_list_of_addresses() {
        let github = provider(json!({ "subject": "id", "username": "login" }));
        let said = Said {
            userinfo: Some(
                json!({ "id": 583231, "login": "octocat", "email": "public@b.example", "name": null }),
            ),
            emails: Some(json!([
                { "email": "old@b.example", "primary": false, "verified": true },
                { "email": "new@b.example", "primary": true, "verified": true },
                { "email": "un@b.example", "primary": false, "verified": false },
            ])),
            ..Said::default()
        };
        let it = told(&github, &said).unwrap();
        assert_eq!((it.key.subject.as_str(), it.key.issuer.as_str()), ("583231", "https://idp.example.com"));
        assert_eq!((it.email.unwrap().as_str(), it.email_verified), ("new@b.example", true));
        assert_eq!((it.username.as_deref(), it.name), (Some("octocat"), None));
        let none = Said { emails: Some(json!([])), ..said };
        assert_eq!(told(&github, &none).unwrap().email, None);
    }

    #[test]
    fn no_subject_is_nobody() {
        for userinfo in [
            json!({}),
            json!({ "id": "" }),
            json!({ "id": 1.5 }),
            json!({ "id": [1] }),
            json!({ "id": true }),
        ] {
            let said = Said { userinfo: Some(userinfo), ..Said::default() };
            assert!(told(&provider(json!({ "subject": "id" })), &said).is_err());
        }
    }

    #[test]
    fn what_is_required_must_be_there_and_what_is_ignored_is_not_looked_at() {
        let userinfo = || Some(json!({ "sub": "ada", "name": "Ada", "email": "a@b.example" }));
        let of = |claims: Value| told(&provider(claims), &Said { userinfo: userinfo(), ..Said::default() });
        assert!(of(json!({ "name": { "from": "nick", "action": "require" } })).is_err());
        assert!(of(json!({ "email_verified": { "from": "email_verified", "action": "require" } })).is_err());
        let ignoring = of(json!({ "name": { "from": "name", "action": "ignore" } })).unwrap();
        assert_eq!((ignoring.name, ignoring.email.is_some()), (None, true));
        assert!(of(json!({ "name": { "from": "name", "action": "require" } })).is_ok());
    }
}
