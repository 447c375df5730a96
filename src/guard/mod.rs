//! The choke point: every use of tenant data passes here, and only a Cedar allow passes.
//!
//! Owns: the only constructors of a permit. May import: `domain`, `pdp`.
//! Must never: know SQL or HTTP, or offer a second way to make an [`Authorized`], not even for tests.
//! Read next: `principal.rs` (who asks, through which links), `facts.rs`, `authorized.rs`, `asking.rs`, then `actions/`.
//!
//! A use case demands an `Authorized<A>`, so a caller who skipped the question does not compile:
//!
//! ```compile_fail,E0061
//! # use palisade::{app::App, guard::Principal};
//! # async fn skip(app: &App, caller: &Principal) {
//! let me = app.me().await;
//! # }
//! ```
//! The same with the question asked compiles:
//! ```no_run
//! # use palisade::{app::App, domain::UserId, guard::{Principal, actions::GetMe}};
//! # async fn ask(app: &App, caller: &Principal, user: UserId) {
//! let ok = app.authorize(caller, GetMe { user }).await.unwrap();
//! let me = app.me(ok).await;
//! # }
//! ```
//! A permit for one action is not a permit for another:
//! ```compile_fail,E0308
//! # use palisade::{app::App, domain::UserId, guard::{Principal, actions::Logout}};
//! # async fn swap(app: &App, caller: &Principal, user: UserId) {
//! let ok = app.authorize(caller, Logout { user, session: None }).await.unwrap();
//! let me = app.me(ok).await;
//! # }
//! ```
//! A permit cannot be forged:
//! ```compile_fail,E0451
//! # use palisade::{domain::UserId, guard::{Authorized, Principal, actions::GetMe}};
//! # fn forge<'c>(caller: &'c Principal, user: UserId) -> Authorized<'c, GetMe> {
//! Authorized { action: GetMe { user }, caller, decision: Default::default(), slice: Default::default(), own: None }
//! # }
//! ```
//! Nor kept for later: it borrows the caller, who lives as long as the request.
//! ```compile_fail,E0521
//! # use palisade::{guard::{Authorized, actions::GetMe}};
//! # fn keep(ok: Authorized<'_, GetMe>) {
//! tokio::spawn(async move { drop(ok) });
//! # }
//! ```

pub mod actions;
mod asking;
mod authorized;
mod denied;
mod evaluation;
mod explain;
mod facts;
mod giving;
mod grants;
mod holding;
mod own_roles;
mod plugins;
mod principal;
mod record;
mod refused;
mod registry;
mod reload;
mod resource;
mod search;
mod turns;

pub use actions::Action;
pub use asking::Guard;
pub use authorized::{Authorized, Released};
pub use denied::Denied;
pub use evaluation::{Answer, Asked, Known, Unknown};
pub use explain::{ExplainedPolicy, NearMiss, Remedy, Why};
pub use facts::{Facts, FactsError, Slice};
pub use grants::GivenRole;
pub use holding::Held;
pub use plugins::{Capability, HttpHost, PluginPrincipal};
pub use principal::{
    AgentPrincipal, CredentialKind, CredentialPrincipal, Origin, Party, Principal, UserPrincipal,
};
pub use record::{DecisionId, DecisionLog, Record, Recorded, Recorder, Turn};
pub use registry::{FittingResource, OWN_TYPES, plain_attributes};
pub use reload::Reloaded;
pub use resource::Resource;
pub use search::{Search, Sought};
pub use turns::give_way;

pub use crate::pdp::{Entity, EntityRef, FactSet, Reach};
