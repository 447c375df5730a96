//! A letter before it is written out: which template, to whom, with which values.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::domain::{Email, Language};

/// The letters there are. Each has a `.txt` and an `.html` file in `templates/`, and in `templates/de/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Template {
    /// Prove that this address is yours. Needs `link`.
    VerifyEmail,
    /// Somebody registered with an address that has an account. May have `link`, to sign in.
    AccountExists,
    /// Join an organization. Needs `link` and `organization`; may have `inviter` and `role`.
    Invitation,
    /// You are on the waitlist.
    Waitlisted,
    /// You may come in. May have `link`, to sign in.
    WaitlistApproved,
    /// Set a new password. Needs `link`.
    ResetPassword,
    /// The password was changed. May have `keys`, how many API keys ended with it, and `link`, to reset it.
    PasswordChanged,
    /// Somebody signed in from a device not seen before. Needs `device`, `network` and `time`; may have `link`, to
    /// reset the password.
    NewDevice,
    /// Prove that this address is yours, to which an account is to move. Needs `link`.
    ConfirmEmailChange,
    /// To the old address: the account is to move. Needs `new_email`; may have `link`, to reset the password.
    EmailChangeRequested,
    /// To the old address: the account has moved. Needs `new_email`; may have `keys`, how many API keys ended with it.
    EmailChanged,
    /// The account is to be deleted. Needs `time`; may have `link`, to sign in.
    AccountDeletion,
    /// Your request was turned away. May have `reason`.
    RegistrationRejected,
    /// You made an API key, or gave one a new secret. Needs `key`, `prefix` and `time`; may have `rotated`, if it is
    /// the latter, and `link`, to reset the password.
    KeyCreated,
}

impl Template {
    pub const ALL: [Self; 14] = [
        Self::VerifyEmail,
        Self::AccountExists,
        Self::Invitation,
        Self::Waitlisted,
        Self::WaitlistApproved,
        Self::ResetPassword,
        Self::PasswordChanged,
        Self::NewDevice,
        Self::ConfirmEmailChange,
        Self::EmailChangeRequested,
        Self::EmailChanged,
        Self::AccountDeletion,
        Self::RegistrationRejected,
        Self::KeyCreated,
    ];

