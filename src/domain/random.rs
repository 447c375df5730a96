//! Randomness is a parameter: nothing but [`OsRandom`] asks the operating system, or a generator of its, for it.

use std::fmt;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng, TryRng};
use uuid::Uuid;

use super::Micros;

/// Where unpredictable bytes come from.
pub trait Random: Send + Sync + fmt::Debug {
    fn fill(&self, bytes: &mut [u8]);

    /// For a name that must not come twice, and is no secret.
    fn fill_name(&self, bytes: &mut [u8]) {
        self.fill(bytes);
    }

    /// A fresh UUIDv7 for the instant `now`.
    fn uuid(&self, now: Micros) -> Uuid {
        let mut tail = [0; 10];
        self.fill_name(&mut tail);
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
    }
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    #[expect(
        clippy::expect_used,
        reason = "without entropy no secret may be made; stopping is the only safe answer"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        rand::rngs::SysRng.try_fill_bytes(bytes).expect("the operating system's random source failed");
    }

    /// From the thread's own generator (ChaCha, which the system seeds again and again): as hard to guess, and each
    /// request and each decision has an id. What has to stay secret comes from the system itself.
    #[expect(clippy::disallowed_methods, reason = "others take this one as their `Random`")]
    fn fill_name(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// The same bytes for the same seed; for tests only.
#[derive(Debug)]
pub struct SeededRandom(Mutex<StdRng>);

impl SeededRandom {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().fill_bytes(bytes);
    }
}
