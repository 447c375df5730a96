use palisade::domain::Clock as _;
use palisade::guard::Principal;
use palisade::guard::actions::{DeliverMail, Register};
use palisade::store::Note;
use uuid::Uuid;

use super::conflicts::new_user;
use super::{anonymous, number, open};
use crate::on_both;
use crate::support::Server;

on_both!(what_is_not_committed_never_happened);

async fn what_is_not_committed_never_happened(server: Server) {
    let (store, caller, mail) = (open(&server).await, anonymous(), Principal::system("mail", "-".into()));
    let ok = server.app.authorize(&caller, Register { email: None }).await.expect("anybody may register");
    let deliver = server.app.authorize(&mail, DeliverMail {}).await.expect("the mail job may deliver");
    let now = server.clock.now();
    let email = "ada@example.com".parse().unwrap();
    for commit in [false, true] {
        let mut tx = store.begin().await.unwrap();
        tx.insert_user(&ok, &new_user("ada@example.com", 1)).await.unwrap();
        tx.append_event(&ok, Note::default(), now).await.unwrap();
        tx.enqueue_mail(&ok, Uuid::from_u128(3).into(), vec![0], now).await.unwrap();
        if commit {
            tx.commit().await.unwrap();
        } else {
            drop(tx);
        }
        assert_eq!(store.find_account(&ok, &email).await.unwrap().is_some(), commit);
        assert_eq!(number(&server, "COUNT(*)", "FROM events").await, i64::from(commit));
        let mut tx = store.begin().await.unwrap();
        let due = tx.take_due_mail(&deliver, 10, std::time::Duration::from_secs(1), now).await.unwrap();
        assert_eq!(due.len(), usize::from(commit));
        tx.commit().await.unwrap();
    }
}
