//! Where the database lies, and a connection to it.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use patinox_resources::{Kind, Owner, Registered, Registry, State, private_folder};
use patinox_sandbox::StorageError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use rustix::fs::{Mode, OFlags};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::fault::{Done, Fault};

/// The name of the database in its folder, and of its log.
const FILE: &str = "patinox.sqlite";
const LOG: &str = "patinox.sqlite-wal";

/// How the tables are laid out: of a later version nothing is touched.
const VERSION: i64 = 1;

/// How long the lock of another process is waited for.
pub(super) const WAIT: Duration = Duration::from_secs(5);

/// Once the log has so many bytes it is written back and begun anew. Readers that come
/// one after the other would have it grow for ever.
const LOG_BYTES: u64 = 4 << 20;

/// Beyond so many bytes nothing is added to it.
const MAX_LOG_BYTES: u64 = 64 << 20;

/// One part in so many of the disk is left to others, and at most so many bytes.
const FREE_PART: u64 = 20;
const MOST_FREE_BYTES: u64 = 1 << 30;

/// So many pages that are free are given back at once, where so many are.
const PAGES_BACK: u32 = 1_024;

const TABLES: &str = "
    CREATE TABLE namespaces (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        -- What its entries count.
        bytes INTEGER NOT NULL DEFAULT 0,
        -- The place of the next key that comes.
        next INTEGER NOT NULL DEFAULT 1
    ) STRICT;
    CREATE TABLE entries (
        namespace INTEGER NOT NULL REFERENCES namespaces (id),
        place INTEGER NOT NULL,
        key BLOB NOT NULL,
        value BLOB NOT NULL,
        UNIQUE (namespace, key),
        UNIQUE (namespace, place)
    ) STRICT;
";

/// Where a database lies.
#[derive(Clone)]
pub(super) struct Place(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    /// The file that was opened first. Another one that takes its place is never opened
    /// beside it: both would have one log, and one index of it in memory. It is held, so
    /// that no other can have its number; by a descriptor that no lock hangs on.
    file: OnceLock<(Identity, OwnedFd)>,
}

/// A connection.
pub(super) struct Opened {
    /// `None` once it is closed.
    database: Option<Connection>,
    entry: Option<Registered>,
    jobs: Arc<Semaphore>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity(u64, u64);

impl Opened {
    /// The connection, in use until this is [given back](Self::rest).
    pub(super) fn database(&mut self) -> Done<&mut Connection> {
        self.set_state(State::Active);
        let gone = || Fault::Failed("the connection is closed".into());
        self.database.as_mut().ok_or_else(gone)
    }

    pub(super) fn rest(&self) {
        self.set_state(State::Idle);
    }

    fn set_state(&self, state: State) {
        if let Some(entry) = &self.entry {
            entry.set_state(state);
        }
    }
}

impl Drop for Opened {
    /// To close one may wait for the disk: the last one writes the log back.
    fn drop(&mut self) {
        let permit = Arc::clone(&self.jobs).try_acquire_owned();
        let (database, entry) = (self.database.take(), self.entry.take());
        let close = move || {
            drop(database);
            drop((entry, permit));
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(close)),
            Err(_) => close(),
        }
    }
}

impl Place {
    pub(super) fn new(folder: &Path) -> Self {
        Self(Arc::new(Inner {
            folder: folder.to_owned(),
            file: OnceLock::new(),
        }))
    }

    pub(super) fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// Opens a connection, and makes the database where there is none. It waits for the
    /// disk.
    pub(super) fn open(&self, registry: &Registry, jobs: &Arc<Semaphore>) -> Done<Opened> {
        // Others cannot look into it, whatever mode its files have.
        private_folder(self.folder())?;
        self.check_file()?;
        // The way to it may have links; the file is none.
        let folder = self.folder().canonicalize()?;
        let mut database = Connection::open_with_flags(
            folder.join(FILE),
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX
                | OpenFlags::SQLITE_OPEN_NOFOLLOW
                | OpenFlags::SQLITE_OPEN_EXRESCODE,
        )?;
        configure(&database)?;
        prepare(&mut database)?;
        let opened = Opened {
            database: Some(database),
            entry: Some(registry.register(Kind::Connection, Owner::new("storage"), 0)),
            jobs: Arc::clone(jobs),
        };
        let held = self.hold()?;
        self.0.file.get_or_init(|| held);
        self.check_file()?;
        Ok(opened)
    }

    /// Whether the file there is the one that was opened first: what is written to one
    /// that was removed is lost.
    pub(super) fn check_file(&self) -> Done<()> {
        let Some((first, _)) = self.0.file.get() else {
            return Ok(());
        };
        match self.hold() {
            Ok((file, _)) if file == *first => Ok(()),
            _ => Err(Fault::Failed(
                "the database was removed or replaced while it was in use: end every program \
                 that uses it, and start them again"
                    .into(),
            )),
        }
    }

    /// The file that is there now. To close a usual descriptor of it would take all locks
    /// of the process on it away.
    fn hold(&self) -> io::Result<(Identity, OwnedFd)> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::open(self.folder().join(FILE), flags, Mode::empty())?;
        let found = rustix::fs::fstat(&file)?;
        Ok((Identity(found.st_dev, found.st_ino), file))
    }

    /// Whether there is room for more.
    pub(super) fn check_space(&self) -> Done<()> {
        if MAX_LOG_BYTES < self.log_bytes() {
            return Err(StorageError::Busy.into());
        }
        let disk = rustix::fs::statvfs(self.folder()).map_err(io::Error::from)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let all = disk.f_blocks.saturating_mul(disk.f_frsize);
        match free < (all / FREE_PART).min(MOST_FREE_BYTES) {
            true => Err(StorageError::NoSpace.into()),
            false => Ok(()),
        }
    }

    /// Writes the log back where it has grown, and gives back what is free. What was
    /// done is done, whatever comes of this.
    pub(super) fn tidy(&self, database: &Connection) {
        if LOG_BYTES < self.log_bytes() {
            // It waits for readers that began before.
            let _ = database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        }
        let free = database.pragma_query_value(None, "freelist_count", |row| row.get(0));
        if free.is_ok_and(|free: u32| PAGES_BACK < free) {
            // Each row is a page.
            let _ = database.pragma(None, "incremental_vacuum", PAGES_BACK, |_| Ok(()));
        }
    }

    fn log_bytes(&self) -> u64 {
        let log = self.folder().join(LOG).symlink_metadata();
        log.map_or(0, |log| log.len())
    }
}

fn configure(database: &Connection) -> Done<()> {
    database.busy_timeout(WAIT)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    if version(database)? == 0 {
        // Before there are tables.
        database.pragma_update(None, "auto_vacuum", "incremental")?;
    }
    database.pragma_update(None, "journal_mode", "wal")?;
    // What is answered outlives a loss of power, too.
    database.pragma_update(None, "synchronous", "full")?;
    database.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
    database.pragma_update(None, "foreign_keys", true)?;
    Ok(())
}

/// Makes the tables where there are none.
fn prepare(database: &mut Connection) -> Done<()> {
    if version(database)? == VERSION {
        return Ok(());
    }
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    match version(&transaction)? {
        // Another process was faster.
        VERSION => return Ok(()),
        0 => {}
        found => {
            let error = format!(
                "the database is of version {found}, and this program knows version {VERSION}"
            );
            return Err(Fault::Failed(error.into()));
        }
    }
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(transaction.commit()?)
}

fn version(database: &Connection) -> Done<i64> {
    Ok(database.pragma_query_value(None, "user_version", |row| row.get(0))?)
}
