//! People on their way to a provider and back, and the codes they come back with.

use uuid::Uuid;

use super::sql::{Sql as _, args};
use super::{Error, FindsProviders, Tx};
use crate::domain::{FlowPurpose, Micros, SessionId, TokenHash, UserId};
use crate::guard::Authorized;
use crate::guard::actions::{BeginSignIn, ConnectProvider, ExchangeCode, FinishSignIn, GetSignInUrl};

/// Somebody who was sent to a provider.
#[derive(Debug)]
pub struct Flow {
    pub provider: String,
    pub browser: TokenHash,
    pub purpose: FlowPurpose,
    /// Verifier and nonce.
    pub sealed: Vec<u8>,
    pub scopes: Vec<String>,
    pub return_to: Option<String>,
}

/// A code and what it stands for.
#[derive(Debug)]
pub struct SignInCode {
    pub browser: TokenHash,
    pub user: UserId,
    pub provider: String,
    pub return_to: Option<String>,
}

/// The actions that send somebody to a provider.
pub trait BeginsFlows: FindsProviders {}
impl BeginsFlows for GetSignInUrl {}
impl BeginsFlows for BeginSignIn {}
impl BeginsFlows for ConnectProvider {}

fn hash(bytes: &[u8], column: &'static str) -> Result<TokenHash, Error> {
    TokenHash::read(bytes).ok_or_else(|| Error::Corrupt { column, source: "it is no hash".into() })
}

impl Tx {
    /// Remembers somebody who leaves, and forgets who never came back.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn insert_flow<A: BeginsFlows>(
        &mut self,
        _ok: &Authorized<'_, A>,
        state: TokenHash,
        flow: Flow,
        until: Micros,
        now: Micros,
    ) -> Result<(), Error> {
        self.run("DELETE FROM oauth_flows WHERE expires_at <= $1", args![now]).await?;
        let (user, session) = match flow.purpose {
            FlowPurpose::SignIn => (None, None),
            FlowPurpose::Connect { user, session } => (Some(Uuid::from(user)), Some(Uuid::from(session))),
        };
        self.run(
            "INSERT INTO oauth_flows (state_hash, browser_hash, provider, user_id, session_id, sealed_secrets, scopes, \
             return_to, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            args![
                state,
                flow.browser,
                flow.provider,
                user,
                session,
                flow.sealed,
                flow.scopes.join(" "),
                flow.return_to,
                now,
                until,
            ],
        )
        .await?;
        Ok(())
    }

    /// Takes who left with `state`, in one statement: of any number of parallel calls one gets it, and nobody later.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn take_flow(
        &mut self,
        _ok: &Authorized<'_, FinishSignIn>,
        state: TokenHash,
        now: Micros,
    ) -> Result<Option<Flow>, Error> {
        let row = self
            .optional(
                "DELETE FROM oauth_flows WHERE state_hash = $1 AND expires_at > $2 \
                 RETURNING provider, browser_hash, user_id, session_id, sealed_secrets, scopes, return_to",
                args![state, now],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let user = row.get::<Option<Uuid>>("user_id")?.map(UserId::from);
        let session = row.get::<Option<Uuid>>("session_id")?.map(SessionId::from);
        Ok(Some(Flow {
            provider: row.get("provider")?,
            browser: hash(&row.get::<Vec<u8>>("browser_hash")?, "browser_hash")?,
            purpose: match (user, session) {
                (Some(user), Some(session)) => FlowPurpose::Connect { user, session },
                _ => FlowPurpose::SignIn,
            },
            sealed: row.get("sealed_secrets")?,
            scopes: words(&row.get::<String>("scopes")?),
            return_to: row.get("return_to")?,
        }))
    }

    /// Remembers a code, and forgets those that nobody came for.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn insert_sign_in_code(
        &mut self,
        _ok: &Authorized<'_, FinishSignIn>,
        code: TokenHash,
        what: SignInCode,
        until: Micros,
        now: Micros,
    ) -> Result<(), Error> {
        self.run("DELETE FROM oauth_codes WHERE expires_at <= $1", args![now]).await?;
        self.run(
            "INSERT INTO oauth_codes (code_hash, browser_hash, user_id, provider, return_to, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            args![code, what.browser, Uuid::from(what.user), what.provider, what.return_to, now, until],
        )
        .await?;
        Ok(())
    }

    /// Takes what a code stands for; as [`Tx::take_flow`].
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn take_sign_in_code(
        &mut self,
        _ok: &Authorized<'_, ExchangeCode>,
        code: TokenHash,
        now: Micros,
    ) -> Result<Option<SignInCode>, Error> {
        let row = self
            .optional(
                "DELETE FROM oauth_codes WHERE code_hash = $1 AND expires_at > $2 \
                 RETURNING browser_hash, user_id, provider, return_to",
                args![code, now],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(SignInCode {
            browser: hash(&row.get::<Vec<u8>>("browser_hash")?, "browser_hash")?,
            user: row.get("user_id")?,
            provider: row.get("provider")?,
            return_to: row.get("return_to")?,
        }))
    }
}

pub(super) fn words(text: &str) -> Vec<String> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
