//! Cores, and how busy they are.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::thread;

use super::{Detector, Figure, Hundredths, Origin, STATUS, field};

const CPUS_ONLINE: &str = "/sys/devices/system/cpu/online";
const LOAD: &str = "/proc/loadavg";
const OWN: &str = "/proc/self/stat";
pub(super) const TIMES: &str = "/proc/stat";

/// A list that names a CPU from here on is nonsense, and is not counted out.
pub(super) const MAX_CPUS: u32 = 1 << 16;

/// The kernel counts in hundredths of a second wherever it tells a program, by
/// its ABI (`USER_HZ`, proc(5)).
const MICROSECONDS_PER_TICK: u64 = 10_000;

/// The load of the machine: how many tasks run or wait for a disk, on average.
/// In a container too it is that of the whole machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Over the last minute.
    pub one_minute: Hundredths,
    /// Over the last five minutes.
    pub five_minutes: Hundredths,
    /// Over the last fifteen minutes.
    pub fifteen_minutes: Hundredths,
}

/// Time of cores since the machine started, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) busy: u64,
    pub(super) total: u64,
}

impl Detector {
    /// The cores that the process may run on, without control groups.
    pub(super) fn cores(&self, status: &str) -> Figure<NonZeroUsize> {
        let call = || Figure {
            value: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            origin: Origin::Call("std::thread::available_parallelism"),
        };
        self.allowed_cores(status).unwrap_or_else(call)
    }

    fn allowed_cores(&self, status: &str) -> Option<Figure<NonZeroUsize>> {
        let count = self.allowed_cpus(status)?.len();
        Some(Figure::in_file(NonZeroUsize::new(count)?, STATUS))
    }

    /// The CPUs that the process may run on.
    fn allowed_cpus(&self, status: &str) -> Option<BTreeSet<u32>> {
        let mut allowed = cpu_list(field(status, "Cpus_allowed_list:")?)?;
        // The kernel allows also CPUs that may be plugged in one day.
        let online = self.read(CPUS_ONLINE).and_then(|list| cpu_list(&list));
        if let Some(online) = online {
            allowed.retain(|cpu| online.contains(cpu));
        }
        Some(allowed)
    }

    pub(super) fn load(&self) -> Option<Figure<Load>> {
        let text = self.read(LOAD)?;
        let mut numbers = text.split_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        let load = Load {
            one_minute: next()?,
            five_minutes: next()?,
            fifteen_minutes: next()?,
        };
        Some(Figure::in_file(load, LOAD))
    }

    /// The time of the cores that the process may run on; of all of them where
    /// nobody says which these are.
    pub(super) fn times(&self, status: &str) -> Option<Times> {
        let text = self.read_head(TIMES)?;
        let Some(allowed) = self.allowed_cpus(status) else {
            return times(field(&text, "cpu ")?);
        };
        let mut all = Times::default();
        for line in text.lines() {
            let Some((number, rest)) = line
                .strip_prefix("cpu")
                .and_then(|line| line.split_once(' '))
            else {
                continue;
            };
            if number.parse().is_ok_and(|cpu| allowed.contains(&cpu)) {
                let one = times(rest)?;
                all.busy = all.busy.checked_add(one.busy)?;
                all.total = all.total.checked_add(one.total)?;
            }
        }
        Some(all).filter(|all| 0 < all.total)
    }

    /// The time that this process has computed, in microseconds.
    pub(super) fn own_time_us(&self) -> Option<Figure<u64>> {
        let text = self.read(OWN)?;
        // A program may have any name, brackets included.
        let (_, fields) = text.rsplit_once(')')?;
        let mut fields = fields.split_whitespace().skip(11);
        let mut next = || fields.next()?.parse::<u64>().ok();
        let ticks = next()?.checked_add(next()?)?;
        let time = ticks.checked_mul(MICROSECONDS_PER_TICK)?;
        Some(Figure::in_file(time, OWN))
    }
}

/// User, nice, system, idle, waiting for a disk, interrupts of both kinds, and
/// what another machine on the same hardware took; guests are in the first two.
fn times(fields: &str) -> Option<Times> {
    let mut fields = fields.split_whitespace();
    let (mut idle, mut total) = (0_u64, 0_u64);
    for at in 0..8 {
        // The last ones came with later kernels.
        let Some(field) = fields.next() else {
            if at < 4 {
                return None;
            }
            break;
        };
        let ticks: u64 = field.parse().ok()?;
        total = total.checked_add(ticks)?;
        if at == 3 || at == 4 {
            idle = idle.checked_add(ticks)?;
        }
    }
    Some(Times {
        busy: total.checked_sub(idle)?,
        total,
    })
}

/// The CPUs of a list such as `0-3,8`, which ascends.
pub(super) fn cpu_list(text: &str) -> Option<BTreeSet<u32>> {
    let mut cpus = BTreeSet::new();
    for range in text.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        let ascends = cpus.last().is_none_or(|before| *before < first) && first <= last;
        if !ascends || MAX_CPUS <= last {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}
