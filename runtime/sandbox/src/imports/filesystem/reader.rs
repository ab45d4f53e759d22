//! A file as a stream.

use std::mem;
use std::os::fd::AsFd;
use std::sync::Arc;

use bytes::Bytes;
use rustix::io::Errno;
use tokio::task::JoinHandle;
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{InputStream, StreamError, StreamResult};

use super::descriptor::{Held, Lasting};

/// How much is read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// A file that is read from some place on.
pub(super) struct Reader {
    fd: Arc<Held>,
    offset: u64,
    lasting: Lasting,
    state: State,
}

enum State {
    /// Nothing has been read ahead.
    Idle,
    /// A thread reads.
    Reading(JoinHandle<Result<Bytes, Errno>>),
    /// So much has been read, and is to be taken.
    Read(Bytes),
    Failed(Errno),
    Ended,
}

impl Reader {
    pub(super) const fn new(fd: Arc<Held>, offset: u64, lasting: Lasting) -> Self {
        Self {
            fd,
            offset,
            lasting,
            state: State::Idle,
        }
    }

    fn begin(&self) -> JoinHandle<Result<Bytes, Errno>> {
        let (fd, offset) = (Arc::clone(&self.fd), self.offset);
        tokio::task::spawn_blocking(move || read_at(&*fd, CHUNK_BYTES, offset).map(Bytes::from))
    }
}

/// At most so many bytes from there on; none at the end.
pub(super) fn read_at(fd: impl AsFd, bytes: usize, offset: u64) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; bytes.min(CHUNK_BYTES)];
    loop {
        match rustix::io::pread(&fd, &mut buffer, offset) {
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
            Ok(read) => {
                buffer.truncate(read);
                return Ok(buffer);
            }
        }
    }
}

#[wasmtime_wasi_io::async_trait]
impl Pollable for Reader {
    async fn ready(&mut self) {
        if matches!(self.state, State::Idle) {
            self.state = State::Reading(self.begin());
        }
        if let State::Reading(reading) = &mut self.state {
            let read = reading.await;
            self.state = match read {
                Ok(Ok(bytes)) if bytes.is_empty() => State::Ended,
                Ok(Ok(bytes)) => State::Read(bytes),
                Ok(Err(errno)) => State::Failed(errno),
                Err(_) => State::Failed(Errno::IO),
            };
        }
    }
}

#[wasmtime_wasi_io::async_trait]
impl InputStream for Reader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        // What was read ahead is not given away either.
        if self.lasting.has_ended() {
            self.state = State::Failed(Errno::ACCESS);
        }
        match mem::replace(&mut self.state, State::Ended) {
            State::Read(mut bytes) => {
                let taken = bytes.split_to(size.min(bytes.len()));
                self.offset = self.offset.saturating_add(taken.len() as u64);
                self.state = match bytes.is_empty() {
                    true => State::Idle,
                    false => State::Read(bytes),
                };
                Ok(taken)
            }
            State::Failed(errno) => Err(StreamError::LastOperationFailed(errno.into())),
            State::Ended => Err(StreamError::Closed),
            waiting @ (State::Idle | State::Reading(_)) => {
                self.state = waiting;
                Ok(Bytes::new())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use patinox_telemetry::Clock;

    use super::*;

    fn reader(bytes: &[u8], ends_after: Option<u64>) -> Reader {
        let file = tempfile::tempfile().unwrap();
        rustix::io::write(&file, bytes).unwrap();
        let clock = Clock::fixed(SystemTime::UNIX_EPOCH);
        let until = ends_after.map(|after| SystemTime::UNIX_EPOCH + Duration::from_secs(after));
        let held = Held::new(file.into(), crate::imports::Count::default());
        Reader::new(held, 0, Lasting::new(clock, until))
    }

    #[tokio::test]
    async fn a_file_is_read_to_its_end() {
        let long = vec![b'a'; CHUNK_BYTES + 3];
        let mut reader = reader(&long, Some(1));
        assert!(reader.read(10).unwrap().is_empty(), "nothing is read yet");
        let mut sizes = Vec::new();
        while let Ok(bytes) = reader.blocking_read(40_000).await {
            sizes.push(bytes.len());
        }
        assert_eq!(sizes, [40_000, CHUNK_BYTES - 40_000, 3]);
        assert!(matches!(reader.read(1), Err(StreamError::Closed)));
    }

    #[tokio::test]
    async fn what_was_read_ahead_is_not_given_once_the_grant_has_ended() {
        let mut reader = reader(b"inside", Some(0));
        reader.ready().await;
        assert!(matches!(
            reader.read(1),
            Err(StreamError::LastOperationFailed(_))
        ));
        assert!(matches!(
            reader.read(1),
            Err(StreamError::LastOperationFailed(_))
        ));
    }
}
