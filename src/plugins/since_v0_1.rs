//! Version 0.1 of the contract (`plugins/wit/palisade-plugin@0.1.0`), translated to and from the host's words.
//!
//! A later version gets a file like this of its own; old components keep loading through this one.

use std::fmt;
use std::time::Duration;

use wasmtime::Store;
use wasmtime::component::{Component, HasSelf, Linker};

use super::engine::Runtime;
use super::guest::{Call, Description, Level, State, level};
use super::registration::{Answer, AuthMethod, Candidate};
use super::{Error, clean};

mod bindings {
    wasmtime::component::bindgen!({
        path: "plugins/wit/palisade-plugin@0.1.0",
        world: "registration-policy",
        exports: { default: async },
    });
}

use bindings::exports::palisade::plugin::registration as wit;
use bindings::palisade::plugin::{config, log, types};

/// All that this world offers. `types` has no functions.
pub(super) const IMPORTS: [&str; 3] =
    ["palisade:plugin/types@0.1.0", "palisade:plugin/log@0.1.0", "palisade:plugin/config@0.1.0"];

/// A component of the world `registration-policy`, linked and ready for calls.
#[derive(Clone)]
pub(super) struct Guest(bindings::RegistrationPolicyPre<State>);

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guest(registration-policy 0.1)")
    }
}

impl Guest {
    /// # Errors
    /// The component lacks an export of the world, or has one of another type.
    pub(super) fn link(runtime: &Runtime, component: &Component) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(&runtime.engine);
        log::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        config::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        Ok(Self(bindings::RegistrationPolicyPre::new(linker.instantiate_pre(component)?)?))
    }

    pub(super) async fn describe(&self, call: &Call<'_>) -> Result<Description, Error> {
        self.run(call, async |guest, store, _| {
            guest.palisade_plugin_lifecycle().call_describe(store).await.map(|info| Description {
                id: info.id,
                version: info.version,
                hooks: info.hooks,
            })
        })
        .await
    }

    /// The plugin's complaints about `call.config`; `None` when it is good.
    pub(super) async fn complaints(&self, call: &Call<'_>) -> Result<Option<Vec<String>>, Error> {
        self.run(call, async |guest, store, _| {
            guest.palisade_plugin_lifecycle().call_validate_config(store, call.config).await
        })
        .await
        .map(Result::err)
    }

    pub(super) async fn validate(&self, call: &Call<'_>, candidate: &Candidate) -> Result<Answer, Error> {
        let candidate = told(candidate);
        let answer = self
            .run(call, async |guest, store, left| {
                let context = call.context;
                let context = types::RequestContext {
                    request_id: context.request_id.clone(),
                    hook: "registration.validate".into(),
                    budget_ms: u32::try_from(left.as_millis()).unwrap_or(u32::MAX),
                    client_ip: context.client_ip.map(|ip| ip.to_string()),
                    user_agent: context.user_agent.clone(),
                    locale: context.locale.clone(),
                };
                guest.palisade_plugin_registration().call_validate(store, &context, &candidate).await
            })
            .await?;
        match answer {
            Ok(wit::Verdict::Accept(patch)) => Ok(Answer::Accept(patch.set)),
            Ok(wit::Verdict::Waitlist(reason)) => Ok(Answer::Waitlist(reason)),
            Ok(wit::Verdict::Reject(types::Denial { code, message, field })) => {
                Ok(Answer::Reject { code, message, field })
            }
            Err(types::PluginError::InvalidInput(what)) => Err(failed("invalid input", &what)),
            Err(types::PluginError::Config(what)) => Err(failed("configuration", &what)),
            Err(types::PluginError::Internal(what)) => Err(failed("internal", &what)),
        }
    }

    async fn run<T>(
        &self,
        call: &Call<'_>,
        work: impl AsyncFnOnce(&bindings::RegistrationPolicy, &mut Store<State>, Duration) -> wasmtime::Result<T>,
    ) -> Result<T, Error> {
        call.on_fresh_store(async |store, left| {
            let guest = self.0.instantiate_async(&mut *store).await?;
            work(&guest, store, left).await
        })
        .await
    }
}

fn failed(kind: &str, what: &str) -> Error {
    Error::Failed(format!("{kind}: {}", clean::line(what, 300)))
}

fn told(candidate: &Candidate) -> wit::Candidate {
    wit::Candidate {
        email: candidate.email.as_str().to_owned(),
        email_verified: candidate.email_verified,
        full_name: candidate.full_name.clone(),
        department: candidate.department.clone(),
        method: match candidate.method {
            AuthMethod::Password => types::AuthMethod::Password,
            AuthMethod::OAuth => types::AuthMethod::Oauth,
        },
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
        self.log(level!(log, level), &message);
    }
}
