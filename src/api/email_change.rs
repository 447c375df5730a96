//! `/api/v1/auth/me/email`: moving an account to another address.

use poem_openapi::{Object, OpenApi};

use super::Chapter;
use super::body::Body;
use super::caller::Caller;
use super::passwords::keys;
use super::reply::{ApiResult, Message};
use super::views::UserView;
use crate::app::Limit;
use crate::domain::Secret;
use crate::guard::actions::{ChangeEmail, ConfirmEmailChange};

pub(super) struct EmailChangeApi;

/// The address to move to, and the password of the account.
#[derive(Object)]
struct ChangeEmailRequest {
    /// At most 254 octets, ASCII.
    #[oai(validator(max_length = 254))]
    new_email: String,
    #[oai(validator(max_length = 1024))]
    current_password: String,
}

/// The token that came to the new address.
#[derive(Object)]
struct ConfirmEmailChangeRequest {
    #[oai(validator(max_length = 256))]
    token: String,
    /// Keeps one's own API keys. Left out, they end: whoever had the account may have made some.
    #[oai(default)]
    keep_api_keys: bool,
}

#[OpenApi(prefix_path = "/api/v1/auth/me/email", tag = "Chapter::Identity")]
impl EmailChangeApi {
    /// Ask for another address
    ///
    /// A token is sent to the new address, and word of it to the old one, which stays valid until the new one is
    /// confirmed. An address that has an account gets the same answer.
    #[oai(path = "/", method = "post", operation_id = "change_email")]
    async fn change(
        &self,
        caller: Caller,
        body: Body<ChangeEmailRequest>,
    ) -> ApiResult<ChangeEmail, Message> {
        caller.limit(Limit::Mail)?;
        caller.limit(Limit::MailTo(&body.0.new_email))?;
        let ok = caller.authorize(ChangeEmail { user: caller.person()?.id }).await?;
        let ChangeEmailRequest { new_email, current_password } = body.0;
        let done = caller.app().change_email(ok, &new_email, &Secret::new(current_password)).await?;
        Ok(done.map(|()| Message::new("a letter is on its way to the new address")).into())
    }

    /// Confirm another address
    ///
    /// With the token from the letter, signed in as the account that moves. Works once, within 24 hours, and only
    /// while the password is the one of then. Every session but this one ends, and every API key of one's own unless
    /// `keep_api_keys` says otherwise.
    #[oai(path = "/confirm", method = "post", operation_id = "confirm_email_change")]
    async fn confirm(
        &self,
        caller: Caller,
        body: Body<ConfirmEmailChangeRequest>,
    ) -> ApiResult<ConfirmEmailChange, UserView> {
        let person = caller.person()?;
        let ok = caller.authorize(ConfirmEmailChange { user: person.id, session: person.session }).await?;
        let ConfirmEmailChangeRequest { token, keep_api_keys } = body.0;
        let user = caller.app().confirm_email_change(ok, &Secret::new(token), keys(keep_api_keys)).await?;
        Ok(user.map(UserView::from).into())
    }
}
