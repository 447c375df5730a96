//! `/api/v1/auth`: accounts and sessions.

use std::collections::BTreeMap;

use poem_openapi::param::Header;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use serde_json::Value;

use super::Chapter;
use super::body::{Body, OptionalBody};
use super::browser;
use super::caller::{Caller, Visitor};
use super::problem::Problem;
use super::reply::{ApiResult, Created, Message, Reply, WithCookies};
use super::views::{LanguageView, UserView};
use crate::app::{self, Advice, Limit, Registration};
use crate::domain::{
    Department, Email, FullName, Invalid, Language, Line, ProfilePatch, ReferralSource, Secret,
};
use crate::guard::actions::{
    CheckPasswordStrength, DeleteMe, GetMe, Login, Logout, RefreshSession, Register, UpdateMe, VerifyEmail,
};

pub(super) struct AuthApi;

/// What somebody sends to get an account.
#[derive(Object)]
struct RegisterRequest {
    /// At most 254 octets, ASCII.
    #[oai(validator(max_length = 254))]
    email: String,
    /// 12 to 256 characters; not one that is commonly used.
    #[oai(validator(max_length = 1024))]
    password: String,
    /// At most 100 characters.
    full_name: Option<String>,
    /// At most 100 characters.
    department: Option<String>,
    /// Where they heard of us. At most 100 characters.
    referral_source: Option<String>,
    /// What our letters to them are written in; else the `Accept-Language` header says it.
    language: Option<LanguageView>,
    /// For registration plugins, such as `{"invitation_code": "…"}`; never stored.
    transient_payload: Option<BTreeMap<String, Value>>,
}

/// An address and its password.
#[derive(Object)]
struct LoginRequest {
    #[oai(validator(max_length = 1024))]
    email: String,
    #[oai(validator(max_length = 1024))]
    password: String,
    /// For pages: puts the tokens into cookies that scripts cannot read, and not into the answer.
    #[oai(default)]
    cookies: bool,
}

/// A refresh token.
#[derive(Object)]
struct RefreshRequest {
    /// Left out: the one of the cookie.
    #[oai(validator(max_length = 256))]
    refresh_token: Option<String>,
    /// As at `login`; a token that came in a cookie is answered with cookies anyway.
    #[oai(default)]
    cookies: bool,
}

/// A password somebody thinks of choosing.
#[derive(Object)]
struct PasswordStrengthRequest {
    #[oai(validator(max_length = 1024))]
    password: String,
    /// Whose password it would be, so that what is made of the address is seen.
    #[oai(validator(max_length = 254))]
    email: Option<String>,
}

/// What we think of a password.
#[derive(Object)]
#[oai(rename = "PasswordStrength")]
struct PasswordStrengthView {
    /// From 0, guessed at once, to 4, out of reach.
    #[oai(validator(minimum(value = "0"), maximum(value = "4")))]
    score: u8,
    /// Whether we would take it.
    acceptable: bool,
    /// Why we would not, as the field errors of `register` say it.
    #[oai(skip_serializing_if_is_none)]
    reason: Option<String>,
    /// What is wrong with it, in a sentence.
    #[oai(skip_serializing_if_is_none)]
    warning: Option<String>,
    /// What would make it better, a sentence each.
    suggestions: Vec<String>,
}

impl From<Advice> for PasswordStrengthView {
    fn from(advice: Advice) -> Self {
        Self {
            score: advice.strength.score,
            acceptable: advice.refusal.is_none(),
            reason: advice.refusal.map(|refusal| refusal.code.to_owned()),
            warning: advice.strength.warning,
            suggestions: advice.strength.suggestions,
        }
    }
}

/// A token that came by mail.
#[derive(Object)]
struct VerifyEmailRequest {
    #[oai(validator(max_length = 256))]
    token: String,
}

/// A change to one's own profile; what is left out stays, `null` clears.
#[derive(Object)]
struct UpdateMeRequest {
    /// At most 100 characters.
    #[oai(nullable)]
    full_name: MaybeUndefined<String>,
    /// At most 100 characters.
    #[oai(nullable)]
    department: MaybeUndefined<String>,
    /// One's own preferences, replaced as a whole; no policy reads them.
    attributes: Option<BTreeMap<String, Value>>,
    /// What our letters are written in.
    #[oai(nullable)]
    language: MaybeUndefined<LanguageView>,
}

/// The password of the account that is to be deleted.
#[derive(Object)]
struct DeleteMeRequest {
    #[oai(validator(max_length = 1024))]
    current_password: String,
}

/// What a sign-in gives (RFC 6749 section 5.1).
#[derive(Object)]
#[oai(rename = "Tokens")]
pub(super) struct TokensView {
    /// A JWT (RFC 9068), for `Authorization: Bearer`. Left out if it is in a cookie.
    #[oai(skip_serializing_if_is_none)]
    access_token: Option<String>,
    /// Opaque; each use gives the next one. Left out if it is in a cookie.
    #[oai(skip_serializing_if_is_none)]
    refresh_token: Option<String>,
    /// Always `bearer`.
    token_type: String,
    /// Seconds that the access token lives.
    expires_in: u64,
}

