//! Rows of the operations in `src/guard/actions/platform.rs`.

use super::{Request, Row, UNKNOWN};

pub(super) const ROWS: &[Row] = rows! {
    list_events: |_, _| Request::new();
    list_waitlist: |_, _| Request::new();
    approve_registration: |world, _| Request::new().at("user_id", &*world.waiting);
    approve_all_registrations: |_, _| Request::new();
    reject_registration: |world, _| world.rejecting().await;
    list_messages: |_, _| Request::new();
    retry_message: |_, _| Request::new().at("message_id", UNKNOWN);
    suspend_user: |world, _| Request::new().at("user_id", &*world.victim.id);
    suspend_user ("unknown"): |_, _| Request::new().at("user_id", UNKNOWN);
    reinstate_user: |world, _| Request::new().at("user_id", &*world.victim.id);
};
