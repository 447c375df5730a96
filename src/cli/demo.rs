//! `palisade demo`.

use super::Outcome;

pub(super) async fn run() -> Outcome {
    Err("not written yet".into())
}
