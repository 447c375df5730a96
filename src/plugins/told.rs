//! What a hook was told and what it came to, as a recording keeps them: in the words of `palisade plugin run`, masked.

use serde_json::{Map, Value, json};

use super::hooks::{
    ActorKind, Endpoints, Event, ExternalIdentity, InvitationWish, KeyWish, LegacyOutcome, LoginAttempt,
    Mint, OutgoingLetter, PasswordOccasion, PasswordWish, Person, TokenSet,
};
use super::masks::{self, PASSWORD, SECRET, TEXT, address, shape};
use super::registration::{Answer, AuthMethod, Candidate, RequestContext};
use super::rulings::{Said, SaidDenial};
use super::since_v0_2::KeySaid;
use super::{Error, clean};

fn shaped(text: Option<&str>) -> Option<String> {
    text.map(shape)
}

/// `input` with the context of the request.
pub(super) fn within(context: &RequestContext, input: Value) -> Value {
    let mut all = Map::new();
    let context = json!({
        "request_id": context.request_id,
        "client_ip": context.client_ip.map(masks::network),
        "user_agent": shaped(context.user_agent.as_deref()),
        "locale": context.locale,
        "org_id": context.organization,
        "now": context.now,
    });
    all.insert("context".to_owned(), context);
    if let Value::Object(input) = input {
        all.extend(input);
    }
    Value::Object(all)
}

const fn method(method: AuthMethod) -> &'static str {
    match method {
        AuthMethod::Password => "password",
        AuthMethod::OAuth => "oauth",
    }
}

const fn actor(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::Human => "human",
        ActorKind::Agent => "agent",
        ActorKind::Service => "service",
    }
}

fn person(person: &Person) -> Value {
    // Masked, it is an object all the same: what is none was none before.
    let attributes = masks::json_text(&person.attributes);
    json!({
        "id": person.id,
        "email": address(&person.email),
        "email_verified": person.email_verified,
        "full_name": shaped(person.full_name.as_deref()),
        "department": shaped(person.department.as_deref()),
        "attributes": if attributes.is_object() { attributes } else { json!({}) },
    })
}

fn tokens(tokens: &TokenSet) -> Value {
    json!({
        "access_token": SECRET,
        "id_token_claims": tokens.id_token_claims.as_deref().map(masks::json_text),
        "raw": masks::json_text(&tokens.raw),
    })
}

pub(super) fn candidate(it: &Candidate) -> Value {
    json!({ "candidate": {
        "email": address(it.email.as_str()),
        "email_verified": it.email_verified,
        "full_name": shaped(it.full_name.as_deref()),
        "department": shaped(it.department.as_deref()),
        "referral_source": shaped(it.referral_source.as_deref()),
        "method": method(it.method),
        "provider": it.provider,
        "payload": it.payload.as_ref().map(masks::json),
    } })
}

pub(super) fn attempt(it: &LoginAttempt) -> Value {
    json!({ "attempt": {
        "user": person(&it.person),
        "method": method(it.method),
        "provider": it.provider,
        "amr": it.amr,
        "new_network": it.new_network,
    } })
}

pub(super) fn mint(it: &Mint) -> Value {
    json!({ "mint": {
        "user": person(&it.person),
        "actor": actor(it.actor),
        "session_id": it.session,
        "scopes": it.scopes,
        "audience": it.audience,
    } })
}

pub(super) fn password(it: &PasswordWish<'_>) -> Value {
    json!({ "candidate": {
        "occasion": match it.occasion {
            PasswordOccasion::Registration => "registration",
            PasswordOccasion::Reset => "reset",
            PasswordOccasion::Change => "change",
        },
        "password": PASSWORD,
        "email": address(it.email),
        "full_name": shaped(it.full_name),
    } })
}

pub(super) fn legacy(identifier: &str) -> Value {
    json!({ "identifier": address(identifier), "password": PASSWORD })
}

/// Of a letter, in which links are, only for whom it is.
pub(super) fn letter(it: &OutgoingLetter) -> Value {
    json!({ "message": {
        "idempotency_key": it.id,
        "template": it.template,
        "sender": address(&it.sender),
        "to": address(&it.to),
        "subject": TEXT,
        "text": TEXT,
        "html": TEXT,
    } })
}

pub(super) fn batch(batch: &[Event]) -> Value {
    let event = |it: &Event| {
        json!({
            "id": it.id,
            "sequence": it.sequence,
            "kind": it.kind,
            "occurred_at": it.occurred_at,
            "succeeded": it.succeeded,
            "org_id": it.organization,
            "payload": masks::json_text(&it.payload),
        })
    };
    json!({ "batch": batch.iter().map(event).collect::<Vec<_>>() })
}

pub(super) fn invitation(it: &InvitationWish) -> Value {
    json!({ "invitation": {
        "org_id": it.organization,
        "email": address(&it.email),
        "role": it.role,
        "inviter": it.inviter.as_ref().map(person),
    } })
}

