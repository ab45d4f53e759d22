//! Where the bytes of a component are, and what they are called.

use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::time::Instant;

use patinox_policy::LimitName;

use crate::error::Error;
use crate::screen::Digest;

/// Where the bytes of a component are.
pub(super) enum Source {
    Bytes(Vec<u8>),
    /// A regular file, at its end.
    File(File),
}

/// A component's bytes, with their digest.
///
/// A file may change: what it holds counts once it has been read as a whole.
pub(super) struct Hashed {
    pub(super) source: Source,
    pub(super) digest: Digest,
    /// How many bytes.
    pub(super) len: usize,
}

impl Hashed {
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        let digest = Digest::of(&bytes);
        Self::with_digest(bytes, digest)
    }

    pub(super) fn with_digest(bytes: Vec<u8>, digest: Digest) -> Self {
        Self {
            len: bytes.len(),
            digest,
            source: Source::Bytes(bytes),
        }
    }

    /// Holds no more of the file than a block.
    pub(super) fn of_file(mut file: File, most: u64, deadline: Instant) -> Result<Self, Error> {
        let metadata = file.metadata().map_err(Error::Unreadable)?;
        if !metadata.is_file() {
            return Err(Error::NotAFile);
        }
        admit(count(metadata.len()), most)?;
        file.rewind().map_err(Error::Unreadable)?;
        let all = Until(&file, deadline).take(most.saturating_add(1));
        let (digest, len) = Digest::of_all(all).map_err(Error::Unreadable)?;
        // It may have grown since.
        admit(count(len), most)?;
        Ok(Self {
            source: Source::File(file),
            digest,
            len: count(len),
        })
    }

    /// All that a file holds now.
    pub(super) fn whole(
        mut file: File,
        most: u64,
        deadline: Instant,
    ) -> Result<(Vec<u8>, Digest), Error> {
        let mut read = || -> io::Result<_> {
            file.rewind()?;
            let len = file.metadata()?.len().min(most);
            let mut bytes = Vec::new();
            bytes.try_reserve_exact(count(len))?;
            let mut all = Until(&file, deadline).take(most.saturating_add(1));
            all.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(Error::Unreadable)?;
        admit(bytes.len(), most)?;
        let digest = Digest::of(&bytes);
        Ok((bytes, digest))
    }
}

/// What is read until the deadline, so that nobody holds a thread by a file that
/// comes byte by byte.
struct Until<R>(R, Instant);

impl<R: Read> Read for Until<R> {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        if self.1 <= Instant::now() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.0.read(block)
    }
}

/// Refuses a component by its size.
pub(super) fn admit(len: usize, most: u64) -> Result<(), Error> {
    let len = u64::try_from(len).unwrap_or(u64::MAX);
    if len <= most {
        return Ok(());
    }
    Err(Error::Limit {
        name: LimitName::File,
        allowed: most,
        spent: Some(len),
    })
}

fn count(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_comes_byte_by_byte_ends_at_the_deadline() {
        let deadline = Instant::now() + Duration::from_millis(50);
        let ended = Digest::of_all(Until(io::repeat(7), deadline));
        let ended = ended.map(|_| ()).map_err(|error| error.kind());
        assert_eq!(ended, Err(io::ErrorKind::TimedOut));
    }
}
