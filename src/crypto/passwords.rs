//! Argon2id (RFC 9106) behind a door: so many at once, so many waiting, everyone else comes back later.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::imported::Imported;
use super::phc::{self, Stored};
use crate::domain::{Invalid, Password, Random};

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// What one hash costs, and how many are computed and wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashingSettings {
    /// Memory of one hash in KiB, at least 8.
    pub memory_kib: u32,
    /// Passes over that memory, at least 1.
    pub iterations: u32,
    /// Hashes computed at the same time; each owns `memory_kib` for as long as the server runs.
    pub permits: usize,
    /// Hashes that wait beyond those; the next one is told to come back.
    pub queue: usize,
}

impl Default for HashingSettings {
    /// OWASP's first choice (19 MiB, 2 passes, 1 lane), one hash per core, 32 waiting for each.
    fn default() -> Self {
        let permits = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { memory_kib: 19_456, iterations: 2, permits, queue: permits.saturating_mul(32) }
    }
}

/// The answer to [`PasswordHasher::verify`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    Match {
        /// The stored hash was made with other settings: store a new one now that the password is at hand.
        rehash: bool,
    },
    NoMatch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashingError {
    /// The queue is full. `retry_after` is about how long a full queue takes at the default settings.
    #[error("too many passwords are being checked; try again later")]
    Busy { retry_after: Duration },
    /// The stored text is no hash that can be verified.
    #[error("a stored password hash cannot be read")]
    Corrupt,
    /// The server is stopping, or a computation broke off.
    #[error("a password could not be hashed")]
    Interrupted,
}

/// Hashes and verifies passwords off the async threads. Cloning shares the permits.
#[derive(Clone)]
pub struct PasswordHasher(Arc<Inner>);

struct Inner {
    params: Params,
    /// One for everybody inside: computing or waiting.
    places: Arc<Semaphore>,
    /// One for everybody computing.
    permits: Arc<Semaphore>,
    queue_drains_in: Duration,
    /// The memory of permits that compute nothing now. Taken and given back under a permit, so there are
    /// never more than permits. Memory is kept because allocators do not give back 19 MiB of 64-byte
    /// aligned blocks (glibc 2.36: gigabytes after a few hundred sign-ins).
    idle: Mutex<Vec<Vec<Block>>>,
    /// Verified against when there is no account, so that both cost the same.
    nobody: String,
    computed: AtomicU64,
    random: Arc<dyn Random>,
}

impl std::fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordHasher").field("params", &self.0.params).finish_non_exhaustive()
    }
}

impl PasswordHasher {
    /// # Errors
    /// `out-of-range` if the settings are beyond what Argon2 or the machine can do.
    pub fn new(settings: HashingSettings, random: Arc<dyn Random>) -> Result<Self, Invalid> {
        let HashingSettings { memory_kib, iterations, permits, queue } = settings;
        let out_of_range = |what| Invalid::new("out-of-range", what);
        let params = Params::new(memory_kib, iterations, 1, Some(HASH_BYTES))
            .map_err(|_| out_of_range("password hashing takes at least 8 KiB of memory and 1 iteration"))?;
        let places = permits.saturating_add(queue);
        if permits == 0 || places > Semaphore::MAX_PERMITS {
            return Err(out_of_range("password hashing takes at least 1 permit, and a queue of sane length"));
        }
        let nobody = phc::print(&params, &[0; SALT_BYTES], &[0; HASH_BYTES]);
        // About 25 ms a hash at the default settings, see docs/performance.md.
        let rounds = u64::try_from(places.div_ceil(permits)).unwrap_or(u64::MAX);
        let queue_drains_in = Duration::from_secs(rounds.saturating_mul(25).div_ceil(1_000).clamp(1, 60));
        Ok(Self(Arc::new(Inner {
            params,
            places: Arc::new(Semaphore::new(places)),
            permits: Arc::new(Semaphore::new(permits)),
            queue_drains_in,
            idle: Mutex::new(Vec::with_capacity(permits)),
            nobody,
            computed: AtomicU64::new(0),
            random,
        })))
    }

