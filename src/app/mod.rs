//! Use cases: what happens, in which order, in which transaction.
//!
//! Owns: [`App`]. May import: every floor below but `pdp`, which is asked through `guard`. Must never: see an HTTP request, or run a plugin, a mail or any
//! other foreign thing inside a transaction. Each use case spends a permit and returns a released value.
//! Read next: `register.rs`, the longest way through the house; then `organizations.rs`.

mod account;
mod administration;
mod agents;
mod api_keys;
mod attempts;
mod audit;
mod authenticate;
mod compiled_plugins;
mod decisions;
mod delegation;
mod deletion;
mod email_change;
mod error;
mod evaluation;
mod explain;
mod federation;
mod forward_auth;
mod grants;
mod hooks;
mod imports;
mod introspection;
mod invitations;
mod key_uses;
mod keys;
mod letter_requests;
mod limits;
mod mail;
mod members;
mod messages;
mod metrics;
mod organizations;
mod password_strength;
mod passwords;
mod plugin_events;
mod plugin_host;
mod plugin_installs;
mod plugin_recordings;
mod plugin_states;
mod policies;
mod purge;
mod refusals;
mod register;
mod resources;
mod reviews;
mod revisions;
mod roles;
mod search;
mod sessions;
mod sign_in;
mod thing_roles;
mod trusted;
mod waitlist;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde_json::{Map, Value as Json};
use tokio::sync::Notify;
use url::Url;
use uuid::Uuid;

pub use self::account::Me;
pub use self::agents::TaskToken;
pub use self::api_keys::ShownKey;
pub use self::compiled_plugins::CompiledPlugins;
pub use self::decisions::{DecisionQueue, decisions_principal};
pub use self::delegation::{Delegated, Exchange};
pub use self::error::{Denied, Error};
pub use self::evaluation::{Evaluated, Named, Query, Semantic};
use self::federation::Refreshing;
pub use self::federation::{
    Brokered, Connected, Departure, Disconnected, Landing, Listed, OAuthSettings, RedirectUri, Return,
    SignedIn,
};
pub use self::forward_auth::Passage;
pub use self::imports::{Import, ImportReport, ImportedRow};
pub use self::introspection::TokenDescription;
use self::key_uses::KeyUses;
pub use self::key_uses::keys_principal;
pub use self::keys::{ANNOUNCE, Begin, KeyInfo, KeyState, Resealed, token_issuer};
use self::limits::Limits;
pub use self::limits::{Limit, RateLimits};
use self::mail::letter;
pub use self::mail::mail_principal;
pub use self::messages::Message;
pub use self::metrics::{Metrics, PluginCount};
pub use self::password_strength::Advice;
pub use self::plugin_events::events_principal;
pub use self::plugin_host::PluginHost;
pub use self::plugin_installs::{PluginGrant, PluginWish};
pub use self::plugin_recordings::{MOST_SAMPLES, Recording, Sample};
pub use self::plugin_states::{PluginLine, PluginSource, PluginState, Replacement};
pub use self::purge::purge_principal;
pub use self::register::Registration;
pub use self::reviews::waitlist_principal;
pub use self::roles::Role;
pub use self::search::{Page, Wanted};
pub use self::sign_in::Tokens;
use self::trusted::Trusted;
use crate::crypto::{KeyEnvironment, MasterKey, PasswordHasher, Sealer, TokenIssuer};
use crate::domain::{Clock, DoorRule, Email, Micros, Random, TrustedIssuer, WaitlistRequires};
use crate::guard::{Action, Authorized, EntityRef, Guard, Principal, Resource};
pub use crate::outbound::KeptLetter;
use crate::outbound::{Dns, Mailer, Providers};
pub use crate::plugins::FailurePolicy;
use crate::plugins::Plugins;
use crate::store::{Note, Store, Tx};

