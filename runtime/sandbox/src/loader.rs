//! From bytes to a component, with everything bounded.

#[cfg(feature = "compile")]
mod ahead;
#[cfg(feature = "compile")]
mod compiling;
mod flights;
#[cfg(feature = "compile")]
mod keep;
#[cfg(not(feature = "compile"))]
mod precompiled;
mod refusals;
mod relief;
mod source;
#[cfg(feature = "compile")]
mod spares;
mod stored;

use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use patinox_policy::LoadLimits;
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use crate::artifact::ArtifactStore;
use crate::compile::Failed;
#[cfg(feature = "compile")]
use crate::compile::Worker;
use crate::component::Component;
use crate::engine::Engine;
use crate::error::{Error, Starved};
use crate::screen::Digest;
#[cfg(feature = "compile")]
use crate::screen::Screened;

#[cfg(feature = "compile")]
pub use ahead::Precompiled;
#[cfg(feature = "compile")]
use compiling::{Compilers, Task};
use flights::Flights;
#[cfg(feature = "compile")]
use keep::Keep;
#[cfg(not(feature = "compile"))]
use precompiled::Compilers;
use refusals::Refusals;
pub use source::Source;
use source::{Hashed, Held, Input};
use stored::Sought;

/// Loads components: screens them, has them compiled, links them.
///
/// What cannot be compiled is remembered, and refused at once the next time.
/// Cheap to clone; every clone shares what is under way and remembered.
#[derive(Clone)]
pub struct Loader(Arc<Shared>);

struct Shared {
    engine: Engine,
    compilers: Compilers,
    store: Option<ArtifactStore>,
    /// So many components are hashed, screened or read from the store at once,
    /// as the machine has processors. It stops a crowd of loads from taking a
    /// thread each, beside which no call gets its turn.
    readers: Arc<Semaphore>,
    /// The same for files, which may be on a disk that no longer answers.
    files: Arc<Semaphore>,
    flights: Flights,
    refusals: Refusals,
}

/// What the store does not have.
struct Wanted {
    digest: Digest,
    limits: LoadLimits,
    deadline: Instant,
    /// Why what the store has is of no use.
    trouble: Option<String>,
}

/// What came of it.
#[cfg_attr(
    not(feature = "compile"),
    expect(dead_code, reason = "only a compiler makes any")
)]
enum Made {
    Component(Component),
    /// The file is another one by now.
    Changed(Hashed),
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
    #[cfg(feature = "compile")]
    #[must_use]
    pub fn new(engine: Engine, worker: Option<Worker>, store: Option<ArtifactStore>) -> Self {
        let worker = worker.map(|worker| worker.written_down_in(engine.registry()));
        let compilers = Compilers::new(worker, engine.detector().clone());
        Self::of(engine, compilers, store)
    }

    /// Makes a loader of what the store has.
    #[cfg(not(feature = "compile"))]
    #[must_use]
    pub fn new(engine: Engine, store: Option<ArtifactStore>) -> Self {
        Self::of(engine, Compilers, store)
    }

    /// Ends the compile workers that are ready and have no component yet. How many
    /// these were. Waits until their processes are gone, for some milliseconds.
    #[cfg(feature = "compile")]
    pub fn drain_workers(&self) -> usize {
        self.0.compilers.drain()
    }

    /// The same, and none is made ready any more. What is compiled starts a worker
    /// of its own.
    #[cfg(feature = "compile")]
    pub fn close_workers(&self) {
        self.0.compilers.close();
    }

