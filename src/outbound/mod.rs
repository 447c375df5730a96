//! What leaves the house: letters to people, and HTTP to the world.
//!
//! Owns: lettre and the letters' templates, reqwest with the filter of addresses, the words of OAuth (`oauth2`),
//! questions to DNS (`hickory-resolver`).
//! May import: `domain`. Must never: decide who gets a letter, make a link, or run inside a database transaction.
//! Read next: `letter.rs`, then `catalogue.rs` and `mailer.rs`; `web.rs`, then `provider/mod.rs`; `dns.rs`.

mod address;
mod catalogue;
mod compose;
mod dns;
mod kept;
mod letter;
mod mailer;
mod provider;
mod web;

pub use catalogue::{Catalogue, TemplateError};
pub use compose::Written;
pub use dns::{Dns, NoAnswer};
pub use kept::KeptLetter;
pub use letter::{Letter, Template};
pub use mailer::{MailError, Mailer, Transport};
pub use provider::{Endpoints, Journey, ProviderError, Providers, Redeemed, Said, told};
pub use web::{Reach, Web, WebError, could_be_asked};
