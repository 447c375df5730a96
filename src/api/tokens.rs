//! `/api/v1/auth/token`, `/introspect`, `/revoke`: RFC 8693, RFC 7662 and RFC 7009, with form bodies as they say.

use poem::http::StatusCode;
use poem_openapi::{Object, OpenApi};

use super::Chapter;
use super::body::Form;
use super::caller::{Caller, Visitor};
use super::problem::Problem;
use super::reply::{ApiResult, Message};
use crate::app::{Delegated, TokenDescription};
use crate::domain::{Micros, Secret};
use crate::guard::actions::{ExchangeToken, IntrospectToken, RevokeToken};

pub(super) struct TokensApi;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// RFC 8693 section 2.1. Parameters that are not listed are ignored.
#[derive(Object)]
struct ExchangeTokenRequest {
    /// Always `urn:ietf:params:oauth:grant-type:token-exchange`.
    #[oai(validator(max_length = 256))]
    grant_type: String,
    /// The person's access token.
    #[oai(validator(max_length = 4096))]
    subject_token: String,
    /// Always `urn:ietf:params:oauth:token-type:access_token`.
    #[oai(validator(max_length = 256))]
    subject_token_type: String,
    /// The agent's key, or its token for one task.
    #[oai(validator(max_length = 4096))]
    actor_token: String,
    /// Always `urn:ietf:params:oauth:token-type:access_token`.
    #[oai(validator(max_length = 256))]
    actor_token_type: String,
    /// Permissions, separated by spaces; what the agent's credential and both have, if left out.
    #[oai(validator(max_length = 4096))]
    scope: Option<String>,
    /// `urn:ietf:params:oauth:token-type:access_token`, if anything.
    #[oai(validator(max_length = 256))]
    requested_token_type: Option<String>,
    /// The id of the agent's organization, if anything: a token for another one is not made.
    #[oai(validator(max_length = 256))]
    audience: Option<String>,
    /// As `audience`.
    #[oai(validator(max_length = 256))]
    resource: Option<String>,
}

/// RFC 7662 section 2.1 and RFC 7009 section 2.1.
#[derive(Object)]
struct TokenRequest {
    /// An access token, a refresh token, an API key or a token for one task.
    #[oai(validator(max_length = 4096))]
    token: String,
    /// Not needed: a token tells what it is.
    #[oai(validator(max_length = 256))]
    token_type_hint: Option<String>,
}

/// RFC 8693 section 2.2.1. There is never a refresh token.
#[derive(Object)]
#[oai(rename = "ExchangedToken")]
struct ExchangedTokenView {
    access_token: String,
    issued_token_type: String,
    /// Always `Bearer`.
    token_type: String,
    /// Seconds that the token lives.
    expires_in: u64,
    /// Its permissions, separated by spaces.
    scope: String,
}

impl From<Delegated> for ExchangedTokenView {
    fn from(it: Delegated) -> Self {
        Self {
            access_token: it.access.expose().to_owned(),
            issued_token_type: ACCESS_TOKEN.to_owned(),
            token_type: "Bearer".to_owned(),
            expires_in: it.lifetime.as_secs(),
            scope: it.scopes.join(" "),
        }
    }
}

/// Who acts on behalf of the subject (RFC 8693 section 4.1).
#[derive(Object)]
#[oai(rename = "Actor")]
struct ActorView {
    sub: String,
}

/// RFC 7662 section 2.2. Of a token that is over, unknown, or not the caller's to know, `active` and nothing else.
#[derive(Object)]
#[oai(skip_serializing_if_is_none, rename = "TokenDescription")]
struct TokenDescriptionView {
    active: bool,
    /// The person, the agent or the organization that the token speaks for.
    sub: Option<String>,
    act: Option<ActorView>,
    /// Permissions, separated by spaces; absent: everything the subject may do.
    scope: Option<String>,
    /// The organization that the token is bound to.
    org: Option<String>,
    jti: Option<String>,
    /// Seconds since 1970.
    iat: Option<i64>,
    /// Seconds since 1970.
    exp: Option<i64>,
    token_type: Option<String>,
}

impl From<Option<TokenDescription>> for TokenDescriptionView {
    fn from(it: Option<TokenDescription>) -> Self {
        let active = it.is_some();
        let token_type = active.then(|| "Bearer".to_owned());
        let (mut sub, mut act, mut scope, mut org, mut jti) = (None, None, None, None, None);
        let (mut iat, mut exp) = (None, None);
        if let Some(it) = it {
            sub = Some(it.subject);
            act = it.actor.map(|sub| ActorView { sub });
            scope = it.scopes.map(|scopes| scopes.join(" "));
            (org, jti) = (it.organization, Some(it.id));
            (iat, exp) = (it.issued_at.map(Micros::seconds), it.expires_at.map(Micros::seconds));
        }
        Self { active, sub, act, scope, org, jti, iat, exp, token_type }
    }
}

