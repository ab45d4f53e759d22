//! A list that is kept as JSON in a folder which is ours alone.

use std::fs::Metadata;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use patinox_policy::{Code, cut, escape_line};
use patinox_resources::private_folder;
use rustix::fs::Mode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{changing, read, write};

/// How the file is laid out: one of a later version is left alone.
const VERSION: u32 = 1;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// The most that a list holds.
const MAX_ENTRIES: usize = 10_000;

/// The longest text of the file that a message repeats, in bytes.
const MAX_ECHO_BYTES: usize = 160;

/// A list in a file, changed by one process at a time and read by all. Nothing is read
/// or made before it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct List {
    folder: PathBuf,
    file: &'static str,
}

/// What tells one state of the file from the next one: where it lies, and when and how
/// large it became. One that was read holds the file, whose place nobody else has then.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    state: (u64, u64, SystemTime, u64),
    _held: Option<Arc<std::fs::File>>,
}

impl PartialEq for Stamp {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state
    }
}

impl Stamp {
    fn of(found: &Metadata, held: Option<Arc<std::fs::File>>) -> Option<Self> {
        let state = (
            found.dev(),
            found.ino(),
            found.modified().ok()?,
            found.len(),
        );
        Some(Self { state, _held: held })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File<T> {
    version: u32,
    #[serde(alias = "trusted")]
    entries: Vec<T>,
}

/// Why a list cannot be read or kept. It names no path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// The system refused something.
    #[error("the system refuses it")]
    Io(#[source] io::Error),
    /// The file is wrong somewhere: then nothing of it counts.
    #[error("its file is wrong somewhere: {0}")]
    Wrong(String),
    /// More than anybody has.
    #[error("it holds at most {MAX_ENTRIES}, and takes at most {} MiB", MAX_BYTES >> 20)]
    TooMany,
}

impl ListError {
    pub(crate) const fn code(&self) -> Code {
        match self {
            Self::Io(_) => Code::Unreadable,
            Self::Wrong(_) => Code::InvalidConfig,
            Self::TooMany => Code::Usage,
        }
    }
}

impl List {
    pub(crate) fn new(folder: impl Into<PathBuf>, file: &'static str) -> Self {
        Self {
            folder: folder.into(),
            file,
        }
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// Whether there is anything to read.
    fn is_there(&self) -> bool {
        !matches!(self.folder.try_exists(), Ok(false))
    }

    /// All of it; nothing where there is no folder yet.
    pub(crate) fn all<T: DeserializeOwned>(&self) -> Result<Vec<T>, ListError> {
        Ok(self.stamped()?.0)
    }

    /// The same, and what the file was that it was read from.
    pub(crate) fn stamped<T: DeserializeOwned>(
        &self,
    ) -> Result<(Vec<T>, Option<Stamp>), ListError> {
        match self.is_there() {
            true => self.read(&self.open()?),
            false => Ok((Vec::new(), None)),
        }
    }

    /// Changes it, when nobody else does.
    pub(crate) fn change<T: Serialize + DeserializeOwned, R>(
        &self,
        change: impl FnOnce(&mut Vec<T>) -> R,
    ) -> Result<R, ListError> {
        let folder = self.open()?;
        let _changing = changing(&folder).map_err(ListError::Io)?;
        let (mut entries, _) = self.read(&folder)?;
        let answer = change(&mut entries);
        if MAX_ENTRIES < entries.len() {
            return Err(ListError::TooMany);
        }
        let version = VERSION;
        let text = serde_json::to_string_pretty(&File { version, entries });
        let text = text.map_err(|error| ListError::Io(io::Error::other(error)))?;
        if MAX_BYTES < text.len() as u64 {
            return Err(ListError::TooMany);
        }
        let written = write(&folder, self.file, text.as_bytes(), Mode::RUSR | Mode::WUSR);
        written.map_err(ListError::Io)?;
        Ok(answer)
    }

    /// Takes something away, if there is anything.
    pub(crate) fn take<T: Serialize + DeserializeOwned>(
        &self,
        is_taken: impl Fn(&T) -> bool,
    ) -> Result<Vec<T>, ListError> {
        if !self.is_there() {
            return Ok(Vec::new());
        }
        self.change(|entries| entries.extract_if(.., |entry| is_taken(entry)).collect())
    }

    /// What the file is now; `None` where there is none.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        let found = self.folder.join(self.file).symlink_metadata().ok()?;
        Stamp::of(&found, None)
    }

    fn open(&self) -> Result<OwnedFd, ListError> {
        private_folder(&self.folder).map_err(ListError::Io)
    }

    fn read<T: DeserializeOwned>(
        &self,
        folder: &OwnedFd,
    ) -> Result<(Vec<T>, Option<Stamp>), ListError> {
        let file = match read(folder, self.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), None)),
            file => Arc::new(file.map_err(ListError::Io)?),
        };
        let found = file.metadata().map_err(ListError::Io)?;
        let mut text = String::new();
        let read = (&*file).take(MAX_BYTES).read_to_string(&mut text);
        read.map_err(ListError::Io)?;
        let wrong = |message: &str| {
            let message = cut(&escape_line(message), MAX_ECHO_BYTES).into_owned();
            ListError::Wrong(message)
        };
        let parsed = serde_json::from_str::<File<T>>(&text);
        let parsed = parsed.map_err(|error| wrong(&error.to_string()))?;
        match parsed.version {
            VERSION => Ok((parsed.entries, Stamp::of(&found, Some(file)))),
            version => Err(wrong(&format!(
                "it is of version {version}, and this program knows version {VERSION}"
            ))),
        }
    }
}
