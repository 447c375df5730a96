//! `palisade decisions`.

mod replay;

use std::io::Write as _;
use std::time::Duration;

use serde_json::json;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use self::replay::Replay;
use super::{DecisionsCommand, Outcome, wire};
use crate::app::App;
use crate::config::Config;
use crate::domain::{Clock as _, LoggedDecision, Micros, SystemClock};
use crate::guard::Principal;
use crate::guard::actions::ExportDecisions;
use crate::pdp::Pdp;
use crate::telemetry;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) async fn run(config: Config, command: &DecisionsCommand) -> Outcome {
    telemetry::start("warn", config.log_format)?;
    match command {
        DecisionsCommand::Export { days } => {
            let app = wire::app(&config, None, wire::World::default()).await?;
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            each(&app, *days, |it| Ok(writeln!(out, "{}", line(it)?)?)).await?;
            out.flush()?;
            app.close().await;
        }
        DecisionsCommand::Replay { policies, days } => {
            // First: policies that do not load are told before anything is opened.
            let dir = policies.as_ref().unwrap_or(&config.policies_dir);
            let mut replay = Replay::against(Pdp::load(dir)?);
            let app = wire::app(&config, None, wire::World::default()).await?;
            each(&app, *days, |it| {
                replay.ask(it);
                Ok(())
            })
            .await?;
            replay.tell(&mut std::io::stdout().lock())?;
            app.close().await;
        }
    }
    Ok(())
}

/// Every decision of the last days, or of all time, oldest first.
async fn each(
    app: &App,
    days: Option<u32>,
    mut with: impl FnMut(&LoggedDecision) -> Result<(), BoxError>,
) -> Outcome {
    let caller = Principal::system("cli", "decisions".to_owned());
    let ok = app.authorize(&caller, ExportDecisions {}).await?;
    let since = days.map_or(Micros::new(i64::MIN), |days| SystemClock.now() - DAY * days);
    let mut after = Uuid::nil();
    loop {
        let decisions = app.export_decisions(&ok, after, since).await?;
        let Some(last) = decisions.last() else { return Ok(()) };
        after = last.id;
        decisions.iter().try_for_each(&mut with)?;
    }
}

fn line(it: &LoggedDecision) -> Result<serde_json::Value, BoxError> {
    Ok(json!({
        "id": it.id.to_string(),
        "at": it.at.to_datetime().format(&Rfc3339)?,
        "organization_id": it.organization.map(|id| id.to_string()),
        "principal": it.principal,
        "action": it.action,
        "resource": it.resource,
        "allowed": it.allowed,
        "policies": it.policies,
        "errors": it.errors,
        "policy_version": it.policy_version,
        "request_id": it.request_id,
        "context": it.context,
        "entities": it.entities,
    }))
}
