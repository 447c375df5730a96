//! Domains of organizations, proved by DNS.

use serde_json::{Value, json};

use crate::on_both;
use crate::support::{Dns, Entry, Person, Server};

on_both!(
    a_domain_is_proved_by_a_record_of_its_own,
    the_record_of_another_organization_proves_nothing,
    neither_an_alias_nor_a_record_elsewhere_proves_a_domain,
    a_claim_made_anew_has_another_challenge,
    dns_that_does_not_answer_confirms_nothing,
    nobody_claims_a_name_that_anybody_has_names_below,
);

/// A server that asks a DNS server of ours, somebody, and organizations of theirs.
struct Stage {
    server: Server,
    dns: Dns,
    owner: Person,
    acme: String,
    other: String,
}

impl Stage {
    async fn begin(server: Server) -> Self {
        let dns = Dns::start();
        let server =
            server.reconfigured(&format!("plugins = []\n[oauth]\ndns_server = \"{}\"\n", dns.address)).await;
        let owner = server.person("owner@acme.example").await;
        let [acme, other] =
            [server.organization(&owner, "acme").await, server.organization(&owner, "other").await];
        Self { server, dns, owner, acme, other }
    }

    /// Claims `acme.example`; name and value of the record that proves it.
    async fn claim(&self, house: &str) -> (String, String) {
        let claim = json!({ "domain": "ACME.example" });
        let claimed = self.server.post_as(&self.owner, &format!("{house}/domains"), claim).await.expect(201);
        assert_eq!((&claimed["confirmed"], claimed.get("proof")), (&json!(false), None));
        let text = |key: &str| claimed["challenge"][key].as_str().unwrap().to_owned();
        (text("name"), text("value"))
    }

    async fn prove(&self, house: &str) -> crate::support::Answer {
        let path = format!("{house}/domains/acme.example/prove");
        self.server.post_as(&self.owner, &path, Value::Null).await
    }
}

async fn a_domain_is_proved_by_a_record_of_its_own(server: Server) {
    let stage = Stage::begin(server).await;
    let Stage { server, dns, owner, acme, .. } = &stage;
    stage.prove(acme).await.refused(404, "not-found");
    let (name, value) = stage.claim(acme).await;
    assert_eq!(name, "_palisade-challenge.acme.example");
    assert_eq!(stage.claim(acme).await, (name.clone(), value.clone()), "twice is once");
    stage.prove(acme).await.refused(409, "domain-unproved");
    assert_eq!(*dns.asked.lock(), std::slice::from_ref(&name), "nothing else is asked for");
    // Among others, and in pieces, as long ones are.
    let (head, tail) = value.split_at(7);
    let texts = vec![vec!["v=spf1 -all".to_owned()], vec![head.to_owned(), tail.to_owned()]];
    dns.set(&name, Entry::Texts(texts));
    let proved = stage.prove(acme).await.expect(200);
    assert_eq!((&proved["confirmed"], &proved["proof"]), (&json!(true), &json!("dns")));
    let events = server.get_as(owner, &format!("{acme}/events?limit=100")).await.expect(200);
    let event = events.as_array().unwrap().iter().find(|it| it["action"] == "ProveDomain").unwrap();
    assert_eq!(event["details"]["domain"], "acme.example");
    // It stays proved without the record, and DNS is not asked again.
    dns.remove(&name);
    let asked = dns.asked.lock().len();
    stage.prove(acme).await.expect(200);
    assert_eq!(dns.asked.lock().len(), asked);
    // As a provider sees it.
    let issuer = "https://id.acme.example";
    let new = json!({
        "label": "Acme", "issuer": issuer, "client_id": "us", "client_auth": "none",
        "role_id": crate::support::role_id(palisade::domain::SystemRole::Member),
    });
    let provider = server.post_as(owner, &format!("{acme}/providers"), new).await.expect(201);
    let found = server.get("/api/v1/auth/oauth/discovery?domain=acme.example").await.expect(200);
    assert_eq!(found["provider"], provider["name"]);
}

async fn the_record_of_another_organization_proves_nothing(server: Server) {
    let stage = Stage::begin(server).await;
    let Stage { dns, acme, other, .. } = &stage;
    let (name, own) = stage.claim(acme).await;
    let (same, foreign) = stage.claim(other).await;
    assert!(name == same && own != foreign);
    dns.publish(&name, &foreign);
    stage.prove(acme).await.refused(409, "domain-unproved");
    stage.prove(other).await.expect(200);
    // Whose it is already, the other's own record does not change.
    dns.publish(&name, &own);
    stage.prove(acme).await.refused(409, "domain-taken");
    let listed = stage.server.get_as(&stage.owner, &format!("{acme}/domains")).await.expect(200);
    assert_eq!(listed["domains"][0]["confirmed"], false);
}

