//! The days of the log: on PostgreSQL they have partitions, made ahead and dropped whole; on SQLite rows go one by one.

use std::time::Duration;

use super::{Refusal, nothing_beyond, refuse};
use crate::on_both_with;
use crate::support::{BEGIN, Server};

on_both_with!(
    nothing_beyond;
    a_day_is_there_before_it_begins_and_is_dropped_whole,
    what_came_before_its_day_was_made_is_kept_and_goes_too
);

const DAY: u64 = 24 * 60 * 60;
const PARTS: &str = "SELECT COUNT(*) FROM pg_inherits WHERE inhparent = 'decisions'::REGCLASS";

/// How many rows the log has in its three tables.
async fn rows(server: &Server) -> [i64; 3] {
    let mut rows = [0; 3];
    for (rows, table) in rows.iter_mut().zip(["decisions", "decision_policies", "decision_slices"]) {
        *rows = server.count(&format!("SELECT COUNT(*) FROM {table}")).await;
    }
    rows
}

async fn a_day_is_there_before_it_begins_and_is_dropped_whole(server: Server) {
    // As when a server starts.
    server.app.prune_old_decisions().await;
    let Refusal { viewer, organization, .. } = Refusal::on(&server).await;
    server.app.flush_decisions().await;
    let first = rows(&server).await;
    assert!(first.iter().all(|rows| *rows > 0), "{first:?}");
    let today = BEGIN.seconds() / i64::try_from(DAY).unwrap();
    let parts = |day: i64| {
        format!(
            "SELECT COUNT(*) FROM pg_class WHERE relkind = 'r' AND relname IN ('decisions_d{day}', 'decision_policies_d{day}', 'decision_slices_d{day}')"
        )
    };
    if server.has_partitions() {
        // Today, seven days ahead, and what belongs to none of them.
        assert_eq!(server.count(PARTS).await, 9);
        assert_eq!(server.count(&parts(today + 7)).await, 3);
        for (table, rows) in ["decisions", "decision_policies", "decision_slices"].iter().zip(first) {
            assert_eq!(server.count(&format!("SELECT COUNT(*) FROM {table}_d{today}")).await, rows);
            assert_eq!(server.count(&format!("SELECT COUNT(*) FROM {table}_rest")).await, 0);
        }
    }
    // Five days without a look at it: what was made ahead lasts.
    server.advance(Duration::from_secs(5 * DAY));
    let viewer = server.login(&viewer.email).await;
    refuse(&server, &viewer, &organization).await;
    server.app.flush_decisions().await;
    if server.has_partitions() {
        assert_eq!(server.count("SELECT COUNT(*) FROM decisions_rest").await, 0);
        assert_eq!(server.count(&format!("SELECT COUNT(*) FROM decisions_d{}", today + 5)).await, 1);
    }
    server.advance(Duration::from_secs(26 * DAY));
    server.app.prune_old_decisions().await;
    assert_eq!(rows(&server).await, [1, 0, 1]);
    if server.has_partitions() {
        assert_eq!((server.count(&parts(today)).await, server.count(&parts(today + 1)).await), (0, 3));
    }
    server.advance(Duration::from_secs(5 * DAY));
    server.app.prune_old_decisions().await;
    assert_eq!(rows(&server).await, [0; 3]);
}

async fn what_came_before_its_day_was_made_is_kept_and_goes_too(server: Server) {
    let Refusal { viewer, organization, decision, .. } = Refusal::on(&server).await;
    server.app.flush_decisions().await;
    let first = rows(&server).await;
    server.app.prune_old_decisions().await;
    assert_eq!(rows(&server).await, first);
    if server.has_partitions() {
        // Today stands in the rest, so only the days to come have partitions.
        assert_eq!(server.count("SELECT COUNT(*) FROM decisions_rest").await, first[0]);
        assert_eq!(server.count(PARTS).await, 8);
    }
    let root = server.super_admin("root@example.com").await;
    server.get_as(&root, &format!("/api/v1/decisions/{decision}")).await.expect(200);
    server.advance(Duration::from_secs(DAY));
    let viewer = server.login(&viewer.email).await;
    refuse(&server, &viewer, &organization).await;
    server.app.flush_decisions().await;
    server.advance(Duration::from_secs(30 * DAY));
    server.app.prune_old_decisions().await;
    assert_eq!(rows(&server).await, [1, 0, 1]);
}