/// How long things last, and what the operator chose.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where people reach this server; every link in a mail begins with it, whatever a request's headers say.
    pub public_url: Url,
    /// Where policies are read from when they are reloaded.
    pub policies_dir: std::path::PathBuf,
    /// Where plugins are installed from; none: the server was started without plugins.
    pub plugins_dir: Option<std::path::PathBuf>,
    /// What administrators may have put into a plugin's requests: by plugin, then by the name its manifest has for it.
    pub plugin_secrets: BTreeMap<String, BTreeMap<String, crate::domain::Secret>>,
    /// Says openly whether an address has an account. Off: register and login answer alike.
    pub reveal_accounts: bool,
    pub access_lifetime: Duration,
    /// The end of a sign-in, however often it is refreshed.
    pub session_lifetime: Duration,
    /// How long the parent of the current refresh token still gets the same answer.
    pub refresh_grace: Duration,
    pub verification_lifetime: Duration,
    pub invitation_lifetime: Duration,
    /// How long a signing key signs before the next one does; none: only by command.
    pub signing_key_rotation: Option<Duration>,
    pub reset_lifetime: Duration,
    /// How long an account that is to be deleted can be restored.
    pub deletion_grace: Duration,
    /// What lets somebody in who waits.
    pub waitlist_requires: WaitlistRequires,
    pub rate_limits: RateLimits,
    /// How long decisions stay in the log.
    pub decision_retention: Duration,
    /// Which requests in front of other services pass.
    pub doors: Vec<DoorRule>,
    /// Which keys this installation makes and takes.
    pub key_environment: KeyEnvironment,
    pub oauth: OAuthSettings,
}

impl Settings {
    /// The lifetimes of the identity rules, for a server reached at `public_url`; no rate limits.
    #[must_use]
    pub fn new(public_url: Url) -> Self {
        const HOUR: u64 = 60 * 60;
        Self {
            oauth: OAuthSettings::new(&public_url),
            public_url,
            policies_dir: std::path::PathBuf::new(),
            plugins_dir: None,
            plugin_secrets: BTreeMap::new(),
            reveal_accounts: false,
            access_lifetime: Duration::from_secs(15 * 60),
            session_lifetime: Duration::from_secs(7 * 24 * HOUR),
            refresh_grace: Duration::from_secs(10),
            verification_lifetime: Duration::from_secs(24 * HOUR),
            invitation_lifetime: Duration::from_secs(7 * 24 * HOUR),
            signing_key_rotation: Some(Duration::from_secs(90 * 24 * HOUR)),
            reset_lifetime: Duration::from_secs(HOUR),
            deletion_grace: Duration::from_secs(14 * 24 * HOUR),
            waitlist_requires: WaitlistRequires { verified_email: false, approval: true, plugin: false },
            rate_limits: RateLimits::OFF,
            decision_retention: Duration::from_secs(30 * 24 * HOUR),
            doors: Vec::new(),
            key_environment: KeyEnvironment::Live,
        }
    }
}

/// What [`App`] is made of.
#[derive(Debug)]
pub struct Parts {
    pub store: Store,
    pub guard: Guard,
    pub hasher: PasswordHasher,
    pub tokens: TokenIssuer,
    pub master: MasterKey,
    /// The other master key while they rotate: what it sealed still opens.
    pub previous_master: Option<MasterKey>,
    pub plugins: Plugins,
    pub mailer: Mailer,
    pub providers: Providers,
    pub dns: Dns,
    pub trusted: Vec<TrustedIssuer>,
    /// Asks trusted issuers for their keys.
    pub issuers: Providers,
    /// The guard's recorder.
    pub decisions: Arc<DecisionQueue>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub settings: Settings,
}

/// What requests cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Password hashes computed.
    pub hashes: u64,
    /// Statements sent to the database, beginnings and ends of transactions among them.
    pub statements: u64,
}

/// The use cases.
#[derive(Debug)]
pub struct App {
    store: Store,
    guard: Guard,
    hasher: PasswordHasher,
    tokens: TokenIssuer,
    master: MasterKey,
    previous_master: Option<MasterKey>,
    sealer: Sealer,
    /// Calls that run keep the generation they began with.
    plugins: ArcSwap<Plugins>,
    /// What is installed as of then; whoever changes it waits for its turn.
    plugins_state: tokio::sync::Mutex<Option<plugin_installs::Seen>>,
    mailer: Mailer,
    providers: Providers,
    dns: Dns,
    trusted: Trusted,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    settings: Settings,
    limits: Limits,
    mail_waits: Notify,
    /// Somebody who waits has met another condition.
    review_waits: Notify,
    key_uses: KeyUses,
    refreshing: Refreshing,
    decisions: Arc<DecisionQueue>,
}

