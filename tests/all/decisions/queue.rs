//! What waits to be written: never lost, never without bound.

use std::sync::Arc;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use palisade::app::DecisionQueue;
use palisade::domain::{GrantHolder, OrganizationId, OsRandom, Roles, SystemClock, SystemRole};
use palisade::guard::actions::{GetJwks, ListEvents};
use palisade::guard::{
    DecisionLog, Denied, Facts, FactsError, GivenRole, Guard, Origin, Party, Principal, Recorder, Resource,
    Slice,
};
use palisade::pdp::{Entity, Pdp};

use super::{count, log, refuse};
use crate::on_both_with;
use crate::support::{Server, Setup, root};

on_both_with!(little_room; a_full_queue_makes_the_refused_wait_and_loses_nothing);

fn little_room(setup: &mut Setup) {
    setup.settings.retain(|(name, _)| *name != "PALISADE_DECISIONS_QUEUE");
    setup.settings.push(("PALISADE_DECISIONS_QUEUE", "16".to_owned()));
    setup.settings.push(("PALISADE_DECISIONS_ALLOW_SHARE", "0".to_owned()));
}

async fn a_full_queue_makes_the_refused_wait_and_loses_nothing(server: Server) {
    let owner = server.person("ada@example.com").await;
    let viewer = server.person("vera@example.com").await;
    let organization = server.organization(&owner, "acme").await;
    server.add_member(&owner, &organization, &viewer, SystemRole::Viewer).await;
    server.app.flush_decisions().await;
    let mut refused: FuturesUnordered<_> = (0..30).map(|_| refuse(&server, &viewer, &organization)).collect();
    let mut ids = Vec::new();
    while ids.len() < 16 {
        ids.extend(refused.next().await);
    }
    // Nobody writes, so no other gets its answer however often it is looked at.
    for _ in 0..20_000 {
        assert_eq!(refused.next().now_or_never(), None, "it did not wait for its place");
        tokio::task::yield_now().await;
    }
    while !refused.is_empty() {
        server.app.flush_decisions().await;
        while let Some(Some(id)) = refused.next().now_or_never() {
            ids.push(id);
        }
        tokio::task::yield_now().await;
    }
    server.app.flush_decisions().await;
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 30);
    let denied = "SELECT COUNT(*) FROM decisions WHERE action = 'UpdateOrganization'";
    assert_eq!(count(&server, denied).await, 30);
    let root = server.super_admin("root@example.com").await;
    let kept = log(&server, &root, &[("action", "UpdateOrganization"), ("limit", "100")]).await;
    assert_eq!(kept.len(), 30);
}

/// The platform, which always is there.
#[derive(Debug)]
struct Platform;

#[async_trait::async_trait]
impl Facts for Platform {
    async fn about(&self, _party: &Party, resource: &Resource) -> Result<Arc<Slice>, FactsError> {
        let entity = Entity { uid: resource.entity(), attributes: Vec::new(), parents: Vec::new() };
        Ok(Arc::new(Slice { entities: entity.into(), exists: true, ..Slice::default() }))
    }

    async fn own_roles(&self, _organization: OrganizationId) -> Result<Roles, FactsError> {
        Ok(Roles::default())
    }

    async fn grants(
        &self,
        _organization: OrganizationId,
        _revision: i64,
        _holder: GrantHolder,
    ) -> Result<Arc<[GivenRole]>, FactsError> {
        Ok(Arc::new([]))
    }
}

#[test]
fn a_full_queue_holds_denials_back_and_drops_allows() {
    let queue = Arc::new(DecisionQueue::new(2, 1.0, Arc::new(DecisionLog)));
    let recorder: Arc<dyn Recorder> = Arc::<DecisionQueue>::clone(&queue);
    let pdp = Arc::new(Pdp::load(&root().join("policies")).unwrap());
    let guard = Guard::new(pdp, Arc::new(Platform), recorder, Arc::new(SystemClock), Arc::new(OsRandom));
    let nobody = Principal::of(Party::Anonymous, Origin::default());
    let denied = || guard.authorize(&nobody, ListEvents {}).now_or_never();
    let allowed = || guard.authorize(&nobody, GetJwks {}).now_or_never();
    assert!(matches!(allowed(), Some(Ok(_))));
    assert!(matches!(denied(), Some(Err(Denied::Unauthenticated))));
    assert_eq!(queue.dropped(), 0);
    // Two wait; nobody writes. Who is allowed goes on, who is denied waits.
    assert!(matches!(allowed(), Some(Ok(_))));
    assert_eq!(queue.dropped(), 1);
    assert!(denied().is_none());
    assert_eq!(queue.dropped(), 1);
}
