//! Wrong passwords make the next try wait, and longer each time.
//!
//! Two counters. One for an address and a network: whoever guesses waits. One for an address and everybody: many
//! networks that guess together wait together; but a network from which the account has signed in before is not
//! counted among them, so nobody can lock its owner out. Addresses are counted as given, with an account or without.

use std::sync::Arc;
use std::time::Duration;

use moka::ops::compute::Op;
use moka::sync::Cache;

use super::buckets::KEYS;
use crate::domain::{Clock, Email, Micros, Network};

/// Wrong tries of one network that cost nothing: people mistype.
const FREE: u32 = 5;
/// The longest wait of one network.
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// Wrong tries of all networks together that cost nothing.
const FREE_FOR_ALL: u32 = 20;
/// The longest wait of networks the account does not know: short, for its owner may be travelling.
const LONGEST_FOR_ALL: Duration = Duration::from_secs(60);
/// After this long without a try, all is forgotten.
const MEMORY: Duration = Duration::from_secs(60 * 60);

/// The counters.
#[derive(Debug)]
pub(in crate::app) struct Delays {
    by_network: Cache<(Email, Network), Tries>,
    by_address: Cache<Email, Tries>,
    clock: Arc<dyn Clock>,
}

/// Tries that were wrong, or are still being looked at.
#[derive(Debug, Clone, Copy)]
struct Tries {
    count: u32,
    last: Micros,
}

/// Who must wait, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app) enum Wait {
    /// This network, for what it did itself.
    Network(Duration),
    /// Every network that the account does not know.
    Strangers(Duration),
}

impl Delays {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { by_network: Cache::new(KEYS), by_address: Cache::new(KEYS), clock }
    }

    /// Counts a try before it is known whether it is right, so that many at once are as slow as one after another.
    /// One that must wait is not counted: asking too early makes nothing worse.
    pub(in crate::app) fn begin(&self, email: &Email, network: Network, known: bool) -> Result<(), Wait> {
        let now = self.clock.now();
        if !known {
            let wait =
                self.by_address.get(email).and_then(|tries| tries.wait(now, FREE_FOR_ALL, LONGEST_FOR_ALL));
            if let Some(wait) = wait {
                return Err(Wait::Strangers(wait));
            }
        }
        let mut wait = None;
        self.by_network.entry((email.clone(), network)).and_compute_with(|tries| {
            let tries = tries.map(moka::Entry::into_value);
            wait = tries.and_then(|tries| tries.wait(now, FREE, LONGEST));
            if wait.is_some() { Op::Nop } else { Op::Put(Tries::one_more(tries, now)) }
        });
        if let Some(wait) = wait {
            return Err(Wait::Network(wait));
        }
        self.by_address
            .entry(email.clone())
            .and_compute_with(|tries| Op::Put(Tries::one_more(tries.map(moka::Entry::into_value), now)));
        Ok(())
    }

    /// The password was right: what this network did is forgiven.
    pub(in crate::app) fn right(&self, email: &Email, network: Network) {
        let own = self.by_network.remove(&(email.clone(), network)).map_or(0, |tries| tries.count);
        self.give_back(email, own);
    }

    /// The password was never looked at.
    pub(in crate::app) fn unseen(&self, email: &Email, network: Network) {
        self.by_network.entry((email.clone(), network)).and_compute_with(|tries| less(tries, 1));
        self.give_back(email, 1);
    }

    fn give_back(&self, email: &Email, count: u32) {
        self.by_address.entry(email.clone()).and_compute_with(|tries| less(tries, count));
    }
}

fn less<K>(tries: Option<moka::Entry<K, Tries>>, count: u32) -> Op<Tries> {
    match tries.map(moka::Entry::into_value) {
        Some(tries) if tries.count > count => Op::Put(Tries { count: tries.count - count, ..tries }),
        Some(_) => Op::Remove,
        None => Op::Nop,
    }
}

impl Tries {
    fn one_more(before: Option<Self>, now: Micros) -> Self {
        let count = before.filter(|tries| !tries.forgotten(now)).map_or(0, |tries| tries.count);
        Self { count: count.saturating_add(1), last: now }
    }

    fn forgotten(self, now: Micros) -> bool {
        self.last + MEMORY <= now
    }

    /// A second after the last free try, then twice as long each time.
    fn wait(self, now: Micros, free: u32, longest: Duration) -> Option<Duration> {
        let doubled = self.count.checked_sub(free)?;
        if self.forgotten(now) {
            return None;
        }
        let needed = Duration::from_secs(1_u64.checked_shl(doubled.min(32)).unwrap_or(u64::MAX)).min(longest);
        let left = (self.last + needed).get().saturating_sub(now.get());
        u64::try_from(left).ok().filter(|left| *left > 0).map(Duration::from_micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::TestClock;

    fn delays() -> (Delays, Arc<TestClock>, Email) {
        let clock = Arc::new(TestClock::at(Micros::new(1_767_225_600_000_000)));
        (Delays::new(clock.clone()), clock, "ada@example.com".parse().unwrap())
    }

    fn network(last: u8) -> Network {
        Network::of([192, 0, 2, last].into())
    }

    #[test]
    fn a_wait_begins_after_the_free_tries_and_doubles_up_to_a_bound() {
        let (delays, clock, ada) = delays();
        for _ in 0..FREE {
            assert_eq!(delays.begin(&ada, network(1), true), Ok(()));
        }
        let mut waits = Vec::new();
        for _ in 0..12 {
            let Err(Wait::Network(wait)) = delays.begin(&ada, network(1), true) else { panic!("no wait") };
            assert_eq!(
                delays.begin(&ada, network(1), true),
                Err(Wait::Network(wait)),
                "asking early costs nothing"
            );
            waits.push(wait.as_secs());
            clock.advance(wait);
            assert_eq!(delays.begin(&ada, network(1), true), Ok(()));
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        clock.advance(MEMORY);
        for _ in 0..FREE {
            assert_eq!(delays.begin(&ada, network(1), true), Ok(()));
        }
    }

    #[test]
    fn a_right_password_forgives_what_its_own_network_did_and_no_more() {
        let (delays, _clock, ada) = delays();
        for other in 10..10 + u8::try_from(FREE_FOR_ALL).unwrap() - 1 {
            assert_eq!(delays.begin(&ada, network(other), false), Ok(()));
        }
        assert_eq!(delays.begin(&ada, network(1), false), Ok(()));
        assert!(matches!(delays.begin(&ada, network(2), false), Err(Wait::Strangers(_))));
        delays.right(&ada, network(1));
        assert_eq!(delays.begin(&ada, network(2), false), Ok(()));
        assert!(matches!(delays.begin(&ada, network(3), false), Err(Wait::Strangers(_))));
    }

    #[test]
    fn a_try_that_was_not_looked_at_does_not_count() {
        let (delays, _clock, ada) = delays();
        for _ in 0..100 {
            assert_eq!(delays.begin(&ada, network(1), false), Ok(()));
            delays.unseen(&ada, network(1));
        }
    }
}
