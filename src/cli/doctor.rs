//! `palisade doctor`.

use super::Outcome;
use crate::config::{Config, ConfigError};

pub(super) async fn run(config: Result<Config, ConfigError>) -> Outcome {
    let _ = config?;
    Err("not written yet".into())
}
