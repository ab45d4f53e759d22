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

    /// A wait that ends no later than the call does: a guest may ask for
    /// centuries, which no timer holds.
    fn wake_after(&mut self, from: Instant, nanos: u64) -> Result<Resource<DynPollable>> {
        let at = from.checked_add(Duration::from_nanos(nanos));
        let at = at.map_or(self.meter.deadline, |at| at.min(self.meter.deadline));
        self.allowance.hold_pollable()?;
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
        self.wake_after(self.started, when)
    }

    fn subscribe_duration(&mut self, wait: u64) -> Result<Resource<DynPollable>> {
        self.wake_after(Instant::now(), wait)
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
