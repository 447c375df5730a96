use std::collections::HashSet;
use std::task::Poll;

use futures_util::future::join_all;
use futures_util::poll;

use super::*;
use crate::domain::{OsRandom, SeededRandom};

const CHEAP: HashingSettings = HashingSettings { memory_kib: 64, iterations: 1, permits: 2, queue: 3 };

fn hasher(settings: HashingSettings) -> PasswordHasher {
    PasswordHasher::new(settings, Arc::new(OsRandom)).unwrap()
}

fn password(text: &str) -> Password {
    Password::attempt(text).unwrap()
}

#[tokio::test]
async fn a_password_matches_its_own_hash_only() {
    let hasher = hasher(CHEAP);
    let stored = hasher.hash(password("correct horse battery")).await.unwrap();
    let matches = Verified::Match { rehash: false };
    assert_eq!(hasher.verify(Some(&stored), password("correct horse battery")).await, Ok(matches));
    for wrong in ["correct horse batterY", "correct horse battery ", "correct horse batter", ""] {
        assert_eq!(hasher.verify(Some(&stored), password(wrong)).await, Ok(Verified::NoMatch), "{wrong:?}");
    }
}

#[tokio::test]
async fn a_hash_is_a_phc_string_that_the_reference_library_verifies() {
    let stored = hasher(CHEAP).hash(password("correct horse battery")).await.unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{stored}");
    assert_eq!(stored.split('$').map(str::len).collect::<Vec<_>>(), [0, 8, 4, 12, 22, 43]);
    let parsed = argon2::PasswordHash::new(&stored).unwrap();
    argon2::PasswordVerifier::verify_password(&Argon2::default(), b"correct horse battery", &parsed).unwrap();
}

#[tokio::test]
async fn every_hash_has_its_own_salt_from_the_given_source() {
    let seeded = || PasswordHasher::new(CHEAP, Arc::new(SeededRandom::new(1))).unwrap();
    let (one, same) = (seeded(), seeded());
    let first = one.hash(password("correct horse battery")).await.unwrap();
    assert_ne!(first, one.hash(password("correct horse battery")).await.unwrap());
    assert_eq!(first, same.hash(password("correct horse battery")).await.unwrap());
}

#[tokio::test]
async fn nothing_of_a_long_password_is_cut_off() {
    let hasher = hasher(CHEAP);
    let long = "0123456789abcdef".repeat(16);
    let stored = hasher.hash(password(&long)).await.unwrap();
    for cut in [64, 72, 128, 255] {
        assert_eq!(hasher.verify(Some(&stored), password(&long[..cut])).await, Ok(Verified::NoMatch));
    }
    assert_eq!(hasher.verify(Some(&stored), password(&long)).await, Ok(Verified::Match { rehash: false }));
}

#[tokio::test]
async fn a_hash_made_with_other_settings_matches_and_asks_to_be_made_anew() {
    let stored = hasher(CHEAP).hash(password("correct horse battery")).await.unwrap();
    for other in [
        HashingSettings { memory_kib: 32, ..CHEAP },
        HashingSettings { memory_kib: 128, ..CHEAP },
        HashingSettings { iterations: 2, ..CHEAP },
    ] {
        let verified = hasher(other).verify(Some(&stored), password("correct horse battery")).await;
        assert_eq!(verified, Ok(Verified::Match { rehash: true }), "{other:?}");
    }
}

#[tokio::test]
async fn an_unknown_account_is_no_match_and_costs_a_hash_of_the_same_settings() {
    let hasher = hasher(CHEAP);
    assert_eq!(hasher.verify(None, password("correct horse battery")).await, Ok(Verified::NoMatch));
    let nobody = Stored::parse(&hasher.0.nobody).unwrap();
    assert_eq!((nobody.params.m_cost(), nobody.params.t_cost()), (64, 1));
    // The work was done: there is memory now, and there was none before.
    assert_eq!(hasher.0.idle.lock().len(), 1);
}

