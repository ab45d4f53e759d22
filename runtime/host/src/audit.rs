//! The audit log: what was called, granted and denied, in a file that is only added to.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use patinox_policy::{Code, Failure, RecoveryStrategy, debug_failure};
use patinox_resources::private_folder;
use rustix::fs::{AtFlags, Mode, OFlags};
use serde_json::Value;

use crate::own_files::changing;

mod record;

pub(crate) use self::record::{AuditEvent, Change, append, begin, loaded, tell};

/// The file that is added to.
const FILE: &str = "audit.jsonl";

/// From this size on it is put aside, and another one begun.
const MAX_FILE_BYTES: u64 = 32 << 20;

/// The longest line that is read, in bytes; none is written that is as long.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// What was called, granted and denied on this machine: lines of JSON in a folder which
/// is ours alone, written to by every process that is given the same folder, and never
/// changed.
///
/// A call is written down before it begins and when it is over, however it ended; where
/// the first cannot be done it does not begin. A line is with the system when its writing
/// is over, and so outlives the process, but not a loss of power.
///
/// It holds no arguments, results, values or messages of guests: what was called with what
/// is told by digests, which say whether it was the same.
#[derive(Clone, Debug)]
pub struct AuditLog {
    folder: PathBuf,
}

impl AuditLog {
    /// The log in this folder. Nothing is read or made before something is written down.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Looks whether it can be written to; makes the folder.
    ///
    /// # Errors
    ///
    /// If the folder is not ours alone, or the system refuses something.
    pub fn check(&self) -> Result<(), AuditError> {
        let folder = private_folder(&self.folder)?;
        open(&folder)?;
        Ok(())
    }

    /// Writes something down. It waits for the disk.
    pub(crate) fn append(&self, at: SystemTime, event: &AuditEvent) -> Result<(), AuditError> {
        let line = event.line(at)?;
        let folder = private_folder(&self.folder)?;
        let _changing = changing(&folder)?;
        let mut file = open(&folder)?;
        let mut bytes = file.seek(SeekFrom::End(0))?;
        if MAX_FILE_BYTES <= bytes {
            put_aside(&folder, at)?;
            (file, bytes) = (open(&folder)?, 0);
        }
        let mut text = Vec::with_capacity(line.len() + 2);
        // A process that was killed may have left half a line.
        if bytes != 0 && last_byte(&mut file)? != b'\n' {
            text.push(b'\n');
        }
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
        Ok(file.write_all(&text)?)
    }

    /// The last of the records that are wanted, the oldest first, and how many lines were
    /// no record. It reads all files, and waits for the disk.
    ///
    /// What is there is told as it was written: an object with `at_ms`, in milliseconds of
    /// the Unix epoch, and `event`.
    ///
    /// # Errors
    ///
    /// If the folder is not ours alone, or the system refuses something.
    pub fn last(
        &self,
        most: usize,
        mut is_wanted: impl FnMut(&Value) -> bool,
    ) -> Result<(Vec<Value>, u64), AuditError> {
        let (mut found, mut damaged) = (VecDeque::new(), 0);
        if matches!(self.folder.try_exists(), Ok(false)) {
            return Ok((Vec::new(), 0));
        }
        let folder = private_folder(&self.folder)?;
        for name in self.files()? {
            let file = match crate::own_files::read(&folder, &name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file?,
            };
            let mut lines = BufReader::new(file);
            let mut line = Vec::new();
            while (&mut lines)
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut line)?
                != 0
            {
                let record = record_of(&line);
                let is_empty = line.trim_ascii().is_empty();
                damaged += u64::from(record.is_none() && !is_empty);
                found.extend(record.filter(&mut is_wanted));
                found.drain(..found.len().saturating_sub(most));
                line.clear();
            }
        }
        Ok((found.into(), damaged))
    }

    /// The names of its files, the oldest first.
    fn files(&self) -> Result<Vec<String>, AuditError> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let aside = name
                .strip_prefix("audit-")
                .and_then(|rest| rest.strip_suffix(".jsonl"));
            if aside.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())) {
                names.push(name);
            }
        }
        names.sort();
        names.push(FILE.to_owned());
        Ok(names)
    }
}

/// What a line says, if it is a record.
fn record_of(line: &[u8]) -> Option<Value> {
    let record: Value = serde_json::from_slice(line).ok()?;
    record.get("at_ms")?.as_u64()?;
    record.get("event")?.as_str()?;
    Some(record)
}

/// Opens the file to add to it: one of ours with one name, and no link.
fn open(folder: &OwnedFd) -> io::Result<File> {
    let flags = OFlags::RDWR
        | OFlags::APPEND
        | OFlags::CREATE
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(
        folder,
        FILE,
        flags,
        Mode::RUSR | Mode::WUSR,
    )?);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no file")),
    }
}

/// Gives the file another name, which sorts by time.
fn put_aside(folder: &OwnedFd, at: SystemTime) -> io::Result<()> {
    for attempt in 0..1_000 {
        let name = format!("audit-{:016}.jsonl", record::milliseconds(at) + attempt);
        // Never over another one.
        match rustix::fs::linkat(folder, FILE, folder, &*name, AtFlags::empty()) {
            Ok(()) => return Ok(rustix::fs::unlinkat(folder, FILE, AtFlags::empty())?),
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::Error::other("it cannot be put aside"))
}

fn last_byte(file: &mut File) -> io::Result<u8> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    let [last] = last;
    Ok(last)
}

/// Why something cannot be written down, or read. It names no path.
#[derive(thiserror::Error)]
#[error("the audit log cannot be written or read")]
pub struct AuditError(#[from] io::Error);

impl Failure for AuditError {
    fn code(&self) -> Code {
        Code::Unreadable
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }

    fn hint(&self) -> Option<String> {
        Some(
            "it lies in the folder `audit` of the state folder, which has to be yours alone with \
             mode `0700`, on a disk that is not full"
                .to_owned(),
        )
    }
}

impl std::fmt::Debug for AuditError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_failure(self, f)
    }
}

#[cfg(test)]
mod tests;
