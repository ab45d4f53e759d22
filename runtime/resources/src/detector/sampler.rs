//! What only the difference between two looks tells.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::cpu::{TIMES, Times};
use super::disks::Disks;
use super::groups::{Groups, Spent};
use super::{Detector, Figure, Hundredths, Machine, STATUS};

/// A difference over less than that says little: what a tick of the system is longer
/// than is busy by chance.
const SHORTEST: Duration = Duration::from_millis(250);

/// Looks at the machine again and again, and tells how busy it was meanwhile.
///
/// ```
/// # use std::time::Instant;
/// use patinox_resources::{Detector, Sampler};
///
/// let mut sampler = Sampler::new(Detector::new());
/// let first = sampler.sample(Instant::now());
/// assert_eq!(first.cpu_percent, None);
/// ```
#[derive(Clone, Debug)]
pub struct Sampler {
    detector: Detector,
    disks: Disks,
    last: Option<Sample>,
    /// The one before, at least [`SHORTEST`] older.
    before: Option<Sample>,
}

/// What had been computed at one moment.
#[derive(Clone, Debug)]
struct Sample {
    at: Instant,
    machine: Option<Times>,
    groups: Vec<Spent>,
    own_us: Option<Figure<u64>>,
}

impl Sampler {
    /// Begins without a sample.
    #[must_use]
    pub fn new(detector: Detector) -> Self {
        Self {
            detector,
            disks: Disks::default(),
            last: None,
            before: None,
        }
    }

    /// What it reads.
    #[must_use]
    pub const fn detector(&self) -> &Detector {
        &self.detector
    }

    /// Reads everything, and how busy the cores were since the last time. The
    /// first time nothing is said of that, nor where a counter went backwards or
    /// no time went by. Several who look by turns do not spoil it for each other:
    /// what is less than a quarter of a second old is not compared with, where there
    /// is something older.
    ///
    /// A file system that does not answer within 100 ms holds up one look, and no
    /// other: from then on what it said last is told.
    pub fn sample(&mut self, now: Instant) -> Machine {
        let groups = Groups::of(&self.detector);
        let status = self.detector.read(STATUS).unwrap_or_default();
        let sample = Sample {
            at: now,
            machine: self.detector.times(&status),
            groups: groups.spent(),
            own_us: self.detector.own_time_us(),
        };
        let mut machine = self.detector.detect_in(&groups, &status);
        machine.folders = self.disks.look(&self.detector);
        let is_soon = |last: &&Sample| now.saturating_duration_since(last.at) < SHORTEST;
        let is_soon = self.last.as_ref().filter(is_soon).is_some();
        let compared = match &self.before {
            Some(before) if is_soon => Some(before),
            _ => self.last.as_ref(),
        };
        if let Some(compared) = compared {
            machine.cpu_percent = sample.cpu_percent(compared);
            machine.own_cpu_percent = sample.own_cpu_percent(compared);
        }
        if !is_soon {
            self.before = self.last.replace(sample);
        }
        machine
    }
}

impl Sample {
    /// How busy the cores were that this process may use: all of them together,
    /// or the time that a control group gives where more of that was spent.
    fn cpu_percent(&self, last: &Self) -> Option<Figure<Hundredths>> {
        let elapsed_us = self.elapsed_us(last)?;
        let groups = self.groups.iter().filter_map(|now| {
            let before = last.groups.iter().find(|before| before.is_same(now))?;
            let spent = now.used_us.checked_sub(before.used_us)?;
            let given = u128::from(elapsed_us) * u128::from(now.quota_us);
            let given = u64::try_from(given.checked_div(now.period_us.into())?).ok()?;
            Some(figure(spent, given, now.file.clone()))
        });
        let machine = self.machine.zip(last.machine).and_then(|(now, before)| {
            let busy = now.busy.checked_sub(before.busy)?;
            let total = now.total.checked_sub(before.total)?;
            (0 < total).then(|| figure(busy, total, TIMES.into()))
        });
        let busier = |one: Figure<Hundredths>, other: Figure<Hundredths>| {
            if one.value < other.value { other } else { one }
        };
        machine.into_iter().chain(groups).reduce(busier)
    }

    /// How much this process computed, in percent of one core.
    fn own_cpu_percent(&self, last: &Self) -> Option<Figure<Hundredths>> {
        let elapsed_us = self.elapsed_us(last)?;
        let (now, before) = (self.own_us.as_ref()?, last.own_us.as_ref()?);
        let spent = now.value.checked_sub(before.value)?;
        Some(Figure {
            value: Hundredths::percent(spent, elapsed_us),
            origin: now.origin.clone(),
        })
    }

    fn elapsed_us(&self, last: &Self) -> Option<u64> {
        let elapsed = self.at.saturating_duration_since(last.at);
        let elapsed = Some(elapsed).filter(|elapsed| *elapsed != Duration::ZERO)?;
        u64::try_from(elapsed.as_micros()).ok()
    }
}

fn figure(part: u64, whole: u64, file: PathBuf) -> Figure<Hundredths> {
    Figure::in_file(Hundredths::percent(part, whole), file)
}
