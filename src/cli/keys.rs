//! `palisade keys`.

use time::format_description::well_known::Rfc3339;

use super::{KeysCommand, Outcome, wire};
use crate::app::{Begin, KeyInfo, KeyState};
use crate::config::Config;
use crate::domain::Micros;
use crate::guard::Principal;
use crate::guard::actions::{ListSigningKeys, ResealSecrets, RotateSigningKeys};
use crate::telemetry;

#[expect(clippy::print_stdout, reason = "this is the command line")]
pub(super) async fn run(config: Config, command: &KeysCommand) -> Outcome {
    telemetry::start("warn", config.log_format)?;
    let app = wire::app(&config, None, wire::World::default()).await?;
    let caller = Principal::system("cli", "keys".to_owned());
    match command {
        KeysCommand::List => {
            let ok = app.authorize(&caller, ListSigningKeys {}).await?;
            for key in app.list_signing_keys(&ok).await? {
                println!("{}", line(&key)?);
            }
        }
        KeysCommand::Rotate { soon, compromised } => {
            let begin = match (compromised, soon) {
                (true, _) => Begin::AloneAtOnce,
                (false, true) => Begin::Soon,
                (false, false) => Begin::Announced,
            };
            let ok = app.authorize(&caller, RotateSigningKeys {}).await?;
            let key = app.rotate_signing_keys(&ok, begin).await?;
            println!("{} signs from {}", key.kid, instant(key.signs_from)?);
        }
        KeysCommand::Reseal => {
            let ok = app.authorize(&caller, ResealSecrets {}).await?;
            let done = app.reseal_secrets(&ok).await?;
            println!("{} signing keys and {} letters sealed anew", done.keys, done.letters);
            if done.unreadable > 0 {
                return Err(format!("{} letters open under neither master key", done.unreadable).into());
            }
        }
    }
    app.close().await;
    Ok(())
}

fn line(key: &KeyInfo) -> Result<String, time::error::Format> {
    let state = match key.state {
        KeyState::Announced => format!("signs from {}", instant(key.signs_from)?),
        KeyState::Signing => format!("signs since {}", instant(key.signs_from)?),
        KeyState::Retired | KeyState::Over => "signs no more".to_owned(),
    };
    let until = match key.verifies_until {
        Some(until) => format!(", verifies until {}", instant(until)?),
        None => String::new(),
    };
    let seal = if key.sealed_currently { "" } else { ", sealed under the previous master key" };
    Ok(format!("{}  {state}{until}{seal}", key.kid))
}

fn instant(at: Micros) -> Result<String, time::error::Format> {
    at.to_datetime().format(&Rfc3339)
}
