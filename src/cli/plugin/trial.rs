//! A plugin on the code that the server runs, with nothing real behind it: what `run` and `bench` do.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::input::{
    Claims, Events, Invite, Key, Legacy, Login, Mail, Oauth, Password, Registration, Told, text,
};
use super::mock::MockHost;
use crate::domain::Secret;
use crate::plugins::{
    Binding, Candidate, Denial, Endpoints, ExternalIdentity, FailurePolicy, Finding, Grants, Judged,
    LegacyOutcome, Limits, ManifestView, Narrowing, PasswordWish, Plugins, RequestContext, Ruling, TokenSet,
    Verdict,
};

type Error = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct TrialArgs {
    /// The plugin's folder, which is named as the plugin
    #[arg(default_value = ".")]
    pub(super) folder: PathBuf,
    /// Where it is asked; a plugin has one hook, so this is only for saying which input it is
    #[arg(long)]
    pub(super) hook: Option<String>,
    /// What the hook is told, JSON; `run` takes a recording too
    #[arg(long, value_name = "FILE")]
    pub(super) input: PathBuf,
    /// The plugin's configuration, JSON, laid over the manifest's
    #[arg(long, value_name = "JSON")]
    pub(super) plugin_config: Option<String>,
    /// What the network answers, JSON; without it there is no network
    #[arg(long, value_name = "FILE")]
    pub(super) http_mock: Option<PathBuf>,
    /// How long a call may take, in milliseconds
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub(super) deadline_ms: u64,
}

/// A loaded plugin and what it is told.
pub(super) struct Trial {
    pub(super) plugins: Plugins,
    pub(super) host: Arc<MockHost>,
    pub(super) hook: String,
    plugin: String,
    pub(super) input: Value,
}

/// What a call came to.
pub(super) struct Answer {
    pub(super) value: Value,
    /// Why there is none, in one word or a few.
    pub(super) missing: Option<String>,
}

impl Trial {
    pub(super) async fn prepare(args: &TrialArgs) -> Result<Self, Error> {
        let folder =
            args.folder.canonicalize().map_err(|error| format!("{}: {error}", args.folder.display()))?;
        let manifest = ManifestView::read(&folder)?;
        let hook = manifest.hooks.first().cloned().unwrap_or_default();
        if let Some(other) = args.hook.as_ref().filter(|other| **other != hook) {
            return Err(format!("`{}` is asked at `{hook}`, not at `{other}`", manifest.id).into());
        }
        let host = Arc::new(MockHost::read(args.http_mock.as_deref())?);
        let mut binding = Binding::new(&*manifest.id);
        binding.grants = grants(&manifest, &host)?;
        binding.deadline = Duration::from_millis(args.deadline_ms);
        // A missing answer is to be seen, whatever is usual for the hook.
        binding.on_failure = Some(FailurePolicy::Closed);
        if let Some(config) = &args.plugin_config {
            binding.config =
                serde_json::from_str(config).map_err(|error| format!("--plugin-config: {error}"))?;
        }
        let input =
            std::fs::read(&args.input).map_err(|error| format!("{}: {error}", args.input.display()))?;
        let input =
            serde_json::from_slice(&input).map_err(|error| format!("{}: {error}", args.input.display()))?;
        let place = folder.parent().unwrap_or(&folder);
        let real: Arc<MockHost> = Arc::clone(&host);
        let plugins = Plugins::load(place, &[binding], Limits::default(), real).await?;
        Ok(Self { plugins, host, hook, plugin: manifest.id, input })
    }

    /// One call.
    pub(super) async fn ask(&self) -> Result<Answer, Error> {
        self.ask_about(&self.input).await
    }

    /// What a call comes to as a recording tells it: by the same code, so that the two can be compared.
    pub(super) async fn outcome_of(&self, input: &Value) -> Result<Value, Error> {
        self.plugins.record(&self.plugin, 1, (0, u64::MAX));
        self.ask_about(input).await?;
        let kept = self.plugins.recording(&self.plugin, 0).and_then(|mut it| it.samples.pop());
        kept.map(|sample| sample.outcome).ok_or_else(|| "the plugin was not asked".into())
    }