    /// The name of its files in `templates/`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify-email",
            Self::AccountExists => "account-exists",
            Self::Invitation => "invitation",
            Self::Waitlisted => "waitlisted",
            Self::WaitlistApproved => "waitlist-approved",
            Self::ResetPassword => "reset-password",
            Self::PasswordChanged => "password-changed",
            Self::NewDevice => "new-device",
            Self::ConfirmEmailChange => "confirm-email-change",
            Self::EmailChangeRequested => "email-change-requested",
            Self::EmailChanged => "email-changed",
            Self::AccountDeletion => "account-deletion",
            Self::RegistrationRejected => "registration-rejected",
            Self::KeyCreated => "key-created",
        }
    }

    /// The values that it always gets, and those that it may get. Beside them each gets `service` and may get `name`.
    pub(super) const fn values(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::VerifyEmail | Self::ResetPassword | Self::ConfirmEmailChange => (&["link"], &[]),
            Self::AccountExists | Self::WaitlistApproved => (&[], &["link"]),
            Self::PasswordChanged => (&[], &["keys", "link"]),
            Self::KeyCreated => (&["key", "prefix", "time"], &["link", "rotated"]),
            Self::NewDevice => (&["device", "network", "time"], &["link"]),
            Self::EmailChangeRequested => (&["new_email"], &["link"]),
            Self::EmailChanged => (&["new_email"], &["keys"]),
            Self::AccountDeletion => (&["time"], &["link"]),
            Self::Invitation => (&["link", "organization"], &["inviter", "role"]),
            Self::Waitlisted => (&[], &[]),
            Self::RegistrationRejected => (&[], &["reason"]),
        }
    }

    pub(super) const fn text(self, language: Language) -> &'static str {
        match language {
            Language::En => self.english_text(),
            Language::De => self.german_text(),
        }
    }

    const fn english_text(self) -> &'static str {
        match self {
            Self::VerifyEmail => include_str!("templates/verify-email.txt"),
            Self::AccountExists => include_str!("templates/account-exists.txt"),
            Self::Invitation => include_str!("templates/invitation.txt"),
            Self::Waitlisted => include_str!("templates/waitlisted.txt"),
            Self::WaitlistApproved => include_str!("templates/waitlist-approved.txt"),
            Self::ResetPassword => include_str!("templates/reset-password.txt"),
            Self::PasswordChanged => include_str!("templates/password-changed.txt"),
            Self::NewDevice => include_str!("templates/new-device.txt"),
            Self::ConfirmEmailChange => include_str!("templates/confirm-email-change.txt"),
            Self::EmailChangeRequested => include_str!("templates/email-change-requested.txt"),
            Self::EmailChanged => include_str!("templates/email-changed.txt"),
            Self::AccountDeletion => include_str!("templates/account-deletion.txt"),
            Self::RegistrationRejected => include_str!("templates/registration-rejected.txt"),
            Self::KeyCreated => include_str!("templates/key-created.txt"),
        }
    }

    const fn german_text(self) -> &'static str {
        match self {
            Self::VerifyEmail => include_str!("templates/de/verify-email.txt"),
            Self::AccountExists => include_str!("templates/de/account-exists.txt"),
            Self::Invitation => include_str!("templates/de/invitation.txt"),
            Self::Waitlisted => include_str!("templates/de/waitlisted.txt"),
            Self::WaitlistApproved => include_str!("templates/de/waitlist-approved.txt"),
            Self::ResetPassword => include_str!("templates/de/reset-password.txt"),
            Self::PasswordChanged => include_str!("templates/de/password-changed.txt"),
            Self::NewDevice => include_str!("templates/de/new-device.txt"),
            Self::ConfirmEmailChange => include_str!("templates/de/confirm-email-change.txt"),
            Self::EmailChangeRequested => include_str!("templates/de/email-change-requested.txt"),
            Self::EmailChanged => include_str!("templates/de/email-changed.txt"),
            Self::AccountDeletion => include_str!("templates/de/account-deletion.txt"),
            Self::RegistrationRejected => include_str!("templates/de/registration-rejected.txt"),
            Self::KeyCreated => include_str!("templates/de/key-created.txt"),
        }
    }

    pub(super) const fn html(self, language: Language) -> &'static str {
        match language {
            Language::En => self.english_html(),
            Language::De => self.german_html(),
        }
    }

    const fn english_html(self) -> &'static str {
        match self {
            Self::VerifyEmail => include_str!("templates/verify-email.html"),
            Self::AccountExists => include_str!("templates/account-exists.html"),
            Self::Invitation => include_str!("templates/invitation.html"),
            Self::Waitlisted => include_str!("templates/waitlisted.html"),
            Self::WaitlistApproved => include_str!("templates/waitlist-approved.html"),
            Self::ResetPassword => include_str!("templates/reset-password.html"),
            Self::PasswordChanged => include_str!("templates/password-changed.html"),
            Self::NewDevice => include_str!("templates/new-device.html"),
            Self::ConfirmEmailChange => include_str!("templates/confirm-email-change.html"),
            Self::EmailChangeRequested => include_str!("templates/email-change-requested.html"),
            Self::EmailChanged => include_str!("templates/email-changed.html"),
            Self::AccountDeletion => include_str!("templates/account-deletion.html"),
            Self::RegistrationRejected => include_str!("templates/registration-rejected.html"),
            Self::KeyCreated => include_str!("templates/key-created.html"),
        }
    }

    const fn german_html(self) -> &'static str {
        match self {
            Self::VerifyEmail => include_str!("templates/de/verify-email.html"),
            Self::AccountExists => include_str!("templates/de/account-exists.html"),
            Self::Invitation => include_str!("templates/de/invitation.html"),
            Self::Waitlisted => include_str!("templates/de/waitlisted.html"),
            Self::WaitlistApproved => include_str!("templates/de/waitlist-approved.html"),
            Self::ResetPassword => include_str!("templates/de/reset-password.html"),
            Self::PasswordChanged => include_str!("templates/de/password-changed.html"),
            Self::NewDevice => include_str!("templates/de/new-device.html"),
            Self::ConfirmEmailChange => include_str!("templates/de/confirm-email-change.html"),
            Self::EmailChangeRequested => include_str!("templates/de/email-change-requested.html"),
            Self::EmailChanged => include_str!("templates/de/email-changed.html"),
            Self::AccountDeletion => include_str!("templates/de/account-deletion.html"),
            Self::RegistrationRejected => include_str!("templates/de/registration-rejected.html"),
            Self::KeyCreated => include_str!("templates/de/key-created.html"),
        }
    }
}

/// One letter as it waits in the outbox. Its `link` may hold a token, so it is sealed there and `Debug`
/// shows only the names of the values.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Letter {
    pub template: Template,
    #[serde(serialize_with = "write_email", deserialize_with = "read_email")]
    pub to: Email,
    /// What the person calls themselves. Anybody could have written it, as every value but `link`.
    pub name: Option<String>,
    /// What the template asks for; see [`Template`]. `link` is an absolute http(s) URL, ready made.
    pub values: BTreeMap<String, String>,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter")
            .field("template", &self.template)
            .field("to", &self.to)
            .field("values", &self.values.keys())
            .finish_non_exhaustive()
    }
}

fn write_email<S: Serializer>(email: &Email, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(email.as_str())
}

fn read_email<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Email, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_survives_the_outbox_and_does_not_print_its_link() {
        for template in Template::ALL {
            let letter = Letter {
                template,
                to: "ada@example.com".parse().unwrap(),
                name: Some("Ada".into()),
                values: BTreeMap::from([("link".into(), "https://x.example/?token=secret".into())]),
            };
            let text = serde_json::to_string(&letter).unwrap();
            assert_eq!(serde_json::from_str::<Letter>(&text).unwrap(), letter);
            assert!(text.contains(&format!("\"{}\"", template.name())), "{text}");
            assert!(!format!("{letter:?}").contains("secret"));
        }
    }

    #[test]
    fn a_letter_to_what_is_no_address_does_not_read() {
        let text = r#"{"template":"waitlisted","to":"ada@example.com\r\nBcc: eve@example.com","name":null,"values":{}}"#;
        assert!(serde_json::from_str::<Letter>(text).is_err());
    }
}
