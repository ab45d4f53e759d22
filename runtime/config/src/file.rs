//! A configuration file: opened once, checked on what was opened, then read.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};

use crate::parse::Contents;
use crate::{Error, Place, parse};

/// The largest configuration file that is read, in bytes.
///
/// Every key set to its longest value takes a thousandth of it. It stops a
/// `--config` that names a disk image or a log from filling the memory.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// A configuration file that may be there.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    /// The path in messages: as it was written, or short for the home folder's.
    shown: PathBuf,
    /// The flag or variable that named it; `None` for the user's own.
    named_by: Option<&'static str>,
}

impl Source {
    /// A file that somebody named, so it must be there.
    pub(crate) fn named(path: PathBuf, by: &'static str) -> Self {
        Self {
            shown: path.clone(),
            path,
            named_by: Some(by),
        }
    }

    /// The user's own file, which need not be there.
    pub(crate) fn users_own(path: PathBuf, shown: Option<PathBuf>) -> Self {
        Self {
            shown: shown.unwrap_or_else(|| path.clone()),
            path,
            named_by: None,
        }
    }

    /// The file of the folder that the program is started in, which is there.
    pub(crate) const fn project(path: PathBuf, shown: PathBuf) -> Self {
        Self {
            path,
            shown,
            named_by: Some("the current folder"),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what it says; nothing where it is missing and need not be there.
    pub(crate) fn contents(&self) -> Result<Contents, Error> {
        let bytes = self.bytes()?;
        bytes.map_or_else(|| Ok(Contents::default()), |bytes| self.parse(bytes))
    }

    /// Reads what it says, and SHA-256 of its bytes.
    pub(crate) fn contents_with_digest(&self) -> Result<(Contents, String), Error> {
        let bytes = self.bytes()?.unwrap_or_default();
        let digits = Sha256::digest(&bytes);
        let digits = digits.iter().map(|byte| format!("{byte:02x}"));
        let digest = format!("sha256:{}", digits.collect::<String>());
        Ok((self.parse(bytes)?, digest))
    }

    fn parse(&self, bytes: Vec<u8>) -> Result<Contents, Error> {
        let text = self.decode(bytes)?;
        // As what lies beside it is named, wherever the program is started.
        let path = std::path::absolute(&self.path).map_err(|error| self.unreadable(error))?;
        let folder = path.parent().unwrap_or(&path);
        // Without the `..` and the links of the way to it.
        let folder = folder
            .canonicalize()
            .map_err(|error| self.unreadable(error))?;
        parse::contents(&text, (&self.shown, &folder))
    }

    /// What the file holds; `None` where it is missing and need not be there.
    fn bytes(&self) -> Result<Option<Vec<u8>>, Error> {
        let file = match (self.open(), self.named_by) {
            (Ok(file), _) => file,
            // A link that leads nowhere is a file that somebody wanted.
            (Err(error), None)
                if error.kind() == ErrorKind::NotFound && self.path.symlink_metadata().is_err() =>
            {
                return Ok(None);
            }
            (Err(error), Some(named_by)) if error.kind() == ErrorKind::NotFound => {
                let file = self.shown.clone();
                return Err(Error::NotFound { file, named_by });
            }
            (Err(error), _) => return Err(self.unreadable(error)),
        };
        let metadata = file.metadata().map_err(|error| self.unreadable(error))?;
        let us = rustix::process::geteuid().as_raw();
        self.check(&Facts::of(&metadata), us)?;
        self.read(&file).map(Some)
    }

    /// Opens without waiting: a pipe with nobody at its other end must not hang
    /// us before we can see that it is a pipe.
    fn open(&self) -> io::Result<File> {
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(&self.path)
    }

    /// Judges an open file. Whoever can write it decides what we do.
    fn check(&self, facts: &Facts, us: u32) -> Result<(), Error> {
        let file = || self.shown.clone();
        if let Some(kind) = facts.not_a_file {
            return Err(Error::NotAFile { file: file(), kind });
        }
        if facts.owner != 0 && facts.owner != us {
            let (file, owner) = (file(), facts.owner);
            return Err(Error::NotOurs { file, owner, us });
        }
        if facts.mode & 0o022 != 0 {
            let (file, mode) = (file(), facts.mode & 0o7777);
            return Err(Error::Writable { file, mode });
        }
        if MAX_FILE_BYTES < facts.bytes {
            return Err(Error::TooLarge { file: file() });
        }
        Ok(())
    }

    /// Reads to the end, and one byte past the limit where the file has grown.
    fn read(&self, file: &File) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let mut limited = file.take(MAX_FILE_BYTES + 1);
        let read = limited.read_to_end(&mut bytes);
        read.map_err(|error| self.unreadable(error))?;
        if limited.limit() == 0 {
            let file = self.shown.clone();
            return Err(Error::TooLarge { file });
        }
        Ok(bytes)
    }

    fn decode(&self, bytes: Vec<u8>) -> Result<String, Error> {
        String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes());
            Error::Encoding(Place::of(&self.shown, &text, valid))
        })
    }

    fn unreadable(&self, source: io::Error) -> Error {
        let file = self.shown.clone();
        Error::Unreadable { file, source }
    }
}

/// What an open file is judged by.
#[derive(Clone, Copy)]
struct Facts {
    not_a_file: Option<&'static str>,
    owner: u32,
    mode: u32,
    bytes: u64,
}

impl Facts {
    fn of(metadata: &Metadata) -> Self {
        let kind = metadata.file_type();
        let not_a_file = match () {
            () if kind.is_file() => None,
            () if kind.is_dir() => Some("a folder"),
            () if kind.is_fifo() => Some("a pipe"),
            () => Some("a device"),
        };
        Self {
            not_a_file,
            owner: metadata.uid(),
            mode: metadata.mode(),
            bytes: metadata.len(),
        }
    }
}

#[cfg(test)]
mod tests;
