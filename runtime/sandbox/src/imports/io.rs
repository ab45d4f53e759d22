//! `wasi:io`: errors, pollables and streams, by the library's own table.

use wasmtime::Result;
use wasmtime::component::Resource;
use wasmtime_wasi_io::bindings::wasi::io as library;
use wasmtime_wasi_io::poll::DynPollable;
use wasmtime_wasi_io::streams::{
    DynInputStream, DynOutputStream, Error, StreamError, StreamResult,
};

use crate::bindings::offered::wasi::io::{error, poll, streams};
use crate::state::State;

impl error::Host for State {}

impl error::HostError for State {
    /// Says nothing of the host: the text of an error may hold a path.
    fn to_debug_string(&mut self, error: Resource<Error>) -> Result<String> {
        self.table.get(&error)?;
        Ok("stream error".to_owned())
    }

    async fn drop(&mut self, error: Resource<Error>) -> Result<()> {
        library::error::HostError::drop(&mut self.table, error)
    }
}

impl poll::Host for State {
    async fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> Result<Vec<u32>> {
        let count = u64::try_from(pollables.len()).unwrap_or(u64::MAX);
        self.allowance.wait_for(count)?;
        library::poll::Host::poll(&mut self.table, pollables).await
    }
}

impl poll::HostPollable for State {
    async fn ready(&mut self, pollable: Resource<DynPollable>) -> Result<bool> {
        library::poll::HostPollable::ready(&mut self.table, pollable).await
    }

    async fn block(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        library::poll::HostPollable::block(&mut self.table, pollable).await
    }

    async fn drop(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        self.allowance.drop_pollable();
        library::poll::HostPollable::drop(&mut self.table, pollable)
    }
}

impl streams::Host for State {
    fn convert_stream_error(&mut self, error: StreamError) -> Result<streams::StreamError> {
        match error {
            StreamError::Closed => Ok(streams::StreamError::Closed),
            StreamError::LastOperationFailed(error) => Ok(
                streams::StreamError::LastOperationFailed(self.table.push(error)?),
            ),
            StreamError::Trap(error) => Err(error),
        }
    }
}

impl streams::HostInputStream for State {
    fn read(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<Vec<u8>> {
        library::streams::HostInputStream::read(&mut self.table, stream, len)
    }

    async fn blocking_read(
        &mut self,
        stream: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<Vec<u8>> {
        library::streams::HostInputStream::blocking_read(&mut self.table, stream, len).await
    }

    fn skip(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        library::streams::HostInputStream::skip(&mut self.table, stream, len)
    }

    async fn blocking_skip(
        &mut self,
        stream: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        library::streams::HostInputStream::blocking_skip(&mut self.table, stream, len).await
    }

    fn subscribe(&mut self, stream: Resource<DynInputStream>) -> Result<Resource<DynPollable>> {
        self.allowance.hold_pollable()?;
        library::streams::HostInputStream::subscribe(&mut self.table, stream)
    }

    async fn drop(&mut self, stream: Resource<DynInputStream>) -> Result<()> {
        library::streams::HostInputStream::drop(&mut self.table, stream).await
    }
}

impl streams::HostOutputStream for State {
    fn check_write(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        library::streams::HostOutputStream::check_write(&mut self.table, stream)
    }

    fn write(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        library::streams::HostOutputStream::write(&mut self.table, stream, bytes)
    }

    async fn blocking_write_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        let table = &mut self.table;
        library::streams::HostOutputStream::blocking_write_and_flush(table, stream, bytes).await
    }

    fn flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        library::streams::HostOutputStream::flush(&mut self.table, stream)
    }

    async fn blocking_flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        library::streams::HostOutputStream::blocking_flush(&mut self.table, stream).await
    }

    fn subscribe(&mut self, stream: Resource<DynOutputStream>) -> Result<Resource<DynPollable>> {
        self.allowance.hold_pollable()?;
        library::streams::HostOutputStream::subscribe(&mut self.table, stream)
    }

    fn write_zeroes(&mut self, stream: Resource<DynOutputStream>, len: u64) -> StreamResult<()> {
        library::streams::HostOutputStream::write_zeroes(&mut self.table, stream, len)
    }

    async fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        len: u64,
    ) -> StreamResult<()> {
        let table = &mut self.table;
        library::streams::HostOutputStream::blocking_write_zeroes_and_flush(table, stream, len)
            .await
    }

    fn splice(
        &mut self,
        stream: Resource<DynOutputStream>,
        source: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        library::streams::HostOutputStream::splice(&mut self.table, stream, source, len)
    }

    async fn blocking_splice(
        &mut self,
        stream: Resource<DynOutputStream>,
        source: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        let table = &mut self.table;
        library::streams::HostOutputStream::blocking_splice(table, stream, source, len).await
    }

    async fn drop(&mut self, stream: Resource<DynOutputStream>) -> Result<()> {
        library::streams::HostOutputStream::drop(&mut self.table, stream).await
    }
}
