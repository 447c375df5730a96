//! The chain of the audit trail: what was written stays as it was, or it shows.

use std::time::Duration;

use palisade::domain::Clock as _;
use palisade::domain::Micros;
use palisade::guard::Principal;
use palisade::guard::actions::{PruneEvents, VerifyEvents};
use palisade::store::{Broken, Verified};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use crate::on_both;
use crate::support::Server;

on_both!(
    a_whole_chain_holds,
    a_changed_event_shows,
    a_removed_event_shows,
    an_event_cannot_be_updated,
    parallel_changes_make_one_chain,
    what_remains_after_pruning_still_holds
);

async fn verify(server: &Server) -> Verified {
    let caller = Principal::system("cli", "test".to_owned());
    let ok = server.app.authorize(&caller, VerifyEvents {}).await.unwrap();
    server.app.verify_events(&ok).await.unwrap()
}

/// Runs a statement behind the server's back, as somebody with the database's password could.
async fn tamper(server: &Server, sql: &str) -> Result<(), sqlx::Error> {
    let url = server.config.database_url();
    if url.expose().starts_with("sqlite:") {
        let mut db = sqlx::SqliteConnection::connect(url.expose()).await?;
        db.execute(AssertSqlSafe(sql.to_owned())).await?;
    } else {
        let mut db = sqlx::PgConnection::connect(url.expose()).await?;
        db.execute(AssertSqlSafe(sql.to_owned())).await?;
    }
    Ok(())
}

async fn drop_trigger(server: &Server) {
    let sqlite = server.config.database_url().expose().starts_with("sqlite:");
    let on = if sqlite { "" } else { " ON events" };
    tamper(server, &format!("DROP TRIGGER events_append_only{on}")).await.unwrap();
}

async fn a_whole_chain_holds(server: Server) {
    assert_eq!(verify(&server).await.events, 0);
    server.person("ada@example.com").await;
    let found = verify(&server).await;
    assert_eq!((found.events, found.last, found.broken), (3, 3, None));
    let server = server.restarted().await;
    server.person("bob@example.com").await;
    let grown = verify(&server).await;
    assert_eq!((grown.events, grown.broken), (6, None));
    assert_ne!(found.head, grown.head);
}

async fn a_changed_event_shows(server: Server) {
    server.person("ada@example.com").await;
    drop_trigger(&server).await;
    for change in
        ["action = 'Logout'", "failure = 'no'", "details = '{}'", "created_at = created_at + 1", "ip = '::1'"]
    {
        let before = verify(&server).await;
        assert_eq!(before.broken, None);
        tamper(&server, "CREATE TABLE kept AS SELECT * FROM events").await.unwrap();
        tamper(&server, &format!("UPDATE events SET {change} WHERE seq = 2")).await.unwrap();
        assert_eq!(verify(&server).await.broken, Some(Broken::Changed(2)), "{change}");
        tamper(&server, "DELETE FROM events").await.unwrap();
        tamper(&server, "INSERT INTO events SELECT * FROM kept").await.unwrap();
        tamper(&server, "DROP TABLE kept").await.unwrap();
    }
}

async fn a_removed_event_shows(server: Server) {
    server.person("ada@example.com").await;
    tamper(&server, "DELETE FROM events WHERE seq = 2").await.unwrap();
    assert_eq!(verify(&server).await.broken, Some(Broken::Missing(2)));
}

async fn an_event_cannot_be_updated(server: Server) {
    server.person("ada@example.com").await;
    let refused = tamper(&server, "UPDATE events SET action = 'Logout'").await.unwrap_err();
    assert!(refused.to_string().contains("append-only"), "{refused}");
    assert_eq!(verify(&server).await.broken, None);
}

async fn parallel_changes_make_one_chain(server: Server) {
    let ada = server.person("ada@example.com").await;
    let founded = (0..20).map(|n| {
        let (server, ada) = (&server, &ada);
        async move { server.organization(ada, &format!("acme-{n}")).await }
    });
    futures_util::future::join_all(founded).await;
    let found = verify(&server).await;
    assert_eq!((found.events, found.broken), (23, None));
}

async fn what_remains_after_pruning_still_holds(server: Server) {
    server.person("ada@example.com").await;
    server.advance(Duration::from_secs(3600));
    server.person("bob@example.com").await;
    let caller = Principal::system("cli", "test".to_owned());
    let until = Micros::new(server.clock.now().get() - 1_000_000);
    let ok = server.app.authorize(&caller, PruneEvents {}).await.unwrap();
    assert_eq!(server.app.prune_events(&ok, until).await.unwrap(), 3);
    // Bob's three, and that three were removed.
    let found = verify(&server).await;
    assert_eq!((found.events, found.last, found.broken), (4, 7, None));
    tamper(&server, "DELETE FROM events WHERE seq = 4").await.unwrap();
    assert_eq!(verify(&server).await.broken, Some(Broken::Missing(4)));
}
