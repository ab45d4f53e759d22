//! One attack on the host a function, one file a limit.
//!
//! What each does, and what it answers when nothing stops it, stands in
//! `wit/hostile.wit`. Amounts are finite, so every attack completes where its
//! own limit alone is lifted.

mod arguments;
mod error_text;
mod exit;
mod files;
mod fuel;
mod host_calls;
mod host_resources;
mod hostcall_bytes;
mod kept;
mod log;
mod memory;
mod pollables;
mod random;
mod result;
mod stack;
mod state;
mod stderr;
mod stdout;
mod trap;
mod wall;
mod world;

use world::Guest;

/// The component.
struct Hostile;

impl Guest for Hostile {
    fn spin(rounds: Option<u64>) -> u64 {
        fuel::spin(rounds)
    }

    fn sleep(ms: u64) -> u64 {
        wall::sleep(ms)
    }

    fn hoard(bytes: u64) -> u64 {
        memory::hoard(bytes)
    }

    fn swallow(text: String) -> u64 {
        arguments::swallow(&text)
    }

    fn flood_result(bytes: u64) -> String {
        result::flood(bytes)
    }

    fn fail(bytes: u64) -> Result<u64, String> {
        error_text::fail(bytes)
    }

    fn flood_stdout(bytes: u64) -> u64 {
        stdout::flood(bytes)
    }

    fn flood_stderr(bytes: u64) -> u64 {
        stderr::flood(bytes)
    }

    fn flood_log(bytes: u64) -> u64 {
        log::flood(bytes)
    }

    fn rounds_of_calls(n: u64) -> u64 {
        host_calls::rounds(n)
    }

    fn hold_streams(n: u64) -> u64 {
        host_resources::hold(n)
    }

    fn hold_pollables(n: u64) -> u64 {
        pollables::hold(n)
    }

    fn wait_for_many(n: u64) -> u64 {
        pollables::wait_for_many(n)
    }

    fn log_at_once(bytes: u64) -> u64 {
        hostcall_bytes::log_at_once(bytes)
    }

    fn draw(bytes: u64) -> u64 {
        random::draw(bytes)
    }

    fn draw_at_once(bytes: u64) -> u64 {
        random::draw_at_once(bytes)
    }

    fn fill_file(bytes: u64) -> Result<u64, String> {
        files::fill(bytes)
    }

    fn stretch_file(bytes: u64) -> Result<u64, String> {
        files::stretch(bytes)
    }

    fn make_files(n: u64) -> Result<u64, String> {
        files::make(n)
    }

    fn open_files(n: u64) -> Result<u64, String> {
        files::hold(n)
    }

    fn keep_much(n: u64, bytes: u64) -> Result<u64, String> {
        kept::keep(n, bytes)
    }

    fn pry(namespace: String, key: String) -> Result<u64, String> {
        kept::pry(&namespace, &key)
    }

    fn recurse(depth: Option<u64>) -> u64 {
        stack::recurse(depth)
    }

    fn trap() {
        trap::trap()
    }

    fn exit_with(code: u8) {
        exit::exit_with(code)
    }

    fn remember(text: String) -> String {
        state::remember(text)
    }
}

/// The amount as a length in memory. A length beyond the 32 bits of a guest's
/// address space is one that no allocation fits.
fn length(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Writes so many bytes, 4 KiB at a time: what a host takes in one call. Stops
/// where the host takes no more, and answers with what it took.
fn flood(mut out: impl std::io::Write, bytes: u64) -> u64 {
    const PIECE: [u8; 4096] = [b'x'; 4096];
    let mut left = bytes;
    while 0 < left {
        let piece = PIECE.get(..length(left)).unwrap_or(&PIECE);
        match out.write(piece) {
            Ok(written @ 1..) => left = left.saturating_sub(written as u64),
            Ok(0) | Err(_) => break,
        }
    }
    // What a buffer still holds when the host takes no more is lost, as it is
    // to any program.
    let _ = out.flush();
    bytes - left
}
