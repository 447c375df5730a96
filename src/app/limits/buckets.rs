//! A limiter per key whose memory has a bound, on our clock.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use moka::sync::Cache;

use crate::domain::{Clock, Quota};

/// How many keys a limiter remembers, about 10 MiB of them. Beyond that the least used are forgotten first
/// (TinyLFU), so that a flood of addresses does not wash out the one that asks again and again.
pub(super) const KEYS: u64 = 50_000;

/// A bucket for each key.
pub(in crate::app) struct Buckets<K: Hash + Eq + Clone + Send + Sync + 'static> {
    limiter: RateLimiter<K, Bounded<K>, OurClock, NoOpMiddleware<Duration>>,
    states: States<K>,
    clock: OurClock,
}

type States<K> = Cache<K, Arc<InMemoryState>>;

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Buckets<K> {
    pub(super) fn new(quota: Quota, clock: &Arc<dyn Clock>) -> Option<Self> {
        let clock = OurClock(Arc::clone(clock));
        let states = Cache::new(KEYS);
        let quota = governor::Quota::with_period(quota.each())?.allow_burst(quota.count());
        let limiter = RateLimiter::new(quota, Bounded(states.clone()), clock.clone());
        Some(Self { limiter, states, clock })
    }

    /// Takes one from the bucket of `key`; if it is empty, how long until there is one again.
    pub(super) fn take(&self, key: &K) -> Result<(), Duration> {
        self.limiter.check_key(key).map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> fmt::Debug for Buckets<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets").field("keys", &self.states.entry_count()).finish_non_exhaustive()
    }
}

/// The limiter's state for each key, in a cache of [`KEYS`] entries.
struct Bounded<K>(States<K>);

impl<K: Hash + Eq + Clone + Send + Sync + 'static> StateStore for Bounded<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let state = self.0.get_with_by_ref(key, Arc::default);
        state.measure_and_replace(&NotKeyed::NonKey, measure)
    }
}

/// The limiter's view of our clock: the time since 1970.
#[derive(Debug, Clone)]
struct OurClock(Arc<dyn Clock>);

impl GovernorClock for OurClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.now().get()).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Micros, TestClock};

    fn buckets(text: &str) -> (Buckets<u32>, Arc<TestClock>) {
        let clock = Arc::new(TestClock::at(Micros::new(1_767_225_600_000_000)));
        let ours: Arc<dyn Clock> = clock.clone();
        (Buckets::new(Quota::parse(text).unwrap(), &ours).unwrap(), clock)
    }

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let (buckets, clock) = buckets("3/1m");
        for _ in 0..3 {
            assert_eq!(buckets.take(&1), Ok(()));
        }
        assert_eq!(buckets.take(&1), Err(Duration::from_secs(20)));
        assert_eq!(buckets.take(&2), Ok(()), "another key has a bucket of its own");
        clock.advance(Duration::from_secs(20));
        assert_eq!(buckets.take(&1), Ok(()));
        assert!(buckets.take(&1).is_err());
    }

    #[test]
    fn a_flood_of_keys_takes_bounded_memory_and_does_not_free_the_one_that_keeps_asking() {
        let (buckets, _clock) = buckets("3/1h");
        for key in 1..200_000 {
            let _ = buckets.take(&key);
            if key % 64 == 0 {
                let _ = buckets.take(&0);
            }
        }
        buckets.states.run_pending_tasks();
        assert!(buckets.states.entry_count() <= KEYS, "{}", buckets.states.entry_count());
        assert!(buckets.take(&0).is_err());
    }
}
