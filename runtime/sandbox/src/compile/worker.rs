//! The child's side.

use std::ffi::OsString;
use std::process::ExitCode;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::stdio;

use super::cage::Cage;
use super::wire::{Bounds, HELLO, MAX_REASON_BYTES, Reply, Request, Status};
use super::{Failed, precompile};

/// The first argument of a program that is started as a compile worker. What
/// follows it is between parent and child, and changes.
pub const COMPILE_WORKER: &str = "__compile-worker";

/// Does the work of a compile worker if the arguments, the first being the
/// program's name, ask for it. `None` if they do not.
///
/// The caller ends its process with the code. It must not have started a thread
/// yet: a process that has is no worker.
pub fn compile_worker(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != COMPILE_WORKER {
        return None;
    }
    Some(match work(arguments) {
        Some(()) => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    })
}

fn work(arguments: impl Iterator<Item = OsString>) -> Option<()> {
    // The parent reads no words of ours.
    std::panic::set_hook(Box::new(|_| {}));
    let cage = Cage::enter(Bounds::from_arguments(arguments)?)?;
    say(&HELLO)?;
    if cage.close().is_err() {
        return reply(Status::Memory, &[]);
    }
    let request = Request::from_bytes(&head()?)?;
    let len = usize::try_from(request.len).ok()?;
    let mut component = Vec::new();
    if component.try_reserve_exact(len).is_err() {
        return reply(Status::Memory, &[]);
    }
    listen(&mut component, len)?;
    let engine = match request.order.engine() {
        Ok(engine) => engine,
        Err(error) => return reply(Status::Fault, error.root_cause().to_string().as_bytes()),
    };
    match precompile(&engine, &component) {
        Ok(code) => reply(Status::Code, &code),
        Err(Failed::Invalid { reason }) => reply(Status::Invalid, cut(&reason)),
        Err(_) => reply(Status::Memory, &[]),
    }
}

/// As much of a reason as the parent takes.
fn cut(reason: &str) -> &[u8] {
    let max = usize::try_from(MAX_REASON_BYTES).unwrap_or_default();
    let bytes = reason.as_bytes();
    bytes.get(..max).unwrap_or(bytes)
}

fn reply(status: Status, payload: &[u8]) -> Option<()> {
    let len = u64::try_from(payload.len()).ok()?;
    say(&Reply { status, len }.to_bytes())?;
    say(payload)
}

/// Writes all of it. Takes no memory, of which there may be none.
fn say(mut bytes: &[u8]) -> Option<()> {
    while !bytes.is_empty() {
        match rustix::io::write(stdio::stdout(), bytes) {
            Ok(written) => bytes = bytes.get(written..)?,
            Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
    Some(())
}

/// Reads the head of a request, and nothing behind it.
fn head() -> Option<[u8; Request::BYTES]> {
    let mut head = [0; Request::BYTES];
    let mut rest = head.as_mut_slice();
    while !rest.is_empty() {
        match rustix::io::read(stdio::stdin(), &mut *rest) {
            Ok(0) => return None,
            Ok(read) => rest = rest.get_mut(read..)?,
            Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
    Some(head)
}

/// Reads until there are so many bytes; there is room for them.
fn listen(bytes: &mut Vec<u8>, len: usize) -> Option<()> {
    while bytes.len() < len {
        match rustix::io::read(stdio::stdin(), spare_capacity(bytes)) {
            Ok(0) => return None,
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
    bytes.truncate(len);
    Some(())
}
