//! Where the bytes of a component are, and what they are called.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::pin::Pin;
use std::time::Instant;

use patinox_policy::LimitName;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::error::Error;
use crate::screen::Digest;

/// Where a component comes from.
pub struct Source(pub(super) Input);

pub(super) enum Input {
    Bytes(Vec<u8>),
    File(Box<dyn FnOnce() -> io::Result<File> + Send>),
    Stream(Pin<Box<dyn AsyncRead + Send>>),
}

impl Source {
    /// A component from its bytes.
    #[must_use]
    pub const fn bytes(bytes: Vec<u8>) -> Self {
        Self(Input::Bytes(bytes))
    }

    /// A component from a file. What the artifact store has is not held as a
    /// whole, and what it has not is read a second time.
    ///
    /// `open` must not wait for a pipe; it runs where it may block, and a disk
    /// that does not answer ends loading as a slow compiler does.
    #[must_use]
    pub fn file(open: impl FnOnce() -> io::Result<File> + Send + 'static) -> Self {
        Self(Input::File(Box::new(open)))
    }

    /// A component from what a stream gives until it ends.
    #[must_use]
    pub fn stream(stream: impl AsyncRead + Send + 'static) -> Self {
        Self(Input::Stream(Box::pin(stream)))
    }
}

impl From<Vec<u8>> for Source {
    fn from(bytes: Vec<u8>) -> Self {
        Self::bytes(bytes)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}

/// The bytes of a component.
pub(super) enum Held {
    Bytes(Vec<u8>),
    /// A regular file, at its end.
    File(File),
}

/// A component's bytes, with their digest.
///
/// A file may change: what it holds counts once it has been read as a whole.
pub(super) struct Hashed {
    pub(super) held: Held,
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
            held: Held::Bytes(bytes),
        }
    }

    /// Holds no more of the file than a block.
    pub(super) fn of_file(mut file: File, most: u64, deadline: Instant) -> Result<Self, Error> {
        let metadata = file.metadata().map_err(Error::unreadable)?;
        if !metadata.is_file() {
            let is_folder = metadata.is_dir();
            return Err(Error::NotAFile { is_folder });
        }
        admit(count(metadata.len()), most)?;
        file.rewind().map_err(Error::unreadable)?;
        let all = Until(&file, deadline).take(most.saturating_add(1));
        let (digest, len) = Digest::of_all(all).map_err(Error::unreadable)?;
        // It may have grown since.
        admit(count(len), most)?;
        Ok(Self {
            held: Held::File(file),
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
        let bytes = read().map_err(Error::unreadable)?;
        admit(bytes.len(), most)?;
        let digest = Digest::of(&bytes);
        Ok((bytes, digest))
    }
}

/// Reads a stream to its end. Until when is its caller's to say.
pub(super) async fn read(
    stream: Pin<Box<dyn AsyncRead + Send>>,
    most: u64,
) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    // One more than may be tells a stream that is too long from one that is not.
    let mut stream = stream.take(most.saturating_add(1));
    let read = stream.read_to_end(&mut bytes).await;
    read.map_err(Error::unreadable)?;
    admit(bytes.len(), most)?;
    Ok(bytes)
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
