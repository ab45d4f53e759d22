//! A file as a stream.

use std::mem;
use std::os::fd::AsFd;
use std::sync::Arc;

use bytes::Bytes;
use rustix::io::Errno;
use tokio::task::JoinHandle;
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{InputStream, StreamError, StreamResult};

use super::descriptor::Held;

/// How much is read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// A file that is read from some place on.
pub(super) struct Reader {
    fd: Arc<Held>,
    offset: u64,
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
    pub(super) const fn new(fd: Arc<Held>, offset: u64) -> Self {
        Self {
            fd,
            offset,
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
