//! What a process holds that must be back after an attack.

use std::time::{Duration, Instant};

use patinox::{Host, Profile};
use tokio::runtime::Handle;

use crate::support::process;

/// How long it may take until all is back.
const SETTLES_WITHIN: Duration = Duration::from_secs(2);

/// How much more memory it may have than after honest calls.
const MORE_BYTES: u64 = 16 << 20;

/// What there is at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) resident: u64,
    held: Held,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    descriptors: usize,
    threads: usize,
    tasks: usize,
    /// Of both profiles.
    free_slots: [usize; 2],
}

impl Level {
    fn now(host: &Host) -> Self {
        let free = |profile| host.allocated(profile).expect("an engine").free_slots;
        Self {
            resident: process::resident(),
            held: Held {
                descriptors: process::descriptors(),
                threads: process::threads(),
                tasks: Handle::current().metrics().num_alive_tasks(),
                free_slots: [free(Profile::Lean), free(Profile::Strict)],
            },
        }
    }

    /// The level once nothing changes any more.
    pub(super) async fn settled(host: &Host) -> Self {
        let mut last = Self::now(host);
        let since = Instant::now();
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        looks.tick().await;
        while since.elapsed() < SETTLES_WITHIN {
            looks.tick().await;
            let now = Self::now(host);
            if now.held == last.held {
                return now;
            }
            last = now;
        }
        last
    }

    /// Waits until all is as it was; it must be soon.
    pub(super) async fn is_back(&self, host: &Host) -> Result<(), String> {
        let since = Instant::now();
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        loop {
            looks.tick().await;
            let now = Self::now(host);
            if self.bears(&now) {
                return Ok(());
            }
            if SETTLES_WITHIN < since.elapsed() {
                return Err(format!("{now:?} after {self:?}"));
            }
        }
    }

    fn bears(&self, now: &Self) -> bool {
        let Held {
            descriptors,
            threads,
            tasks,
            free_slots,
        } = self.held;
        now.resident <= self.resident + MORE_BYTES
            && now.held.descriptors <= descriptors
            && now.held.threads <= threads
            && now.held.tasks <= tasks
            && now.held.free_slots == free_slots
    }
}
