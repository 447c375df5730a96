//! What keeps secrets and proves origins: password hashes, access tokens, encryption at rest.
//!
//! Owns: argon2, `jsonwebtoken`, the AEAD and the key derivation; nobody else imports them.
//! May import: `domain`. Must never: touch a database or a request, or say in an error what a secret was.
//! Read next: `passwords.rs`, then `tokens.rs`.

mod api_keys;
mod client_secret;
mod compiled;
mod foreign_token;
mod id_token;
mod imported;
mod master;
mod passwords;
mod phc;
mod ring;
mod sealer;
mod signatures;
mod signing;
mod successor;
mod tokens;

pub use api_keys::{FreshKey, KeyEnvironment, is_api_key, key_id};
#[cfg(test)]
pub(crate) use client_secret::tests::fresh as fresh_client_key;
pub use client_secret::{NoClientKey, check_client_key, signed_client_secret};
pub use compiled::CodeSeal;
pub use foreign_token::{ForeignTokenError, issuer_of, read_foreign};
pub use id_token::{IdToken, IdTokenError, IdTokenRules};
pub use imported::{FirebaseScrypt, ImportError, import_hash};
pub use master::{MasterKey, MasterKeyError};
pub use passwords::{HashingError, HashingSettings, PasswordHasher, Verified};
pub use ring::{ScheduledKey, verifies_until};
pub use sealer::{SealError, Sealer};
pub use signatures::{NoKey, VerifyingKey};
pub use signing::{KeyError, SigningKey};
pub use successor::refresh_successor;
pub use tokens::{Access, FEDERATED, Granted, NewAccess, TokenError, TokenIssuer};