    /// How many hashes were computed since the start.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.0.computed.load(Ordering::Relaxed)
    }

    /// Hashes a password under a fresh 128-bit salt; the answer is a PHC string to store.
    ///
    /// # Errors
    /// [`HashingError::Busy`] or [`HashingError::Interrupted`].
    pub async fn hash(&self, password: Password) -> Result<String, HashingError> {
        let mut salt = [0; SALT_BYTES];
        self.0.random.fill(&mut salt);
        let hash = vec![0; HASH_BYTES];
        let fresh = Stored {
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            params: self.0.params.clone(),
            salt: salt.to_vec(),
            hash,
        };
        let hash = self.admitted(move |inner| inner.argon2(&fresh, &password)).await?;
        Ok(phc::print(&self.0.params, &salt, &hash))
    }

    /// Compares a password with a stored hash, ours or an imported one; with `None` (no such account, or one without
    /// a password) it works as long as for one of ours and answers [`Verified::NoMatch`].
    ///
    /// # Errors
    /// Any [`HashingError`].
    pub async fn verify(&self, stored: Option<&str>, password: Password) -> Result<Verified, HashingError> {
        let text = stored.unwrap_or(&self.0.nobody);
        let (equal, rehash) = if let Some(argon2) = Stored::parse(text) {
            let rehash = !argon2.is_made_with(&self.0.params, HASH_BYTES);
            let work = move |inner: &Inner| {
                let computed = inner.argon2(&argon2, &password)?;
                Ok(verify_slices_are_equal(&computed, &argon2.hash).is_ok())
            };
            (self.admitted(work).await?, rehash)
        } else {
            let imported = Imported::parse(text).ok_or(HashingError::Corrupt)?;
            let work = move |_: &Inner| Ok(imported.matches(password.expose().as_bytes()));
            (self.admitted(work).await?, true)
        };
        Ok(if equal && stored.is_some() { Verified::Match { rehash } } else { Verified::NoMatch })
    }

    /// Does `work` off the async threads as soon as there is a permit for it.
    async fn admitted<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, HashingError> + Send + 'static,
    ) -> Result<T, HashingError> {
        let inner = Arc::clone(&self.0);
        let place = Arc::clone(&inner.places)
            .try_acquire_owned()
            .map_err(|_| HashingError::Busy { retry_after: inner.queue_drains_in })?;
        let permit =
            Arc::clone(&inner.permits).acquire_owned().await.map_err(|_| HashingError::Interrupted)?;
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work, not by its caller: a caller who goes away must not let one more in.
            let _held = (place, permit);
            inner.computed.fetch_add(1, Ordering::Relaxed);
            work(&inner)
        });
        done.await.map_err(|_| HashingError::Interrupted)?
    }
}

impl Inner {
    /// The hash of `password` with everything else as in `like`.
    fn argon2(&self, like: &Stored, password: &Password) -> Result<Zeroizing<Vec<u8>>, HashingError> {
        let mut hash = Zeroizing::new(vec![0; like.hash.len()]);
        self.with_memory(like.params.block_count(), |memory| {
            Argon2::new(like.algorithm, like.version, like.params.clone())
                .hash_password_into_with_memory(password.expose().as_bytes(), &like.salt, &mut hash, memory)
                // A salt or a hash of a length that Argon2 does not know.
                .map_err(|_| HashingError::Corrupt)
        })?;
        Ok(hash)
    }

    fn with_memory<T>(&self, blocks: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
        let kept = self.params.block_count();
        if blocks > kept {
            // An old hash that wants more than our settings: rare, and rehashed after this.
            return work(&mut vec![Block::new(); blocks]);
        }
        let idle = self.idle.lock().pop();
        let mut memory = idle.unwrap_or_else(|| vec![Block::new(); kept]);
        let result = work(&mut memory);
        self.idle.lock().push(memory);
        result
    }
}

#[cfg(test)]
mod tests;
