//! `wasi:random`: the system's generator, for the insecure faces too.

use wasmtime::Result;

use crate::bindings::offered::wasi::random::{insecure, insecure_seed, random};
use crate::state::State;

impl State {
    fn random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        self.allowance.take_random(len)?;
        let mut bytes = vec![0; usize::try_from(len)?];
        getrandom::fill(&mut bytes)?;
        Ok(bytes)
    }

    fn random_u64(&mut self) -> Result<u64> {
        self.allowance.take_random(8)?;
        Ok(getrandom::u64()?)
    }
}

impl random::Host for State {
    fn get_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_random_u64(&mut self) -> Result<u64> {
        self.random_u64()
    }
}

impl insecure::Host for State {
    fn get_insecure_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> Result<u64> {
        self.random_u64()
    }
}

impl insecure_seed::Host for State {
    fn insecure_seed(&mut self) -> Result<(u64, u64)> {
        Ok((self.random_u64()?, self.random_u64()?))
    }
}
