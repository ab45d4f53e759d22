//! Where the database lies, and a connection to it.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use patinox_resources::{Kind, Owner, Registered, Registry, private_folder};
use patinox_sandbox::StorageError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::entries::{Done, Fault};

/// The name of the database in its folder.
const FILE: &str = "patinox.sqlite";

/// How the tables are laid out: of a later version nothing is touched.
const VERSION: i64 = 1;

/// How long the lock of another process is waited for. Nothing holds it for longer than
/// it takes to write one operation.
const BUSY: Duration = Duration::from_secs(10);

/// The log is cut to so many bytes once it was written back.
const LOG_BYTES: u64 = 4 << 20;

/// One part in so many of the disk is left to others.
const FREE_PART: u64 = 20;

const TABLES: &str = "
    CREATE TABLE namespaces (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        bytes INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        namespace INTEGER NOT NULL REFERENCES namespaces (id),
        key BLOB NOT NULL,
        value BLOB NOT NULL,
        UNIQUE (namespace, key)
    ) STRICT;
    CREATE INDEX entries_in_order ON entries (namespace, id);
";

/// Where a database lies.
#[derive(Clone)]
pub(super) struct Place(Arc<Path>);

/// A connection.
pub(super) struct Opened {
    pub(super) database: Connection,
    file: Identity,
    _entry: Registered,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity(u64, u64);

impl Place {
    pub(super) fn new(folder: &Path) -> Self {
        Self(folder.into())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    fn file(&self) -> PathBuf {
        self.0.join(FILE)
    }

    /// Opens a connection, and makes the database where there is none. It waits for the
    /// disk.
    pub(super) fn open(&self, registry: &Registry) -> Result<Opened, Fault> {
        let entry = registry.register(Kind::Connection, Owner::new("storage"), 0);
        // Others cannot look into it, whatever mode its files have.
        private_folder(&self.0).map_err(super::no_folder)?;
        // The way to it may have links; the file is none.
        let folder = self.0.canonicalize().map_err(super::no_folder)?;
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
        let file = self.identity().map_err(super::no_folder)?;
        Ok(Opened {
            database,
            file,
            _entry: entry,
        })
    }

    /// Whether a connection is one to the file that lies there: what is written to one
    /// that was removed is lost.
    pub(super) fn still_has(&self, opened: &Opened) -> bool {
        self.identity().is_ok_and(|file| file == opened.file)
    }

    fn identity(&self) -> io::Result<Identity> {
        let file = self.file().symlink_metadata()?;
        Ok(Identity(file.dev(), file.ino()))
    }

    /// Whether its disk has room for more.
    pub(super) fn check_space(&self) -> Done<()> {
        let disk = rustix::fs::statvfs(&*self.0).map_err(|errno| super::no_folder(errno.into()))?;
        match disk.f_blocks / FREE_PART < disk.f_bavail {
            true => Ok(()),
            false => Err(StorageError::NoSpace.into()),
        }
    }
}

fn configure(database: &Connection) -> Done<()> {
    database.busy_timeout(BUSY)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
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
