//! The one database of a host: what guests keep by keys.
//!
//! It is SQLite with a write-ahead log, which several processes use at once. Readers
//! disturb nobody; who writes waits for his turn in this process, and for the lock of
//! the file beside others. What is answered is on the disk.

mod entries;
mod fault;
mod opened;
mod turns;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use patinox_resources::{
    EvictIdle, Maker, Pool, PoolConfig, PoolError, Reclaim, Registry, Resource,
};
use patinox_sandbox::{KeyValue, Keys, StorageError, StorageFuture};
use rusqlite::Connection;
use tokio::sync::Semaphore;
use tokio::task::JoinError;

use self::entries::Asked;
use self::fault::{Done, Fault};
use self::opened::{Opened, Place};
use self::turns::Turns;

/// How many connections read at once; one more writes.
const READERS: usize = 4;

/// How many threads wait for the disk at once, those included that open a connection.
const JOBS: u32 = 6;

/// How long a connection that nobody uses is kept, where somebody looks.
const IDLE: Duration = Duration::from_secs(60);

/// How often the log is told that the storage cannot be used: a guest could fill it.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Where guests keep what is granted to them by `kv=NAMESPACE:rw`.
#[derive(Clone, Debug)]
pub enum Storage {
    /// A database in this folder, which is made where it is missing, and has to be ours
    /// alone. Several hosts, of any number of processes, may have the same one.
    Folder(PathBuf),
    /// The embedder's own.
    Custom(Arc<dyn KeyValue>),
}

impl Storage {
    /// Where it lies, if that is a folder of the host's.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        match self {
            Self::Folder(folder) => Some(folder.clone()),
            Self::Custom(_) => None,
        }
    }

    /// What the host uses it by, and what relieves it.
    pub(crate) fn open(&self, registry: &Registry) -> (Arc<dyn KeyValue>, Vec<Box<dyn Reclaim>>) {
        match self {
            Self::Folder(folder) => {
                let database = Database::new(folder, registry);
                let sources = database.sources();
                (Arc::new(database), sources)
            }
            Self::Custom(storage) => (Arc::clone(storage), Vec::new()),
        }
    }
}

/// Where the host keeps what outlives it.
struct Database(Arc<Inner>);

struct Inner {
    readers: Pool<Connections>,
    writer: Pool<Connections>,
    /// Of each namespace two read at once, and one writes: the others get their turns
    /// however many of one wait.
    reading: Turns,
    writing: Turns,
    place: Place,
    /// Held by what waits for the disk, also where nobody waits for that any more.
    jobs: Arc<Semaphore>,
    told: Mutex<Option<Instant>>,
}

impl Database {
    /// A database in a folder that is ours alone. Nothing is opened before it is needed.
    fn new(folder: &Path, registry: &Registry) -> Self {
        let place = Place::new(folder);
        let jobs = Arc::new(Semaphore::new(JOBS as usize));
        let pool = |size| {
            let config = PoolConfig {
                max_idle: Some(IDLE),
                ..PoolConfig::of(size)
            };
            let maker = Connections {
                place: place.clone(),
                registry: registry.clone(),
                jobs: Arc::clone(&jobs),
            };
            Pool::new(config, maker)
        };
        Self(Arc::new(Inner {
            readers: pool(READERS),
            writer: pool(1),
            reading: Turns::of(READERS / 2),
            writing: Turns::of(1),
            place: place.clone(),
            jobs: Arc::clone(&jobs),
            told: Mutex::default(),
        }))
    }

    /// What lets go of connections that nobody uses.
    fn sources(&self) -> Vec<Box<dyn Reclaim>> {
        const RELIEVES: &[Resource] = &[Resource::Memory, Resource::Descriptors];
        let idle = |pool: &Pool<_>| -> Box<dyn Reclaim> {
            Box::new(EvictIdle::new("idle connections", pool.clone(), RELIEVES))
        };
        vec![idle(&self.0.readers), idle(&self.0.writer)]
    }

    /// Runs something where it may block. It runs to its end, also where nobody waits.
    fn read<T: Send + 'static>(
        &self,
        namespace: &str,
        work: impl FnOnce(&mut Connection, &str) -> Done<T> + Send + 'static,
    ) -> StorageFuture<'static, T> {
        let (inner, namespace) = (Arc::clone(&self.0), namespace.to_owned());
        Box::pin(async move {
            let _turn = inner.reading.take(&namespace).await;
            inner
                .run(&inner.readers, move |database| work(database, &namespace))
                .await
        })
    }

    /// The same, for what writes.
    fn write<T: Send + 'static>(
        &self,
        namespace: &str,
        work: impl FnOnce(&Asked<'_>, &Place) -> Done<T> + Send + 'static,
    ) -> StorageFuture<'static, T> {
        let (inner, namespace) = (Arc::clone(&self.0), namespace.to_owned());
        Box::pin(async move {
            let _turn = inner.writing.take(&namespace).await;
            let place = inner.place.clone();
            // Held as long as somebody waits for the answer.
            let waits = Arc::new(());
            let by = Arc::downgrade(&waits);
            let work = move |database: &mut Connection| {
                let asked = Asked {
                    database,
                    namespace: &namespace,
                    by: &by,
                };
                let done = work(&asked, &place);
                place.tidy(database);
                done
            };
            let done = inner.run(&inner.writer, work).await;
            drop(waits);
            done
        })
    }
}

