//! `palisade audit`.

use std::io::Write as _;
use std::time::Duration;

use serde_json::json;
use time::format_description::well_known::Rfc3339;

use super::{AuditCommand, Outcome, wire};
use crate::config::Config;
use crate::domain::{Clock as _, Event, SystemClock};
use crate::guard::Principal;
use crate::guard::actions::{PruneEvents, VerifyEvents};
use crate::store::Broken;
use crate::telemetry;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[expect(clippy::print_stdout, reason = "this is the command line")]
pub(super) async fn run(config: Config, command: &AuditCommand) -> Outcome {
    telemetry::start("warn", config.log_format)?;
    let app = wire::app(&config, None, wire::World::default()).await?;
    let caller = Principal::system("cli", "audit".to_owned());
    match command {
        AuditCommand::Verify => {
            let ok = app.authorize(&caller, VerifyEvents {}).await?;
            let found = app.verify_events(&ok).await?;
            match found.broken {
                None => println!(
                    "{} events hold; the last is {} with hash {}",
                    found.events, found.last, found.head
                ),
                Some(Broken::Changed(seq)) => {
                    return Err(format!("event {seq} was changed after it was written").into());
                }
                Some(Broken::Missing(seq)) => return Err(format!("event {seq} is missing").into()),
            }
        }
        AuditCommand::Export => {
            let ok = app.authorize(&caller, VerifyEvents {}).await?;
            let mut after = 0;
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            loop {
                let events = app.export_events(&ok, after).await?;
                let Some(last) = events.last() else { break };
                after = last.seq;
                for event in &events {
                    writeln!(out, "{}", line(event)?)?;
                }
            }
            out.flush()?;
        }
        AuditCommand::Prune { keep_days } => {
            let ok = app.authorize(&caller, PruneEvents {}).await?;
            let pruned = app.prune_events(&ok, SystemClock.now() - DAY * *keep_days).await?;
            println!("{pruned} events removed");
        }
    }
    app.close().await;
    Ok(())
}

fn line(event: &Event) -> Result<serde_json::Value, time::error::Format> {
    Ok(json!({
        "seq": event.seq,
        "at": event.at.to_datetime().format(&Rfc3339)?,
        "action": event.action,
        "principal": event.principal,
        "resource": event.resource,
        "organization_id": event.organization.map(|id| id.to_string()),
        "failure": event.failure,
        "decision_id": event.decision.to_string(),
        "request_id": event.request_id,
        "ip": event.ip,
        "user_agent": event.user_agent,
        "details": event.details,
    }))
}
