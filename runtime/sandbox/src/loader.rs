//! From bytes to a component, with everything bounded.

mod flights;
mod refusals;
mod source;
mod stored;

use std::fmt;
use std::fs::File;
use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use patinox_policy::{LimitName, LoadLimits};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use crate::artifact::ArtifactStore;
use crate::compile::{Failed, Job, Order, Worker, WorkerFault, precompile};
use crate::component::Component;
use crate::engine::Engine;
use crate::error::Error;
use crate::screen::{Digest, Screened};

use flights::Flights;
use refusals::Refusals;
use source::{Hashed, Source};
use stored::{Keep, Sought};

/// Compilers that run at once, on a machine with many processors. Each may take
/// all of `compile-memory`.
const MAX_COMPILERS: usize = 8;

/// How much less is taken where no worker is: compiled in the host's own
/// process, a component is bounded by what it has alone.
const TIGHTER: u64 = 4;

/// What keeping and linking may take beyond the deadline for compiling. It stops
/// a disk that hangs from holding up whoever loads the same component.
const FINISHING: Duration = Duration::from_secs(5);

/// Loads components: screens them, has them compiled, links them.
///
/// What cannot be compiled is remembered, and refused at once the next time.
/// Cheap to clone; every clone shares what is under way and remembered.
#[derive(Clone)]
pub struct Loader(Arc<Shared>);

struct Shared {
    engine: Engine,
    worker: Option<Worker>,
    store: Option<ArtifactStore>,
    /// A compiler runs for each permit that is out.
    slots: Arc<Semaphore>,
    /// So many components are hashed, screened or read from the store at once,
    /// as the machine has processors. It stops a crowd of loads from taking a
    /// thread each, beside which no call gets its turn.
    readers: Arc<Semaphore>,
    /// The same for files, which may be on a disk that no longer answers.
    files: Arc<Semaphore>,
    flights: Flights,
    refusals: Refusals,
}

/// What decides how loading ends: the component's digest, and the limits.
type Key = (Digest, LoadLimits);

/// What the artifact store had to do with loading a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// Nothing: there is none.
    Absent,
    /// It had the code.
    Hit,
    /// It had nothing, and has the code now.
    Kept,
    /// What it had was no entry of ours. That is set aside, and the code was
    /// compiled anew.
    Replaced {
        /// What was wrong with it.
        reason: String,
    },
    /// It cannot keep the code.
    NotKept {
        /// Why.
        reason: String,
    },
}

