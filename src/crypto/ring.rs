//! Which key signs when, and until when each verifies.

use std::time::Duration;

use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::{Value, json};

use super::{SigningKey, TokenError};
use crate::domain::Micros;

/// How far the clocks of two nodes may be apart: a slow one signs with the old key this much longer.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// A signing key and the instant from which it signs. Before it, the key is published and verifies; it
/// signs until the next key does, and verifies until the last token it signed is over.
#[derive(Debug, Clone)]
pub struct ScheduledKey {
    pub key: SigningKey,
    pub signs_from: Micros,
}

/// When a key is over whose successor signs from `next`, if its tokens live for `ttl`.
#[must_use]
pub fn verifies_until(next: Micros, ttl: Duration) -> Micros {
    next + ttl + SKEW
}

/// All keys, the one that signs from the latest instant first. Every node that knows the same keys agrees
/// at each instant on which one signs, so nothing has to happen at the moment of a change.
pub(super) struct KeyRing(Vec<Entry>);

struct Entry {
    kid: String,
    signs_from: Micros,
    /// None as long as no other key follows.
    verifies_until: Option<Micros>,
    encoding: EncodingKey,
    decoding: DecodingKey,
    jwk: Value,
}

impl KeyRing {
    /// # Errors
    /// [`TokenError::NoKey`] if `keys` is empty.
    pub(super) fn new(keys: &[ScheduledKey], ttl: Duration) -> Result<Self, TokenError> {
        let mut keys: Vec<&ScheduledKey> = keys.iter().collect();
        keys.sort_by(|one, two| {
            two.signs_from.cmp(&one.signs_from).then_with(|| one.key.kid().cmp(two.key.kid()))
        });
        let mut next = None;
        let entry = |scheduled: &ScheduledKey| {
            let key = &scheduled.key;
            let verifies_until = next.replace(scheduled.signs_from).map(|next| verifies_until(next, ttl));
            Entry {
                kid: key.kid().to_owned(),
                signs_from: scheduled.signs_from,
                verifies_until,
                encoding: EncodingKey::from_ed_der(key.pkcs8()),
                decoding: DecodingKey::from_ed_der(key.public_key()),
                jwk: key.jwk(),
            }
        };
        let entries: Vec<Entry> = keys.into_iter().map(entry).collect();
        if entries.is_empty() { Err(TokenError::NoKey) } else { Ok(Self(entries)) }
    }

    /// The key that signs at `now`; before the first one's time, the first one.
    pub(super) fn signer(&self, now: Micros) -> Option<(&str, &EncodingKey)> {
        let due = self.0.iter().find(|entry| entry.signs_from <= now).or(self.0.last());
        due.map(|entry| (entry.kid.as_str(), &entry.encoding))
    }

    pub(super) fn verifier(&self, kid: &str, now: Micros) -> Option<&DecodingKey> {
        self.live(now).find(|entry| entry.kid == kid).map(|entry| &entry.decoding)
    }

    pub(super) fn jwks(&self, now: Micros) -> Value {
        json!({ "keys": self.live(now).map(|entry| &entry.jwk).collect::<Vec<_>>() })
    }

    fn live(&self, now: Micros) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(move |entry| entry.verifies_until.is_none_or(|until| now < until))
    }
}