#[tokio::test]
async fn a_damaged_hash_is_an_error_and_never_a_match() {
    let hasher = hasher(CHEAP);
    let stored = hasher.hash(password("correct horse battery")).await.unwrap();
    for damaged in [
        String::new(),
        "correct horse battery".to_owned(),
        stored.replace("argon2id", "argon2x"),
        stored.replace("v=19", "v=18"),
        stored.replace("m=64", "m=4294967295"),
        stored.replace("t=1", "t=65"),
        stored[..stored.len() - 44].to_owned(),
        "$2x$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW".to_owned(),
    ] {
        let verified = hasher.verify(Some(&damaged), password("correct horse battery")).await;
        assert_eq!(verified, Err(HashingError::Corrupt), "{damaged}");
    }
}

#[tokio::test]
async fn an_imported_hash_takes_the_same_permits_and_asks_to_be_made_anew() {
    let hasher = hasher(CHEAP);
    let stored = "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";
    assert_eq!(hasher.verify(Some(stored), password("abc")).await, Ok(Verified::Match { rehash: true }));
    assert_eq!(hasher.verify(Some(stored), password("abd")).await, Ok(Verified::NoMatch));
    let _all = Arc::clone(&hasher.0.places).acquire_many_owned(5).await.unwrap();
    let busy = HashingError::Busy { retry_after: Duration::from_secs(1) };
    assert_eq!(hasher.verify(Some(stored), password("abc")).await, Err(busy));
}

#[tokio::test]
async fn beyond_the_queue_one_is_told_to_come_back() {
    let hasher = hasher(CHEAP);
    // Both permits are taken, so whoever asks now waits.
    let computing = Arc::clone(&hasher.0.permits).acquire_many_owned(2).await.unwrap();
    let places = Arc::clone(&hasher.0.places).acquire_many_owned(2).await.unwrap();
    let mut waiting: Vec<_> =
        (0..3).map(|_| Box::pin(hasher.hash(password("correct horse battery")))).collect();
    for one in &mut waiting {
        assert!(poll!(one.as_mut()).is_pending());
    }
    let refused = poll!(Box::pin(hasher.hash(password("correct horse battery"))).as_mut());
    assert_eq!(refused, Poll::Ready(Err(HashingError::Busy { retry_after: Duration::from_secs(1) })));
    // One who gives up leaves a place for the next; those who wait get their turn.
    waiting.pop();
    waiting.push(Box::pin(hasher.hash(password("correct horse battery"))));
    assert!(poll!(waiting[2].as_mut()).is_pending());
    drop((computing, places));
    assert!(join_all(waiting).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn no_more_are_computed_at_once_than_there_are_permits_and_their_memory_is_reused() {
    let hasher = hasher(HashingSettings { queue: 64, ..CHEAP });
    let addresses =
        || hasher.0.idle.lock().iter().map(|blocks| blocks.as_ptr() as usize).collect::<HashSet<_>>();
    join_all((0..32).map(|_| hasher.hash(password("correct horse battery")))).await;
    let before = addresses();
    assert!((1..=2).contains(&before.len()), "{}", before.len());
    join_all((0..32).map(|_| hasher.hash(password("correct horse battery")))).await;
    assert!(addresses().len() <= 2);
    assert!(before.is_subset(&addresses()));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for bad in [
        HashingSettings { memory_kib: 7, ..CHEAP },
        HashingSettings { iterations: 0, ..CHEAP },
        HashingSettings { permits: 0, ..CHEAP },
        HashingSettings { queue: usize::MAX, ..CHEAP },
    ] {
        let error = PasswordHasher::new(bad, Arc::new(OsRandom)).unwrap_err();
        assert_eq!(error.code, "out-of-range");
    }
    let owasp = HashingSettings::default();
    assert_eq!((owasp.memory_kib, owasp.iterations, owasp.queue), (19_456, 2, 32 * owasp.permits));
}
