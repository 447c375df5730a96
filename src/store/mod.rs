//! Rows: what is kept, on SQLite and on PostgreSQL, by one text of SQL for both.
//!
//! Owns: sqlx and `migrations/`. May import: `domain`, `guard`, `pdp`'s plain values.
//! Must never: decide anything, or hand out a tenant's row without an [`Authorized`](crate::guard::Authorized);
//! what must be read before there is a principal stands in `unguarded.rs` and nowhere else.
//! Read next: `sql.rs` (the two databases behind one face), then `users.rs`.

mod audit;
mod email_tokens;
mod error;
mod facts;
mod imports;
mod invitations;
mod known_networks;
mod memberships;
mod open;
mod organizations;
mod outbox;
mod sessions;
mod signing_keys;
mod sql;
mod unguarded;
mod users;
mod waitlist;

pub use audit::{Broken, Note, Verified};
pub use email_tokens::Purpose;
pub use error::{Conflict, Error};
pub use memberships::Kept;
pub use open::{MIGRATIONS, OpenError};
pub use outbox::Queued;
pub use sessions::{NewSession, Rotation};
pub use signing_keys::SealedKey;
pub use sql::{Store, Tx};
pub use users::{Account, NewUser};
pub use waitlist::LetIn;
