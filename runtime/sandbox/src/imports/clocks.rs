//! `wasi:clocks`: coarse, so that a guest can time little.

use std::time::{Duration, Instant, UNIX_EPOCH};

use wasmtime::Result;
use wasmtime::component::Resource;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

use crate::bindings::offered::wasi::clocks::{monotonic_clock, wall_clock};
use crate::state::State;

/// The finest step that a guest sees.
///
/// It takes away the clock that timing attacks on neighbours need.
const RESOLUTION: Duration = Duration::from_millis(1);

/// The longest wait: beyond what a call can last, and what a timer can hold.
const MAX_WAIT: Duration = Duration::from_hours(24 * 365);

/// A moment that a guest waits for.
struct Deadline(tokio::time::Instant);

#[wasmtime_wasi_io::async_trait]
impl Pollable for Deadline {
    async fn ready(&mut self) {
        tokio::time::sleep_until(self.0).await;
    }
}

impl State {
    /// Nanoseconds since the call began, in steps of the resolution.
    fn monotonic_now(&self) -> u64 {
        let millis = self.started.elapsed().as_millis();
        u64::try_from(millis)
            .unwrap_or(u64::MAX)
            .saturating_mul(1_000_000)
    }

    fn wake_at(&mut self, at: Instant) -> Result<Resource<DynPollable>> {
        let deadline = self.table.push(Deadline(at.into()))?;
        subscribe(&mut self.table, deadline)
    }
}

impl monotonic_clock::Host for State {
    fn now(&mut self) -> Result<u64> {
        Ok(self.monotonic_now())
    }

    fn resolution(&mut self) -> Result<u64> {
        Ok(u64::try_from(RESOLUTION.as_nanos()).unwrap_or(u64::MAX))
    }

    fn subscribe_instant(&mut self, when: u64) -> Result<Resource<DynPollable>> {
        let wait = Duration::from_nanos(when).min(MAX_WAIT);
        self.wake_at(self.started + wait)
    }

    fn subscribe_duration(&mut self, wait: u64) -> Result<Resource<DynPollable>> {
        let wait = Duration::from_nanos(wait).min(MAX_WAIT);
        self.wake_at(Instant::now() + wait)
    }
}

impl wall_clock::Host for State {
    fn now(&mut self) -> Result<wall_clock::Datetime> {
        // A machine whose clock stands before 1970 shows guests 1970.
        let since_epoch = self
            .clock
            .wall()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Ok(wall_clock::Datetime {
            seconds: since_epoch.as_secs(),
            nanoseconds: since_epoch.subsec_millis() * 1_000_000,
        })
    }

    fn resolution(&mut self) -> Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime {
            seconds: RESOLUTION.as_secs(),
            nanoseconds: RESOLUTION.subsec_nanos(),
        })
    }
}
