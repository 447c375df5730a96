//! `palisade serve`.

mod connections;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use self::connections::{Connections, GRACE, PATIENCE};
use super::{Outcome, wire};
use crate::api;
use crate::app::App;
use crate::config::{Config, Mail, Mode};
use crate::telemetry;

pub(super) async fn run(config: Config, started: fn()) -> Outcome {
    telemetry::start(&config.log, config.log_format)?;
    let listener = listen(config.listen).await?;
    let bound = listener.local_addr()?;
    let app = Arc::new(wire::app(&config, Some(bound), wire::World::default()).await?);
    let routes = api::routes(Arc::clone(&app), wire::edge(&config, bound));
    let connections = Connections::start(routes, PATIENCE)?;
    let (stop_envoy, envoy) = answer_envoy(&config, bound, &app).await?;
    // Signals are heard from here on, not from the first poll: one that came in between would end the process.
    let stopped = stopped()?;
    let mut jobs = jobs(&app)?;
    started();
    greet(&config, bound);
    connections.accept(&listener, stopped).await;
    tracing::info!("stopping: finishing the requests in flight");
    drop(listener);
    drop(stop_envoy);
    let ((), envoy) = tokio::join!(connections.finish(), tokio::time::timeout(GRACE, envoy));
    if envoy.is_err() {
        tracing::warn!("a question of Envoy's was left without an answer");
    }
    jobs.shutdown().await;
    app.flush_key_uses().await;
    app.close().await;
    tracing::info!("stopped");
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))
}

/// What is done beside the requests, for as long as the server runs.
fn jobs(app: &Arc<App>) -> io::Result<JoinSet<()>> {
    let mut jobs = JoinSet::new();
    macro_rules! start {
        ($($work:ident)+) => {$({
            let app = Arc::clone(app);
            jobs.spawn(async move { app.$work().await });
        })+};
    }
    start! {
        deliver_mail_forever
        keep_signing_keys_forever
        flush_key_uses_forever
        purge_forever
        review_registrations_forever
        follow_plugins_forever
        deliver_events_forever
        keep_decisions_forever
    }
    #[cfg(unix)]
    jobs.spawn(reload_on_hangup(Arc::clone(app))?);
    Ok(jobs)
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
            let listener = listen(address).await?;
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
#[cfg(unix)]
fn reload_on_hangup(app: Arc<App>) -> io::Result<impl Future<Output = ()>> {
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        while hangup.recv().await.is_some() {
            app.reload_policies_as_operator().await;
        }
    })
}

/// Resolves when somebody asks the process to stop: Ctrl-C, or SIGTERM as service managers send it.
#[cfg(unix)]
fn stopped() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    })
}

#[cfg(not(unix))]
fn stopped() -> io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
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
