//! The pages that mails link to, for installations without a front end of their own.
//!
//! Opening a page changes nothing: mail scanners open every link. The person presses a button, which posts the token.

use poem::web::Html;
use poem::{IntoResponse as _, Response, handler};
use sha2::{Digest as _, Sha256};

const VERIFY: &str = include_str!("pages/verify_email.html");
const ACCEPT: &str = include_str!("pages/accept_invitation.html");
const RESET: &str = include_str!("pages/reset_password.html");
const CONFIRM: &str = include_str!("pages/confirm_email.html");

/// The page, allowed to run exactly the script and the style in it.
fn page(html: &'static str) -> Response {
    use base64::Engine as _;
    let hash = |tag: &str| {
        let inside =
            html.split_once(&format!("<{tag}>")).and_then(|(_, rest)| rest.split_once(&format!("</{tag}>")));
        let digest = Sha256::digest(inside.map_or("", |(inside, _)| inside).as_bytes());
        base64::engine::general_purpose::STANDARD.encode(digest)
    };
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; frame-ancestors 'none'; \
         base-uri 'none'; form-action 'none'",
        hash("script"),
        hash("style")
    );
    Html(html).with_header("Content-Security-Policy", policy).into_response()
}

#[handler]
pub(super) fn verify_email() -> Response {
    page(VERIFY)
}

#[handler]
pub(super) fn accept_invitation() -> Response {
    page(ACCEPT)
}

#[handler]
pub(super) fn reset_password() -> Response {
    page(RESET)
}

#[handler]
pub(super) fn confirm_email() -> Response {
    page(CONFIRM)
}
