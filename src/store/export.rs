//! One's own data, whole.

use uuid::Uuid;

use super::api_keys::{key, select_keys};
use super::audit::{event, select_events};
use super::organizations::own_organization;
use super::own_sessions::session;
use super::sql::{Row, Sql as _, args};
use super::users::{select_users, user};
use super::{Error, Store};
use crate::domain::{AccountExport, KnownDevice, Micros};
use crate::guard::Authorized;
use crate::guard::actions::ExportMe;

/// The newest events that are told; more than anybody reads, and bounded.
const MOST_EVENTS: i64 = 10_000;

fn device(row: &Row) -> Result<KnownDevice, Error> {
    Ok(KnownDevice {
        device: row.get("device")?,
        network: row.get("network")?,
        first_seen_at: row.get("first_seen_at")?,
        last_seen_at: row.get("last_seen_at")?,
    })
}

impl Store {
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn export_account(
        &self,
        ok: &Authorized<'_, ExportMe>,
        now: Micros,
    ) -> Result<AccountExport, Error> {
        let mut db = self;
        let id = Uuid::from(ok.action().user);
        let person = db.one(select_users!("WHERE id = $1"), args![id]).await?;
        let organizations = db
            .all(
                "SELECT organizations.id, name, slug, role_id, archived_at, \
                 (SELECT roles.name FROM roles WHERE roles.id = role_id) AS role_name FROM memberships \
                 JOIN organizations ON organizations.id = memberships.organization_id \
                 WHERE memberships.user_id = $1 ORDER BY name, organizations.id",
                args![id],
            )
            .await?;
        let sessions = db
            .all(
                "SELECT id, ip, user_agent, created_at, last_seen_at, expires_at FROM sessions \
                 WHERE user_id = $1 ORDER BY id DESC",
                args![id],
            )
            .await?;
        let devices = db
            .all(
                "SELECT device, network, first_seen_at, last_seen_at FROM known_devices \
                 WHERE user_id = $1 ORDER BY first_seen_at, device, network",
                args![id],
            )
            .await?;
        let identities = self.list_identities(ok).await?;
        let keys = db
            .all(select_keys!("WHERE user_id = $1 AND single_task = $2 ORDER BY id"), args![id, false])
            .await?;
        let events = db
            .all(
                select_events!("WHERE principal = $1 OR resource = $1 ORDER BY seq DESC LIMIT $2"),
                args![ok.caller().uid().to_string(), MOST_EVENTS],
            )
            .await?;
        Ok(AccountExport {
            exported_at: now,
            user: user(&person)?,
            organizations: organizations.iter().map(own_organization).collect::<Result<_, _>>()?,
            sessions: sessions.iter().map(|row| session(row, None)).collect::<Result<_, _>>()?,
            devices: devices.iter().map(device).collect::<Result<_, _>>()?,
            identities,
            api_keys: keys.iter().map(key).collect::<Result<_, _>>()?,
            events: events.iter().map(event).collect::<Result<_, _>>()?,
        })
    }
}
