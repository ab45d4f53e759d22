//! The one database of a host: what guests keep by keys.
//!
//! It is SQLite with a write-ahead log, which several processes use at once. Readers
//! disturb nobody; who writes waits for his turn in this process, and for the lock of
//! the file beside others. What is answered is on the disk.

mod entries;
mod opened;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use patinox_resources::{
    EvictIdle, Maker, Pool, PoolConfig, PoolError, Reclaim, Registry, Resource,
};
use patinox_sandbox::{KeyValue, Keys, StorageError, StorageFuture};
use tokio::task::JoinError;

use self::entries::{Done, Fault};
use self::opened::{Opened, Place};

/// How many connections read at once; one more writes.
const READERS: usize = 4;

/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(60);

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
    place: Place,
    /// Whether the log has been told that it cannot be used.
    is_told: AtomicBool,
}

impl Database {
    /// A database in a folder that is ours alone. Nothing is opened before it is needed.
    fn new(folder: &Path, registry: &Registry) -> Self {
        let place = Place::new(folder);
        let pool = |size| {
            let config = PoolConfig {
                max_idle: Some(IDLE),
                ..PoolConfig::of(size)
            };
            let maker = Connections {
                place: place.clone(),
                registry: registry.clone(),
            };
            Pool::new(config, maker)
        };
        Self(Arc::new(Inner {
            readers: pool(READERS),
            writer: pool(1),
            place: place.clone(),
            is_told: AtomicBool::new(false),
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
        work: impl FnOnce(&mut Opened) -> Done<T> + Send + 'static,
    ) -> StorageFuture<'static, T> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { inner.run(&inner.readers, work).await })
    }

    /// The same, for what writes; each after the other.
    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Opened) -> Done<T> + Send + 'static,
    ) -> StorageFuture<'static, T> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { inner.run(&inner.writer, work).await })
    }

    /// The same, for what takes room.
    fn add<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Opened) -> Done<T> + Send + 'static,
    ) -> StorageFuture<'static, T> {
        let place = self.0.place.clone();
        self.write(move |opened| {
            place.check_space()?;
            work(opened)
        })
    }
}

impl Inner {
    async fn run<T: Send + 'static>(
        &self,
        pool: &Pool<Connections>,
        work: impl FnOnce(&mut Opened) -> Done<T> + Send + 'static,
    ) -> Result<T, StorageError> {
        let done = match pool.checkout(None).await {
            Ok(mut lease) => {
                let work = tokio::task::spawn_blocking(move || {
                    let done = work(&mut lease);
                    if matches!(done, Err(Fault::Failed(_))) {
                        lease.retire();
                    }
                    done
                });
                work.await.unwrap_or_else(|error| Err(ended(error)))
            }
            Err(PoolError::Make(fault)) => Err(fault),
            Err(PoolError::Busy { .. } | PoolError::Late) => Err(StorageError::Busy.into()),
            Err(error @ PoolError::Closed) => Err(Fault::Failed(error.to_string().into())),
        };
        let is_working = !matches!(done, Err(Fault::Failed(_)));
        let was_told = self.is_told.swap(!is_working, Ordering::Relaxed);
        done.map_err(|fault| {
            let error = fault.into_error();
            // A guest could fill the log with it.
            if let (StorageError::Failed(cause), false) = (&error, was_told) {
                tracing::warn!(cause = %cause, "the storage cannot be used");
            }
            error
        })
    }
}

/// The work has no answer: it panicked, or the runtime ends.
fn ended(error: JoinError) -> Fault {
    Fault::Failed(error.into())
}

/// Opens connections.
struct Connections {
    place: Place,
    registry: Registry,
}

impl Maker for Connections {
    type Value = Opened;
    type Error = Fault;

    async fn make(&self) -> Result<Opened, Fault> {
        let (place, registry) = (self.place.clone(), self.registry.clone());
        let opened = tokio::task::spawn_blocking(move || place.open(&registry));
        opened.await.unwrap_or_else(|error| Err(ended(error)))
    }

    async fn check(&self, opened: &mut Opened) -> bool {
        self.place.still_has(opened)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.0.place.path();
        f.debug_tuple("Database").field(&place).finish()
    }
}

impl KeyValue for Database {
    fn check(&self) -> StorageFuture<'_, ()> {
        self.read(|_| Ok(()))
    }

    fn get(
        &self,
        namespace: &str,
        keys: Vec<String>,
        most: u64,
    ) -> StorageFuture<'_, Vec<Option<Vec<u8>>>> {
        let namespace = namespace.to_owned();
        self.read(move |opened| entries::get(&mut opened.database, &namespace, &keys, most))
    }

    fn set(
        &self,
        namespace: &str,
        entries: Vec<(String, Vec<u8>)>,
        quota: u64,
    ) -> StorageFuture<'_, ()> {
        let namespace = namespace.to_owned();
        self.add(move |opened| entries::set(&mut opened.database, &namespace, entries, quota))
    }

    fn delete(&self, namespace: &str, keys: Vec<String>) -> StorageFuture<'_, ()> {
        let namespace = namespace.to_owned();
        self.write(move |opened| entries::delete(&mut opened.database, &namespace, &keys))
    }

    fn exists(&self, namespace: &str, key: String) -> StorageFuture<'_, bool> {
        let namespace = namespace.to_owned();
        self.read(move |opened| entries::exists(&opened.database, &namespace, &key))
    }

    fn keys(&self, namespace: &str, after: Option<u64>) -> StorageFuture<'_, Keys> {
        let namespace = namespace.to_owned();
        self.read(move |opened| entries::keys(&opened.database, &namespace, after))
    }

    fn increment(
        &self,
        namespace: &str,
        key: String,
        delta: u64,
        quota: u64,
    ) -> StorageFuture<'_, u64> {
        let namespace = namespace.to_owned();
        self.add(move |opened| {
            entries::increment(&mut opened.database, &namespace, (&key, delta), quota)
        })
    }
}

/// Why a folder cannot be one of the database.
fn no_folder(error: io::Error) -> Fault {
    Fault::Failed(error.into())
}

#[cfg(test)]
mod tests;