impl Loader {
    /// Makes a loader. Without a worker it compiles in this process, one
    /// component at a time, and takes only what is four times smaller than its
    /// limits say.
    #[must_use]
    pub fn new(engine: Engine, worker: Option<Worker>, store: Option<ArtifactStore>) -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let slots = match &worker {
            Some(_) => processors.min(MAX_COMPILERS),
            None => 1,
        };
        Self(Arc::new(Shared {
            engine,
            worker,
            store,
            slots: Arc::new(Semaphore::new(slots)),
            readers: Arc::new(Semaphore::new(processors)),
            files: Arc::new(Semaphore::new(processors)),
            flights: Flights::default(),
            refusals: Refusals::default(),
        }))
    }

    /// Loads a component. No code of it runs.
    ///
    /// What the artifact store has is neither screened nor compiled again.
    ///
    /// Of several that load the same one at once, one has it compiled and the
    /// others wait for it, each until its own `compile-wall` is over. It runs on
    /// tokio's threads that may block.
    ///
    /// # Errors
    ///
    /// If the bytes are no component, have more of something or take more to
    /// compile than `limits` allow, break a rule of the format, or import what
    /// this host does not offer; and if the worker does not work.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future kills its compiler. Whoever waits for the same
    /// component then has it compiled himself. Without a worker, compiling goes
    /// on to its end, and nothing else is compiled until then.
    pub async fn load(&self, bytes: Vec<u8>, limits: &LoadLimits) -> Result<Component, Error> {
        let tightened = self.tightened(limits);
        let deadline = deadline(&tightened);
        let most = tightened.file_bytes;
        let loaded = async {
            source::admit(bytes.len(), most)?;
            let hash = move || Ok(Hashed::of(bytes));
            let hashed = self.read(hash, &tightened, deadline).await?;
            self.load_hashed(hashed, tightened, deadline).await
        };
        loaded.await.map_err(|error| self.explain(error, limits))
    }

    /// As [`load`](Self::load), from a file: what the artifact store has is not
    /// held as a whole, and what it has not is read a second time.
    ///
    /// `open` must not wait for a pipe; it runs where it may block, and a disk
    /// that does not answer ends loading as a slow compiler does.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load); and if it is no regular file, or cannot be
    /// opened or read.
    ///
    /// # Cancel safety
    ///
    /// As [`load`](Self::load); a thread may go on to the end of the file.
    pub async fn load_file(
        &self,
        open: impl FnOnce() -> io::Result<File> + Send + 'static,
        limits: &LoadLimits,
    ) -> Result<Component, Error> {
        let tightened = self.tightened(limits);
        let deadline = deadline(&tightened);
        let most = tightened.file_bytes;
        let loaded = async {
            let hash = move || Hashed::of_file(open().map_err(Error::Unreadable)?, most, deadline);
            let hashed = bounded(&self.0.files, hash, &tightened, deadline).await?;
            self.load_hashed(hashed, tightened, deadline).await
        };
        loaded.await.map_err(|error| self.explain(error, limits))
    }

    async fn load_hashed(
        &self,
        hashed: Hashed,
        limits: LoadLimits,
        deadline: Instant,
    ) -> Result<Component, Error> {
        let Hashed {
            source,
            digest,
            len,
        } = hashed;
        let key: Key = (digest, limits);
        let again = |failed: Failed| Err(failed.explain(&limits));
        if let Some(refused) = self.0.refusals.get(&key) {
            return again(refused);
        }
        let flight = self.0.flights.join(&key);
        let Ok(mut landed) = timeout_at(deadline.into(), flight.lock()).await else {
            return again(Failed::Short(LimitName::CompileWall));
        };
        if let Some(component) = landed.as_ref() {
            return Ok(component.clone());
        }
        // The one before may have found out.
        if let Some(refused) = self.0.refusals.get(&key) {
            return again(refused);
        }
        let (engine, store) = (self.0.engine.clone(), self.0.store.clone());
        let stored = move || stored::find(&engine, store.as_ref(), digest, len, &limits);
        let trouble = match self.read(stored, &limits, deadline).await? {
            Sought::Found(component) => return Ok(landed.insert(component).clone()),
            Sought::Nothing => None,
            Sought::Bad(reason) => Some(reason),
        };
        let bytes = match source {
            Source::Bytes(bytes) => bytes,
            Source::File(file) => {
                let whole = move || Hashed::whole(file, limits.file_bytes, deadline);
                let (bytes, now) = bounded(&self.0.files, whole, &limits, deadline).await?;
                if now != digest {
                    drop(landed);
                    // Somebody wrote to it meanwhile. What has been read stays.
                    let hashed = Hashed::with_digest(bytes, now);
                    return Box::pin(self.load_hashed(hashed, limits, deadline)).await;
                }
                bytes
            }
        };
        let imports = self.0.engine.imports().clone();
        let screen = move || Ok(Screened::with_digest(bytes, digest, &limits, &imports)?);
        let screened = self.read(screen, &limits, deadline).await?;
        match self.compile(screened, trouble, limits, deadline).await {
            Ok(component) => Ok(landed.insert(component).clone()),
            Err(failed) => {
                self.0.refusals.remember(key, &failed);
                again(failed)
            }
        }
    }

    /// Does what takes a processor for a moment, as soon as one is free.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
        limits: &LoadLimits,
        deadline: Instant,
    ) -> Result<T, Error> {
        bounded(&self.0.readers, work, limits, deadline).await
    }

    /// Has it compiled as soon as a compiler is free, then links it.
    async fn compile(
        &self,
        screened: Screened,
        trouble: Option<String>,
        limits: LoadLimits,
        deadline: Instant,
    ) -> Result<Component, Failed> {
        let late = Failed::Short(LimitName::CompileWall);
        let slot = Arc::clone(&self.0.slots).acquire_owned();
        let slot = match timeout_at(deadline.into(), slot).await {
            Ok(slot) => slot.map_err(|closed| Error::Internal(closed.into()))?,
            Err(_) => return Err(late),
        };
        let keep = Keep {
            engine: self.0.engine.clone(),
            store: self.0.store.clone(),
            trouble,
        };
        let Some(worker) = self.0.worker.clone() else {
            let work = move || here(keep, screened, slot);
            let done = timeout_at(deadline.into(), blocking(work)).await;
            return done.unwrap_or(Err(late));
        };
        let tunables = self.0.engine.tunables(screened.facts.profile)?;
        let (end, leash) = io::pipe().map_err(WorkerFault::NotStarted)?;
        let work = move || {
            let job = Job {
                order: Order { tunables },
                bytes: &screened.bytes,
                limits: &limits,
                deadline,
                leash: &end,
            };
            let started = Instant::now();
            let code = worker.compile(&job)?;
            drop(slot);
            keep.finish(screened, code, started.elapsed())
        };
        // The worker itself is late at the deadline, and that is told.
        let done = timeout_at((deadline + FINISHING).into(), blocking(work)).await;
        // Until here somebody waited.
        drop(leash);
        done.unwrap_or(Err(late))
    }

    /// The limits that hold: the screen alone bounds what no worker does.
    fn tightened(&self, limits: &LoadLimits) -> LoadLimits {
        if self.0.worker.is_some() {
            return *limits;
        }
        let tighter = |limit: u64| (limit / TIGHTER).max(1);
        LoadLimits {
            file_bytes: tighter(limits.file_bytes),
            functions: tighter(limits.functions),
            nesting: tighter(limits.nesting),
            all_instances: tighter(limits.all_instances),
            ..*limits
        }
    }

    /// Says when it is for want of a worker that a component is refused.
    fn explain(&self, error: Error, limits: &LoadLimits) -> Error {
        match error {
            Error::Limit {
                name,
                allowed,
                spent: Some(spent),
            } if self.0.worker.is_none() => match limits.get(name) {
                Some(whole) if whole < spent => Error::Limit {
                    name,
                    allowed: whole,
                    spent: Some(spent),
                },
                _ => Error::NoWorker {
                    name,
                    allowed,
                    spent,
                },
            },
            error => error,
        }
    }
}

