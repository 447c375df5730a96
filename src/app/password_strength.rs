//! Advice on a password before it is chosen.

use super::{App, Error};
use crate::domain::{Email, Invalid, Password, Secret, Strength};
use crate::guard::actions::CheckPasswordStrength;
use crate::guard::{Authorized, Released};

/// What we think of a password.
#[derive(Debug, Clone)]
pub struct Advice {
    pub strength: Strength,
    /// Why it would be refused; none if it would be taken.
    pub refusal: Option<Invalid>,
}

impl App {
    /// What we think of `password` for the account of `email`. Nothing is kept.
    ///
    /// # Errors
    /// [`Error::Bug`] if the estimate broke off.
    pub async fn password_strength(
        &self,
        ok: Authorized<'_, CheckPasswordStrength>,
        password: Secret,
        email: Option<Email>,
    ) -> Result<Released<CheckPasswordStrength, Advice>, Error> {
        // Milliseconds of work: not on a thread that serves others.
        let work = tokio::task::spawn_blocking(move || {
            let known: Vec<&str> =
                email.iter().flat_map(|email| [email.as_str(), email.local_part()]).collect();
            let strength = Strength::of(password.expose(), &known);
            Advice { strength, refusal: Password::check(password.expose(), email.as_ref()).err() }
        });
        let advice = work.await.map_err(|source| Error::Bug {
            context: "a password could not be estimated",
            source: Box::new(source),
        })?;
        Ok(ok.release(advice))
    }
}