impl App {
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts {
            store,
            guard,
            hasher,
            tokens,
            master,
            previous_master,
            plugins,
            mailer,
            providers,
            dns,
            trusted,
            issuers,
            decisions,
            clock,
            random,
            settings,
        } = parts;
        let sealer = Sealer::rotating(&master, previous_master.as_ref());
        let limits = Limits::new(&settings.rate_limits, &clock);
        let mail_waits = Notify::new();
        Self {
            store,
            guard,
            hasher,
            tokens,
            master,
            previous_master,
            sealer,
            plugins: ArcSwap::from_pointee(plugins),
            plugins_state: tokio::sync::Mutex::new(None),
            mailer,
            providers,
            dns,
            trusted: Trusted::new(trusted, issuers),
            clock,
            random,
            settings,
            limits,
            mail_waits,
            review_waits: Notify::new(),
            key_uses: KeyUses::default(),
            refreshing: Refreshing::default(),
            decisions,
        }
    }

    /// Asks whether `caller` may do `action`. See [`Guard::authorize`].
    ///
    /// # Errors
    /// What the caller may learn of the refusal.
    pub async fn authorize<'c, A: Action>(
        &self,
        caller: &'c Principal,
        action: A,
    ) -> Result<Authorized<'c, A>, Error> {
        Ok(self.guard.authorize(caller, action).await?)
    }

    /// Names and records a refusal that came before any policy was asked; `code` is the client's word for it.
    pub async fn refuse_unasked(
        &self,
        request_id: &str,
        principal: EntityRef,
        action: String,
        code: &str,
    ) -> Uuid {
        self.guard.refuse_unasked(request_id, principal, action, code).await.into()
    }

    /// The refusal of what the permit allows, for a reason that is no policy's.
    async fn refuse_permitted<A: Action>(&self, ok: &Authorized<'_, A>, code: &'static str) -> Error {
        let decision = self.guard.refuse(ok, code).await;
        Error::Denied(Denied { codes: vec![code.to_owned()], decision: Some(decision.into()) })
    }

    /// Whether requests can be served now.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn ready(&self) -> Result<(), Error> {
        Ok(self.store.ping().await?)
    }

    /// What was done since the start, whatever it was for.
    #[must_use]
    pub fn work(&self) -> Work {
        Work { hashes: self.hasher.computed(), statements: self.store.statements() }
    }

    /// Writes down what waits of the decision log and closes the database; call it last.
    pub async fn close(&self) {
        self.flush_decisions().await;
        self.store.close().await;
    }

    /// The present, as everything here counts it.
    #[must_use]
    pub fn now(&self) -> Micros {
        self.clock.now()
    }

    /// A fresh id of any kind.
    fn fresh<Id: From<Uuid>>(&self) -> Id {
        Id::from(self.random.uuid(self.now()))
    }

    /// Tells of a change in its own transaction, last of all. `details` is a JSON object without secrets.
    async fn note<A: Action>(&self, tx: &mut Tx, ok: &Authorized<'_, A>, details: Json) -> Result<(), Error> {
        let details = match details {
            Json::Object(details) => details,
            _ => Map::new(),
        };
        tx.append_event(ok, Note { details, ..Note::default() }, self.now()).await?;
        Ok(())
    }

    /// Tells of what changes no row, in a transaction of its own; done before, it happens only if it could be told.
    async fn note_alone<A: Action>(&self, ok: &Authorized<'_, A>, details: Json) -> Result<(), Error> {
        let mut tx = self.store.begin().await?;
        self.note(&mut tx, ok, details).await?;
        Ok(tx.commit().await?)
    }

    /// The plugins as they are now.
    fn plugins(&self) -> Arc<Plugins> {
        self.plugins.load_full()
    }

    /// Tells of an attempt that failed, in a transaction of its own.
    async fn note_failure<A: Action>(
        &self,
        ok: &Authorized<'_, A>,
        about: Option<Resource>,
        failure: &'static str,
    ) -> Result<(), Error> {
        let mut tx = self.store.begin().await?;
        let note = Note { about, failure: Some(failure), ..Note::default() };
        tx.append_event(ok, note, self.now()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// A page of the product's.
    fn page(&self, page: &str) -> String {
        let mut url = self.settings.public_url.clone();
        url.set_path(page);
        url.to_string()
    }

    /// A page of the product's, with a token for it.
    fn link(&self, page: &str, token: &crate::domain::Secret) -> String {
        let mut url = self.settings.public_url.clone();
        url.set_path(page);
        url.query_pairs_mut().append_pair("token", token.expose());
        url.to_string()
    }
}

/// Reads an address out of a request.
fn parse_email(text: &str) -> Result<Email, Error> {
    text.parse::<Email>().map_err(|invalid| Error::Invalid(vec![invalid.at("email")]))
}
