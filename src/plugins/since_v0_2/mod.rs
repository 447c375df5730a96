//! Version 0.2 of the contract (`plugins/wit/palisade-plugin@0.2.0`), translated to and from the host's words.
//!
//! A world is a list of imports and exports, so there is one set of bindings for all of them: a component is linked
//! with what its world imports (`imports.rs`) and asked for what its world exports (`hooks.rs`).

mod hooks;
mod imports;

pub(super) use hooks::KeySaid;

use std::fmt;
use std::time::Duration;

use wasmtime::Store;
use wasmtime::component::{Component, HasSelf, Instance, InstancePre, Linker};

use super::engine::Runtime;
use super::guest::{Call, Description, State};
use super::world::World;
use super::{Error, clean};

mod bindings {
    wasmtime::component::bindgen!({
        path: "plugins/wit/palisade-plugin@0.2.0",
        inline: "
            package palisade:host;
            world all {
                import palisade:plugin/types@0.2.0;
                import palisade:plugin/oauth-types@0.2.0;
                import palisade:plugin/log@0.2.0;
                import palisade:plugin/config@0.2.0;
                import palisade:plugin/http-client@0.2.0;
                import palisade:plugin/kv@0.2.0;
                export palisade:plugin/lifecycle@0.2.0;
                export palisade:plugin/registration@0.2.0;
                export palisade:plugin/login@0.2.0;
                export palisade:plugin/token-claims@0.2.0;
                export palisade:plugin/password@0.2.0;
                export palisade:plugin/oauth-provider@0.2.0;
                export palisade:plugin/oauth-exchange@0.2.0;
                export palisade:plugin/credential-migration@0.2.0;
                export palisade:plugin/mailer@0.2.0;
                export palisade:plugin/events@0.2.0;
                export palisade:plugin/invitations@0.2.0;
                export palisade:plugin/api-keys@0.2.0;
            }
        ",
        imports: {
            "palisade:plugin/http-client": async,
            "palisade:plugin/kv": async,
        },
        exports: { default: async },
    });
}

use bindings::exports::palisade::plugin as exported;
use bindings::palisade::plugin as offered;
use offered::types;

/// Random bytes that one call gets at most.
const RANDOM: u64 = 4_096;
/// Interfaces of WASI that the run-times of some languages import whatever the plugin does. They are there and empty:
/// nothing of the machine is behind them. What Python's asks for before anything else is answered by `empty_machine`; calling
/// anything else ends the call.
const EMPTY: [&str; 6] =
    ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];

/// Whether a component of this world may name this import.
pub(super) fn offers(world: World, import: &str) -> bool {
    let imports = world.imports();
    match import.strip_prefix("palisade:plugin/").and_then(|name| name.strip_suffix("@0.2.0")) {
        Some("types" | "config" | "oauth-types") => true,
        Some("log") => imports.log,
        Some("http-client") => imports.http,
        Some("kv") => imports.kv,
        Some(_) => false,
        None => EMPTY.iter().any(|interface| import.starts_with(interface)),
    }
}