impl TokensView {
    /// The tokens in the answer, or in cookies.
    pub(super) fn hand_over(tokens: &app::Tokens, in_cookies: bool) -> WithCookies<Self> {
        let told = |token: &Secret| (!in_cookies).then(|| token.expose().to_owned());
        let body = Self {
            access_token: told(&tokens.access),
            refresh_token: told(&tokens.refresh),
            token_type: "bearer".to_owned(),
            expires_in: tokens.access_lifetime.as_secs(),
        };
        WithCookies { body, cookies: if in_cookies { browser::hand_over(tokens) } else { Vec::new() } }
    }
}

#[OpenApi(prefix_path = "/api/v1/auth", tag = "Chapter::Identity")]
impl AuthApi {
    /// Make an account
    ///
    /// An address that has an account gets the same answer; its owner is told by mail. Registration plugins may
    /// refuse, or put the account on the waitlist: then it can sign in, read itself, and nothing else.
    #[oai(path = "/register", method = "post", operation_id = "register")]
    async fn register(
        &self,
        caller: Visitor,
        /// RFC 9110 section 12.5.4; heeded if the body names no language.
        #[oai(name = "Accept-Language")]
        accept_language: Header<Option<String>>,
        body: Body<RegisterRequest>,
    ) -> Created<Register, UserView> {
        caller.limit(Limit::Register)?;
        caller.limit(Limit::MailTo(&body.0.email))?;
        let ok = caller.authorize(Register { email: body.0.email.parse().ok() }).await?;
        let mut wanted = Registration::try_from(body.0)?;
        wanted.language = wanted.language.or_else(|| Language::accepted(accept_language.0.as_deref()?));
        let user = caller.app().register(ok, wanted).await?;
        Ok(user.map(UserView::from).into())
    }

    /// Sign in
    #[oai(path = "/login", method = "post", operation_id = "login")]
    async fn login(&self, caller: Visitor, body: Body<LoginRequest>) -> ApiResult<Login, TokensView> {
        caller.limit(Limit::Login)?;
        let LoginRequest { email, password, cookies } = body.0;
        if cookies {
            // A foreign page must not sign a browser in as somebody else.
            caller.browser().refuse_foreign()?;
        }
        let ok = caller.authorize(Login {}).await?;
        let tokens = caller.app().login(ok, &email, &Secret::new(password)).await?;
        Ok(Reply::with_cookies(tokens.map(|tokens| TokensView::hand_over(&tokens, cookies))))
    }

    /// Trade a refresh token for the next
    ///
    /// A token that is used twice ends its session, unless the second use follows within ten seconds and the first
    /// answer was not used yet.
    #[oai(path = "/refresh", method = "post", operation_id = "refresh_session")]
    async fn refresh(
        &self,
        caller: Visitor,
        body: OptionalBody<RefreshRequest>,
    ) -> ApiResult<RefreshSession, TokensView> {
        caller.limit(Limit::Refresh)?;
        let (sent, cookies) = body.0.map_or((None, false), |body| (body.refresh_token, body.cookies));
        let (token, cookies) = match (sent, caller.browser().refresh()) {
            (Some(sent), _) => (Secret::new(sent), cookies),
            (None, Some(kept)) => (kept.clone(), true),
            (None, None) => return Err(wrong(Invalid::new("required", "is missing"), "refresh_token")),
        };
        if cookies {
            caller.browser().refuse_foreign()?;
        }
        let ok = caller.authorize(RefreshSession {}).await?;
        let tokens = caller.app().refresh(ok, &token).await?;
        Ok(Reply::with_cookies(tokens.map(|tokens| TokensView::hand_over(&tokens, cookies))))
    }

    /// Hear what we think of a password
    ///
    /// Before it is chosen, for a meter beside the field. Nothing is kept.
    #[oai(path = "/password-strength", method = "post", operation_id = "check_password_strength")]
    async fn check_password_strength(
        &self,
        caller: Visitor,
        body: Body<PasswordStrengthRequest>,
    ) -> ApiResult<CheckPasswordStrength, PasswordStrengthView> {
        caller.limit(Limit::Estimate)?;
        let ok = caller.authorize(CheckPasswordStrength {}).await?;
        let PasswordStrengthRequest { password, email } = body.0;
        let email = email.and_then(|email| email.parse::<Email>().ok());
        let advice = caller.app().password_strength(ok, Secret::new(password), email).await?;
        Ok(advice.map(PasswordStrengthView::from).into())
    }

    /// Sign out
    ///
    /// Ends the session: its access tokens and refresh tokens are dead at once.
    #[oai(path = "/logout", method = "post", operation_id = "logout")]
    async fn logout(&self, caller: Caller) -> ApiResult<Logout, Message> {
        let person = caller.person()?;
        let ok = caller.authorize(Logout { user: person.id, session: person.session }).await?;
        let done = caller.app().logout(ok).await?;
        let cookies = if caller.browser().holds_cookies() { browser::take_back() } else { Vec::new() };
        Ok(Reply::with_cookies(done.map(|()| WithCookies { body: Message::new("logged out"), cookies })))
    }

