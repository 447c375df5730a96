//! `/api/v1/auth/sessions`: one's own sign-ins.

use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Chapter;
use super::caller::Caller;
use super::reply::{ApiResult, Message};
use crate::domain::Session;
use crate::guard::actions::{ListSessions, LogoutAll, RevokeOtherSessions, RevokeSession};

pub(super) struct SessionsApi;

/// A sign-in that lives.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none, rename = "Session")]
pub(super) struct SessionView {
    id: Uuid,
    /// Such as `Firefox on Windows`: what the browser said of itself.
    device: String,
    /// Where the sign-in came from.
    ip: Option<String>,
    created_at: OffsetDateTime,
    /// The last refresh, or the sign-in itself.
    last_seen_at: OffsetDateTime,
    /// No refresh outlives this.
    expires_at: OffsetDateTime,
    /// Whether this request rests on it.
    current: bool,
}

impl From<Session> for SessionView {
    fn from(it: Session) -> Self {
        Self {
            id: it.id.into(),
            device: it.device,
            ip: it.ip.map(|ip| ip.to_string()),
            created_at: it.created_at.to_datetime(),
            last_seen_at: it.last_seen_at.to_datetime(),
            expires_at: it.expires_at.to_datetime(),
            current: it.current,
        }
    }
}

#[OpenApi(prefix_path = "/api/v1/auth", tag = "Chapter::Identity")]
impl SessionsApi {
    /// List one's sessions
    ///
    /// Those that live, newest first.
    #[oai(path = "/sessions", method = "get", operation_id = "list_sessions")]
    async fn list(&self, caller: Caller) -> ApiResult<ListSessions, Vec<SessionView>> {
        let person = caller.person()?;
        let ok = caller.authorize(ListSessions { user: person.id, session: person.session }).await?;
        let sessions = caller.app().list_sessions(ok).await?;
        Ok(sessions.map(|sessions| sessions.into_iter().map(SessionView::from).collect()).into())
    }

    /// End one of one's sessions
    ///
    /// Its access tokens and refresh tokens are dead at once.
    #[oai(path = "/sessions/:session_id", method = "delete", operation_id = "revoke_session")]
    async fn revoke(&self, caller: Caller, session_id: Path<Uuid>) -> ApiResult<RevokeSession, Message> {
        let user = caller.person()?.id;
        let ok = caller.authorize(RevokeSession { user, session: session_id.0.into() }).await?;
        let done = caller.app().revoke_session(ok).await?;
        Ok(done.map(|()| Message::new("the session is over")).into())
    }

    /// End all sessions but this one
    #[oai(path = "/sessions/revoke-others", method = "post", operation_id = "revoke_other_sessions")]
    async fn revoke_others(&self, caller: Caller) -> ApiResult<RevokeOtherSessions, Message> {
        let person = caller.person()?;
        let ok = caller.authorize(RevokeOtherSessions { user: person.id, session: person.session }).await?;
        let done = caller.app().revoke_other_sessions(ok).await?;
        Ok(done.map(|()| Message::new("all other sessions are over")).into())
    }

    /// Sign out everywhere
    #[oai(path = "/logout-all", method = "post", operation_id = "logout_all")]
    async fn logout_all(&self, caller: Caller) -> ApiResult<LogoutAll, Message> {
        let ok = caller.authorize(LogoutAll { user: caller.person()?.id }).await?;
        let done = caller.app().logout_all(ok).await?;
        Ok(done.map(|()| Message::new("all sessions are over")).into())
    }
}