impl Inner {
    async fn run<T: Send + 'static>(
        &self,
        pool: &Pool<Connections>,
        work: impl FnOnce(&mut Connection) -> Done<T> + Send + 'static,
    ) -> Result<T, StorageError> {
        let done = match pool.checkout(None).await {
            Ok(mut lease) => {
                let place = self.place.clone();
                blocking(&self.jobs, move || {
                    let done = place
                        .check_file()
                        .and_then(|()| lease.database().and_then(work));
                    lease.rest();
                    if matches!(done, Err(Fault::Failed(_))) {
                        lease.retire();
                    }
                    done
                })
                .await
            }
            Err(PoolError::Make(fault)) => Err(fault),
            Err(PoolError::Busy { .. } | PoolError::Late) => Err(StorageError::Busy.into()),
            Err(error @ PoolError::Closed) => Err(Fault::Failed(error.to_string().into())),
        };
        done.map_err(|fault| {
            let error = fault.into_error();
            if let StorageError::Failed(cause) = &error
                && self.is_to_be_told()
            {
                tracing::warn!(cause = %cause, "the storage cannot be used");
            }
            error
        })
    }

    fn is_to_be_told(&self) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = told.is_none_or(|told| TOLD_EVERY <= told.elapsed());
        if is_due {
            *told = Some(Instant::now());
        }
        is_due
    }
}

/// Runs something where it may block, one of a few at once.
async fn blocking<T: Send + 'static>(
    jobs: &Arc<Semaphore>,
    work: impl FnOnce() -> Done<T> + Send + 'static,
) -> Done<T> {
    // It is never closed.
    let permit = Arc::clone(jobs).acquire_owned().await.ok();
    let work = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        work()
    });
    work.await.unwrap_or_else(|error| Err(ended(error)))
}

/// The work has no answer: it panicked, or the runtime ends.
fn ended(error: JoinError) -> Fault {
    Fault::Failed(error.into())
}

/// Opens connections.
struct Connections {
    place: Place,
    registry: Registry,
    jobs: Arc<Semaphore>,
}

impl Maker for Connections {
    type Value = Opened;
    type Error = Fault;

    async fn make(&self) -> Result<Opened, Fault> {
        let (place, registry) = (self.place.clone(), self.registry.clone());
        let jobs = Arc::clone(&self.jobs);
        blocking(&self.jobs, move || place.open(&registry, &jobs)).await
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.0.place.folder();
        f.debug_tuple("Database").field(&folder).finish()
    }
}

impl KeyValue for Database {
    fn check(&self) -> StorageFuture<'_, ()> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { inner.run(&inner.readers, |_| Ok(())).await })
    }

    fn get(
        &self,
        namespace: &str,
        keys: Vec<String>,
        most: u64,
    ) -> StorageFuture<'_, Vec<Option<Vec<u8>>>> {
        self.read(namespace, move |database, namespace| {
            entries::get(database, namespace, &keys, most)
        })
    }

    fn set(
        &self,
        namespace: &str,
        entries: Vec<(String, Vec<u8>)>,
        quota: u64,
    ) -> StorageFuture<'_, ()> {
        self.write(namespace, move |asked, place| {
            let room = || place.check_space();
            entries::set(asked, entries, (quota, &room))
        })
    }

    fn delete(&self, namespace: &str, keys: Vec<String>) -> StorageFuture<'_, ()> {
        self.write(namespace, move |asked, _| entries::delete(asked, &keys))
    }

    fn exists(&self, namespace: &str, key: String) -> StorageFuture<'_, bool> {
        self.read(namespace, move |database, namespace| {
            entries::exists(database, namespace, &key)
        })
    }

    fn keys(&self, namespace: &str, after: Option<u64>) -> StorageFuture<'_, Keys> {
        self.read(namespace, move |database, namespace| {
            entries::keys(database, namespace, after)
        })
    }

    fn increment(
        &self,
        namespace: &str,
        key: String,
        delta: u64,
        quota: u64,
    ) -> StorageFuture<'_, u64> {
        self.write(namespace, move |asked, place| {
            let room = || place.check_space();
            entries::increment(asked, (&key, delta), (quota, &room))
        })
    }

    fn close(&self) -> StorageFuture<'_, ()> {
        Box::pin(async move {
            self.0.readers.close();
            self.0.writer.close();
            // What has begun is done, and what is idle is closed by then.
            let _all = self.0.jobs.acquire_many(JOBS).await;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
