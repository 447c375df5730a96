//! What leaves the house: letters to people.
//!
//! Owns: lettre and the letters' templates (later: HTTP to the world, with its address filter).
//! May import: `domain`. Must never: decide who gets a letter, make a link, or run inside a database transaction.
//! Read next: `letter.rs`, then `catalogue.rs` and `mailer.rs`.

mod catalogue;
mod compose;
mod kept;
mod letter;
mod mailer;

pub use catalogue::{Catalogue, TemplateError};
pub use kept::KeptLetter;
pub use letter::{Letter, Template};
pub use mailer::{MailError, Mailer, Transport};
