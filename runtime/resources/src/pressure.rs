//! How hard pressed the machine is: a level that can be awaited.
//!
//! Each resource has a share in use, and two thresholds: from the one on it is
//! *elevated*, from the other on *critical*. A level is left only once the share
//! has fallen clearly below its threshold, so that it does not flicker. What the
//! machine does not tell is never pressed.

mod reading;
mod threshold;
mod watch;

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch::{Receiver, Sender};

pub use reading::{Pressed, Reading, Resource};
pub use threshold::{Threshold, ThresholdError, Thresholds};
pub use watch::PressureWatch;

use crate::Machine;

/// How hard pressed something is. Higher is worse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// There is enough.
    #[default]
    Normal,
    /// It runs short: what can wait waits, what is idle goes.
    Elevated,
    /// It runs out: nothing new begins.
    Critical,
}

/// How hard pressed the machine is. Cheap to clone; every clone tells the same.
///
/// ```
/// use patinox_resources::{Detector, Level, Pressure, Thresholds};
///
/// let pressure = Pressure::new(Thresholds::default())?;
/// assert_eq!(pressure.level(), Level::Normal);
/// let reading = pressure.update(&Detector::new().detect());
/// for pressed in &reading.pressed {
///     println!("{pressed}");
/// }
/// # Ok::<(), patinox_resources::ThresholdError>(())
/// ```
#[derive(Clone)]
pub struct Pressure(Arc<Shared>);

struct Shared {
    thresholds: Thresholds,
    reading: Sender<Arc<Reading>>,
}

impl Pressure {
    /// Nothing is pressed before the first [`update`](Self::update).
    ///
    /// # Errors
    ///
    /// If a threshold makes no sense; it names which.
    pub fn new(thresholds: Thresholds) -> Result<Self, ThresholdError> {
        thresholds.check()?;
        let (reading, _) = tokio::sync::watch::channel(Arc::default());
        Ok(Self(Arc::new(Shared {
            thresholds,
            reading,
        })))
    }

    /// Takes the facts of the machine at a later moment, and tells who waits for
    /// a level if it has changed.
    pub fn update(&self, machine: &Machine) -> Arc<Reading> {
        let mut now = Arc::default();
        self.0.reading.send_if_modified(|reading| {
            now = Arc::new(reading.next(machine, &self.0.thresholds));
            let is_new = now.level() != reading.level();
            *reading = Arc::clone(&now);
            is_new
        });
        now
    }

    /// The last reading.
    #[must_use]
    pub fn reading(&self) -> Arc<Reading> {
        Arc::clone(&self.0.reading.borrow())
    }

    /// The level of the hardest pressed resource.
    #[must_use]
    pub fn level(&self) -> Level {
        self.0.reading.borrow().level()
    }

    /// The level of one resource.
    #[must_use]
    pub fn level_of(&self, resource: Resource) -> Level {
        self.0.reading.borrow().level_of(resource)
    }

    /// Tells each change of the level from now on.
    #[must_use]
    pub fn changes(&self) -> Changes {
        Changes(self.0.reading.subscribe())
    }

    /// Waits until the level is one of those asked for, which it may be already.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping the future.
    pub async fn until(&self, is_it: impl Fn(Level) -> bool) -> Arc<Reading> {
        let mut changes = self.0.reading.subscribe();
        let reached = changes.wait_for(|reading| is_it(reading.level())).await;
        // It ends early only with the sender, which this holds.
        reached.map_or_else(|_| self.reading(), |reading| Arc::clone(&reading))
    }
}

/// Each change of a level.
#[derive(Debug)]
pub struct Changes(Receiver<Arc<Reading>>);

impl Changes {
    /// Waits for the next change. Several between two looks are told as one;
    /// `None` once nothing can tell a change any more.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping the future.
    pub async fn next(&mut self) -> Option<Arc<Reading>> {
        self.0.changed().await.ok()?;
        Some(Arc::clone(&self.0.borrow_and_update()))
    }
}

impl Default for Pressure {
    /// By the default thresholds.
    fn default() -> Self {
        let (reading, _) = tokio::sync::watch::channel(Arc::default());
        Self(Arc::new(Shared {
            thresholds: Thresholds::default(),
            reading,
        }))
    }
}

impl fmt::Debug for Pressure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pressure")
            .field("reading", &self.reading())
            .finish_non_exhaustive()
    }
}

impl Level {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Elevated => "elevated",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
