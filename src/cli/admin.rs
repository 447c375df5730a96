//! `palisade admin`: what needs no permission but the machine itself, asked of Cedar all the same.

use std::io::{BufRead as _, IsTerminal as _};

use super::{Outcome, wire};
use crate::app::Error;
use crate::config::Config;
use crate::domain::Secret;
use crate::guard::Principal;
use crate::guard::actions::CreateAdministrator;
use crate::telemetry;

#[expect(clippy::print_stdout, reason = "this is the command line")]
pub(super) async fn create(config: Config, email: &str) -> Outcome {
    telemetry::start("warn", config.log_format)?;
    let app = wire::app(&config, None, wire::World::default()).await?;
    let password = read_password()?;
    let caller = Principal::system("cli", "admin-create".to_owned());
    let ok = app.authorize(&caller, CreateAdministrator {}).await?;
    let made = match app.create_administrator(ok, email, &password).await {
        Err(Error::Invalid(errors)) => {
            let each = errors.iter().map(|error| format!("{}: {}", error.field, error.message));
            return Err(each.collect::<Vec<_>>().join("; ").into());
        }
        made => made?,
    };
    app.close().await;
    println!("{email} is a super admin now");
    drop(made);
    Ok(())
}

/// One line of standard input.
#[expect(clippy::print_stderr, reason = "a prompt is not part of the output")]
fn read_password() -> std::io::Result<Secret> {
    let input = std::io::stdin();
    if input.is_terminal() {
        eprintln!("password (at least 12 characters; it will be shown as you type):");
    }
    let mut line = String::new();
    input.lock().read_line(&mut line)?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}
