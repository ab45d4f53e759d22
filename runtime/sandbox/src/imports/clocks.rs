//! `wasi:clocks`: coarse, so that a guest can time little, unless more is granted.

use std::time::{Duration, Instant, UNIX_EPOCH};

use patinox_policy::Access;
use wasmtime::Result;
use wasmtime::component::Resource;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

use crate::bindings::offered::wasi::clocks::{monotonic_clock, wall_clock};
use crate::state::State;

/// The finest step that a guest sees.
///
/// It takes away the clock that timing attacks on neighbours need.
const RESOLUTION: Duration = Duration::from_nanos(STEP_NANOS as u64);

const STEP_NANOS: u32 = 1_000_000;

/// A moment that a guest waits for.
struct Deadline(tokio::time::Instant);

#[wasmtime_wasi_io::async_trait]
impl Pollable for Deadline {
    async fn ready(&mut self) {
        tokio::time::sleep_until(self.0).await;
    }
}

impl State {
    /// The finest step that the guest sees: what the machine has, where that is
    /// granted.
    fn clock_step(&mut self) -> Duration {
        match self.authority.quietly_may(&Access::fine_clock()) {
            true => Duration::from_nanos(1),
            false => RESOLUTION,
        }
    }

    /// A time in steps of the resolution.
    fn in_steps(&mut self, time: Duration) -> Duration {
        match self.clock_step() {
            RESOLUTION => time - Duration::from_nanos((time.subsec_nanos() % STEP_NANOS).into()),
            _ => time,
        }
    }

    /// A wait that ends no later than the call does: a guest may ask for
    /// centuries, which no timer holds.
    fn wake_after(&mut self, from: Instant, nanos: u64) -> Result<Resource<DynPollable>> {
        let at = from.checked_add(Duration::from_nanos(nanos));
        let at = at.map_or(self.meter.deadline(), |at| at.min(self.meter.deadline()));
        self.allowance.hold_pollable()?;
        let deadline = self.table.push(Deadline(at.into()))?;
        subscribe(&mut self.table, deadline)
    }
}

impl monotonic_clock::Host for State {
    fn now(&mut self) -> Result<u64> {
        Ok(nanos(self.in_steps(self.started.elapsed())))
    }

    fn resolution(&mut self) -> Result<u64> {
        Ok(nanos(self.clock_step()))
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
        let shown = self.in_steps(since_epoch);
        Ok(wall_clock::Datetime {
            seconds: shown.as_secs(),
            nanoseconds: shown.subsec_nanos(),
        })
    }

    fn resolution(&mut self) -> Result<wall_clock::Datetime> {
        let resolution = self.clock_step();
        Ok(wall_clock::Datetime {
            seconds: resolution.as_secs(),
            nanoseconds: resolution.subsec_nanos(),
        })
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
