//! `palisade serve`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use poem::listener::{Acceptor as _, Listener as _, TcpListener};

use tokio::sync::oneshot;

use super::{Outcome, wire};
use crate::api;
use crate::app::App;
use crate::config::{Config, Mail, Mode};
use crate::telemetry;

/// How long a connection may say nothing, or a request take to arrive.
const IDLE: Duration = Duration::from_secs(75);
/// How long requests in flight may take once the server was asked to stop.
const GRACE: Duration = Duration::from_secs(20);

pub(super) async fn run(config: Config, started: fn()) -> Outcome {
    telemetry::start(&config.log, config.log_format)?;
    let acceptor = TcpListener::bind(config.listen)
        .into_acceptor()
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", config.listen))?;
    let bound = acceptor
        .local_addr()
        .iter()
        .find_map(|address| address.as_socket_addr().copied())
        .unwrap_or(config.listen);
    let app = Arc::new(wire::app(&config, Some(bound), wire::World::default()).await?);
    let routes = api::routes(Arc::clone(&app), wire::edge(&config, bound));
    let (stop_envoy, envoy) = answer_envoy(&config, bound, &app).await?;
    started();
    greet(&config, bound);
    let mail = {
        let app = Arc::clone(&app);
        tokio::spawn(async move { app.deliver_mail_forever().await })
    };
    let keys = {
        let app = Arc::clone(&app);
        tokio::spawn(async move { app.keep_signing_keys_forever().await })
    };
    let key_uses = {
        let app = Arc::clone(&app);
        tokio::spawn(async move { app.flush_key_uses_forever().await })
    };
    let purge = {
        let app = Arc::clone(&app);
        tokio::spawn(async move { app.purge_forever().await })
    };
    let reviews = {
        let app = Arc::clone(&app);
        tokio::spawn(async move { app.review_registrations_forever().await })
    };
    let reloads = {
        let app = Arc::clone(&app);
        tokio::spawn(async move { reload_on_hangup(&app).await })
    };
    let plugins = {
        let app = Arc::clone(&app);
        tokio::spawn(async move { app.follow_plugins_forever().await })
    };
    let events = {
        let app = Arc::clone(&app);
        tokio::spawn(async move { app.deliver_events_forever().await })
    };
    let decisions = {
        let app = Arc::clone(&app);
        tokio::spawn(async move { app.keep_decisions_forever().await })
    };
    poem::Server::new_with_acceptor(acceptor)
        .idle_timeout(IDLE)
        .run_with_graceful_shutdown(routes, stopped(), Some(GRACE))
        .await?;
    drop(stop_envoy);
    if tokio::time::timeout(GRACE, envoy).await.is_err() {
        tracing::warn!("a question of Envoy's was left without an answer");
    }
    mail.abort();
    key_uses.abort();
    purge.abort();
    keys.abort();
    decisions.abort();
    reviews.abort();
    reloads.abort();
    events.abort();
    plugins.abort();
    let _ = tokio::join!(mail, key_uses, purge, keys, decisions, reviews, reloads, events, plugins);
    app.flush_key_uses().await;
    app.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// The listener for Envoy, if there is to be one: its questions end soon after the sender is dropped.
async fn answer_envoy(
    config: &Config,
    bound: SocketAddr,
    app: &Arc<App>,
) -> Result<(oneshot::Sender<()>, impl Future<Output = ()> + use<>), String> {
    let (stop, stopped) = oneshot::channel::<()>();
    let task = match config.ext_authz_listen {
        None => None,
        Some(address) => {
            let listener = tokio::net::TcpListener::bind(address).await;
            let listener = listener.map_err(|error| format!("cannot listen on {address}: {error}"))?;
            let stopped = async { drop(stopped.await) };
            let serving =
                api::ext_authz::serve(Arc::clone(app), wire::edge(config, bound), listener, stopped);
            tracing::info!(%address, "answering Envoy");
            Some(tokio::spawn(async move {
                if let Err(error) = serving.await {
                    tracing::error!(error = %error, "Envoy is not answered any more");
                }
            }))
        }
    };
    let ended = async move {
        if let Some(task) = task {
            let _ = task.await;
        }
    };
    Ok((stop, ended))
}

/// Takes the policies' folder up anew on each SIGHUP, as other servers do with their configuration.
async fn reload_on_hangup(app: &App) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::hangup()) {
            Ok(mut hangup) => {
                while hangup.recv().await.is_some() {
                    app.reload_policies_as_operator().await;
                }
            }
            Err(error) => tracing::warn!(%error, "SIGHUP cannot be heard; reload the policies over the API"),
        }
    }
    #[cfg(not(unix))]
    let _ = app;
}

/// Resolves when somebody asks the process to stop: Ctrl-C, or SIGTERM as service managers send it.
async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM cannot be heard; stop with Ctrl-C");
                let _ = interrupt.await;
            }
        }
    }
    #[cfg(not(unix))]
    let _ = interrupt.await;
    tracing::info!("stopping: finishing the requests in flight");
}

#[expect(clippy::print_stdout, reason = "what a newcomer reads first")]
fn greet(config: &Config, bound: SocketAddr) {
    println!("listening on http://{bound}");
    if config.mode == Mode::Production {
        return;
    }
    let mail = match config.mail() {
        Mail::Folder(path) => format!("http://{bound}/mail, from {}/*.eml", path.display()),
        Mail::Smtp(_) => "sent by SMTP".to_owned(),
    };
    println!("  API reference    http://{bound}/docs");
    println!("  mail             {mail}");
    println!("  first admin      palisade admin create you@example.com");
    println!("  the whole story  palisade demo");
    println!("  try it:");
    println!(
        "    curl -s http://{bound}/api/v1/auth/register -H 'Content-Type: application/json' \\\n      \
         -d '{{\"email\":\"ada@example.com\",\"password\":\"correct horse battery\"}}'"
    );
}
