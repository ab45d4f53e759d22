//! `wasi:cli`: an input that is closed, outputs that are captured, an exit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use patinox_policy::CUT_MARK;
use wasmtime::Result;
use wasmtime::component::Resource;
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{
    DynInputStream, DynOutputStream, InputStream, OutputStream, StreamError, StreamResult,
};

use crate::bindings::offered::wasi::cli::{environment, exit, stderr, stdin, stdout};
use crate::error::Stop;
use crate::state::State;

/// What a guest may write at once. WASI's streams name it as usual.
const WRITE_BYTES: usize = 64 << 10;

/// Text of a guest, kept up to a limit and counted beyond it.
#[derive(Debug)]
pub(crate) struct Kept {
    bytes: Vec<u8>,
    written: u64,
    limit: usize,
}

impl Kept {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self {
            bytes: Vec::new(),
            written: 0,
            limit: usize::try_from(limit_bytes).unwrap_or(usize::MAX),
        }
    }

    /// Appends what fits and counts all.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let room = self.room().min(bytes.len());
        self.bytes
            .extend_from_slice(bytes.get(..room).unwrap_or_default());
        self.count(bytes.len());
    }

    /// How many bytes still fit.
    pub(crate) const fn room(&self) -> usize {
        self.limit.saturating_sub(self.bytes.len())
    }

    /// Counts bytes that are not even looked at.
    pub(crate) fn count(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.written = self.written.saturating_add(bytes);
    }

    /// The text, cut with a mark at the limit, and how many bytes were written
    /// in all.
    pub(crate) fn take(&mut self) -> (String, u64) {
        let bytes = std::mem::take(&mut self.bytes);
        let whole = self.written == u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        (
            if whole { text } else { cut(text, self.limit) },
            self.written,
        )
    }
}

/// A stream that a guest may write to: there is nothing of it before the guest
/// asks for it.
#[derive(Debug)]
pub(crate) struct Captured {
    limit_bytes: u64,
    shared: Option<Shared>,
}

/// What a call shares with the streams that its guest holds.
#[derive(Clone, Debug)]
struct Shared(Arc<Mutex<Kept>>);

impl Captured {
    pub(crate) const fn new(limit_bytes: u64) -> Self {
        Self {
            limit_bytes,
            shared: None,
        }
    }

    fn stream(&mut self) -> DynOutputStream {
        let make = || Shared(Arc::new(Mutex::new(Kept::new(self.limit_bytes))));
        Box::new(self.shared.get_or_insert_with(make).clone())
    }

    /// As [`Kept::take`].
    pub(crate) fn take(&self) -> (String, u64) {
        let shared = self.shared.as_ref();
        shared.map_or_else(Default::default, |shared| shared.kept().take())
    }
}

impl Shared {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing panics while it holds the lock; if it did, text is all that
        // could be half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts the mark at the end of a text that was cut, within the limit.
fn cut(mut text: String, limit: usize) -> String {
    text.truncate(text.floor_char_boundary(limit.saturating_sub(CUT_MARK.len())));
    text.push_str(CUT_MARK);
    text
}

#[wasmtime_wasi_io::async_trait]
impl Pollable for Shared {
    async fn ready(&mut self) {}
}

#[wasmtime_wasi_io::async_trait]
impl OutputStream for Shared {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.kept().write(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}

/// An input at its end.
struct Closed;

#[wasmtime_wasi_io::async_trait]
impl Pollable for Closed {
    async fn ready(&mut self) {}
}

#[wasmtime_wasi_io::async_trait]
impl InputStream for Closed {
    fn read(&mut self, _: usize) -> StreamResult<Bytes> {
        Err(StreamError::Closed)
    }
}

impl environment::Host for State {
    /// Those that are granted, and set: a guest cannot know of another one.
    fn get_environment(&mut self) -> Result<Vec<(String, String)>> {
        Ok(self.authority.variables())
    }

    fn get_arguments(&mut self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> Result<Option<String>> {
        Ok(None)
    }
}

impl stdin::Host for State {
    fn get_stdin(&mut self) -> Result<Resource<DynInputStream>> {
        let stream: DynInputStream = Box::new(Closed);
        Ok(self.table.push(stream)?)
    }
}

impl stdout::Host for State {
    fn get_stdout(&mut self) -> Result<Resource<DynOutputStream>> {
        let stream = self.stdout.stream();
        Ok(self.table.push(stream)?)
    }
}

impl stderr::Host for State {
    fn get_stderr(&mut self) -> Result<Resource<DynOutputStream>> {
        let stream = self.stderr.stream();
        Ok(self.table.push(stream)?)
    }
}

impl exit::Host for State {
    fn exit(&mut self, status: Result<(), ()>) -> Result<()> {
        Err(Stop::Exit(u8::from(status.is_err())).into())
    }

    fn exit_with_code(&mut self, status: u8) -> Result<()> {
        Err(Stop::Exit(status).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_up_to_the_limit_and_counts_all() {
        let mut captured = Kept::new(64);
        captured.write(&[b'a'; 60]);
        captured.write(&[b'b'; 60]);
        let (text, written) = captured.take();
        assert_eq!(written, 120);
        assert_eq!(
            text,
            format!("{}{CUT_MARK}", "a".repeat(64 - CUT_MARK.len()))
        );
    }

    #[test]
    fn a_text_of_exactly_the_limit_is_whole() {
        let mut captured = Kept::new(64);
        captured.write(&[b'a'; 64]);
        assert_eq!(captured.take(), ("a".repeat(64), 64));
    }
}