/// What a run-time asks for before the plugin's own code runs: an environment without a word in it, a clock that stands,
/// and random bytes, which give nothing of the machine away.
fn empty_machine(
    linker: &mut Linker<State>,
    runtime: &Runtime,
    component: &Component,
) -> wasmtime::Result<()> {
    let kind = component.component_type();
    for (import, _) in kind.imports(&runtime.engine) {
        match import.split_once('@').map_or(import, |(name, _)| name) {
            "wasi:cli/environment" => {
                let mut it = linker.instance(import)?;
                it.func_wrap("get-environment", |_, (): ()| Ok((Vec::<(String, String)>::new(),)))?;
                it.func_wrap("get-arguments", |_, (): ()| Ok((Vec::<String>::new(),)))?;
                it.func_wrap("initial-cwd", |_, (): ()| Ok((None::<String>,)))?;
            }
            "wasi:clocks/monotonic-clock" => {
                linker.instance(import)?.func_wrap("now", |_, (): ()| Ok((0_u64,)))?;
            }
            "wasi:random/random" => {
                let mut it = linker.instance(import)?;
                it.func_wrap("get-random-bytes", |_, (length,): (u64,)| {
                    let mut bytes = vec![0_u8; usize::try_from(length.min(RANDOM))?];
                    rand::fill(bytes.as_mut_slice());
                    Ok((bytes,))
                })?;
                it.func_wrap("get-random-u64", |_, (): ()| Ok((rand::random::<u64>(),)))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// A component, linked and ready for calls.
#[derive(Clone)]
pub(super) struct Guest {
    pre: InstancePre<State>,
    lifecycle: exported::lifecycle::GuestIndices,
    exports: Exports,
}

/// What a component exports beside `lifecycle`.
#[derive(Clone)]
enum Exports {
    Registration(exported::registration::GuestIndices),
    Login(exported::login::GuestIndices),
    Claims(exported::token_claims::GuestIndices),
    Password(exported::password::GuestIndices),
    Oauth(exported::oauth_provider::GuestIndices, Option<exported::oauth_exchange::GuestIndices>),
    Migration(exported::credential_migration::GuestIndices),
    Mailer(exported::mailer::GuestIndices),
    Events(exported::events::GuestIndices),
    Invitations(exported::invitations::GuestIndices),
    ApiKeys(exported::api_keys::GuestIndices),
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guest(0.2)")
    }
}

impl Guest {
    /// # Errors
    /// The component lacks an export of the world.
    pub(super) fn link(runtime: &Runtime, component: &Component, world: World) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(&runtime.engine);
        let imports = world.imports();
        offered::config::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        if imports.log {
            offered::log::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        }
        if imports.http {
            offered::http_client::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        }
        if imports.kv {
            offered::kv::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        }
        empty_machine(&mut linker, runtime, component)?;
        // What is left is of `EMPTY`: everything else was refused by name before.
        linker.define_unknown_imports_as_traps(component)?;
        let pre = linker.instantiate_pre(component)?;
        let exports = match world {
            World::RegistrationPolicyV0_1 | World::RegistrationPolicy | World::RegistrationHook => {
                Exports::Registration(exported::registration::GuestIndices::new(&pre)?)
            }
            World::LoginHook => Exports::Login(exported::login::GuestIndices::new(&pre)?),
            World::ClaimsHook => Exports::Claims(exported::token_claims::GuestIndices::new(&pre)?),
            World::PasswordPolicy => Exports::Password(exported::password::GuestIndices::new(&pre)?),
            World::OauthConnector => Exports::Oauth(exported::oauth_provider::GuestIndices::new(&pre)?, None),
            World::OauthConnectorFull => Exports::Oauth(
                exported::oauth_provider::GuestIndices::new(&pre)?,
                Some(exported::oauth_exchange::GuestIndices::new(&pre)?),
            ),
            World::Migrator => Exports::Migration(exported::credential_migration::GuestIndices::new(&pre)?),
            World::MailTransport => Exports::Mailer(exported::mailer::GuestIndices::new(&pre)?),
            World::EventSink => Exports::Events(exported::events::GuestIndices::new(&pre)?),
            World::InvitationHook => Exports::Invitations(exported::invitations::GuestIndices::new(&pre)?),
            World::ApiKeyHook => Exports::ApiKeys(exported::api_keys::GuestIndices::new(&pre)?),
        };
        Ok(Self { lifecycle: exported::lifecycle::GuestIndices::new(&pre)?, pre, exports })
    }

    /// Also holds the types of the exports against the contract's, so that a call cannot meet another type.
    pub(super) async fn describe(&self, call: &Call<'_>) -> Result<Description, Error> {
        self.run(call, async |store, instance, _| {
            match &self.exports {
                Exports::Registration(it) => {
                    it.load(&mut *store, instance)?;
                }
                Exports::Login(it) => {
                    it.load(&mut *store, instance)?;
                }
                Exports::Claims(it) => {
                    it.load(&mut *store, instance)?;
                }
                Exports::Password(it) => {
                    it.load(&mut *store, instance)?;
                }
                Exports::Oauth(it, exchange) => {
                    it.load(&mut *store, instance)?;
                    if let Some(exchange) = exchange {
                        exchange.load(&mut *store, instance)?;
                    }
                }
                Exports::Migration(it) => {
                    it.load(&mut *store, instance)?;
                }
                Exports::Mailer(it) => {
                    it.load(&mut *store, instance)?;
                }
                Exports::Events(it) => {
                    it.load(&mut *store, instance)?;
                }
                Exports::Invitations(it) => {
                    it.load(&mut *store, instance)?;
                }
                Exports::ApiKeys(it) => {
                    it.load(&mut *store, instance)?;
                }
            }
            let guest = self.lifecycle.load(&mut *store, instance)?;
            let info = guest.call_describe(store).await?;
            Ok(Description { id: info.id, version: info.version, hooks: info.hooks })
        })
        .await
    }

    /// The plugin's complaints about `call.config`; `None` when it is good.
    pub(super) async fn complaints(&self, call: &Call<'_>) -> Result<Option<Vec<String>>, Error> {
        self.run(call, async |store, instance, _| {
            let guest = self.lifecycle.load(&mut *store, instance)?;
            guest.call_validate_config(store, call.config).await
        })
        .await
        .map(Result::err)
    }

    async fn run<T>(
        &self,
        call: &Call<'_>,
        work: impl AsyncFnOnce(&mut Store<State>, &Instance, Duration) -> wasmtime::Result<T>,
    ) -> Result<T, Error> {
        call.on_fresh_store(async |store, left| {
            let instance = self.pre.instantiate_async(&mut *store).await?;
            work(store, &instance, left).await
        })
        .await
    }
}

fn failed(error: &types::PluginError) -> Error {
    let (kind, what) = match error {
        types::PluginError::InvalidInput(what) => ("invalid input", what.as_str()),
        types::PluginError::Upstream(what) => ("upstream", what.as_str()),
        types::PluginError::Timeout => ("upstream", "no answer in time"),
        types::PluginError::Config(what) => ("configuration", what.as_str()),
        types::PluginError::Internal(what) => ("internal", what.as_str()),
    };
    Error::Failed(format!("{kind}: {}", clean::line(what, 300)))
}

fn context_of(call: &Call<'_>, left: Duration) -> types::RequestContext {
    let context = call.context;
    types::RequestContext {
        request_id: context.request_id.clone(),
        hook: call.hook.to_owned(),
        budget_ms: u32::try_from(left.as_millis()).unwrap_or(u32::MAX),
        now: context.now,
        client_ip: context.client_ip.map(|ip| ip.to_string()),
        user_agent: context.user_agent.clone(),
        locale: context.locale.clone(),
        org_id: context.organization.clone(),
        dry_run: call.dry_run,
    }
}