async fn neither_an_alias_nor_a_record_elsewhere_proves_a_domain(server: Server) {
    let stage = Stage::begin(server).await;
    let Stage { dns, acme, .. } = &stage;
    let (name, value) = stage.claim(acme).await;
    dns.publish("tenant.host.example", &value);
    for entry in ["_palisade-challenge.acme.example", "*.acme.example", "*.example"] {
        dns.set(entry, Entry::Alias("tenant.host.example".to_owned()));
        stage.prove(acme).await.refused(409, "domain-unproved");
        dns.remove(entry);
    }
    for elsewhere in
        ["acme.example", "www.acme.example", "_palisade-challenge.example", "*.mail.acme.example"]
    {
        dns.publish(elsewhere, &value);
    }
    stage.prove(acme).await.refused(409, "domain-unproved");
    // To the letter, and all of it.
    for wrong in ["", "*", &value[1..], &format!("{value}="), &format!(" {value}"), &value.to_uppercase()] {
        dns.publish(&name, wrong);
        stage.prove(acme).await.refused(409, "domain-unproved");
    }
    let halves = [&value[..9], &value[9..]].map(|half| vec![half.to_owned()]);
    dns.set(&name, Entry::Texts(halves.to_vec()));
    stage.prove(acme).await.refused(409, "domain-unproved");
    dns.publish(&name, &value);
    stage.prove(acme).await.expect(200);
}

async fn a_claim_made_anew_has_another_challenge(server: Server) {
    let stage = Stage::begin(server).await;
    let Stage { server, dns, owner, acme, .. } = &stage;
    let (name, before) = stage.claim(acme).await;
    dns.publish(&name, &before);
    stage.prove(acme).await.expect(200);
    server.delete_as(owner, &format!("{acme}/domains/acme.example")).await.expect(200);
    stage.prove(acme).await.refused(404, "not-found");
    let (_, anew) = stage.claim(acme).await;
    assert_ne!(before, anew);
    stage.prove(acme).await.refused(409, "domain-unproved");
}

async fn dns_that_does_not_answer_confirms_nothing(server: Server) {
    let stage = Stage::begin(server).await;
    let (name, value) = stage.claim(&stage.acme).await;
    stage.dns.set(&name, Entry::Failure);
    stage.prove(&stage.acme).await.refused(503, "unavailable");
    stage.dns.publish(&name, &value);
    // Nobody is there.
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let Stage { server, dns, owner, acme, other } = stage;
    let server = server.reconfigured(&format!("plugins = []\n[oauth]\ndns_server = \"{nobody}\"\n")).await;
    let stage = Stage { server, dns, owner, acme, other };
    stage.prove(&stage.acme).await.refused(503, "unavailable");
    let listed = stage.server.get_as(&stage.owner, &format!("{}/domains", stage.acme)).await.expect(200);
    assert_eq!(listed["domains"][0]["confirmed"], false);
}

async fn nobody_claims_a_name_that_anybody_has_names_below(server: Server) {
    let stage = Stage::begin(server).await;
    let Stage { server, dns, owner, acme, .. } = &stage;
    let path = format!("{acme}/domains");
    for suffix in ["co.uk", "CO.UK", "github.io", "xn--55qx5d.cn"] {
        server.post_as(owner, &path, json!({ "domain": suffix })).await.invalid("domain", "public-suffix");
    }
    for wrong in
        ["com", "acme.example.", "äcme.example", "_palisade-challenge.acme.example", "acme.example\u{0}"]
    {
        server.post_as(owner, &path, json!({ "domain": wrong })).await.invalid("domain", "not-a-domain");
    }
    // One that was claimed before it came on the list.
    let (_, value) = stage.claim(acme).await;
    let older = "UPDATE organization_domains SET domain = 'co.uk'";
    crate::store::texts(server.config.database_url().expose(), older).await;
    dns.publish("_palisade-challenge.co.uk", &value);
    let root = server.super_admin("root@example.com").await;
    for (person, word) in [(owner, "prove"), (&root, "confirm")] {
        let answer = server.post_as(person, &format!("{path}/co.uk/{word}"), Value::Null).await;
        answer.invalid("domain", "public-suffix");
    }
}
