//! The story: one person waits, another founds, the policies allow one thing and refuse the next.

use serde_json::{Value as Json, json};

use super::super::Outcome;
use super::stage::Stage;
use super::step::Step;
use super::tell::field;
use crate::domain::SystemRole;

const PASSWORD: &str = "seven grey herons wade";
const ADMIN: &str = "root@example.com";
const OLGA: &str = "olga@example.com";
const SAM: &str = "sam@example.com";
const WANDA: &str = "wanda@elsewhere.test";

const REGISTER: &[&str] = &["public.register"];
const HOOKS: &[&str] = &["plugins.hooks"];
const SIGN_IN: &[&str] = &["public.sign-in"];
const SUPER_ADMIN: &[&str] = &["platform.super-admin"];
const ADMINS: &[&str] = &["organization_roles.admin", "organization_roles.owner"];

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

pub(super) async fn play(stage: &mut Stage) -> Outcome {
    let wanda = waitlisted(stage).await?;
    let olga = founder(stage).await?;
    let acme = organization(stage, &olga).await?;
    let admin = let_in(stage, &wanda).await?;
    join(stage, &wanda).await?;
    reads_and_may_not_write(stage, &wanda, &acme).await?;
    strangers(stage, &acme).await?;
    promotion(stage, &olga, &wanda, &acme).await?;
    suspension(stage, &admin, &wanda, &acme).await
}

/// Somebody with an account.
struct Person {
    id: String,
    email: &'static str,
    token: String,
}

