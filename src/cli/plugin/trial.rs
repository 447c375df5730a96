//! A plugin on the code that the server runs, with nothing real behind it: what `run` and `bench` do.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::input::{Registration, Told};
use crate::plugins::{Binding, Candidate, Limits, ManifestView, Plugins, RequestContext, Verdict};

type Error = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Args)]
pub(in crate::cli) struct TrialArgs {
    /// The plugin's folder, which is named as the plugin
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Where it is asked; a plugin has one hook, so this is only for saying which input it is
    #[arg(long)]
    hook: Option<String>,
    /// What the hook is told, JSON
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// The plugin's configuration, JSON, laid over the manifest's
    #[arg(long, value_name = "JSON")]
    plugin_config: Option<String>,
    /// How long a call may take, in milliseconds
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    deadline_ms: u64,
}

/// A loaded plugin and what it is told.
pub(super) struct Trial {
    pub(super) hook: String,
    plugins: Plugins,
    context: RequestContext,
    candidate: Candidate,
}

/// What a call came to.
pub(super) struct Answer {
    pub(super) value: Value,
    /// There is none.
    pub(super) missing: bool,
}

impl Trial {
    pub(super) async fn prepare(args: &TrialArgs) -> Result<Self, Error> {
        let folder = args.folder.canonicalize().map_err(|error| wrong(&args.folder, error))?;
        let manifest = ManifestView::read(&folder)?;
        let hook = manifest.hooks.into_iter().next().unwrap_or_default();
        if let Some(other) = args.hook.as_ref().filter(|other| **other != hook) {
            return Err(format!("`{}` is asked at `{hook}`, not at `{other}`", manifest.id).into());
        }
        let mut binding = Binding::new(&*manifest.id);
        binding.deadline = Duration::from_millis(args.deadline_ms);
        if let Some(config) = &args.plugin_config {
            binding.config =
                serde_json::from_str(config).map_err(|error| format!("--plugin-config: {error}"))?;
        }
        let input = std::fs::read(&args.input).map_err(|error| wrong(&args.input, error))?;
        let Told { context, rest: Registration { candidate } } =
            serde_json::from_slice(&input).map_err(|error| wrong(&args.input, error))?;
        let place = folder.parent().unwrap_or(&folder);
        let plugins = Plugins::load(place, &[binding], Limits::default()).await?;
        Ok(Self { hook, plugins, context: context.into(), candidate: candidate.try_into()? })
    }

    /// One call.
    pub(super) async fn ask(&self) -> Answer {
        let verdict = self.plugins.validate_registration(&self.context, &self.candidate).await;
        let missing = matches!(verdict, Verdict::Unavailable { .. });
        let value = match verdict {
            Verdict::Accept { profile } => {
                let set = json!({ "full_name": profile.full_name, "department": profile.department });
                json!({ "verdict": "accept", "profile": set })
            }
            Verdict::Waitlist { reason, .. } => json!({ "verdict": "waitlist", "reason": reason }),
            // As a client sees it.
            Verdict::Reject { plugin, code, message, field } => {
                let code = format!("plugin:{plugin}/{code}");
                json!({ "verdict": "reject", "code": code, "message": message, "field": field })
            }
            Verdict::Unavailable { .. } => json!({ "verdict": "unavailable" }),
        };
        Answer { value, missing }
    }
}

fn wrong(path: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}
