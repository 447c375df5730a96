//! How hard a password is to guess, by an estimate of what attackers try first.

/// zxcvbn's estimate (Wheeler, USENIX Security 2016).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strength {
    /// 0 (guessed at once) to 4 (out of reach even of an attacker who has the hash).
    pub score: u8,
    /// What is wrong with it, in a sentence; none if nothing is.
    pub warning: Option<String>,
    /// What would make it better, a sentence each.
    pub suggestions: Vec<String>,
}

impl Strength {
    /// What a new password needs: more than a million guesses.
    pub const ACCEPTABLE: u8 = 2;

    /// Only the first characters are looked at: signs that stand for letters take time that grows fast with the length
    /// (seconds for a hundred), and more characters only make a password better.
    const LOOKED_AT: usize = 32;

    /// Estimates `password`, for somebody of whom an attacker knows `known`, such as their address.
    #[must_use]
    pub fn of(password: &str, known: &[&str]) -> Self {
        let looked_at: String = password.chars().take(Self::LOOKED_AT).collect();
        let estimate = zxcvbn::zxcvbn(&looked_at, known);
        let advice = estimate.feedback();
        Self {
            score: u8::from(estimate.score()),
            warning: advice.and_then(zxcvbn::feedback::Feedback::warning).map(|warning| warning.to_string()),
            suggestions: advice.map_or_else(Vec::new, |advice| {
                advice.suggestions().iter().map(ToString::to_string).collect()
            }),
        }
    }

    #[must_use]
    pub const fn acceptable(&self) -> bool {
        self.score >= Self::ACCEPTABLE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_easy_to_guess_scores_low_and_comes_with_advice() {
        let weak = Strength::of("catcatcatcatcat", &[]);
        assert!(!weak.acceptable(), "{weak:?}");
        assert!(weak.warning.is_some() || !weak.suggestions.is_empty(), "{weak:?}");
        let strong = Strength::of("correct horse battery", &[]);
        assert!(strong.acceptable(), "{strong:?}");
    }

    #[test]
    fn a_long_password_costs_no_more_than_its_beginning() {
        let awkward = "4@8({[<369|!10$5+7%2".repeat(13);
        let beginning: String = awkward.chars().take(Strength::LOOKED_AT).collect();
        assert_eq!(Strength::of(&awkward, &[]), Strength::of(&beginning, &[]));
    }

    #[test]
    fn what_an_attacker_knows_of_a_person_counts_for_nothing() {
        let name = "wilhelmina-featherstonehaugh";
        assert!(Strength::of(name, &[]).acceptable());
        assert!(!Strength::of(name, &[name]).acceptable());
    }
}
