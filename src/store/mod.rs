//! Rows: what is kept, on SQLite and on PostgreSQL, by one text of SQL for both.
//!
//! Owns: sqlx and `migrations/`. May import: `domain`, `guard`, `pdp`'s plain values.
//! Must never: decide anything, or hand out a tenant's row without an [`Authorized`](crate::guard::Authorized);
//! what must be read before there is a principal stands in `unguarded.rs` and nowhere else.
//! Read next: `sql.rs` (the two databases behind one face), then `users.rs`.

mod agents;
mod api_keys;
mod audit;
mod decisions;
mod delegations;
mod deletion;
mod email_changes;
mod email_tokens;
mod error;
mod expiry;
mod export;
mod facts;
mod flows;
mod grants;
mod identities;
mod imports;
mod invitations;
mod known;
mod known_networks;
mod letter_requests;
mod memberships;
mod messages;
mod open;
mod organizations;
mod outbox;
mod own_sessions;
mod passwords;
mod plugin_installs;
mod plugins;
mod resource_facts;
mod resources;
mod roles;
mod search;
mod sessions;
mod signing_keys;
mod sql;
mod subject_facts;
mod unguarded;
mod users;
mod waitlist;

pub use api_keys::{ListsKeys, MakesKeys, NewKey, OnKey, OnKeys, RevokesKeys, RotatesKeys};
pub use audit::{Broken, Note, Verified};
pub use delegations::NewDelegation;
pub use deletion::Deletion;
pub use email_changes::Moved;
pub use email_tokens::{Bound, ProvesAddress, Purpose, SendsTokens, SpendsTokens};
pub use error::{Conflict, Error};
pub use flows::{BeginsFlows, Flow, SignInCode};
pub use grants::Ungrantable;
pub use identities::{EndsIdentities, MakesIdentities, ReadsIdentities, SealedConnection};
pub use known_networks::ChecksPassword;
pub use letter_requests::{AsksForLetters, LetterRequest};
pub use memberships::Kept;
pub use messages::StoredMessage;
pub use open::{MIGRATIONS, OpenError};
pub use outbox::Queued;
pub use own_sessions::Familiarity;
pub use passwords::ProvesPassword;
pub use plugin_installs::{ChangesInstalls, Install, ReadsInstalls};
pub use plugins::Room;
pub use resource_facts::ResourceFacts;
pub use resources::{Misplaced, WritesResources};
pub use roles::{OnRoles, RoleUse};
pub use search::Candidate;
pub use sessions::{NewSession, Rotation, SignsIn};
pub use signing_keys::SealedKey;
pub use sql::{Store, Tx};
pub use subject_facts::PersonName;
pub use unguarded::{KeyHolder, TokenFacts};
pub use users::{Account, NewUser};
pub use waitlist::LetIn;