    fn of(engine: Engine, compilers: Compilers, store: Option<ArtifactStore>) -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        Self(Arc::new(Shared {
            engine,
            compilers,
            store,
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
    /// others wait for it, each until its own `compile-wall` is over: that is one
    /// time for all of it, reading the source included. It runs on tokio's
    /// threads that may block.
    ///
    /// # Errors
    ///
    /// If the bytes are no component, have more of something or take more to
    /// compile than `limits` allow, break a rule of the format, or import what
    /// this host does not offer; if a source is no regular file, or cannot be
    /// opened or read; and if the worker does not work.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future kills its compiler. Whoever waits for the same
    /// component then has it compiled himself. Without a worker, compiling goes
    /// on to its end, and nothing else is compiled until then; a thread may go on
    /// to the end of a file.
    pub async fn load(
        &self,
        source: impl Into<Source>,
        limits: &LoadLimits,
    ) -> Result<Component, Error> {
        let tightened = self.0.compilers.tightened(limits);
        let deadline = deadline(&tightened);
        let loaded = async {
            let hashed = self.hashed(source.into(), &tightened, deadline).await?;
            self.load_hashed(hashed, tightened, deadline).await
        };
        loaded
            .await
            .map_err(|error| self.0.compilers.explain(error, limits))
    }

    /// Reads a source as far as its name needs.
    async fn hashed(
        &self,
        source: Source,
        limits: &LoadLimits,
        deadline: Instant,
    ) -> Result<Hashed, Error> {
        let most = limits.file_bytes;
        let bytes = match source.0 {
            Input::Bytes(bytes) => {
                source::admit(bytes.len(), most)?;
                bytes
            }
            Input::Stream(stream) => {
                let read = timeout_at(deadline.into(), source::read(stream, most)).await;
                read.unwrap_or_else(|_| late(limits))?
            }
            Input::File(open) => {
                let hash = move || {
                    let file = open().map_err(Error::unreadable)?;
                    Hashed::of_file(file, most, deadline)
                };
                return bounded(&self.0.files, hash, limits, deadline).await;
            }
        };
        self.read(move || Ok(Hashed::of(bytes)), limits, deadline)
            .await
    }

    async fn load_hashed(
        &self,
        hashed: Hashed,
        limits: LoadLimits,
        deadline: Instant,
    ) -> Result<Component, Error> {
        let Hashed { held, digest, len } = hashed;
        let key: Key = (digest, limits);
        let again = |failed: Failed| Err(failed.explain(&limits));
        if let Some(refused) = self.0.refusals.get(&key) {
            return again(refused);
        }
        let flight = self.0.flights.join(&key);
        let Ok(mut landed) = timeout_at(deadline.into(), flight.lock()).await else {
            return again(Failed::Starved(Starved::Waiting));
        };
        if let Some(component) = landed.as_ref() {
            return Ok(component.clone());
        }
        // The one before may have found out.
        if let Some(refused) = self.0.refusals.get(&key) {
            return again(refused);
        }
        let (engine, store) = (self.0.engine.clone(), self.0.store.clone());
        let stored = move || {
            let found = stored::find(&engine, store.as_ref(), digest, &limits)?;
            found.try_map(|entry| entry.link(&engine, digest, len))
        };
        let trouble = match self.read(stored, &limits, deadline).await? {
            Sought::Found(component) => return Ok(landed.insert(component).clone()),
            Sought::Nothing => None,
            Sought::Bad(reason) => Some(reason),
        };
        let want = Wanted {
            digest,
            limits,
            deadline,
            trouble,
        };
        match self.make(held, want).await? {
            Made::Component(component) => Ok(landed.insert(component).clone()),
            Made::Changed(hashed) => {
                drop(landed);
                // Somebody wrote to it meanwhile. What has been read stays.
                Box::pin(self.load_hashed(hashed, limits, deadline)).await
            }
        }
    }

    /// Compiles what the store does not have.
    #[cfg(feature = "compile")]
    async fn make(&self, held: Held, want: Wanted) -> Result<Made, Error> {
        let Wanted {
            digest,
            limits,
            deadline,
            trouble,
        } = want;
        let (bytes, now) = self.whole(held, digest, &limits, deadline).await?;
        if now != digest {
            return Ok(Made::Changed(Hashed::with_digest(bytes, now)));
        }
        let engine = self.0.engine.clone();
        let screen = move || {
            let screened = Screened::with_digest(bytes, digest, &limits)?;
            let screened = screened.with_imports(engine.imports())?;
            // They may make an engine, which takes a while.
            let tunables = engine.tunables(screened.facts.profile)?;
            Ok((screened, tunables))
        };
        let (screened, tunables) = self.read(screen, &limits, deadline).await?;
        let task = Task {
            screened,
            tunables,
            limits,
            deadline,
        };
        let keep = self.keep(trouble);
        let compile = self.0.compilers.compile(task, |done| keep.link(done));
        compile.await.map(Made::Component).map_err(|failed| {
            self.0.refusals.remember((digest, limits), &failed);
            failed.explain(&limits)
        })
    }

    /// All bytes of a component, and what they are called now.
    #[cfg(feature = "compile")]
    async fn whole(
        &self,
        held: Held,
        digest: Digest,
        limits: &LoadLimits,
        deadline: Instant,
    ) -> Result<(Vec<u8>, Digest), Error> {
        match held {
            Held::Bytes(bytes) => Ok((bytes, digest)),
            Held::File(file) => {
                let most = limits.file_bytes;
                let whole = move || Hashed::whole(file, most, deadline);
                bounded(&self.0.files, whole, limits, deadline).await
            }
        }
    }

    /// What is done with code once it is compiled.
    #[cfg(feature = "compile")]
    fn keep(&self, trouble: Option<String>) -> Keep {
        Keep {
            engine: self.0.engine.clone(),
            store: self.0.store.clone(),
            trouble,
        }
    }

    /// Says why the store does not have it.
    #[cfg(not(feature = "compile"))]
    async fn make(&self, _: Held, want: Wanted) -> Result<Made, Error> {
        let (engine, store) = (self.0.engine.clone(), self.0.store.clone());
        let Wanted {
            digest,
            limits,
            deadline,
            trouble,
        } = want;
        let why = move || Ok(precompiled::why(&engine, store.as_ref(), digest, trouble));
        let why = self.read(why, &limits, deadline).await?;
        Err(Error::NotPrecompiled(why))
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
}

/// When loading must be done that begins now.
fn deadline(limits: &LoadLimits) -> Instant {
    Instant::now() + Duration::from_millis(limits.compile_wall_ms)
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
    done.await.unwrap_or_else(|_| late(limits))
}

fn late<T>(limits: &LoadLimits) -> Result<T, Error> {
    Err(Failed::Starved(Starved::Reading).explain(limits))
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
        f.debug_struct("Loader").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
