//! `wasi:random`: from the operating system, the insecure faces too.

use wasmtime::{Result, format_err};

use crate::bindings::offered::wasi::random::{insecure, insecure_seed, random};
use crate::state::State;

/// The most bytes for one request.
///
/// The length is the guest's word: without this, `u64::MAX` is an allocation.
const MAX_BYTES: u64 = 64 << 10;

fn fill(len: u64) -> Result<Vec<u8>> {
    if MAX_BYTES < len {
        return Err(format_err!(
            "asked for {len} random bytes at once, at most {MAX_BYTES}"
        ));
    }
    let mut bytes = vec![0; usize::try_from(len)?];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

impl random::Host for State {
    fn get_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        fill(len)
    }

    fn get_random_u64(&mut self) -> Result<u64> {
        Ok(getrandom::u64()?)
    }
}

impl insecure::Host for State {
    fn get_insecure_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        fill(len)
    }

    fn get_insecure_random_u64(&mut self) -> Result<u64> {
        Ok(getrandom::u64()?)
    }
}

impl insecure_seed::Host for State {
    fn insecure_seed(&mut self) -> Result<(u64, u64)> {
        Ok((getrandom::u64()?, getrandom::u64()?))
    }
}
