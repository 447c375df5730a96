//! `/api/v1/admin/messages`: letters that did not go out.

use poem_openapi::param::{Path, Query};
use poem_openapi::{Enum, Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Chapter;
use super::caller::Caller;
use super::reply::ApiResult;
use super::views::LanguageView;
use crate::app;
use crate::domain::Micros;
use crate::guard::actions::{ListMessages, RetryMessage};

pub(super) struct MessagesApi;

/// Where a letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "lowercase")]
enum MessageState {
    /// Will be tried at `next_attempt_at`.
    Waiting,
    /// Was given up.
    Failed,
}

/// A letter on its way. What is in it is never shown.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "MailMessage")]
struct MessageView {
    id: Uuid,
    state: MessageState,
    /// Which letter, such as `verify-email`; left out if it cannot be opened with this master key.
    letter: Option<String>,
    /// To whom; left out likewise.
    to: Option<String>,
    language: LanguageView,
    created_at: OffsetDateTime,
    /// Tries so far.
    attempts: i64,
    next_attempt_at: Option<OffsetDateTime>,
    failed_at: Option<OffsetDateTime>,
    /// Why it did not go out the last time.
    last_error: Option<String>,
}

impl From<app::Message> for MessageView {
    fn from(message: app::Message) -> Self {
        let failed = message.failed_at.is_some();
        let (letter, to) = message.letter.map(|(letter, to)| (letter.to_owned(), to.to_string())).unzip();
        Self {
            id: message.id.into(),
            state: if failed { MessageState::Failed } else { MessageState::Waiting },
            letter,
            to,
            language: message.language.into(),
            created_at: message.created_at.to_datetime(),
            attempts: message.attempts,
            next_attempt_at: (!failed).then(|| message.next_attempt_at.to_datetime()),
            failed_at: message.failed_at.map(Micros::to_datetime),
            last_error: message.last_error,
        }
    }
}

/// A page of letters.
#[derive(Object)]
struct Messages {
    messages: Vec<MessageView>,
    /// How many there are in all.
    total: i64,
    limit: i64,
    offset: i64,
}

#[OpenApi(prefix_path = "/api/v1/admin/messages", tag = "Chapter::Platform")]
impl MessagesApi {
    /// List letters that did not go out
    ///
    /// Oldest first.
    #[oai(path = "/", method = "get", operation_id = "list_messages")]
    async fn list(
        &self,
        caller: Caller,
        /// Which to list; those that were given up if left out.
        state: Query<Option<MessageState>>,
        /// How many to list; 100 if left out.
        #[oai(validator(minimum(value = "1"), maximum(value = "500")))]
        limit: Query<Option<i64>>,
        /// How many to skip.
        #[oai(validator(minimum(value = "0"), maximum(value = "1000000")))]
        offset: Query<Option<i64>>,
    ) -> ApiResult<ListMessages, Messages> {
        let ok = caller.authorize(ListMessages {}).await?;
        let failed = state.0.unwrap_or(MessageState::Failed) == MessageState::Failed;
        let (limit, offset) = (limit.0.unwrap_or(100), offset.0.unwrap_or(0));
        let found = caller.app().list_messages(ok, failed, limit, offset).await?;
        let view = found.map(|(messages, total)| Messages {
            messages: messages.into_iter().map(MessageView::from).collect(),
            total,
            limit,
            offset,
        });
        Ok(view.into())
    }

    /// Try a letter again
    ///
    /// One that was given up, after its cause was mended.
    #[oai(path = "/:message_id/retry", method = "post", operation_id = "retry_message")]
    async fn retry(&self, caller: Caller, message_id: Path<Uuid>) -> ApiResult<RetryMessage, MessageView> {
        let ok = caller.authorize(RetryMessage { message: message_id.0.into() }).await?;
        let message = caller.app().retry_message(ok).await?;
        Ok(message.map(MessageView::from).into())
    }
}
