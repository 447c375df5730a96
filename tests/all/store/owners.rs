//! An organization keeps an owner, whatever happens at once.

use std::sync::Arc;

use palisade::domain::SystemRole;
use poem::http::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::{Answer, Person, Server, role_id};

on_both!(
    of_two_owners_who_leave_at_once_one_stays,
    of_two_owners_who_remove_each_other_at_once_one_stays,
    an_owner_who_steps_down_while_the_other_leaves_stays_or_the_other_does,
);

const ROUNDS: usize = 8;

struct Two {
    server: Arc<Server>,
    ada: Person,
    bob: Person,
}

/// An organization with two owners: its path, and the paths of the two memberships.
async fn two(server: Server) -> Two {
    let ada = server.person("ada@example.com").await;
    let bob = server.person("bob@example.com").await;
    Two { server: Arc::new(server), ada, bob }
}

impl Two {
    async fn organization(&self, round: usize) -> (String, String, String) {
        let path = self.server.organization(&self.ada, &format!("acme-{round}")).await;
        let bobs = self.server.add_member(&self.ada, &path, &self.bob, SystemRole::Owner).await;
        let members = self.server.get_as(&self.ada, &format!("{path}/members")).await.expect(200);
        let own = members.as_array().unwrap().iter().find(|member| member["user_id"] == self.ada.id.as_str());
        let adas = format!("{path}/members/{}", own.unwrap()["id"].as_str().unwrap());
        (path, adas, bobs)
    }

    fn ask(
        &self,
        person: &Person,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> tokio::task::JoinHandle<Answer> {
        let (server, token, path) = (Arc::clone(&self.server), person.access.clone(), path.to_owned());
        tokio::spawn(async move { server.send(method, &path, Some(&token), body.as_ref()).await })
    }

    /// One was done, the other was not, and one owner is left.
    async fn one_stays(&self, path: &str, first: Answer, second: Answer) {
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses[0], 200, "{} {}", first.body, second.body);
        assert!([403, 404, 409].contains(&statuses[1]), "{} {}", first.body, second.body);
        let mut owners = 0;
        for person in [&self.ada, &self.bob] {
            let seen = self.server.get_as(person, &format!("{path}/members")).await;
            if seen.status == 200 {
                let all = seen.body.as_array().unwrap().iter();
                owners = all.filter(|member| member["role_name"] == "owner").count();
            }
        }
        assert_eq!(owners, 1, "{} {}", first.body, second.body);
    }
}

async fn of_two_owners_who_leave_at_once_one_stays(server: Server) {
    let two = two(server).await;
    for round in 0..ROUNDS {
        let (path, adas, bobs) = two.organization(round).await;
        let (first, second) = tokio::join!(
            two.ask(&two.ada, Method::DELETE, &adas, None),
            two.ask(&two.bob, Method::DELETE, &bobs, None),
        );
        two.one_stays(&path, first.unwrap(), second.unwrap()).await;
    }
}

async fn of_two_owners_who_remove_each_other_at_once_one_stays(server: Server) {
    let two = two(server).await;
    for round in 0..ROUNDS {
        let (path, adas, bobs) = two.organization(round).await;
        let (first, second) = tokio::join!(
            two.ask(&two.ada, Method::DELETE, &bobs, None),
            two.ask(&two.bob, Method::DELETE, &adas, None),
        );
        two.one_stays(&path, first.unwrap(), second.unwrap()).await;
    }
}

async fn an_owner_who_steps_down_while_the_other_leaves_stays_or_the_other_does(server: Server) {
    let two = two(server).await;
    for round in 0..ROUNDS {
        let (path, adas, bobs) = two.organization(round).await;
        let down = json!({ "role_id": role_id(SystemRole::Member) });
        let (first, second) = tokio::join!(
            two.ask(&two.ada, Method::PATCH, &adas, Some(down)),
            two.ask(&two.bob, Method::DELETE, &bobs, None),
        );
        two.one_stays(&path, first.unwrap(), second.unwrap()).await;
    }
}
