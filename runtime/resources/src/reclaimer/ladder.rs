//! Which stages a look at the machine calls for.

use std::time::{Duration, Instant};

use super::Stage;
use crate::pressure::{Level, Reading};

/// After so long under the same pressure all is tried again: meanwhile there may
/// be something to let go of.
const AGAIN: Duration = Duration::from_secs(30);

/// How often what was idle for long is looked for.
const IDLE_EVERY: Duration = Duration::from_mins(1);

/// How far reclamation has come.
#[derive(Debug, Default)]
pub(super) struct Ladder {
    /// The last stage that was run for the pressure that there is.
    reached: Option<Stage>,
    /// When that was, or when idle things were looked for.
    at: Option<Instant>,
    /// What was seen at the last look.
    before: Reading,
}

/// What is to be done at a look.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Climb {
    /// The stages to run, in order.
    pub(super) stages: &'static [Stage],
    /// Whether something is less pressed than before.
    pub(super) is_relieved: bool,
}

impl Ladder {
    pub(super) fn climb(&mut self, reading: &Reading, now: Instant) -> Climb {
        let is_relieved = is_worse(reading, &self.before);
        let was_pressed = self.before.level() != Level::Normal;
        if is_newly_critical(&self.before, reading)
            || was_pressed != (reading.level() != Level::Normal)
        {
            self.reached = None;
            self.at = None;
        }
        self.before = reading.clone();
        let stages = match reading.level() {
            Level::Normal => self.idle(now),
            Level::Elevated => self.next(now),
            Level::Critical => self.all(now),
        };
        Climb {
            stages,
            is_relieved,
        }
    }

    fn idle(&mut self, now: Instant) -> &'static [Stage] {
        let is_first = self.at.is_none();
        if !self.is_over(IDLE_EVERY, now) {
            return &[];
        }
        self.at = Some(now);
        if is_first { &[] } else { &[Stage::EvictIdle] }
    }

    fn next(&mut self, now: Instant) -> &'static [Stage] {
        let stages: &[Stage] = match self.reached {
            None => &[Stage::EvictIdle],
            Some(Stage::EvictIdle) => &[Stage::ShrinkPools],
            Some(Stage::ShrinkPools) => &[Stage::DropCaches],
            Some(Stage::DropCaches | Stage::CancelStuck | Stage::RefuseWork) => {
                if !self.is_over(AGAIN, now) {
                    return &[];
                }
                &[Stage::EvictIdle]
            }
        };
        self.reach(stages, now)
    }

    fn all(&mut self, now: Instant) -> &'static [Stage] {
        if self.reached == Some(Stage::RefuseWork) && !self.is_over(AGAIN, now) {
            return &[];
        }
        self.reach(&Stage::ALL, now)
    }

    fn reach(&mut self, stages: &'static [Stage], now: Instant) -> &'static [Stage] {
        self.reached = stages.last().copied();
        self.at = Some(now);
        stages
    }

    fn is_over(&self, span: Duration, now: Instant) -> bool {
        let over = |at| span <= now.saturating_duration_since(at);
        self.at.is_none_or(over)
    }
}

/// Whether something is pressed harder than before.
fn is_worse(before: &Reading, now: &Reading) -> bool {
    let mut pressed = now.pressed.iter();
    pressed.any(|one| before.level_of(one.resource) < one.level)
}

/// Whether something is critical that was not. What comes to be elevated beside
/// others changes nothing: it may be nothing that anybody can relieve.
fn is_newly_critical(before: &Reading, now: &Reading) -> bool {
    let mut pressed = now.pressed.iter();
    pressed
        .any(|one| one.level == Level::Critical && before.level_of(one.resource) < Level::Critical)
}

#[cfg(test)]
mod tests {
    use super::super::tests::reading;
    use super::*;
    use crate::pressure::Resource;
    use Level::{Critical, Elevated, Normal};

    const NONE: &[Stage] = &[];
    const IDLE: &[Stage] = &[Stage::EvictIdle];
    const ALL: &[Stage] = &Stage::ALL;

    #[test]
    fn elevated_goes_one_stage_a_look_and_critical_all_at_once() {
        let mut ladder = Ladder::default();
        let start = Instant::now();
        let mut climb = |level, seconds| {
            let climb = ladder.climb(&reading(level), start + Duration::from_secs(seconds));
            (climb.stages, climb.is_relieved)
        };
        assert_eq!(climb(Normal, 0), (NONE, false));
        assert_eq!(climb(Elevated, 1), (IDLE, false));
        assert_eq!(climb(Elevated, 2), (&[Stage::ShrinkPools][..], false));
        assert_eq!(climb(Elevated, 3), (&[Stage::DropCaches][..], false));
        assert_eq!(climb(Elevated, 4), (NONE, false));
        assert_eq!(climb(Elevated, 32), (NONE, false));
        assert_eq!(climb(Elevated, 33), (IDLE, false));
        assert_eq!(climb(Critical, 34), (ALL, false));
        assert_eq!(climb(Critical, 35), (NONE, false));
        assert_eq!(climb(Critical, 64), (ALL, false));
        // Less is pressed: nothing more is let go of at once.
        assert_eq!(climb(Elevated, 65), (NONE, true));
        assert_eq!(climb(Elevated, 66), (NONE, false));
        assert_eq!(climb(Critical, 67), (ALL, false));
        assert_eq!(climb(Normal, 68), (NONE, true));
        // From the first stage on, the next time.
        assert_eq!(climb(Elevated, 69), (IDLE, false));
        assert_eq!(climb(Critical, 70), (ALL, false));
        assert_eq!(climb(Normal, 71), (NONE, true));
    }

    #[test]
    fn another_resource_is_acted_on_at_once() {
        let mut ladder = Ladder::default();
        let now = Instant::now();
        let mut climb = |reading: &Reading| {
            let climb = ladder.climb(reading, now);
            (climb.stages, climb.is_relieved)
        };
        let memory = reading(Critical);
        let mut disk = reading(Critical);
        disk.pressed[0].resource = Resource::Disk;
        let mut both = memory.clone();
        both.pressed.extend(disk.pressed.clone());
        assert_eq!(climb(&disk), (ALL, false));
        assert_eq!(climb(&disk), (NONE, false));
        assert_eq!(climb(&both), (ALL, false));
        assert_eq!(climb(&memory), (NONE, true));
        assert_eq!(climb(&disk), (ALL, true));
    }

    /// Nothing is let go of again and again because something else comes and goes.
    #[test]
    fn what_is_elevated_beside_it_changes_nothing() {
        let mut ladder = Ladder::default();
        let start = Instant::now();
        let memory = reading(Elevated);
        let mut both = memory.clone();
        let mut stall = memory.pressed[0].clone();
        stall.resource = Resource::CpuStall;
        both.pressed.push(stall);
        let looks = (0..30).map(|second| {
            let reading = if second % 2 == 0 { &memory } else { &both };
            ladder
                .climb(reading, start + Duration::from_secs(second))
                .stages
                .len()
        });
        assert_eq!(looks.sum::<usize>(), 3);
    }

    #[test]
    fn what_is_idle_is_looked_for_once_a_minute() {
        let mut ladder = Ladder::default();
        let start = Instant::now();
        let looks = (0..=240).map(|second| {
            let climb = ladder.climb(&reading(Normal), start + Duration::from_secs(second));
            climb.stages.len()
        });
        assert_eq!(looks.sum::<usize>(), 4);
    }
}
