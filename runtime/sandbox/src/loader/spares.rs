//! Compile workers that are started ahead.
//!
//! They are started on a thread of their own, which lives as long as the loader: a
//! child dies with the thread that started it. Each compiles one component and is
//! never seen again; one for which none has come goes after a while.

use std::future::Future;
use std::io;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use futures_util::FutureExt as _;
use patinox_policy::LoadLimits;
use patinox_resources::{Kind, Lease, Maker, Owner, Pool, PoolConfig};

use crate::compile::{Ready, Worker, WorkerFault};

/// How long one waits for a component. A burst of loads comes sooner; for a
/// single one it would be held for nothing.
const IDLE: Duration = Duration::from_secs(60);

/// How often it is looked whether one has waited that long.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Workers that are ready.
pub(super) struct Spares {
    pool: Pool<Starter>,
    /// Has those started that are missing. That it is gone ends the thread, and
    /// with it the workers.
    wanted: SyncSender<()>,
}

struct Starter {
    worker: Worker,
    limits: LoadLimits,
}

impl Maker for Starter {
    type Value = Ready;
    type Error = WorkerFault;

    /// Blocks, on the thread of the spares.
    fn make(&self) -> impl Future<Output = Result<Ready, WorkerFault>> + Send {
        std::future::ready(self.worker.start(&self.limits))
    }

    fn check(&self, ready: &mut Ready) -> impl Future<Output = bool> + Send {
        std::future::ready(ready.is_alive())
    }
}

impl Spares {
    /// So many, none of which is started yet.
    ///
    /// # Errors
    ///
    /// If the machine refuses a thread.
    pub(super) fn new(worker: Worker, count: NonZeroUsize, limits: LoadLimits) -> io::Result<Self> {
        let entry = worker
            .registry()
            .register(Kind::Task, Owner::new("workers"), 0);
        let config = PoolConfig {
            ready: count.get(),
            max_idle: Some(IDLE),
            max_uses: Some(NonZeroU32::MIN),
            ..PoolConfig::of(count.get())
        };
        let pool = Pool::new(config, Starter { worker, limits });
        // One word is as good as many.
        let (wanted, wishes) = sync_channel(1);
        let thread = thread::Builder::new().name("patinox-workers".to_owned());
        let theirs = pool.clone();
        thread.spawn(move || {
            let _entry = entry;
            serve(&theirs, &wishes);
        })?;
        Ok(Self { pool, wanted })
    }

    /// Takes one that is ready and holds itself to these limits, if one is, and has
    /// another one started.
    pub(super) fn take(&self, limits: &LoadLimits) -> Option<Ready> {
        // The check looks, and does not wait.
        let taken = self.pool.checkout_idle().now_or_never().flatten();
        // From here on its place is free: only then is there room for another.
        let taken = taken.map(Lease::into_inner);
        // Where there is a word already, that one does it.
        let _ = self.wanted.try_send(());
        taken.filter(|ready| ready.suits(limits))
    }

    /// Lets go of those that are ready. How many these were.
    pub(super) fn drain(&self) -> usize {
        self.pool.drain()
    }

    /// The same, for good.
    pub(super) fn close(&self) {
        self.pool.close();
    }
}

fn serve(pool: &Pool<Starter>, wishes: &Receiver<()>) {
    loop {
        match wishes.recv_timeout(LOOK_EVERY) {
            Ok(()) => {
                // It blocks, and never waits. What is no worker is told to whoever
                // has something compiled next.
                let _ = pool.warm().now_or_never();
            }
            Err(RecvTimeoutError::Timeout) => {
                pool.evict();
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
