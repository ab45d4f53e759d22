//! A file as a stream that is written.

use std::mem;

use bytes::Bytes;
use rustix::io::Errno;
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{OutputStream, StreamError, StreamResult};

use super::change::{At, write_counted};
use super::descriptor::Held;
use super::jobs::{Job, Jobs};
use super::quota::Quota;
use super::revoking::{Lasting, Revocable};

/// How much is written at once.
const CHUNK_BYTES: usize = 64 << 10;

/// A file that is written from some place on.
pub(super) struct Writer {
    fd: Revocable<Held>,
    at: At,
    lasting: Lasting,
    quota: Quota,
    jobs: Jobs,
    state: State,
}

enum State {
    Idle,
    /// No thread was free.
    Waiting(Bytes, At),
    /// A thread writes.
    Writing(Job<()>),
    Failed(Errno),
    Closed,
}

impl Writer {
    pub(super) fn new(
        fd: Revocable<Held>,
        at: At,
        (lasting, quota, jobs): (Lasting, Quota, Jobs),
    ) -> Self {
        Self {
            fd,
            at,
            lasting,
            quota,
            jobs,
            state: State::Idle,
        }
    }

    /// What failed is told once; then the stream is closed.
    fn told(&mut self) -> StreamResult<()> {
        if self.lasting.has_ended() {
            self.state = State::Failed(Errno::ACCESS);
        }
        match self.state {
            State::Idle | State::Waiting(..) | State::Writing(_) => Ok(()),
            State::Failed(errno) => {
                self.state = State::Closed;
                Err(StreamError::LastOperationFailed(errno.into()))
            }
            State::Closed => Err(StreamError::Closed),
        }
    }

    fn work(&self, bytes: Bytes, at: At) -> impl FnOnce() -> Result<(), Errno> + Send + use<> {
        let (fd, quota) = (self.fd.clone(), self.quota.clone());
        let lasting = self.lasting.clone();
        move || {
            lasting.still()?;
            write_counted(&*fd.get()?, (&bytes, at), &quota)
        }
    }
}

#[wasmtime_wasi_io::async_trait]
impl Pollable for Writer {
    async fn ready(&mut self) {
        if let State::Waiting(bytes, at) = &self.state {
            let work = self.work(bytes.clone(), *at);
            self.state = State::Writing(self.jobs.start(work).await);
        }
        if let State::Writing(writing) = &mut self.state {
            self.state = match writing.await {
                Ok(Ok(())) => State::Idle,
                Ok(Err(errno)) => State::Failed(errno),
                Err(_) => State::Failed(Errno::IO),
            };
        }
    }
}

#[wasmtime_wasi_io::async_trait]
impl OutputStream for Writer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.told()?;
        if !matches!(self.state, State::Idle) || CHUNK_BYTES < bytes.len() {
            return Err(StreamError::trap(
                "more is written than `check-write` allowed",
            ));
        }
        // What waits for a thread is in the host's memory.
        if let Err(errno) = self.quota.write(bytes.len() as u64) {
            self.state = State::Failed(errno);
            return self.told();
        }
        let at = self.at;
        if let At::Offset(offset) = &mut self.at {
            *offset = offset.saturating_add(bytes.len() as u64);
        }
        self.state = match self.jobs.free() {
            Some(permit) => State::Writing(self.jobs.begin(Some(permit), self.work(bytes, at))),
            None => State::Waiting(bytes, at),
        };
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        // What is written is with the system once the stream is ready again.
        self.told()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.told()?;
        Ok(match self.state {
            State::Idle => CHUNK_BYTES,
            _ => 0,
        })
    }

    async fn cancel(&mut self) {
        // It is written to its end, so that nobody wonders how much of it was.
        self.ready().await;
        drop(mem::replace(&mut self.state, State::Closed));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::io::Seek as _;
    use std::time::{Duration, SystemTime};

    use patinox_policy::{Limits, Mode};
    use patinox_telemetry::Clock;

    use super::super::quota::Most;
    use super::super::revoking::tests::granted;
    use super::*;

    fn writer(file: &std::fs::File, at: At, (bytes, ends): (u64, u64)) -> Writer {
        let quota = Quota::new(Most::of(&Limits {
            fs_bytes: bytes,
            ..Limits::default()
        }));
        let jobs = Jobs::new();
        let fd = file.try_clone().unwrap().into();
        let counted = (Some(quota.open().unwrap()), jobs.clone());
        let clock = Clock::fixed(SystemTime::UNIX_EPOCH);
        let until = SystemTime::UNIX_EPOCH + Duration::from_secs(ends);
        let lasting = Lasting::new(clock, &granted(Mode::Write, Some(until)), Mode::Write);
        let held = Held::new(fd, counted, lasting.clone());
        Writer::new(held, at, (lasting, quota, jobs))
    }

    fn content(mut file: &std::fs::File) -> String {
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    }

    async fn put(writer: &mut Writer, text: &'static str) -> StreamResult<()> {
        writer.blocking_write_and_flush(Bytes::from(text)).await
    }

    #[tokio::test]
    async fn a_stream_writes_on_where_it_was_and_one_at_the_end_at_the_end() {
        let file = tempfile::tempfile().unwrap();
        let mut one = writer(&file, At::Offset(1), (100, 1));
        put(&mut one, "ab").await.unwrap();
        put(&mut one, "cd").await.unwrap();
        assert_eq!(content(&file), "\0abcd");
        let mut two = writer(&file, At::End, (100, 1));
        put(&mut two, "ef").await.unwrap();
        put(&mut one, "g").await.unwrap();
        put(&mut two, "h").await.unwrap();
        assert_eq!(content(&file), "\0abcdgfh");
    }

    #[tokio::test]
    async fn what_waits_for_a_thread_is_written_once_one_is_free() {
        let file = tempfile::tempfile().unwrap();
        let mut one = writer(&file, At::Offset(0), (100, 1));
        let taken: Vec<_> = std::iter::from_fn(|| one.jobs.free()).collect();
        one.write(Bytes::from("ab")).unwrap();
        assert!(matches!(one.state, State::Waiting(..)));
        assert_eq!(one.check_write().unwrap(), 0);
        drop(taken);
        one.cancel().await;
        assert_eq!(content(&file), "ab");
    }

    #[tokio::test]
    async fn what_is_refused_is_told_once_and_nothing_of_it_is_written() {
        let file = tempfile::tempfile().unwrap();
        let mut one = writer(&file, At::Offset(0), (3, 1));
        put(&mut one, "ab").await.unwrap();
        let refused = put(&mut one, "cd").await;
        assert!(matches!(refused, Err(StreamError::LastOperationFailed(_))));
        assert!(matches!(put(&mut one, "e").await, Err(StreamError::Closed)));
        assert_eq!(content(&file), "ab");
    }

    #[tokio::test]
    async fn nothing_is_written_once_the_grant_has_ended() {
        let file = tempfile::tempfile().unwrap();
        let mut one = writer(&file, At::Offset(0), (3, 0));
        let refused = put(&mut one, "ab").await;
        assert!(matches!(refused, Err(StreamError::LastOperationFailed(_))));
        assert_eq!(content(&file), "");
    }
}