/// Whoever asks may register, and the plugin may be asked about it.
fn registered(step: Step<'_>) -> Step<'_> {
    step.allowed(201, "Register", REGISTER).allowed(201, "hook:handle", HOOKS)
}

async fn waitlisted(stage: &mut Stage) -> Result<Person> {
    let title = "Wanda registers from a domain that is not allow-listed: the WebAssembly hook puts her on the waitlist";
    let body = json!({ "email": WANDA, "password": PASSWORD, "full_name": "Wanda" });
    let step = registered(Step::post(title, "/api/v1/auth/register", Some(body)));
    let made = stage.play(step.holds("waitlist_status", "pending").holds("is_verified", false)).await?;
    let id = text(&made, "id")?;
    stage.teller.call(&id, "wanda");
    let token = sign_in(stage, "she signs in", WANDA).await?;
    let step =
        Step::get("she may read herself, by policy", "/api/v1/auth/me").by(&token).holds("email", WANDA);
    stage.play(step.allowed(200, "GetMe", &["self.account"])).await?;
    let body = json!({ "name": "Wanda's", "slug": "wandas" });
    let step =
        Step::post("and nothing else: no organization for her yet", "/api/v1/organizations", Some(body));
    let guardrails = &["guardrails.account-waitlisted", "guardrails.email-unverified"];
    let step = step.by(&token).denied(403, "account-waitlisted", "CreateOrganization", guardrails);
    stage.play(step).await?;
    Ok(Person { id, email: WANDA, token })
}

async fn founder(stage: &mut Stage) -> Result<Person> {
    let title = "Olga registers from an allow-listed domain: the same hook accepts";
    let body = json!({ "email": OLGA, "password": PASSWORD, "full_name": "Olga" });
    let step = registered(Step::post(title, "/api/v1/auth/register", Some(body)));
    let made = stage.play(step.holds("waitlist_status", "approved").holds("is_verified", false)).await?;
    let id = text(&made, "id")?;
    stage.teller.call(&id, "olga");
    verify(stage, "she proves her address with the token from the letter in the outbox folder", OLGA, false)
        .await?;
    let step = login("she signs in: asked once as anybody, and once more as her", OLGA, SIGN_IN);
    let tokens = stage.play(step.holds("token_type", "bearer").shows("expires_in")).await?;
    Ok(Person { id, email: OLGA, token: text(&tokens, "access_token")? })
}

async fn organization(stage: &mut Stage, olga: &Person) -> Result<String> {
    let body = json!({ "name": "Acme", "slug": "acme" });
    let step = Step::post("she makes an organization", "/api/v1/organizations", Some(body)).by(&olga.token);
    let step = step.allowed(201, "CreateOrganization", &["self.organizations"]);
    let made = stage.play(step.holds("name", "Acme").holds("owner_id", olga.id.as_str())).await?;
    let acme = text(&made, "id")?;
    stage.teller.call(&acme, "acme");
    let member = SystemRole::Member.id().to_string();
    stage.teller.call(&member, "member's role id");
    stage.teller.call(&SystemRole::Admin.id().to_string(), "admin's role id");
    let path = format!("/api/v1/organizations/{acme}/invitations");
    let body = json!({ "email": WANDA, "role_id": member });
    let step = Step::post("she invites Wanda as a member, by mail", path, Some(body)).by(&olga.token);
    let step = step.allowed(201, "CreateInvitation", ADMINS).holds("email", WANDA);
    let made = stage.play(step.holds("role_name", "member")).await?;
    stage.teller.call(&text(&made, "id")?, "wanda's invitation");
    Ok(acme)
}

async fn let_in(stage: &mut Stage, wanda: &Person) -> Result<Person> {
    stage.create_administrator(ADMIN, PASSWORD).await?;
    let step = login("the administrator signs in", ADMIN, &["platform.super-admin", "public.sign-in"]);
    let token = text(&stage.play(step.brief()).await?, "access_token")?;
    let me = Step::get("and reads who they are", "/api/v1/auth/me").by(&token).brief();
    let me = stage.play(me.allowed(200, "GetMe", &["platform.super-admin", "self.account"])).await?;
    let id = text(&me, "id")?;
    stage.teller.call(&id, "root");
    let step = Step::get("one person waits", "/api/v1/auth/waitlist").by(&token).holds("total", 1);
    stage.play(step.allowed(200, "ListWaitlist", SUPER_ADMIN)).await?;
    let path = format!("/api/v1/auth/waitlist/{}/approve", wanda.id);
    let step = Step::post("the administrator lets Wanda in", path, None).by(&token);
    stage.play(step.allowed(200, "ApproveRegistration", SUPER_ADMIN).shows("message")).await?;
    Ok(Person { id, email: ADMIN, token })
}

async fn join(stage: &mut Stage, wanda: &Person) -> Result<()> {
    verify(stage, "Wanda proves her address", wanda.email, true).await?;
    let token = stage.token_mailed(wanda.email, "/accept-invitation").await?;
    let title = "Wanda accepts the invitation with the token from its letter";
    let step = Step::post(title, "/api/v1/invitations/accept", Some(json!({ "token": token })));
    let step = step.by(&wanda.token).allowed(200, "AcceptInvitation", &["invitations.accept"]);
    stage.play(step.holds("role_name", "member")).await?;
    Ok(())
}

async fn reads_and_may_not_write(stage: &mut Stage, wanda: &Person, acme: &str) -> Result<()> {
    let path = format!("/api/v1/organizations/{acme}");
    let step = Step::get("a policy allows: a member reads the organization", &path).by(&wanda.token);
    let step = step.allowed(200, "GetOrganization", &["organization_roles.viewer"]);
    stage.play(step.holds("name", "Acme")).await?;
    let title = "and refuses the next: a member does not rename it";
    let step = Step::patch(title, &path, json!({ "name": "Wanda's" })).by(&wanda.token);
    stage.play(step.denied(403, "not-permitted", "UpdateOrganization", &[])).await?;
    Ok(())
}

async fn strangers(stage: &mut Stage, acme: &str) -> Result<()> {
    let body = json!({ "email": SAM, "password": PASSWORD });
    let step = Step::post("Sam registers", "/api/v1/auth/register", Some(body)).brief();
    let made = stage.play(registered(step)).await?;
    stage.teller.call(&text(&made, "id")?, "sam");
    verify(stage, "Sam proves his address", SAM, true).await?;
    let token = sign_in(stage, "Sam signs in", SAM).await?;
    let path = format!("/api/v1/organizations/{acme}");
    let step = Step::get("to Sam, a stranger, it looks as if it did not exist", &path).by(&token);
    stage.play(step.denied(404, "not-found", "GetOrganization", &[])).await?;
    let step = Step::get("without a credential the caller is anonymous", &path);
    stage.play(step.denied(401, "not-signed-in", "GetOrganization", &[])).await?;
    Ok(())
}

async fn promotion(stage: &mut Stage, olga: &Person, wanda: &Person, acme: &str) -> Result<()> {
    let members = format!("/api/v1/organizations/{acme}/members");
    let step = Step::get("Olga lists the members", &members).by(&olga.token).brief();
    let three = &["organization_roles.admin", "organization_roles.member", "organization_roles.owner"];
    let listed = stage.play(step.allowed(200, "ListMembers", three)).await?;
    let (of_olga, of_wanda) = (membership(&listed, &olga.id)?, membership(&listed, &wanda.id)?);
    stage.teller.call(&of_olga, "olga's");
    stage.teller.call(&of_wanda, "wanda's");
    let role = |role: SystemRole| json!({ "role_id": role.id().to_string() });

    let step =
        Step::patch("Olga makes Wanda an admin", format!("{members}/{of_wanda}"), role(SystemRole::Admin));
    let step = step.by(&olga.token).allowed(200, "ChangeMemberRole", ADMINS);
    stage.play(step.holds("role_name", "admin")).await?;
    let path = format!("/api/v1/organizations/{acme}");
    let title = "now the same request is allowed: an admin renames the organization";
    let step = Step::patch(title, path, json!({ "name": "Wanda's" })).by(&wanda.token);
    let step = step.allowed(200, "UpdateOrganization", &["organization_roles.admin"]);
    stage.play(step.holds("name", "Wanda's")).await?;
    let title = "but a guardrail stands over every permit: an admin does not demote an owner";
    let step = Step::patch(title, format!("{members}/{of_olga}"), role(SystemRole::Member)).by(&wanda.token);
    let guardrail = &["guardrails.owner-untouchable"];
    stage.play(step.denied(403, "owner-protected", "ChangeMemberRole", guardrail)).await?;
    let title = "Olga may leave, says every policy; that the last owner cannot is a rule of the data";
    let step =
        Step::delete(title, format!("{members}/{of_olga}")).by(&olga.token).holds("code", "last-owner");
    let leave = &["members.leave", "organization_roles.admin", "organization_roles.owner"];
    stage.play(step.allowed(409, "RemoveMember", leave).shows("detail")).await?;

    let path = format!("/api/v1/organizations/{acme}/events?action=UpdateOrganization");
    let step = Step::get("the audit trail tells Olga who renamed her organization", path).by(&olga.token);
    let step = step.allowed(200, "ListOrganizationEvents", ADMINS);
    let by = format!("User::\"{}\"", wanda.id);
    stage.play(step.holds("/0/action", "UpdateOrganization").holds("/0/principal", by)).await?;
    Ok(())
}

async fn suspension(stage: &mut Stage, admin: &Person, wanda: &Person, acme: &str) -> Result<()> {
    let path = format!("/api/v1/users/{}/suspend", wanda.id);
    let step = Step::post("the administrator suspends Wanda", path, None).by(&admin.token);
    stage.play(step.allowed(200, "SuspendUser", SUPER_ADMIN).holds("is_active", false)).await?;
    let path = format!("/api/v1/organizations/{acme}");
    let step = Step::get("her access token is dead at once", path).by(&wanda.token);
    stage.play(step.unknown(401, "session-ended")).await?;
    Ok(())
}

async fn sign_in(stage: &mut Stage, title: &str, email: &str) -> Result<String> {
    text(&stage.play(login(title, email, SIGN_IN).brief()).await?, "access_token")
}

/// Whether anybody may try, then whether this person may have a session.
fn login<'s>(title: &'s str, email: &str, person: &'s [&'s str]) -> Step<'s> {
    let body = json!({ "email": email, "password": PASSWORD });
    let step = Step::post(title, "/api/v1/auth/login", Some(body));
    step.allowed(200, "Login", SIGN_IN).allowed(200, "Login", person)
}

async fn verify(stage: &mut Stage, title: &str, email: &str, brief: bool) -> Result<()> {
    let token = stage.token_mailed(email, "/verify-email").await?;
    let step = Step::post(title, "/api/v1/auth/verify-email", Some(json!({ "token": token })));
    let step = step.allowed(200, "VerifyEmail", &["public.verify-email"]).shows("message");
    stage.play(if brief { step.brief() } else { step }).await?;
    Ok(())
}

fn text(body: &Json, name: &str) -> Result<String> {
    let text = field(body, name).as_str();
    Ok(text.ok_or_else(|| format!("the answer has no text `{name}`"))?.to_owned())
}

fn membership(members: &Json, user: &str) -> Result<String> {
    let mut all = members.as_array().into_iter().flatten();
    let found = all.find(|member| field(member, "user_id") == user).ok_or("a member is not in the list")?;
    text(found, "id")
}
