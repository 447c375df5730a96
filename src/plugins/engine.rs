//! The engine, its limits, and the thread that makes time pass for guests.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Store, UpdateDeadline,
};

use super::guest::{Call, State};
use super::journal::Journal;
use super::{Error, Limits, LoadError};

/// How often guests are asked whether their time is up; between, a guest keeps its thread.
const TICK: Duration = Duration::from_millis(10);
/// Core instances of one component: the module itself and what its wrapping adds. One in Rust has 3, one with a
/// JavaScript engine 13, one with Python's interpreter and its libraries some 30.
const CORES: u32 = 64;
/// Tables of one component, likewise.
const TABLES: u32 = 16;
/// Memories of one component: what stands for WASI in one with an engine has empty ones.
const MEMORIES: u32 = 4;

/// What all plugins share.
pub(super) struct Runtime {
    pub(super) engine: Engine,
    pub(super) limits: Limits,
    pub(super) journal: Arc<Journal>,
    places: Arc<Semaphore>,
    /// Half of the places is the most that one plugin may hold, so that a slow one leaves room for the others.
    shares: Mutex<BTreeMap<String, Arc<Semaphore>>>,
    /// Compiling takes a core for a while: one at a time.
    compiling: tokio::sync::Mutex<()>,
}

/// The right to one call; keep it as long as the store.
#[derive(Debug)]
pub(super) struct Place(#[expect(dead_code, reason = "held, not read")] [OwnedSemaphorePermit; 2]);

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Runtime {
    /// # Errors
    /// [`LoadError::Engine`]
    pub(super) fn new(limits: Limits, journal: Arc<Journal>) -> Result<Self, LoadError> {
        let engine =
            Engine::new(&config(&limits)).map_err(|error| LoadError::Engine(format!("{error:#}")))?;
        let weak = engine.weak();
        std::thread::Builder::new()
            .name("plugin-ticker".into())
            .spawn(move || {
                // The thread ends with the engine.
                while let Some(engine) = weak.upgrade() {
                    engine.increment_epoch();
                    drop(engine);
                    std::thread::sleep(TICK);
                }
            })
            .map_err(|error| LoadError::Engine(error.to_string()))?;
        let places = Arc::new(Semaphore::new(usize::try_from(limits.calls).unwrap_or(usize::MAX)));
        let (shares, compiling) = (Mutex::default(), tokio::sync::Mutex::default());
        Ok(Self { engine, limits, journal, places, shares, compiling })
    }

    /// Does what takes a core for a while on a thread of its own, one at a time.
    pub(super) async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> wasmtime::Result<T> + Send + 'static,
    ) -> wasmtime::Result<T> {
        let _turn = self.compiling.lock().await;
        tokio::task::spawn_blocking(work).await?
    }

    /// Waits for a free place, until `until` at most.
    pub(super) async fn place(&self, plugin: &str, until: Instant) -> Result<Place, Error> {
        let share = {
            let half = usize::try_from(self.limits.calls.div_ceil(2)).unwrap_or(usize::MAX);
            let mut shares = self.shares.lock();
            Arc::clone(shares.entry(plugin.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(half))))
        };
        let both = async {
            let own = share.acquire_owned().await?;
            Ok::<_, tokio::sync::AcquireError>([own, Arc::clone(&self.places).acquire_owned().await?])
        };
        match tokio::time::timeout_at(until.into(), both).await {
            Ok(Ok(permits)) => Ok(Place(permits)),
            Ok(Err(_)) => Err(Error::Engine("the plugins were shut down".into())),
            Err(_) => Err(Error::Busy),
        }
    }

    /// A fresh store whose guest is stopped at `until`, and gives its thread back at every tick before.
    pub(super) fn store(&self, state: State, until: Instant) -> Store<State> {
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| state);
        store.set_hostcall_fuel(self.limits.output_bytes);
        store.set_max_component_handles(self.limits.handles);
        if let Some(fuel) = self.limits.fuel
            && let Err(error) = store.set_fuel(fuel)
        {
            tracing::error!(target: "plugin", error = format!("{error:#}"), "fuel cannot be bounded");
        }
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            // Wasmtime's own way to yield wakes the task at once; tokio's lets the thread look at its connections first.
            Ok(if Instant::now() >= until {
                UpdateDeadline::Interrupt
            } else {
                UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))
            })
        });
        store
    }
}

impl Call<'_> {
    /// One call on a fresh store, which is dropped whatever happens: nothing outlives the call, and a store
    /// that was interrupted is never entered again.
    pub(super) async fn on_fresh_store<T>(
        &self,
        work: impl AsyncFnOnce(&mut Store<State>, Duration) -> wasmtime::Result<T>,
    ) -> Result<T, Error> {
        let until = Instant::now() + self.deadline;
        let _place = self.runtime.place(&self.who.plugin, until).await?;
        let mut store = self.runtime.store(State::new(self, until), until);
        let left = until.saturating_duration_since(Instant::now());
        let result = work(&mut store, left).await;
        // The failure first: it may be a limit that was met.
        let answer = result.map_err(|error| store.data().failure(&error));
        *self.usage.lock() = store.data().usage();
        answer
    }
}

/// Machine code for an engine with these limits. The compiler is one of its own: it keeps its working memory as long as
/// its engine.
pub(super) fn compile(limits: &Limits, component: &[u8]) -> wasmtime::Result<Vec<u8>> {
    Engine::new(&config(limits))?.precompile_component(component)
}

fn config(limits: &Limits) -> Config {
    let calls = limits.calls;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(calls)
        .total_core_instances(calls.saturating_mul(CORES))
        .max_core_instances_per_component(CORES)
        .total_memories(calls.saturating_mul(MEMORIES))
        .max_memories_per_component(MEMORIES)
        .max_memory_size(limits.memory_bytes)
        .total_tables(calls.saturating_mul(TABLES))
        .max_tables_per_component(TABLES)
        .table_elements(limits.table_elements)
        .total_stacks(calls);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .epoch_interruption(true)
        .max_wasm_stack(limits.stack_bytes)
        // What the host itself needs comes on top of the guest's.
        .async_stack_size(limits.stack_bytes.saturating_add(512 << 10))
        // A trap's address says nothing to an operator, and collecting it costs.
        .wasm_backtrace_max_frames(None)
        .concurrency_support(false)
        .consume_fuel(limits.fuel.is_some())
        // The guest's own compiler has optimised already; this one runs at every start.
        .cranelift_opt_level(OptLevel::None);
    config
}
