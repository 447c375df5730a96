//! Shapes that several resources share.

use std::collections::BTreeMap;

use poem_openapi::{Enum, Object};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{self, Micros, Page, RoleId, RoleRef};

/// An account.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none, rename = "User")]
pub(super) struct UserView {
    id: Uuid,
    email: String,
    full_name: Option<String>,
    department: Option<String>,
    /// Whether the account may be used; false while it is suspended.
    is_active: bool,
    /// Whether the address is proved.
    is_verified: bool,
    is_super_admin: bool,
    avatar_url: Option<String>,
    /// The person's own preferences.
    attributes: BTreeMap<String, Value>,
    /// What our letters to them are written in; `en` if left out.
    language: Option<LanguageView>,
    waitlist_status: WaitlistStatus,
    /// Their place on the waitlist, from 1; shown to the person themselves while they wait.
    waitlist_position: Option<i64>,
    created_at: OffsetDateTime,
    last_login_at: Option<OffsetDateTime>,
    /// When the account will be purged, if it is to be deleted; it can be restored until then.
    deletion_due_at: Option<OffsetDateTime>,
}

impl From<domain::User> for UserView {
    fn from(user: domain::User) -> Self {
        Self {
            id: user.id.into(),
            email: user.email.to_string(),
            full_name: user.full_name,
            department: user.department,
            is_active: user.suspended_at.is_none(),
            is_verified: user.email_verified_at.is_some(),
            is_super_admin: user.super_admin,
            avatar_url: user.avatar_url,
            attributes: user.attributes.into_iter().collect(),
            language: user.language.map(LanguageView::from),
            waitlist_status: user.waitlist.into(),
            waitlist_position: None,
            created_at: user.created_at.to_datetime(),
            last_login_at: user.last_login_at.map(Micros::to_datetime),
            deletion_due_at: user.deletion_due_at.map(Micros::to_datetime),
        }
    }
}

impl From<crate::app::Me> for UserView {
    fn from(me: crate::app::Me) -> Self {
        Self { waitlist_position: me.waitlist_position, ..me.user.into() }
    }
}

/// A language of our letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "lowercase", rename = "Language")]
pub(super) enum LanguageView {
    /// English.
    En,
    /// German.
    De,
}

impl From<domain::Language> for LanguageView {
    fn from(language: domain::Language) -> Self {
        match language {
            domain::Language::En => Self::En,
            domain::Language::De => Self::De,
        }
    }
}

impl From<LanguageView> for domain::Language {
    fn from(language: LanguageView) -> Self {
        match language {
            LanguageView::En => Self::En,
            LanguageView::De => Self::De,
        }
    }
}

/// Where an account stands with the waitlist.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "lowercase")]
pub(super) enum WaitlistStatus {
    /// Waits; may sign in and read itself.
    Pending,
    /// Was let in.
    Approved,
    /// Was turned away; the account cannot be used.
    Rejected,
    /// Never went through a waitlist.
    None,
}

impl From<domain::Waitlist> for WaitlistStatus {
    fn from(status: domain::Waitlist) -> Self {
        match status {
            domain::Waitlist::Pending => Self::Pending,
            domain::Waitlist::Approved => Self::Approved,
            domain::Waitlist::Rejected => Self::Rejected,
            domain::Waitlist::None => Self::None,
        }
    }
}

impl From<WaitlistStatus> for domain::Waitlist {
    fn from(status: WaitlistStatus) -> Self {
        match status {
            WaitlistStatus::Pending => Self::Pending,
            WaitlistStatus::Approved => Self::Approved,
            WaitlistStatus::Rejected => Self::Rejected,
            WaitlistStatus::None => Self::None,
        }
    }
}

/// The role behind an id in a request. Whether the organization has it, the guard says.
pub(super) fn role(id: Uuid) -> RoleRef {
    RoleRef::from(RoleId::from(id))
}

/// A page of a list; without `limit`, 100 rows.
pub(super) fn page(after: Option<Uuid>, limit: Option<i64>) -> Page {
    Page { after, limit: limit.unwrap_or(100) }
}

/// An instant of a request, to the microsecond.
pub(super) fn instant(at: OffsetDateTime) -> Micros {
    Micros::new(i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX))
}
