//! Making an account: check → hash → plugin → transaction → mail.

use serde_json::{Map, Value as Json, json};

use super::hooks::with_findings;
use super::{App, Error, letter, parse_email};
use crate::domain::{
    Department, Email, FullName, Language, Password, ReferralSource, Secret, User, UserId, Waitlist,
};
use crate::guard::actions::Register;
use crate::guard::{Authorized, Released, Resource};
use crate::outbound::Template;
use crate::plugins::{AuthMethod, Candidate, Finding, PasswordOccasion, ProfilePatch, Verdict};
use crate::store::{self, Bound, NewUser, Note, Purpose};

/// What somebody sends to get an account.
#[derive(Debug, Clone)]
pub struct Registration {
    pub email: String,
    pub password: Secret,
    pub full_name: Option<FullName>,
    pub department: Option<Department>,
    pub referral_source: Option<ReferralSource>,
    /// What our letters to them are written in.
    pub language: Option<Language>,
    /// For plugins only, such as an invitation code; never stored.
    pub payload: Map<String, Json>,
}

impl App {
    /// Registers a person. An address that has an account already gets the same answer as a new one, in the same
    /// time; its owner is told by mail, and nothing changes.
    ///
    /// # Errors
    /// [`Error::Invalid`] on the address or the password, [`Error::Refused`] by a plugin, [`Error::TooMany`] if the
    /// hashing queue is full; with `reveal_accounts`, [`Error::Conflict`] `email-taken`.
    pub async fn register(
        &self,
        ok: Authorized<'_, Register>,
        wanted: Registration,
    ) -> Result<Released<Register, User>, Error> {
        let email = parse_email(&wanted.email)?;
        let password = Password::choose(wanted.password.expose(), &email)
            .map_err(|invalid| Error::Invalid(vec![invalid.at("password")]))?;
        let name = wanted.full_name.as_ref().map(ToString::to_string);
        let mut findings = self
            .password_passes(
                &ok,
                PasswordOccasion::Registration,
                (&email, name.as_deref()),
                wanted.password.expose(),
                "password",
            )
            .await?;
        let context = self.hook_context(ok.caller(), wanted.language, None);
        let judged = self.plugins().validate_registration(&context, &candidate(&email, &wanted)).await;
        findings.extend(judged.findings);
        let user = match self.judged(email, wanted, judged.verdict) {
            Ok(user) => user,
            Err(refused) => {
                self.note_refusal(&ok, &findings).await?;
                return Err(refused);
            }
        };
        let password_hash = Some(self.hasher.hash(password).await?);
        let existing = self.store.find_account(&ok, &user.email).await?;
        let owner = existing.map(|account| account.user);
        let new = NewUser { user: user.clone(), password_hash };
        self.insert_registered(&ok, owner.as_ref(), new, &findings).await?;
        Ok(ok.release(user))
    }

    /// The one way for a new address and for one that has an account already: the same statements, one letter, one
    /// event. What differs is which letter.
    async fn insert_registered(
        &self,
        ok: &Authorized<'_, Register>,
        owner: Option<&User>,
        new: NewUser,
        findings: &[Finding],
    ) -> Result<(), Error> {
        let token = Secret::random(&*self.random);
        let link = self.link("/verify-email", &token);
        let home = [("link", self.settings.public_url.to_string())];
        let waits = new.user.waitlist == Waitlist::Pending;
        let mut tx = self.store.begin().await?;
        if tx.insert_user_if_new(ok, &new).await? {
            let (user, email) = (new.user.id, &new.user.email);
            let bound = Bound { purpose: Purpose::VerifyEmail, user, email, password_hash: None };
            tx.insert_email_token(ok, bound, token.hash(), self.settings.verification_lifetime, self.now())
                .await?;
            self.enqueue(&mut tx, ok, letter(Template::VerifyEmail, &new.user, [("link", link)])).await?;
            if waits {
                self.enqueue(&mut tx, ok, letter(Template::Waitlisted, &new.user, home)).await?;
            }
            let details = json!({ "user": new.user.id.to_string(), "waitlist": new.user.waitlist.as_str() });
            self.note(&mut tx, ok, with_findings(details, findings)).await?;
        } else if self.settings.reveal_accounts {
            return Err(store::Error::Conflict(store::Conflict::EmailTaken).into());
        } else {
            tx.pretend(ok, if waits { 4 } else { 2 }).await?;
            // By the name its owner goes by, not one that a stranger has just made up.
            let told = User { full_name: owner.and_then(|owner| owner.full_name.clone()), ..new.user };
            self.enqueue(&mut tx, ok, letter(Template::AccountExists, &told, home)).await?;
            let about = owner.map(|owner| Resource::User(owner.id));
            let details = match with_findings(json!({}), findings) {
                Json::Object(details) => details,
                _ => Map::new(),
            };
            let note = Note { about, failure: Some("email-taken"), details, ..Note::default() };
            tx.append_event(ok, note, self.now()).await?;
        }
        tx.commit().await?;
        self.mail_waits.notify_one();
        Ok(())
    }

    /// The account that the plugins' verdict leaves, if it leaves one.
    pub(super) fn judged(&self, email: Email, wanted: Registration, verdict: Verdict) -> Result<User, Error> {
        let (waitlist, reason, profile) = match verdict {
            Verdict::Accept { profile } => (Waitlist::Approved, None, profile),
            Verdict::Waitlist { plugin: _, reason } => {
                (Waitlist::Pending, Some(reason), ProfilePatch::default())
            }
            Verdict::Reject { plugin, code, message, field } => {
                return Err(Error::Refused {
                    code: format!("plugin:{plugin}/{code}"),
                    detail: message,
                    field,
                });
            }
            Verdict::Unavailable { plugin } => {
                tracing::error!(plugin, "registration refused because a plugin did not answer");
                return Err(Error::Unavailable { retry_after: std::time::Duration::from_secs(30) });
            }
        };
        let now = self.now();
        let given = |text: Option<String>| text.and_then(|text| FullName::parse(&text).ok());
        Ok(User {
            id: self.fresh::<UserId>(),
            email,
            full_name: given(profile.full_name).or(wanted.full_name).map(FullName::into_string),
            department: given(profile.department).or(wanted.department).map(Department::into_string),
            avatar_url: None,
            attributes: Map::new(),
            email_verified_at: None,
            suspended_at: None,
            super_admin: false,
            waitlist,
            waitlist_reason: reason,
            referral_source: wanted.referral_source.map(ReferralSource::into_string),
            created_at: now,
            updated_at: now,
            last_login_at: None,
            language: wanted.language,
            deletion_due_at: None,
        })
    }
}

fn candidate(email: &Email, wanted: &Registration) -> Candidate {
    Candidate {
        email: email.clone(),
        email_verified: false,
        full_name: wanted.full_name.as_ref().map(ToString::to_string),
        department: wanted.department.as_ref().map(ToString::to_string),
        referral_source: wanted.referral_source.as_ref().map(ToString::to_string),
        method: AuthMethod::Password,
        provider: None,
        payload: (!wanted.payload.is_empty()).then(|| Json::Object(wanted.payload.clone())),
    }
}
