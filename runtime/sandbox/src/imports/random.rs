//! `wasi:random`: the system's generator, and for the insecure faces one of the
//! thread's own, which the system seeds: a hash map asks for its seed in every
//! instance.

use rand::Rng as _;
use wasmtime::Result;

use crate::bindings::offered::wasi::random::{insecure, insecure_seed, random};
use crate::state::State;

impl State {
    /// As many bytes, still to be filled, as the guest may have.
    fn room_for(&mut self, len: u64) -> Result<Vec<u8>> {
        self.allowance.take_random(len)?;
        Ok(vec![0; usize::try_from(len)?])
    }
}

impl random::Host for State {
    fn get_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        let mut bytes = self.room_for(len)?;
        getrandom::fill(&mut bytes)?;
        Ok(bytes)
    }

    fn get_random_u64(&mut self) -> Result<u64> {
        self.allowance.take_random(8)?;
        Ok(getrandom::u64()?)
    }
}

impl insecure::Host for State {
    fn get_insecure_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        let mut bytes = self.room_for(len)?;
        rand::rng().fill_bytes(&mut bytes);
        Ok(bytes)
    }

    fn get_insecure_random_u64(&mut self) -> Result<u64> {
        self.allowance.take_random(8)?;
        Ok(rand::rng().next_u64())
    }
}

impl insecure_seed::Host for State {
    fn insecure_seed(&mut self) -> Result<(u64, u64)> {
        self.allowance.take_random(16)?;
        let mut random = rand::rng();
        Ok((random.next_u64(), random.next_u64()))
    }
}
