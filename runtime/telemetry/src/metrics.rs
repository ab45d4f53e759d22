//! Figures: what they are, what they have come to, and the text in which
//! Prometheus reads them.
//!
//! **Promised.** Each metric has at most 1 000 series, whatever guests and callers
//! send: what comes beyond is counted under `other`. A label is never a text of a
//! stranger's but one out of `A-Z a-z 0-9 _ . : / -`, and short.

mod calls;
mod counters;
mod histogram;
mod labels;
mod list;
mod measures;
mod text;

pub use self::histogram::Histogram;
pub use self::labels::label_values;
pub use self::list::*;
pub use self::measures::{Measures, Sample, Value};

pub(crate) use self::calls::{Calls, short};
pub(crate) use self::counters::Counters;
pub(crate) use self::text::prometheus;

/// The most series of one metric; one more is called `other`.
pub const MAX_SERIES: usize = 1_000;

/// What a series is called that is one too many, or whose label is a text that
/// may not be one.
pub const OTHER: &str = "other";

/// The longest label, in bytes.
const MAX_LABEL_BYTES: usize = 128;

/// What kind of figure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// A sum, which only grows.
    Counter,
    /// A level, which goes up and down.
    Gauge,
    /// How often something was how large.
    Histogram,
}

/// A figure that there is.
#[derive(Debug)]
pub struct Metric {
    /// Its name, with the unit last; in Prometheus `_total` stands behind that of
    /// a counter.
    pub name: &'static str,
    /// What kind of figure it is.
    pub kind: MetricKind,
    /// What it says.
    pub help: &'static str,
    /// What its series are told apart by.
    pub labels: &'static [&'static str],
}

impl Metric {
    /// Its name as Prometheus has it.
    #[must_use]
    pub fn full_name(&self) -> String {
        match self.kind {
            MetricKind::Counter => format!("{}_total", self.name),
            MetricKind::Gauge | MetricKind::Histogram => self.name.to_owned(),
        }
    }
}

/// A text as a label may have it.
fn label(text: &str) -> &str {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:/-".contains(&byte);
    let is_plain = text.bytes().all(plain);
    match is_plain && !text.is_empty() && text.len() <= MAX_LABEL_BYTES {
        true => text,
        false => OTHER,
    }
}

/// The nearest that there is.
pub(crate) fn float(number: u64) -> f64 {
    let [high, low] = [number >> 32, number & u64::from(u32::MAX)];
    let half = |half: u64| f64::from(u32::try_from(half).unwrap_or(u32::MAX));
    half(high).mul_add(f64::from(u32::MAX) + 1.0, half(low))
}

#[cfg(test)]
mod tests;
