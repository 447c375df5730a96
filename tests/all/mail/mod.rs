//! Letters: that they arrive over real SMTP, in the reader's language, in the operator's words, and who sees those
//! that do not.

mod dead;
mod languages;
mod page;
mod smtp;
mod transport;
