//! `wasi:random`: for each call a generator of its own, seeded by the call's id, so
//! that the same call draws the same again; the system's own where that is granted.

use patinox_policy::Access;
use patinox_telemetry::CallId;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use wasmtime::Result;

use crate::bindings::offered::wasi::random::{insecure, insecure_seed, random};
use crate::state::State;

/// The numbers that a call draws.
#[derive(Debug)]
pub(crate) struct Dice {
    call: CallId,
    /// Most calls draw none.
    rng: Option<Box<ChaCha20Rng>>,
    /// What the insecure faces go on from.
    insecure: u64,
}

impl Dice {
    pub(crate) fn of(call: CallId) -> Self {
        let (one, other) = halves(u128::from_be_bytes(call.to_bytes()));
        Self {
            call,
            rng: None,
            insecure: one ^ other,
        }
    }

    /// The next number of `SplitMix64` (Steele, Lea and Flood, 2014): for hash maps, which
    /// ask for their seed in every instance.
    fn insecure(&mut self) -> u64 {
        self.insecure = self.insecure.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.insecure ^ (self.insecure >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn rng(&mut self) -> &mut ChaCha20Rng {
        self.rng.get_or_insert_with(|| {
            let mut seed = [0; 32];
            let (id, _) = seed.split_at_mut(16);
            id.copy_from_slice(&self.call.to_bytes());
            Box::new(ChaCha20Rng::from_seed(seed))
        })
    }

    fn u64(&mut self) -> u64 {
        self.rng().next_u64()
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        self.rng().fill_bytes(bytes);
    }
}

/// Both halves of a number.
fn halves(number: u128) -> (u64, u64) {
    let half = |part: u128| u64::try_from(part & u128::from(u64::MAX)).unwrap_or_default();
    (half(number >> 64), half(number))
}

impl State {
    /// As many bytes, still to be filled, as the guest may have.
    fn room_for(&mut self, len: u64) -> Result<Vec<u8>> {
        self.allowance.take_random(len)?;
        Ok(vec![0; usize::try_from(len)?])
    }

    fn has_hosts_random(&mut self) -> bool {
        self.authority.quietly_may(&Access::host_random())
    }
}

impl random::Host for State {
    fn get_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        let mut bytes = self.room_for(len)?;
        match self.has_hosts_random() {
            true => getrandom::fill(&mut bytes)?,
            false => self.dice.fill(&mut bytes),
        }
        Ok(bytes)
    }

    fn get_random_u64(&mut self) -> Result<u64> {
        self.allowance.take_random(8)?;
        Ok(match self.has_hosts_random() {
            true => getrandom::u64()?,
            false => self.dice.u64(),
        })
    }
}

impl insecure::Host for State {
    fn get_insecure_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        let mut bytes = self.room_for(len)?;
        for chunk in bytes.chunks_mut(8) {
            let drawn = self.dice.insecure().to_le_bytes();
            chunk
                .iter_mut()
                .zip(drawn)
                .for_each(|(byte, drawn)| *byte = drawn);
        }
        Ok(bytes)
    }

    fn get_insecure_random_u64(&mut self) -> Result<u64> {
        self.allowance.take_random(8)?;
        Ok(self.dice.insecure())
    }
}

impl insecure_seed::Host for State {
    fn insecure_seed(&mut self) -> Result<(u64, u64)> {
        self.allowance.take_random(16)?;
        Ok((self.dice.insecure(), self.dice.insecure()))
    }
}