/// When loading must be done that begins now.
fn deadline(limits: &LoadLimits) -> Instant {
    Instant::now() + Duration::from_millis(limits.compile_wall_ms)
}

/// Compiles in this process.
fn here(keep: Keep, screened: Screened, slot: OwnedSemaphorePermit) -> Result<Component, Failed> {
    let tunables = keep.engine.tunables(screened.facts.profile)?;
    let compiler = Order { tunables }.engine().map_err(Error::internal)?;
    let started = Instant::now();
    let code = precompile(&compiler, &screened.bytes)?;
    drop(slot);
    keep.finish(screened, code, started.elapsed())
}

/// Runs what blocks with one of so many permits, until the deadline.
async fn bounded<T: Send + 'static>(
    permits: &Arc<Semaphore>,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    limits: &LoadLimits,
    deadline: Instant,
) -> Result<T, Error> {
    let done = timeout_at(deadline.into(), async {
        let permit = Arc::clone(permits).acquire_owned().await;
        let permit = permit.map_err(|closed| Error::Internal(closed.into()))?;
        blocking(move || {
            let done = work();
            // Held for as long as a thread works, whether or not anybody waits.
            drop(permit);
            done
        })
        .await
    });
    let late = |_| Err(Failed::Short(LimitName::CompileWall).explain(limits));
    done.await.unwrap_or_else(late)
}

/// Runs what blocks where it may. A panic is a fault of the host.
async fn blocking<T: Send + 'static, E: From<Error> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::Internal(error.into()))?
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader")
            .field("worker", &self.0.worker)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
