//! Short ways to say what a hook may say.

use crate::hooks::{api_key, invitation, login, password, registration};
use crate::{AttributePatch, Denial};

fn denial(code: &str, message: impl Into<String>) -> Denial {
    Denial { code: code.into(), message: message.into(), field: None }
}

impl Denial {
    /// `code` is kebab-case, for programs; `message` is a sentence for the person.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        denial(code, message)
    }

    /// The field of the form that this is about.
    #[must_use]
    pub fn on(mut self, field: &str) -> Self {
        self.field = Some(field.into());
        self
    }
}

impl registration::Verdict {
    /// Lets the person in and leaves their profile as it is.
    #[must_use]
    pub fn accept() -> Self {
        Self::Accept(AttributePatch { set: Vec::new() })
    }

    /// Lets the account wait for an administrator.
    #[must_use]
    pub fn waitlist(reason: impl Into<String>) -> Self {
        Self::Waitlist(reason.into())
    }

    #[must_use]
    pub fn reject(code: &str, message: impl Into<String>) -> Self {
        Self::Reject(denial(code, message))
    }
}

impl login::Verdict {
    #[must_use]
    pub fn step_up(code: &str, message: impl Into<String>) -> Self {
        Self::StepUp(denial(code, message))
    }

    #[must_use]
    pub fn deny(code: &str, message: impl Into<String>) -> Self {
        Self::Deny(denial(code, message))
    }
}

impl password::Verdict {
    #[must_use]
    pub fn reject(code: &str, message: impl Into<String>) -> Self {
        Self::Reject(denial(code, message))
    }
}

impl invitation::Verdict {
    #[must_use]
    pub fn deny(code: &str, message: impl Into<String>) -> Self {
        Self::Deny(denial(code, message))
    }
}

impl api_key::Verdict {
    #[must_use]
    pub fn deny(code: &str, message: impl Into<String>) -> Self {
        Self::Deny(denial(code, message))
    }
}
