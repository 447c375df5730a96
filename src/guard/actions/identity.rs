//! Accounts, sessions and passwords: what anybody may try, and what people do with their own account.

use super::Context;
use crate::domain::{Email, SessionId, UserId};
use crate::guard::Resource;
use crate::pdp::Value;

/// The address that would get an account.
fn registering(email: Option<&Email>) -> Context {
    let text = |text: Option<&str>| Value::Text(text.unwrap_or_default().to_owned());
    vec![
        ("email".into(), text(email.map(Email::as_str))),
        ("email_domain".into(), text(email.map(Email::domain))),
    ]
}

actions! {
    /// Make an account.
    Register { email: Option<Email> } on |_| Resource::Platform, with |a| registering(a.email.as_ref());
    /// Trade a password for a session.
    Login {} on |_| Resource::Platform;
    /// Trade a refresh token for the next.
    RefreshSession {} on |_| Resource::Platform;
    /// Prove an address with the token that was sent to it.
    VerifyEmail {} on |_| Resource::Platform;
    /// Have the letter sent again that proves an address.
    ResendVerification {} on |_| Resource::Platform;
    /// Have a letter sent that resets a password.
    ForgotPassword {} on |_| Resource::Platform;
    /// Set a new password with the token of that letter.
    ResetPassword {} on |_| Resource::Platform;
    /// Hear what we think of a password.
    CheckPasswordStrength {} on |_| Resource::Platform;
    /// Read the public signing keys.
    GetJwks {} on |_| Resource::Platform;
    /// End the session that the request rests on.
    Logout { user: UserId, session: Option<SessionId> } on |a| Resource::User(a.user);
    /// Read one's own account.
    GetMe { user: UserId } on |a| Resource::User(a.user);
    /// Change one's own profile.
    UpdateMe { user: UserId } on |a| Resource::User(a.user);
    /// Set a new password, knowing the current one.
    ChangePassword { user: UserId, session: Option<SessionId> } on |a| Resource::User(a.user);
    /// List the sign-ins of one's account that still live.
    ListSessions { user: UserId, session: Option<SessionId> } on |a| Resource::User(a.user);
    /// End one of them.
    RevokeSession { user: UserId, session: SessionId } on |a| Resource::User(a.user);
    /// End all of them but the one the request rests on.
    RevokeOtherSessions { user: UserId, session: Option<SessionId> } on |a| Resource::User(a.user);
    /// End all of them.
    LogoutAll { user: UserId } on |a| Resource::User(a.user);
    /// Ask for another address.
    ChangeEmail { user: UserId } on |a| Resource::User(a.user);
    /// Take the other address, proved with the token that was sent to it.
    ConfirmEmailChange { user: UserId, session: Option<SessionId> } on |a| Resource::User(a.user);
    /// Have one's account deleted, after a time to think again.
    DeleteMe { user: UserId } on |a| Resource::User(a.user);
    /// Keep an account that was to be deleted.
    RestoreMe { user: UserId } on |a| Resource::User(a.user);
    /// Read everything that is kept about oneself.
    ExportMe { user: UserId } on |a| Resource::User(a.user);
    /// List what one did, and what was done to one's account.
    ListOwnEvents { user: UserId } on |a| Resource::User(a.user);
}
