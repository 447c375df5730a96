//! Advice on a password before it is chosen.

use super::App;
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
    pub fn password_strength(
        &self,
        ok: Authorized<'_, CheckPasswordStrength>,
        password: &Secret,
        email: Option<&Email>,
    ) -> Released<CheckPasswordStrength, Advice> {
        let known: Vec<&str> = email.iter().flat_map(|email| [email.as_str(), email.local_part()]).collect();
        let strength = Strength::of(password.expose(), &known);
        ok.release(Advice { strength, refusal: Password::check(password.expose(), email).err() })
    }
}