    /// Read one's own account
    #[oai(path = "/me", method = "get", operation_id = "get_me")]
    async fn me(&self, caller: Caller) -> ApiResult<GetMe, UserView> {
        let ok = caller.authorize(GetMe { user: caller.person()?.id }).await?;
        let user = caller.app().me(ok).await?;
        Ok(user.map(UserView::from).into())
    }

    /// Change one's own profile
    #[oai(path = "/me", method = "patch", operation_id = "update_me")]
    async fn update_me(&self, caller: Caller, body: Body<UpdateMeRequest>) -> ApiResult<UpdateMe, UserView> {
        let ok = caller.authorize(UpdateMe { user: caller.person()?.id }).await?;
        let user = caller.app().update_me(ok, body.0.try_into()?).await?;
        Ok(user.map(UserView::from).into())
    }

    /// Have one's account deleted
    ///
    /// It is purged after a time to think again (14 days, if the operator chose no other); until then it can sign in,
    /// be restored, and do nothing else. Every session and every API key of one's own ends. The last owner of an organization hands it over first.
    #[oai(path = "/me", method = "delete", operation_id = "delete_me")]
    async fn delete_me(&self, caller: Caller, body: Body<DeleteMeRequest>) -> ApiResult<DeleteMe, UserView> {
        let ok = caller.authorize(DeleteMe { user: caller.person()?.id }).await?;
        let user = caller.app().delete_me(ok, &Secret::new(body.0.current_password)).await?;
        Ok(user.map(UserView::from).into())
    }

    /// Prove an address
    ///
    /// With the token from the mail; works once, within 24 hours.
    #[oai(path = "/verify-email", method = "post", operation_id = "verify_email")]
    async fn verify_email(
        &self,
        caller: Visitor,
        body: Body<VerifyEmailRequest>,
    ) -> ApiResult<VerifyEmail, Message> {
        let ok = caller.authorize(VerifyEmail {}).await?;
        let done = caller.app().verify_email(ok, &Secret::new(body.0.token)).await?;
        Ok(done.map(|()| Message::new("the address is verified")).into())
    }
}

/// An optional line of text; empty counts as absent, as the old clients send it.
pub(super) fn line<const MAX: usize>(
    text: Option<String>,
    field: &str,
) -> Result<Option<Line<MAX>>, Problem> {
    let text = text.filter(|text| !text.trim().is_empty());
    text.map(|text| Line::parse(&text)).transpose().map_err(|invalid| wrong(invalid, field))
}

fn wrong(invalid: Invalid, field: &str) -> Problem {
    Problem::invalid(vec![invalid.at(field)])
}

impl TryFrom<RegisterRequest> for Registration {
    type Error = Problem;

    fn try_from(body: RegisterRequest) -> Result<Self, Problem> {
        let full_name: Option<FullName> = line(body.full_name, "full_name")?;
        let department: Option<Department> = line(body.department, "department")?;
        let referral_source: Option<ReferralSource> = line(body.referral_source, "referral_source")?;
        Ok(Self {
            email: body.email,
            password: Secret::new(body.password),
            full_name,
            department,
            referral_source,
            language: body.language.map(Language::from),
            payload: body.transient_payload.into_iter().flatten().collect(),
        })
    }
}

/// Preferences are small: a page's worth of JSON.
const MAX_ATTRIBUTES: usize = 16 * 1024;

impl TryFrom<UpdateMeRequest> for ProfilePatch {
    type Error = Problem;

    fn try_from(body: UpdateMeRequest) -> Result<Self, Problem> {
        let too_long =
            || Invalid::new("too-long", format!("preferences take at most {MAX_ATTRIBUTES} bytes of JSON"));
        let attributes = body.attributes.map(|given| Value::Object(given.into_iter().collect()));
        if attributes.as_ref().is_some_and(|given| given.to_string().len() > MAX_ATTRIBUTES) {
            return Err(wrong(too_long(), "attributes"));
        }
        Ok(Self {
            full_name: patched(body.full_name, |text| line(text, "full_name"))?,
            department: patched(body.department, |text| line(text, "department"))?,
            language: match body.language {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(language) => Some(Some(language.into())),
            },
            attributes: match attributes {
                Some(Value::Object(given)) => Some(given),
                _ => None,
            },
        })
    }
}

/// A field of a patch: left out, cleared by `null`, or set.
pub(super) fn patched<T>(
    field: MaybeUndefined<String>,
    parse: impl FnOnce(Option<String>) -> Result<Option<T>, Problem>,
) -> Result<Option<Option<T>>, Problem> {
    match field {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Ok(Some(None)),
        MaybeUndefined::Value(text) => parse(Some(text)).map(Some),
    }
}
