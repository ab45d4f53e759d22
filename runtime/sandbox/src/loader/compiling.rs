//! The compilers: a worker for each component, or this process.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use patinox_policy::LoadLimits;
use patinox_resources::{Constraints, Detector};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use super::blocking;
use super::spares::Spares;
use crate::compile::{Failed, Job, Order, Ready, Worker, WorkerFault, precompile};
use crate::error::{Error, Starved};
use crate::screen::Screened;
use crate::settings::Tunables;

/// Compilers that run at once, on a machine with many processors. Each may take
/// all of `compile-memory`.
const MAX_COMPILERS: usize = 8;

/// Descriptors of this process for each of them: the ends of its pipes, and what
/// is open for a moment while it starts.
const DESCRIPTORS_PER_COMPILER: u64 = 16;

/// How much less is taken where no worker is: compiled in the host's own
/// process, a component is bounded by what it has alone.
const TIGHTER: u64 = 4;

/// What keeping and linking may take beyond the deadline for compiling. It stops
/// a disk that hangs from holding up whoever loads the same component.
const FINISHING: Duration = Duration::from_secs(5);

/// What is to be compiled.
pub(super) struct Task {
    pub(super) screened: Screened,
    pub(super) tunables: Tunables,
    pub(super) limits: LoadLimits,
    pub(super) deadline: Instant,
}

/// What has been compiled.
pub(super) struct Done {
    pub(super) screened: Screened,
    pub(super) code: Vec<u8>,
    pub(super) time: Duration,
}

/// What compiles for a loader.
pub(super) struct Compilers {
    pub(super) worker: Option<Worker>,
    detector: Detector,
    /// A compiler runs for each permit that is out. How many there are is asked
    /// of the machine when the first one is needed.
    slots: OnceLock<Arc<Semaphore>>,
    /// Workers that are started ahead, from the first component on; `None` inside
    /// where the machine has no thread for that.
    spares: OnceLock<Option<Spares>>,
    /// Whether none is to be made ready for now.
    paused: AtomicBool,
}

impl Compilers {
    pub(super) const fn new(worker: Option<Worker>, detector: Detector) -> Self {
        Self {
            worker,
            detector,
            slots: OnceLock::new(),
            spares: OnceLock::new(),
            paused: AtomicBool::new(false),
        }
    }

    /// Has no worker made ready until it is told otherwise.
    pub(super) fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
    }

    /// A worker that is ready, if one is.
    fn spare(&self, worker: &Worker, limits: &LoadLimits) -> Option<Ready> {
        let (count, theirs) = worker.ahead?;
        if self.paused.load(Ordering::Relaxed) {
            return None;
        }
        let spares = self
            .spares
            .get_or_init(|| Spares::new(worker.clone(), count, theirs).ok());
        spares.as_ref()?.take(limits)
    }

    /// Lets go of the workers that are ready. How many these were.
    pub(super) fn drain(&self) -> usize {
        let spares = self.spares.get().and_then(Option::as_ref);
        spares.map_or(0, Spares::drain)
    }

    /// The same, and none is made ready any more.
    pub(super) fn close(&self) {
        if let Some(spares) = self.spares.get_or_init(|| None) {
            spares.close();
        }
    }

    /// One for each processor, but no more than the machine has memory for.
    fn slots(&self) -> Arc<Semaphore> {
        let slots = self.slots.get_or_init(|| {
            if self.worker.is_none() {
                return Arc::new(Semaphore::new(1));
            }
            let machine = self.detector.detect();
            let each = LoadLimits::default().compile_memory_bytes;
            let borne = Constraints::of(&machine).children(each, DESCRIPTORS_PER_COMPILER);
            let borne = usize::try_from(borne).unwrap_or(usize::MAX);
            let slots = machine.cores.value.get().min(borne).min(MAX_COMPILERS);
            Arc::new(Semaphore::new(slots))
        });
        Arc::clone(slots)
    }

    /// Has it compiled as soon as a compiler is free, then finishes it.
    pub(super) async fn compile<T: Send + 'static>(
        &self,
        task: Task,
        finish: impl FnOnce(Done) -> Result<T, Failed> + Send + 'static,
    ) -> Result<T, Failed> {
        let Task {
            screened,
            tunables,
            limits,
            deadline,
        } = task;
        let slot = self.slots().acquire_owned();
        let slot = match timeout_at(deadline.into(), slot).await {
            Ok(slot) => slot.map_err(|closed| Error::Internal(closed.into()))?,
            Err(_) => return Err(Failed::Starved(Starved::Waiting)),
        };
        // Of what is compiled in this process nothing is known.
        let late = || {
            Failed::Starved(Starved::Compiling {
                computed: None,
                is_busy: false,
            })
        };
        let Some(worker) = self.worker.clone() else {
            let work = move || finish(here(screened, tunables, slot)?);
            let done = timeout_at(deadline.into(), blocking(work)).await;
            return done.unwrap_or_else(|_| Err(late()));
        };
        let ready = self.spare(&worker, &limits);
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
            let code = worker.compile(&job, ready)?;
            drop(slot);
            finish(Done {
                screened,
                code,
                time: started.elapsed(),
            })
        };
        // The worker itself is late at the deadline, and that is told.
        let done = timeout_at((deadline + FINISHING).into(), blocking(work)).await;
        // Until here somebody waited.
        drop(leash);
        done.unwrap_or_else(|_| Err(late()))
    }

    /// The limits that hold: the screen alone bounds what no worker does.
    pub(super) fn tightened(&self, limits: &LoadLimits) -> LoadLimits {
        if self.worker.is_some() {
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
    pub(super) fn explain(&self, error: Error, limits: &LoadLimits) -> Error {
        match error {
            Error::Limit {
                name,
                allowed,
                spent: Some(spent),
            } if self.worker.is_none() => match limits.get(name) {
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

/// Compiles in this process.
fn here(
    screened: Screened,
    tunables: Tunables,
    slot: OwnedSemaphorePermit,
) -> Result<Done, Failed> {
    let compiler = Order { tunables }.engine().map_err(Error::internal)?;
    let started = Instant::now();
    let code = precompile(&compiler, &screened.bytes)?;
    drop(slot);
    Ok(Done {
        screened,
        code,
        time: started.elapsed(),
    })
}
