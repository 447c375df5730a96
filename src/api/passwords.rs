//! `/api/v1/auth`: passwords that are changed or were forgotten, and the letters anybody may ask for.

use poem_openapi::{Object, OpenApi};

use super::Chapter;
use super::body::Body;
use super::caller::{Caller, Visitor};
use super::reply::{ApiResult, Message};
use crate::app::Limit;
use crate::domain::{OwnKeys, Secret};
use crate::guard::actions::{ChangePassword, ForgotPassword, ResendVerification, ResetPassword};

pub(super) struct PasswordsApi;

/// Where to send a letter.
#[derive(Object)]
struct LetterRequest {
    #[oai(validator(max_length = 254))]
    email: String,
}

/// A token that came by mail, and the password to set.
#[derive(Object)]
struct ResetPasswordRequest {
    #[oai(validator(max_length = 256))]
    token: String,
    /// 12 to 256 characters; not one that is commonly used.
    #[oai(validator(max_length = 1024))]
    new_password: String,
}

/// The current password, and the one to set.
#[derive(Object)]
struct ChangePasswordRequest {
    #[oai(validator(max_length = 1024))]
    current_password: String,
    /// 12 to 256 characters; not one that is commonly used.
    #[oai(validator(max_length = 1024))]
    new_password: String,
    /// Keeps one's own API keys. Left out, they end: whoever knew the old password may have made some.
    #[oai(default)]
    keep_api_keys: bool,
}

/// What becomes of one's own keys.
pub(super) const fn keys(kept: bool) -> OwnKeys {
    if kept { OwnKeys::Kept } else { OwnKeys::Ended }
}

#[OpenApi(prefix_path = "/api/v1/auth", tag = "Chapter::Identity")]
impl PasswordsApi {
    /// Ask for the verification letter again
    ///
    /// The answer is the same for every address. A newer letter makes the older one worthless; an address gets at most
    /// three in an hour.
    #[oai(path = "/resend-verification", method = "post", operation_id = "resend_verification")]
    async fn resend_verification(
        &self,
        caller: Visitor,
        body: Body<LetterRequest>,
    ) -> ApiResult<ResendVerification, Message> {
        caller.limit(Limit::Mail)?;
        caller.limit(Limit::MailTo(&body.0.email))?;
        let ok = caller.authorize(ResendVerification {}).await?;
        let done = caller.app().resend_verification(ok, &body.0.email).await?;
        let text = "if this address has an account that is not verified, a letter is on its way";
        Ok(done.map(|()| Message::new(text)).into())
    }

    /// Ask for a letter that resets the password
    ///
    /// The answer is the same for every address. A newer letter makes the older one worthless; an address gets at most
    /// three in an hour.
    #[oai(path = "/forgot-password", method = "post", operation_id = "forgot_password")]
    async fn forgot_password(
        &self,
        caller: Visitor,
        body: Body<LetterRequest>,
    ) -> ApiResult<ForgotPassword, Message> {
        caller.limit(Limit::Mail)?;
        caller.limit(Limit::MailTo(&body.0.email))?;
        let ok = caller.authorize(ForgotPassword {}).await?;
        let done = caller.app().forgot_password(ok, &body.0.email).await?;
        Ok(done.map(|()| Message::new("if this address has an account, a letter is on its way")).into())
    }

    /// Set a new password with the token of a letter
    ///
    /// The token works once, within an hour, and only while the password is the one that stood when it was sent.
    /// Every session of the account ends, and every API key of the person's own.
    #[oai(path = "/reset-password", method = "post", operation_id = "reset_password")]
    async fn reset_password(
        &self,
        caller: Visitor,
        body: Body<ResetPasswordRequest>,
    ) -> ApiResult<ResetPassword, Message> {
        let ok = caller.authorize(ResetPassword {}).await?;
        let ResetPasswordRequest { token, new_password } = body.0;
        let done = caller.app().reset_password(ok, &Secret::new(token), &Secret::new(new_password)).await?;
        Ok(done.map(|()| Message::new("the password is set; sign in with it")).into())
    }

    /// Change one's password
    ///
    /// Every session but this one ends, and every API key of one's own unless `keep_api_keys` says otherwise. A wrong
    /// current password is 422 with `wrong-password` at `current_password`; after several, one has to wait (429).
    #[oai(path = "/change-password", method = "post", operation_id = "change_password")]
    async fn change_password(
        &self,
        caller: Caller,
        body: Body<ChangePasswordRequest>,
    ) -> ApiResult<ChangePassword, Message> {
        let person = caller.person()?;
        let ok = caller.authorize(ChangePassword { user: person.id, session: person.session }).await?;
        let ChangePasswordRequest { current_password, new_password, keep_api_keys } = body.0;
        let (current, new) = (Secret::new(current_password), Secret::new(new_password));
        let done = caller.app().change_password(ok, &current, &new, keys(keep_api_keys)).await?;
        Ok(done.map(|()| Message::new("the password is changed; all other sessions are over")).into())
    }
}
