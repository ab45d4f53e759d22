//! The only place that reads the machine's clock.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Tells the time: the wall clock for records, the monotonic one for spans.
///
/// What takes a `Clock` can be tested at a time of the test's choice:
///
/// ```
/// use std::time::SystemTime;
///
/// let clock = patinox_telemetry::Clock::fixed(SystemTime::UNIX_EPOCH);
/// assert_eq!(clock.wall(), SystemTime::UNIX_EPOCH);
/// assert_eq!(clock.monotonic(), clock.monotonic());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Copy, Debug, Default)]
enum Source {
    #[default]
    System,
    Fixed {
        wall: SystemTime,
        monotonic: Instant,
    },
    /// A time of day of somebody's own.
    By(fn() -> SystemTime),
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still.
    #[must_use]
    pub fn fixed(wall: SystemTime) -> Self {
        let monotonic = Instant::now();
        Self(Source::Fixed { wall, monotonic })
    }

    /// A clock with a time of day of one's own, which may jump as the machine's can;
    /// what is measured is measured by the machine.
    #[must_use]
    pub const fn by(wall: fn() -> SystemTime) -> Self {
        Self(Source::By(wall))
    }

    /// The time of day. It can jump either way: never subtract two of them.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "everything else takes its time from here"
    )]
    pub fn wall(&self) -> SystemTime {
        match self.0 {
            Source::System => SystemTime::now(),
            Source::Fixed { wall, .. } => wall,
            Source::By(wall) => wall(),
        }
    }

    /// The time of day by which something ends, such as a grant: of the machine it never
    /// runs backwards while this process lives, whatever somebody sets its clock to, and
    /// it goes on also while that stands still.
    #[must_use]
    pub fn steady(&self) -> SystemTime {
        static BEGAN: OnceLock<(SystemTime, Instant)> = OnceLock::new();
        static LATEST: AtomicU64 = AtomicU64::new(0);
        let wall = self.wall();
        if !matches!(self.0, Source::System) {
            return wall;
        }
        let (began, since) = *BEGAN.get_or_init(|| (wall, Instant::now()));
        let now = wall.max(began + since.elapsed());
        let nanos = |time: SystemTime| {
            let since = time.duration_since(SystemTime::UNIX_EPOCH);
            since.map_or(0, |since| {
                u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
            })
        };
        let before = LATEST.fetch_max(nanos(now), Ordering::Relaxed);
        SystemTime::UNIX_EPOCH + Duration::from_nanos(before.max(nanos(now)))
    }

    /// A time that never runs backwards, for measuring how long something took.
    #[must_use]
    pub fn monotonic(&self) -> Instant {
        match self.0 {
            Source::System | Source::By(_) => Instant::now(),
            Source::Fixed { monotonic, .. } => monotonic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_stands_still_and_copies_agree() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let clock = Clock::fixed(at);
        let copy = clock;
        assert_eq!(clock.wall(), at);
        assert_eq!(clock.monotonic(), copy.monotonic());
    }

    #[test]
    fn what_things_end_by_does_not_run_backwards() {
        let clock = Clock::system();
        let mut before = SystemTime::UNIX_EPOCH;
        for _ in 0..1_000 {
            let now = clock.steady();
            assert!(before <= now);
            before = now;
        }
        let apart = clock.wall().duration_since(before).unwrap_or_default();
        assert!(apart < Duration::from_secs(60));
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        assert_eq!(Clock::fixed(at).steady(), at);
        assert_eq!(
            Clock::by(|| SystemTime::UNIX_EPOCH).steady(),
            SystemTime::UNIX_EPOCH
        );
    }

    #[test]
    fn the_systems_monotonic_clock_does_not_run_backwards() {
        let clock = Clock::system();
        let earlier = clock.monotonic();
        assert!(earlier <= clock.monotonic());
    }
}
