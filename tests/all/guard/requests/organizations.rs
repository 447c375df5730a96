//! Rows of the operations in `src/guard/actions/organizations.rs`.

use palisade::domain::SystemRole;
use serde_json::json;

use super::{Request, Row, UNKNOWN};
use crate::support::role_id;

pub(super) const ROWS: &[Row] = rows! {
    create_organization: |world, _| {
        let slug = world.unused("made");
        Request::new().body(json!({ "name": "Acme", "slug": slug }))
    };
    list_organizations: |_, _| Request::new();
    get_organization: |world, _| world.in_house();
    get_organization ("archived"): |world, persona| world.archived(persona).await;
    get_organization ("unknown"): |_, _| Request::new().at("organization_id", UNKNOWN);
    update_organization: |world, _| world.in_house().body(json!({ "description": "Anvils" }));
    update_organization ("archived"): |world, persona| {
        world.archived(persona).await.body(json!({ "description": "Anvils" }))
    };
    archive_organization: |world, persona| world.organization(persona).await.request();
    list_roles: |world, _| world.in_house();
    list_organization_events: |world, _| world.in_house();
    list_members: |world, _| world.in_house();
    add_member ("as viewer"): |world, persona| world.adding(persona, SystemRole::Viewer).await;
    add_member ("as admin"): |world, persona| world.adding(persona, SystemRole::Admin).await;
    add_member ("as owner"): |world, persona| world.adding(persona, SystemRole::Owner).await;
    change_member_role ("of a member"): |world, persona| {
        world.changing(persona, SystemRole::Member, SystemRole::Viewer).await
    };
    change_member_role ("of a member to owner"): |world, persona| {
        world.changing(persona, SystemRole::Member, SystemRole::Owner).await
    };
    change_member_role ("of an owner"): |world, persona| {
        world.changing(persona, SystemRole::Owner, SystemRole::Viewer).await
    };
    change_member_role ("their own, to admin"): |world, persona| {
        let organization = world.organization(persona).await;
        organization.of_self().body(json!({ "role_id": role_id(SystemRole::Admin) }))
    };
    change_member_role ("unknown"): |world, _| {
        let body = json!({ "role_id": role_id(SystemRole::Viewer) });
        world.in_house().at("membership_id", UNKNOWN).body(body)
    };
    remove_member ("a member"): |world, persona| world.removing(persona, SystemRole::Member).await;
    remove_member ("an owner"): |world, persona| world.removing(persona, SystemRole::Owner).await;
    remove_member ("themselves"): |world, persona| world.organization(persona).await.of_self();
    remove_member ("of another organization"): |world, persona| {
        let elsewhere = world.removing(persona, SystemRole::Member).await.path.remove(1).1;
        world.in_house().at("membership_id", elsewhere)
    };
    create_invitation ("as viewer"): |world, _| world.inviting(SystemRole::Viewer);
    create_invitation ("as owner"): |world, _| world.inviting(SystemRole::Owner);
    list_invitations: |world, _| world.in_house();
    revoke_invitation: |world, _| {
        let invitation = world.invitation(&world.house, &world.unused_email(), false).await;
        world.in_house().at("invitation_id", invitation)
    };
    accept_invitation ("sent to them"): |world, persona| world.accepting(persona.email()).await;
    accept_invitation ("sent to another"): |world, _| world.accepting(&world.unused_email()).await;
};
