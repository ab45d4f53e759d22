//! A file as a stream.

use std::mem;
use std::os::fd::AsFd;

use bytes::Bytes;
use futures_util::FutureExt as _;
use rustix::io::Errno;
use tokio::task::JoinError;
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{InputStream, StreamError, StreamResult};

use super::descriptor::Held;
use super::jobs::{Job, Jobs};
use super::revoking::{Lasting, Revocable};

/// The most that is read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// What is read ahead for a guest that only waits: it is held in no limit of memory.
const AHEAD_BYTES: usize = 4 << 10;

/// A file that is read from some place on. Nothing is read ahead for a guest that says
/// how much it wants.
pub(super) struct Reader {
    fd: Revocable<Held>,
    offset: u64,
    lasting: Lasting,
    jobs: Jobs,
    state: State,
}

enum State {
    Idle,
    /// A thread reads.
    Reading(Job<Bytes>),
    /// So much has been read, and is to be taken.
    Read(Bytes),
    Failed(Errno),
    Ended,
}

impl Reader {
    pub(super) fn new(fd: Revocable<Held>, offset: u64, (lasting, jobs): (Lasting, Jobs)) -> Self {
        Self {
            fd,
            offset,
            lasting,
            jobs,
            state: State::Idle,
        }
    }

    fn work(&self, bytes: usize) -> impl FnOnce() -> Result<Bytes, Errno> + Send + use<> {
        let (fd, offset) = (self.fd.clone(), self.offset);
        move || read_at(&*fd.get()?, bytes, offset).map(|read| Bytes::from(read.into_boxed_slice()))
    }

    /// Waits for what is read, and begins to read so much where nothing is.
    async fn fill(&mut self, bytes: usize) {
        if matches!(self.state, State::Idle) {
            self.state = State::Reading(self.jobs.start(self.work(bytes)).await);
        }
        if let State::Reading(reading) = &mut self.state {
            let read = reading.await;
            self.state = State::of(read);
        }
    }

    /// Takes what a thread has read meanwhile.
    fn take_read(&mut self) {
        if let State::Reading(reading) = &mut self.state
            && let Some(read) = reading.now_or_never()
        {
            self.state = State::of(read);
        }
    }
}

impl State {
    fn of(read: Result<Result<Bytes, Errno>, JoinError>) -> Self {
        match read {
            Ok(Ok(bytes)) if bytes.is_empty() => Self::Ended,
            Ok(Ok(bytes)) => Self::Read(bytes),
            Ok(Err(errno)) => Self::Failed(errno),
            Err(_) => Self::Failed(Errno::IO),
        }
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
        self.fill(AHEAD_BYTES).await;
    }
}

#[wasmtime_wasi_io::async_trait]
impl InputStream for Reader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.take_read();
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
            State::Idle if 0 < size => {
                // For a guest that asks again and again, and never waits.
                self.state = match self.jobs.free() {
                    Some(permit) => State::Reading(self.jobs.begin(Some(permit), self.work(size))),
                    None => State::Idle,
                };
                Ok(Bytes::new())
            }
            waiting @ (State::Idle | State::Reading(_)) => {
                self.state = waiting;
                Ok(Bytes::new())
            }
        }
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        if 0 < size {
            self.fill(size).await;
        }
        self.read(size)
    }

    async fn cancel(&mut self) {
        // So that a guest leaves nothing behind that it need not count.
        if let State::Reading(reading) = &mut self.state {
            reading.abort();
            let _ = reading.await;
            self.state = State::Ended;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use patinox_policy::Mode;
    use patinox_telemetry::Clock;

    use super::super::quota::{Most, Quota};
    use super::super::revoking::tests::granted;
    use super::*;

    fn reader(file: &std::fs::File, ends_after: Option<u64>) -> Reader {
        let clock = Clock::fixed(SystemTime::UNIX_EPOCH);
        let until = ends_after.map(|after| SystemTime::UNIX_EPOCH + Duration::from_secs(after));
        let folder = granted(Mode::Read, until);
        let quota = Quota::new(Most::of(&patinox_policy::Limits::default()));
        let jobs = Jobs::new();
        let fd = file.try_clone().unwrap().into();
        let counted = (Some(quota.open().unwrap()), jobs.clone());
        let lasting = Lasting::new(clock, &folder, Mode::Read);
        let held = Held::new(fd, counted, lasting.clone());
        Reader::new(held, 0, (lasting, jobs))
    }

    fn file(bytes: &[u8]) -> std::fs::File {
        let file = tempfile::tempfile().unwrap();
        rustix::io::write(&file, bytes).unwrap();
        file
    }

    #[tokio::test]
    async fn a_file_is_read_to_its_end() {
        let file = file(&vec![b'a'; CHUNK_BYTES + 3]);
        let mut reader = reader(&file, Some(1));
        assert!(reader.read(0).unwrap().is_empty());
        let mut sizes = Vec::new();
        while let Ok(bytes) = reader.blocking_read(40_000).await {
            sizes.push(bytes.len());
        }
        assert_eq!(sizes, [40_000, CHUNK_BYTES + 3 - 40_000]);
        assert!(matches!(reader.read(1), Err(StreamError::Closed)));
    }

    #[tokio::test]
    async fn who_only_waits_and_who_never_waits_read_it_too() {
        let file = file(&vec![b'a'; 3 * AHEAD_BYTES]);
        let mut waits = reader(&file, None);
        let mut all = 0;
        loop {
            waits.ready().await;
            match waits.read(CHUNK_BYTES) {
                Ok(bytes) => all += bytes.len(),
                Err(_) => break,
            }
        }
        let mut asks = reader(&file, None);
        loop {
            match asks.read(CHUNK_BYTES) {
                Ok(bytes) if bytes.is_empty() => tokio::task::yield_now().await,
                Ok(bytes) => all += bytes.len(),
                Err(_) => break,
            }
        }
        assert_eq!(all, 2 * 3 * AHEAD_BYTES);
    }

    /// A guest that reads some, writes what comes next, and reads that.
    #[tokio::test]
    async fn what_is_written_meanwhile_is_read() {
        let file = file(b"inside");
        let mut reader = reader(&file, None);
        assert_eq!(reader.blocking_read(2).await.unwrap(), "in");
        rustix::io::pwrite(&file, b"XX", 3).unwrap();
        assert_eq!(reader.blocking_read(9).await.unwrap(), "sXXe");
    }

    #[tokio::test]
    async fn what_was_read_ahead_is_not_given_once_the_grant_has_ended() {
        let mut reader = reader(&file(b"inside"), Some(0));
        reader.ready().await;
        for _ in 0..2 {
            let refused = reader.read(1);
            assert!(matches!(refused, Err(StreamError::LastOperationFailed(_))));
        }
    }

    #[tokio::test]
    async fn who_lets_go_leaves_no_thread_behind() {
        let mut reader = reader(&file(b"inside"), None);
        for _ in 0..100 {
            reader.state = State::Idle;
            reader.read(1).unwrap();
            reader.cancel().await;
        }
        let free: Vec<_> = std::iter::from_fn(|| reader.jobs.free()).collect();
        assert_eq!(free.len(), 4);
    }
}
