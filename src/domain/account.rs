//! A person's account as the platform keeps it.

use serde_json::{Map, Value};

use super::{Email, Language, Line, Micros, UserId};

/// An account, without anything secret.
#[derive(Debug, Clone)]
pub struct User {
    pub id: UserId,
    pub email: Email,
    pub full_name: Option<String>,
    pub department: Option<String>,
    pub avatar_url: Option<String>,
    /// The person's own preferences; no policy sees them.
    pub attributes: Map<String, Value>,
    pub email_verified_at: Option<Micros>,
    pub suspended_at: Option<Micros>,
    pub super_admin: bool,
    pub waitlist: Waitlist,
    pub waitlist_reason: Option<String>,
    pub referral_source: Option<String>,
    pub created_at: Micros,
    pub updated_at: Micros,
    pub last_login_at: Option<Micros>,
    /// What our letters to them are written in.
    pub language: Option<Language>,
    /// When the account is purged, if it is to be deleted.
    pub deletion_due_at: Option<Micros>,
}

/// Where an account stands with the waitlist, in the old system's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waitlist {
    /// Waits for an administrator; may sign in and see itself.
    Pending,
    /// Was let in, at once or later.
    Approved,
    /// Was turned away by an administrator; the account cannot be used.
    Rejected,
    /// Never went through a waitlist.
    None,
}

impl Waitlist {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::None => "none",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Approved, Self::Rejected, Self::None]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// What must be met before a request for an account opens it by itself; at least one is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitlistRequires {
    /// The address is proved.
    pub verified_email: bool,
    /// An administrator said yes.
    pub approval: bool,
    /// The registration plugins say yes, asked anew about the person as they are now.
    pub plugin: bool,
}

impl Default for WaitlistRequires {
    fn default() -> Self {
        Self { verified_email: false, approval: true, plugin: false }
    }
}

/// A request for an account, as administrators see it.
#[derive(Debug, Clone)]
pub struct WaitlistEntry {
    pub user: User,
    /// From 1; only of those who wait.
    pub position: Option<i64>,
    /// When an administrator said yes; the account may still wait for its other conditions.
    pub approved_at: Option<Micros>,
    /// When the plugins said yes after all; likewise.
    pub accepted_at: Option<Micros>,
}

pub type RejectionReason = Line<200>;
pub type FullName = Line<100>;
pub type Department = Line<100>;
pub type ReferralSource = Line<100>;

/// What a person may change of their own account. `None` leaves a field, `Some(None)` clears it.
#[derive(Debug, Clone, Default)]
pub struct ProfilePatch {
    pub full_name: Option<Option<FullName>>,
    pub department: Option<Option<Department>>,
    pub attributes: Option<Map<String, Value>>,
    pub language: Option<Option<Language>>,
}