pub(super) fn key(it: &KeyWish) -> Value {
    json!({ "request": {
        "owner": actor(it.owner),
        "issuer": it.issuer.as_ref().map(person),
        "name": shape(&it.name),
        "scopes": it.scopes,
        "expires_in_seconds": it.expires_in_seconds,
    } })
}

pub(super) fn map_profile(set: &TokenSet, userinfo: Option<&str>) -> Value {
    let userinfo = userinfo.map(masks::json_text);
    json!({ "call": "map-profile", "tokens": tokens(set), "userinfo": userinfo })
}

pub(super) fn exchange_code(redirect_uri: &str) -> Value {
    let redirect_uri = masks::place(redirect_uri);
    json!({ "call": "exchange-code", "code": SECRET, "redirect_uri": redirect_uri, "code_verifier": SECRET })
}

pub(super) fn fetch_profile(set: &TokenSet) -> Value {
    json!({ "call": "fetch-profile", "tokens": tokens(set) })
}

/// A refusal by its code; of a plugin that has seen a password not even that.
fn refused(verdict: &str, said: &SaidDenial, saw_password: bool) -> Value {
    if saw_password {
        return json!({ "verdict": verdict });
    }
    let code = if clean::is_code(&said.code) { &said.code } else { "rejected" };
    let field = said.field.as_ref().filter(|field| clean::is_field(field));
    json!({ "verdict": verdict, "code": code, "field": field })
}

pub(super) fn answered(answer: &Answer) -> Value {
    match answer {
        Answer::Accept(fields) => {
            // What it set is a person's; that it set it is the plugin's.
            let sets = |name: &str| fields.iter().any(|(set, _)| set == name);
            json!({ "verdict": "accept", "sets_full_name": sets("full-name"), "sets_department": sets("department") })
        }
        Answer::Waitlist(_) => json!({ "verdict": "waitlist" }),
        Answer::Reject { code, field, .. } => {
            let said = SaidDenial { code: code.clone(), message: String::new(), field: field.clone() };
            refused("reject", &said, false)
        }
    }
}

pub(super) fn ruled(said: &Said, saw_password: bool) -> Value {
    match said {
        Said::Keep => json!({ "verdict": "keep" }),
        Said::StepUp(said) => refused("step-up", said, saw_password),
        Said::Deny(said) => refused("deny", said, saw_password),
    }
}

pub(super) fn key_ruled(wish: &KeyWish, said: &KeySaid) -> Value {
    match said {
        KeySaid::Keep => json!({ "verdict": "keep" }),
        KeySaid::Narrow(left) => {
            let named = |scopes: &Vec<String>| -> Vec<_> {
                wish.scopes.iter().filter(|scope| scopes.contains(scope)).cloned().collect()
            };
            let scopes = left.scopes.as_ref().map(named);
            json!({ "verdict": "narrow", "scopes": scopes, "expires_in_seconds": left.expires_in_seconds })
        }
        KeySaid::Deny(said) => refused("deny", said, false),
    }
}

pub(super) fn claimed(claims: &Map<String, Value>) -> Value {
    json!({ "claims": masks::json(&Value::Object(claims.clone())) })
}

pub(super) fn verified(outcome: LegacyOutcome) -> Value {
    let outcome = match outcome {
        LegacyOutcome::NoSuchUser => "no-such-user",
        LegacyOutcome::WrongPassword => "wrong-password",
        LegacyOutcome::Correct => "correct",
    };
    json!({ "outcome": outcome })
}

pub(super) fn located(it: &Endpoints) -> Value {
    let place = |text: &Option<String>| text.as_deref().map(masks::place);
    json!({
        "issuer": place(&it.issuer),
        "authorize": masks::place(&it.authorize),
        "token": masks::place(&it.token),
        "userinfo": place(&it.userinfo),
        "jwks": place(&it.jwks),
        "client_auth": format!("{:?}", it.client_auth).to_lowercase(),
    })
}

pub(super) fn identified(it: &ExternalIdentity) -> Value {
    json!({
        "subject": shape(&it.subject),
        "email": it.email.as_deref().map(address),
        "email_verified": it.email_verified,
        "full_name": shaped(it.full_name.as_deref()),
        "avatar": it.avatar_url.is_some(),
    })
}

pub(super) fn exchanged(set: &TokenSet) -> Value {
    json!({ "tokens": true, "id_token_claims": set.id_token_claims.is_some() })
}

#[expect(clippy::ref_option, reason = "it is what an answer is")]
pub(super) fn fetched(userinfo: &Option<String>) -> Value {
    json!({ "userinfo": userinfo.as_deref().map(masks::json_text) })
}

pub(super) fn no_answer(error: &Error) -> Value {
    json!({ "no_answer": error.kind() })
}
