//! For probes: whether the process lives, and whether it can serve.

use std::sync::Arc;

use poem::web::Data;
use poem::{handler, http::StatusCode};

use crate::app::App;

#[handler]
pub(super) fn healthz() -> &'static str {
    "ok"
}

#[handler]
pub(super) async fn readyz(app: Data<&Arc<App>>) -> (StatusCode, &'static str) {
    match app.ready().await {
        Ok(()) => (StatusCode::OK, "ready"),
        Err(error) => {
            tracing::warn!(error = ?error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer")
        }
    }
}