    async fn ask_about(&self, input: &Value) -> Result<Answer, Error> {
        let plugins = &self.plugins;
        Ok(match self.hook.as_str() {
            "registration.validate" => {
                let (context, Registration { candidate }) = self.told(input)?;
                let candidate = Candidate::try_from(candidate)?;
                registration(plugins.validate_registration(&context, &candidate).await)
            }
            "login.authenticated" => {
                let (context, Login { attempt }) = self.told(input)?;
                ruling(&plugins.login_authenticated(&context, &attempt.into(), false).await, json!({}))
            }
            "token.claims" => {
                let (context, Claims { mint }) = self.told(input)?;
                let claims = plugins.token_claims(&context, &mint.into(), false).await;
                or_missing(
                    claims.map(|ext| json!({ "ext": ext.verdict })).map_err(|_| "no-answer".to_owned()),
                )
            }
            "password.policy" => {
                let (context, Password { candidate }) = self.told(input)?;
                let wish = PasswordWish {
                    occasion: candidate.occasion(),
                    password: &candidate.password,
                    email: &candidate.email,
                    full_name: candidate.full_name.as_deref(),
                };
                ruling(&plugins.password_policy(&context, wish).await, json!({}))
            }
            "org.invite" => {
                let (context, Invite { invitation }) = self.told(input)?;
                ruling(&plugins.org_invite(&context, &invitation.into()).await, json!({}))
            }
            "apikey.issue" => {
                let (context, Key { request }) = self.told(input)?;
                let (judged, left) = plugins.apikey_issue(&context, &request.into()).await;
                let Narrowing { scopes, expires_in_seconds } = left;
                ruling(&judged, json!({ "scopes": scopes, "expires_in_seconds": expires_in_seconds }))
            }
            "credential.verify-legacy" => {
                let (context, Legacy { identifier, password }) = self.told(input)?;
                let outcome = plugins.verify_legacy(&context, &identifier, &password).await;
                let outcome = outcome.map_err(|_| "no-answer".to_owned());
                or_missing(
                    outcome.map(|known| json!({ "outcome": legacy(known.map(|(outcome, _)| outcome)) })),
                )
            }
            "mail.send" => {
                let (context, Mail { message }) = self.told(input)?;
                let sent = plugins.send_mail(&context, &message.into()).await.unwrap_or(Ok(()));
                or_missing(sent.map(|()| json!({ "sent": true })).map_err(|error| error.to_string()))
            }
            "event.deliver" => {
                let (context, Events { batch }) = self.told(input)?;
                let batch: Vec<_> = batch.into_iter().map(Into::into).collect();
                let taken = plugins.deliver_events(&context, &self.plugin, &batch).await;
                or_missing(taken.map(|taken| json!({ "taken": taken })).map_err(|error| error.to_string()))
            }
            "oauth.provider" => self.oauth(input).await?,
            other => return Err(format!("`{other}` cannot be tried").into()),
        })
    }

    async fn oauth(&self, input: &Value) -> Result<Answer, Error> {
        let (context, call) = self.told(input)?;
        let (plugins, plugin) = (&self.plugins, &*self.plugin);
        let answer = match call {
            Oauth::DescribeEndpoints => {
                plugins.describe_endpoints(&context, plugin).await.map(|it| endpoints(&it))
            }
            Oauth::MapProfile { tokens, userinfo } => {
                let (tokens, userinfo) = (TokenSet::from(tokens), userinfo.map(text));
                plugins
                    .map_profile(&context, plugin, &tokens, userinfo.as_deref())
                    .await
                    .map(|it| identity(&it))
            }
            Oauth::ExchangeCode { code, redirect_uri, code_verifier } => {
                let code = (&*code, &*redirect_uri, &*code_verifier);
                plugins.exchange_code(&context, plugin, code).await.map(|it| tokens(&it))
            }
            Oauth::FetchProfile { tokens } => {
                let profile = plugins.fetch_profile(&context, plugin, &tokens.into()).await;
                profile.map(|profile| json!({ "userinfo": profile }))
            }
        };
        Ok(or_missing(answer.map_err(|error| error.to_string())))
    }

