//! What a host tells of itself while it runs: a socket in a folder of its user's
//! own, which `patinox top` reads.
//!
//! Each second whoever is connected gets one line of JSON, a [`Status`]. Nobody but
//! the user of the process, and root, may read it; nothing is ever read from it. A
//! thread of its own serves it: no call waits for a reader, and nothing is asked
//! while there is none.
//!
//! Read `readers`, which is that thread; `socket` and `folder`, which say where it is
//! found; `document` and `figures`, which say what it tells.

mod document;
mod environment;
mod error;
mod figures;
mod folder;
mod readers;
mod socket;

pub(crate) use self::folder::scratch_folder;

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Instant, SystemTime};

use patinox_resources::{Kind, Owner, Registered};

pub use self::document::{
    About, Calls, Held, MAX_LINE_BYTES, Machine, Outcome, Part, Pool, Pressed, Status, Told, Tool,
    Unread, VERSION,
};
pub use self::error::StatusError;
pub use self::folder::{Knock, MAX_SOCKETS, StatusFolder, StatusSocket};
pub use self::readers::MAX_READERS;

use self::readers::{Pace, Readers};
use self::socket::Bound;
use crate::PatinoxError;
use crate::host::Parts;

/// How a host shows itself to `patinox top`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusConfig {
    /// Where its socket lies; `None`, the default, for [the usual
    /// place](StatusFolder::usual). It is made if it is missing; it must be ours,
    /// closed to others, and no link.
    pub folder: Option<PathBuf>,
}

/// The socket of a host, until this is dropped.
#[derive(Debug)]
pub(crate) struct Served {
    bound: Bound,
    /// That it is gone ends the thread.
    _end: UnixStream,
    _entry: Registered,
}

impl Served {
    /// Opens the socket of a host, and serves it until this is dropped or the host is
    /// gone.
    pub(crate) fn start(config: &StatusConfig, host: &Arc<Parts>) -> Result<Self, PatinoxError> {
        let path = config.folder.clone().unwrap_or_else(StatusFolder::usual);
        let (listener, bound) = socket::bind(StatusFolder::make(&path)?)?;
        let (end, ended) = UnixStream::pair().map_err(StatusError::io("make a pair of sockets"))?;
        let registry = host.config.registry.clone();
        let entry = registry.register(Kind::Task, Owner::new("status"), 0);
        let (about, host) = (Started::now(host), Arc::downgrade(host));
        let make = move || about.line(&host);
        let readers = Readers::new((listener, ended), make, Pace::default(), registry);
        let thread = thread::Builder::new().name("patinox-status".to_owned());
        let started = thread.spawn(move || readers.run());
        started.map_err(PatinoxError::NoThread)?;
        Ok(Self {
            bound,
            _end: end,
            _entry: entry,
        })
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> PathBuf {
        self.bound.path()
    }
}

/// When a host was made.
struct Started {
    at: SystemTime,
    since: Instant,
    program: String,
}

impl Started {
    fn now(host: &Parts) -> Self {
        let program = environment::program().unwrap_or_default();
        Self {
            at: host.config.clock.wall(),
            since: Instant::now(),
            program: program.to_string_lossy().into_owned(),
        }
    }

    fn about(&self) -> About {
        let at = self.at.duration_since(SystemTime::UNIX_EPOCH);
        let milliseconds = |count: u128| u64::try_from(count).unwrap_or(u64::MAX);
        About {
            pid: std::process::id(),
            program: self.program.clone(),
            patinox: env!("CARGO_PKG_VERSION").to_owned(),
            started_at_unix_ms: milliseconds(at.map_or(0, |at| at.as_millis())),
            uptime_ms: milliseconds(self.since.elapsed().as_millis()),
        }
    }

    /// Looks at the host, and tells it in a line; `None` once it is gone.
    fn line(&self, host: &Weak<Parts>) -> Option<Vec<u8>> {
        let host = host.upgrade()?;
        let snapshot = host.look()?;
        let status = figures::status(self.about(), &snapshot, &host.active_alerts());
        Some(status.line())
    }
}

#[cfg(test)]
mod tests;
