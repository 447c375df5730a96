//! A unique index's refusal is a conflict with a name, under whichever name the database tells of it.

use std::sync::Arc;

use palisade::domain::{Micros, SystemRole, User, Waitlist};
use palisade::guard::actions::Register;
use palisade::store::{Conflict, Error, NewUser};
use serde_json::{Map, json};
use uuid::Uuid;

use super::{anonymous, number, open};
use crate::on_both;
use crate::support::{PASSWORD, Server, role_id};

on_both!(
    a_second_account_of_an_address_is_a_conflict,
    many_registrations_of_one_address_make_one_account,
    a_second_organization_of_a_slug_is_a_conflict,
    a_second_membership_of_a_person_is_a_conflict,
);

pub(super) fn new_user(email: &str, id: u128) -> NewUser {
    let at = Micros::new(1);
    let user = User {
        id: Uuid::from_u128(id).into(),
        email: email.parse().expect("an address"),
        full_name: None,
        department: None,
        avatar_url: None,
        attributes: Map::new(),
        email_verified_at: None,
        suspended_at: None,
        super_admin: false,
        waitlist: Waitlist::None,
        waitlist_reason: None,
        referral_source: None,
        created_at: at,
        updated_at: at,
        last_login_at: None,
        language: None,
        deletion_due_at: None,
    };
    NewUser { user, password_hash: Some("-".to_owned()) }
}

async fn a_second_account_of_an_address_is_a_conflict(server: Server) {
    let (store, caller) = (open(&server).await, anonymous());
    let ok = server.app.authorize(&caller, Register { email: None }).await.expect("anybody may register");
    let mut tx = store.begin().await.unwrap();
    tx.insert_user(&ok, &new_user("ada@example.com", 1)).await.unwrap();
    tx.commit().await.unwrap();
    for (email, id, expected) in
        [("ada@example.com", 2, Conflict::EmailTaken), ("bob@example.com", 1, Conflict::Other)]
    {
        let mut tx = store.begin().await.unwrap();
        let refused = tx.insert_user(&ok, &new_user(email, id)).await;
        assert!(matches!(refused, Err(Error::Conflict(told)) if told == expected), "{email}: {refused:?}");
    }
}

async fn many_registrations_of_one_address_make_one_account(server: Server) {
    let server = Arc::new(server);
    let tasks = (0..16).map(|_| {
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let body = json!({ "email": "ada@example.com", "password": PASSWORD });
            server.post("/api/v1/auth/register", body).await
        })
    });
    for answer in futures_util::future::join_all(tasks).await {
        answer.unwrap().expect(201);
    }
    assert_eq!(number(&server, "COUNT(*)", "FROM users").await, 1);
}

async fn a_second_organization_of_a_slug_is_a_conflict(server: Server) {
    let ada = server.person("ada@example.com").await;
    server.organization(&ada, "acme").await;
    let body = json!({ "name": "Acme", "slug": "acme" });
    server.post_as(&ada, "/api/v1/organizations", body).await.refused(409, "slug-taken");
}

async fn a_second_membership_of_a_person_is_a_conflict(server: Server) {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    let path = server.organization(&ada, "acme").await;
    server.add_member(&ada, &path, &bob, SystemRole::Member).await;
    let body = json!({ "user_id": bob.id, "role_id": role_id(SystemRole::Viewer) });
    server.post_as(&ada, &format!("{path}/members"), body).await.refused(409, "already-a-member");
}