    fn told<T: DeserializeOwned>(&self, input: &Value) -> Result<(RequestContext, T), Error> {
        let told: Told<T> = serde_json::from_value(input.clone())
            .map_err(|error| format!("the input is none for `{}`: {error}", self.hook))?;
        Ok((told.context.into(), told.rest))
    }
}

/// All that the manifest asks for, with secrets that are none.
fn grants(manifest: &ManifestView, host: &MockHost) -> Result<Grants, Error> {
    let mut grants = Grants { kv: manifest.kv, ..Grants::default() };
    for wanted in &manifest.http {
        let origins = if wanted == "*" { host.origins() } else { vec![wanted.parse()?] };
        for origin in origins {
            let list = if origin.scheme == "https" { &mut grants.http } else { &mut grants.internal_http };
            list.push(origin);
        }
    }
    for name in &manifest.secrets {
        grants.secrets.insert(name.clone(), Secret::new(format!("secret-{name}")));
    }
    Ok(grants)
}

fn or_missing(answer: Result<Value, String>) -> Answer {
    match answer {
        Ok(value) => Answer { value, missing: None },
        Err(why) => Answer { value: Value::Null, missing: Some(why) },
    }
}

fn missing(findings: &[Finding]) -> Option<String> {
    let found = findings.iter().find(|finding| finding.verdict == "no-answer");
    found.map(|finding| finding.code.clone().unwrap_or_else(|| "no-answer".to_owned()))
}

fn registration(judged: Judged<Verdict>) -> Answer {
    let value = match judged.verdict {
        Verdict::Accept { profile } => {
            let set = json!({ "full_name": profile.full_name, "department": profile.department });
            json!({ "verdict": "accept", "profile": set })
        }
        Verdict::Waitlist { reason, .. } => json!({ "verdict": "waitlist", "reason": reason }),
        Verdict::Reject { plugin, code, message, field } => {
            refusal("reject", &Denial { plugin, code, message, field })
        }
        Verdict::Unavailable { .. } => json!({ "verdict": "unavailable" }),
    };
    Answer { value, missing: missing(&judged.findings) }
}

fn ruling(judged: &Judged<Ruling>, more: Value) -> Answer {
    let mut value = match &judged.verdict {
        Ruling::Keep => json!({ "verdict": "keep" }),
        Ruling::StepUp(denial) => refusal("step-up", denial),
        Ruling::Deny(denial) => refusal("deny", denial),
        Ruling::Unavailable { .. } => json!({ "verdict": "unavailable" }),
    };
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    Answer { value, missing: missing(&judged.findings) }
}

fn refusal(verdict: &str, denial: &Denial) -> Value {
    // As a client sees it.
    let code = format!("plugin:{}/{}", denial.plugin, denial.code);
    json!({ "verdict": verdict, "code": code, "message": denial.message, "field": denial.field })
}

const fn legacy(outcome: Option<LegacyOutcome>) -> &'static str {
    match outcome {
        None | Some(LegacyOutcome::NoSuchUser) => "no-such-user",
        Some(LegacyOutcome::WrongPassword) => "wrong-password",
        Some(LegacyOutcome::Correct) => "correct",
    }
}

fn endpoints(it: &Endpoints) -> Value {
    json!({
        "issuer": it.issuer,
        "authorize": it.authorize,
        "token": it.token,
        "userinfo": it.userinfo,
        "jwks": it.jwks,
        "scopes": it.scopes,
        "client_auth": format!("{:?}", it.client_auth).to_lowercase(),
        "extra_authorize_params": it.extra_authorize_params,
    })
}

fn tokens(it: &TokenSet) -> Value {
    json!({ "access_token": it.access_token, "id_token_claims": it.id_token_claims, "raw": it.raw })
}

fn identity(it: &ExternalIdentity) -> Value {
    json!({
        "subject": it.subject,
        "email": it.email,
        "email_verified": it.email_verified,
        "full_name": it.full_name,
        "avatar_url": it.avatar_url,
    })
}
