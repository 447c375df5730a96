//! Version 0.2 of the contract (`plugins/wit/palisade-plugin@0.2.0`), translated to and from the host's words.
//!
//! A world is a list of imports and exports, so there is one set of bindings for all of them, and a component is
//! linked with what its world imports and asked for what its world exports.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::Store;
use wasmtime::component::{Component, HasSelf, Instance, InstancePre, Linker};

use super::engine::Runtime;
use super::guest::{Level, State};
use super::registration::{Answer, AuthMethod, Candidate, RequestContext};
use super::since_v0_1::{Call, Description};
use super::{Error, clean};

mod bindings {
    wasmtime::component::bindgen!({
        path: "plugins/wit/palisade-plugin@0.2.0",
        inline: "
            package palisade:host;
            world all {
                import palisade:plugin/types@0.2.0;
                import palisade:plugin/log@0.2.0;
                import palisade:plugin/config@0.2.0;
                export palisade:plugin/lifecycle@0.2.0;
                export palisade:plugin/registration@0.2.0;
            }
        ",
        exports: { default: async },
    });
}

use bindings::exports::palisade::plugin::{lifecycle, registration};
use bindings::palisade::plugin::{config, log, types};

/// All that this world offers. `types` has no functions.
pub(super) const IMPORTS: [&str; 3] =
    ["palisade:plugin/types@0.2.0", "palisade:plugin/log@0.2.0", "palisade:plugin/config@0.2.0"];

/// A component, linked and ready for calls.
#[derive(Clone)]
pub(super) struct Guest {
    pre: InstancePre<State>,
    lifecycle: Arc<lifecycle::GuestIndices>,
    registration: Arc<registration::GuestIndices>,
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guest(0.2)")
    }
}

impl Guest {
    /// # Errors
    /// The component lacks an export of the world, or has one of another type.
    pub(super) fn link(runtime: &Runtime, component: &Component) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(&runtime.engine);
        log::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        config::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        let pre = linker.instantiate_pre(component)?;
        let lifecycle = Arc::new(lifecycle::GuestIndices::new(&pre)?);
        let registration = Arc::new(registration::GuestIndices::new(&pre)?);
        Ok(Self { pre, lifecycle, registration })
    }

    pub(super) async fn describe(&self, call: &Call<'_>) -> Result<Description, Error> {
        self.run(call, async |store, instance, _| {
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

    pub(super) async fn validate(
        &self,
        call: &Call<'_>,
        context: &RequestContext,
        candidate: &Candidate,
    ) -> Result<Answer, Error> {
        let candidate = told(candidate);
        let answer = self
            .run(call, async |store, instance, left| {
                let guest = self.registration.load(&mut *store, instance)?;
                let context = context_of(context, "registration.validate", left);
                guest.call_validate(store, &context, &candidate).await
            })
            .await?;
        Ok(match answer.map_err(|error| failed(&error))? {
            registration::Verdict::Accept(patch) => Answer::Accept(patch.set),
            registration::Verdict::Waitlist(reason) => Answer::Waitlist(reason),
            registration::Verdict::Reject(types::Denial { code, message, field }) => {
                Answer::Reject { code, message, field }
            }
        })
    }

    /// One call on a fresh store, which is dropped whatever happens: nothing outlives the call, and a store
    /// that was interrupted is never entered again.
    async fn run<T>(
        &self,
        call: &Call<'_>,
        work: impl AsyncFnOnce(&mut Store<State>, &Instance, Duration) -> wasmtime::Result<T>,
    ) -> Result<T, Error> {
        let until = Instant::now() + call.deadline;
        let _place = call.runtime.place(until).await?;
        let state = State::new(
            Arc::clone(call.plugin),
            call.request_id.to_owned(),
            Arc::clone(call.config),
            call.runtime.limits,
        );
        let mut store = call.runtime.store(state, until);
        let result = match self.pre.instantiate_async(&mut store).await {
            Ok(instance) => {
                let left = until.saturating_duration_since(Instant::now());
                work(&mut store, &instance, left).await
            }
            Err(error) => Err(error),
        };
        result.map_err(|error| store.data().failure(&error))
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

fn context_of(context: &RequestContext, hook: &str, left: Duration) -> types::RequestContext {
    types::RequestContext {
        request_id: context.request_id.clone(),
        hook: hook.to_owned(),
        budget_ms: u32::try_from(left.as_millis()).unwrap_or(u32::MAX),
        now: context.now,
        client_ip: context.client_ip.map(|ip| ip.to_string()),
        user_agent: context.user_agent.clone(),
        locale: context.locale.clone(),
        org_id: context.organization.clone(),
        dry_run: false,
    }
}

fn told(candidate: &Candidate) -> registration::Candidate {
    registration::Candidate {
        email: candidate.email.as_str().to_owned(),
        email_verified: candidate.email_verified,
        full_name: candidate.full_name.clone(),
        department: candidate.department.clone(),
        referral_source: candidate.referral_source.clone(),
        method: match candidate.method {
            AuthMethod::Password => types::AuthMethod::Password,
            AuthMethod::OAuth => types::AuthMethod::Oauth,
        },
        provider: candidate.provider.clone(),
        payload: candidate.payload.as_ref().map(ToString::to_string),
    }
}

impl types::Host for State {}

impl config::Host for State {
    fn get(&mut self) -> String {
        State::config(self).to_owned()
    }
}

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String) {
        let level = match level {
            log::Level::Trace => Level::Trace,
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.log(level, &message);
    }
}
