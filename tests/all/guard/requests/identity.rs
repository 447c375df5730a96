//! Rows of the operations in `src/guard/actions/identity.rs`.

use std::time::Duration;

use serde_json::json;

use super::{ANOTHER, Request, Row, credentials, token_sent_to};
use crate::support::PASSWORD;

pub(super) const ROWS: &[Row] = rows! {
    get_jwks: |_, _| Request::new();
    register: |world, _| Request::new().body(credentials(&world.unused_email()));
    login: |_, persona| Request::new().body(credentials(persona.email()));
    refresh_session: |world, persona| {
        Request::new().body(json!({ "refresh_token": world.session_of(persona).await.refresh }))
    };
    verify_email: |world, _| {
        let email = world.unused_email();
        world.server.register(&email).await;
        Request::new().body(json!({ "token": token_sent_to(&world.server, &email).await }))
    };
    check_password_strength: |_, _| Request::new().body(json!({ "password": PASSWORD }));
    logout: |world, persona| {
        let token = persona.person.is_some().then_some(world.session_of(persona).await.access);
        Request { token, ..Request::new() }
    };
    get_me: |_, _| Request::new();
    update_me: |_, _| Request::new().body(json!({ "department": "Anvils" }));
    resend_verification: |world, _| Request::new().body(json!({ "email": world.unused_email() }));
    forgot_password: |world, _| Request::new().body(json!({ "email": world.unused_email() }));
    reset_password: |world, _| {
        let email = world.unused_email();
        world.server.register(&email).await;
        world.server.advance(Duration::from_millis(1));
        let body = json!({ "email": email });
        world.server.post("/api/v1/auth/forgot-password", body).await.expect(200);
        let token = token_sent_to(&world.server, &email).await;
        Request::new().body(json!({ "token": token, "new_password": ANOTHER }))
    };
    change_password: |world, persona| {
        let body = json!({ "current_password": PASSWORD, "new_password": ANOTHER });
        Request::of(world.stand_in(persona).await).body(body)
    };
    list_sessions: |_, _| Request::new();
    revoke_session: |world, persona| {
        let person = world.stand_in(persona).await;
        let session = world.a_session(person.as_ref()).await;
        Request::of(person).at("session_id", session)
    };
    revoke_session ("of another"): |world, _| {
        Request::new().at("session_id", world.a_session(Some(&world.founder)).await)
    };
    revoke_other_sessions: |world, persona| Request::of(world.stand_in(persona).await);
    logout_all: |world, persona| Request::of(world.stand_in(persona).await);
    change_email: |world, persona| {
        let body = json!({ "new_email": world.unused_email(), "current_password": PASSWORD });
        Request::of(world.stand_in(persona).await).body(body)
    };
    confirm_email_change: |world, persona| {
        let person = world.stand_in(persona).await;
        let token = world.email_change(persona, person.as_ref()).await;
        Request::of(person).body(json!({ "token": token }))
    };
    delete_me: |world, persona| {
        Request::of(world.stand_in(persona).await).body(json!({ "current_password": PASSWORD }))
    };
    restore_me: |_, _| Request::new();
    export_me: |_, _| Request::new();
    list_own_events: |_, _| Request::new();
};
