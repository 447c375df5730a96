//! Letters wait in the database until they are out: not lost, not doubled, not for ever.

use std::collections::BTreeSet;
use std::time::Duration;

use palisade::app::mail_principal;
use palisade::domain::Clock as _;
use palisade::guard::actions::{DeliverMail, Register};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::{anonymous, number, open};
use crate::on_both;
use crate::support::{Database, Server, Setup};

on_both!(
    no_letter_is_taken_twice,
    a_letter_that_does_not_go_out_waits_longer_each_time,
    a_letter_is_given_up_after_fourteen_tries_and_stays,
    a_letter_that_cannot_be_opened_is_given_up_and_stays,
    a_letter_of_a_worker_that_died_is_due_again_after_its_lease,
);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Tries what is due; how many letters went out.
async fn deliver(server: &Server) -> usize {
    let caller = mail_principal();
    let ok = server.app.authorize(&caller, DeliverMail {}).await.expect("the mail job may deliver");
    server.app.deliver_mail(&ok).await.expect("mail can be delivered")
}

/// Tries so far of the one letter that waits.
async fn attempts(server: &Server) -> i64 {
    number(server, "attempts", "FROM outbox").await
}

async fn given_up(server: &Server) -> bool {
    number(server, "COUNT(failed_at)", "FROM outbox").await == 1
}

async fn no_letter_is_taken_twice(server: Server) {
    const LETTERS: u128 = 40;
    let (anonymous, mail) = (anonymous(), mail_principal());
    let now = server.clock.now();
    let stores = [open(&server).await, open(&server).await];
    let ok = server.app.authorize(&anonymous, Register { email: None }).await.expect("anybody may register");
    let mut tx = stores[0].begin().await.unwrap();
    for id in 0..LETTERS {
        tx.enqueue_mail(&ok, Uuid::from_u128(id).into(), vec![0], now).await.unwrap();
    }
    tx.commit().await.unwrap();
    let ok = server.app.authorize(&mail, DeliverMail {}).await.expect("the mail job may deliver");
    let worker = async |at: usize| {
        let mut taken = Vec::new();
        loop {
            let mut tx = stores[at % 2].begin().await.unwrap();
            let batch = tx.take_due_mail(&ok, 3, Duration::from_secs(60), now).await.unwrap();
            tokio::task::yield_now().await;
            tx.commit().await.unwrap();
            if batch.is_empty() {
                return taken;
            }
            taken.extend(batch.iter().map(|letter| letter.id.to_string()));
        }
    };
    let taken = futures_util::future::join_all((0..8).map(worker)).await.concat();
    let distinct: BTreeSet<_> = taken.iter().collect();
    assert_eq!((taken.len(), distinct.len()), (40, 40));
}

async fn a_letter_that_does_not_go_out_waits_longer_each_time(server: Server) {
    // A file where the folder should be.
    let folder = server.folder.path().join("mail");
    std::fs::write(&folder, "").unwrap();
    server.register("ada@example.com").await;
    assert_eq!((deliver(&server).await, attempts(&server).await), (0, 1));
    for (tries, wait) in [(1, 30), (2, 60), (3, 120), (4, 240)] {
        server.advance(Duration::from_secs(wait) - Duration::from_micros(1));
        assert_eq!((deliver(&server).await, attempts(&server).await), (0, tries), "before {wait} s");
        server.advance(Duration::from_micros(1));
        assert_eq!((deliver(&server).await, attempts(&server).await), (0, tries + 1), "after {wait} s");
    }
    std::fs::remove_file(&folder).unwrap();
    server.advance(Duration::from_secs(480));
    assert_eq!(deliver(&server).await, 1);
    assert_eq!(number(&server, "COUNT(*)", "FROM outbox").await, 0);
    assert_eq!(server.mails().await.len(), 1);
}

async fn a_letter_is_given_up_after_fourteen_tries_and_stays(server: Server) {
    let folder = server.folder.path().join("mail");
    std::fs::write(&folder, "").unwrap();
    server.register("ada@example.com").await;
    for tries in 1..=14 {
        assert!(tries == 1 || !given_up(&server).await, "given up before try {tries}");
        deliver(&server).await;
        server.advance(Duration::from_secs(60 * 60));
    }
    assert!(given_up(&server).await);
    std::fs::remove_file(&folder).unwrap();
    server.advance(DAY);
    assert_eq!((deliver(&server).await, attempts(&server).await), (0, 14));
}

async fn a_letter_that_cannot_be_opened_is_given_up_and_stays(server: Server) {
    let (store, caller) = (open(&server).await, anonymous());
    let ok = server.app.authorize(&caller, Register { email: None }).await.expect("anybody may register");
    let mut tx = store.begin().await.unwrap();
    tx.enqueue_mail(&ok, Uuid::from_u128(1).into(), b"no seal".to_vec(), server.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((deliver(&server).await, given_up(&server).await), (0, true));
    server.advance(DAY);
    assert_eq!((deliver(&server).await, attempts(&server).await), (0, 1));
}

async fn a_letter_of_a_worker_that_died_is_due_again_after_its_lease(server: Server) {
    server.register("ada@example.com").await;
    let (store, caller) = (open(&server).await, mail_principal());
    let ok = server.app.authorize(&caller, DeliverMail {}).await.expect("the mail job may deliver");
    let lease = Duration::from_secs(120);
    let mut tx = store.begin().await.unwrap();
    let taken = tx.take_due_mail(&ok, 16, lease, server.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((taken.len(), deliver(&server).await), (1, 0));
    server.advance(lease - Duration::from_micros(1));
    assert_eq!(deliver(&server).await, 0);
    server.advance(Duration::from_micros(1));
    assert_eq!((deliver(&server).await, server.mails().await.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_that_is_refused_for_good_is_given_up_and_stays() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let refusing = tokio::spawn(refuse_every_recipient(listener));
    let settings = vec![("PALISADE_MAIL", url)];
    let server = Server::with(Setup { settings, ..Setup::on(Database::Sqlite) }).await;
    server.register("ada@example.com").await;
    assert_eq!((deliver(&server).await, given_up(&server).await), (0, true));
    server.advance(DAY);
    assert_eq!((deliver(&server).await, attempts(&server).await), (0, 1));
    refusing.abort();
}

/// An SMTP server (RFC 5321) that knows nobody.
async fn refuse_every_recipient(listener: TcpListener) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 nobody.test\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            let answer: &[u8] = match line.get(..4) {
                Some("RCPT") => b"550 no such user\r\n",
                Some("QUIT") => b"221 bye\r\n",
                _ => b"250 nobody.test\r\n",
            };
            write.write_all(answer).await.unwrap();
        }
    }
}