/// RFC 8693 section 2.2.2: whatever is wrong with a token, and whatever a policy says, is one answer.
fn refused() -> Problem {
    Problem::oauth("invalid-request", "the tokens are not valid, or a token of both may not be made")
}

fn not_ours(problem: Problem) -> Problem {
    match problem.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => refused(),
        _ => problem,
    }
}

#[OpenApi(prefix_path = "/api/v1/auth", tag = "Chapter::Keys")]
impl TokensApi {
    /// Trade a person's token and an agent's for a token of both
    ///
    /// The agent acts on behalf of the person (RFC 8693): the token may do what both may do, in the agent's
    /// organization, as far as its scopes go. It lives at most 15 minutes and dies with the person's sign-in, the
    /// agent and the agent's credential.
    #[oai(path = "/token", method = "post", operation_id = "exchange_token")]
    async fn exchange(
        &self,
        caller: Visitor,
        body: Form<ExchangeTokenRequest>,
    ) -> ApiResult<ExchangeToken, ExchangedTokenView> {
        let body = body.0;
        if body.grant_type != EXCHANGE {
            let detail = "the only grant here is urn:ietf:params:oauth:grant-type:token-exchange";
            return Err(Problem::oauth("unsupported-grant-type", detail));
        }
        let kinds = [
            Some(&body.subject_token_type),
            Some(&body.actor_token_type),
            body.requested_token_type.as_ref(),
        ];
        if kinds.into_iter().flatten().any(|kind| kind != ACCESS_TOKEN) {
            return Err(Problem::oauth("invalid-request", "the only token type here is access_token"));
        }
        let (subject, actor) = (Secret::new(body.subject_token), Secret::new(body.actor_token));
        let exchange = caller.app().read_exchange(&subject, &actor, caller.principal().origin.clone()).await;
        let exchange = exchange.map_err(|error| not_ours(error.into()))?;
        let (organization, agent) = (exchange.organization, exchange.agent);
        let elsewhere = |target: &String| *target != organization.to_string();
        if body.audience.as_ref().is_some_and(elsewhere) || body.resource.as_ref().is_some_and(elsewhere) {
            return Err(Problem::oauth("invalid-target", "the agent does not work there"));
        }
        let ok = caller.app().authorize(&exchange.both, ExchangeToken { organization, agent }).await;
        let ok = ok.map_err(|error| not_ours(error.into()))?;
        let wanted = body.scope.map(|scope| scope.split_ascii_whitespace().map(str::to_owned).collect());
        let made =
            caller.app().exchange_token(ok, &exchange, wanted).await.map_err(|error| match Problem::from(
                error,
            ) {
                problem if problem.status() == StatusCode::FORBIDDEN => {
                    Problem::oauth("invalid-scope", "a scope is more than the person and the agent both have")
                }
                problem => problem,
            })?;
        Ok(made.map(ExchangedTokenView::from).into())
    }

    /// Ask what a token is
    ///
    /// RFC 7662. People ask about their own tokens, admins and an organization's services about those of its agents
    /// and keys; a key needs the scope `token:introspect`.
    #[oai(path = "/introspect", method = "post", operation_id = "introspect_token")]
    async fn introspect(
        &self,
        caller: Caller,
        body: Form<TokenRequest>,
    ) -> ApiResult<IntrospectToken, TokenDescriptionView> {
        let _ = body.0.token_type_hint;
        let ok = caller.authorize(IntrospectToken { of: None }).await?;
        let found = caller.app().introspect_token(ok, &Secret::new(body.0.token)).await?;
        Ok(found.map(TokenDescriptionView::from).into())
    }

    /// Give a token up
    ///
    /// RFC 7009. Ending an access or refresh token ends the sign-in it came of. The answer is the same for what is no
    /// token, and for one that is not the caller's to end.
    #[oai(path = "/revoke", method = "post", operation_id = "revoke_token")]
    async fn revoke(&self, caller: Caller, body: Form<TokenRequest>) -> ApiResult<RevokeToken, Message> {
        let _ = body.0.token_type_hint;
        let ok = caller.authorize(RevokeToken { of: None }).await?;
        let done = caller.app().revoke_token(ok, &Secret::new(body.0.token)).await?;
        Ok(done.map(|()| Message::new("the token opens nothing any more, if it was yours to end")).into())
    }
}
