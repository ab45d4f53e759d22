//! How often something was how large.

/// Counts what is at most as large as each of some bounds, and what is larger.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One more than there are bounds.
    counts: Box<[u64]>,
    sum: f64,
}

impl Histogram {
    /// An empty one with these bounds, which rise.
    #[must_use]
    pub fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            counts: vec![0; bounds.len() + 1].into(),
            sum: 0.0,
        }
    }

    /// Its bounds.
    #[must_use]
    pub const fn bounds(&self) -> &'static [f64] {
        self.bounds
    }

    /// Counts one more.
    pub fn observe(&mut self, value: f64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get_mut(place) {
            *count = count.saturating_add(1);
        }
        self.sum += value;
    }

    /// Adds what another one with the same bounds has counted.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine = mine.saturating_add(*theirs);
        }
        self.sum += other.sum;
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts
            .iter()
            .fold(0, |all, one| all.saturating_add(*one))
    }

    /// How many are at most as large as each bound and larger than the one before, and
    /// at last how many are larger than all.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// What they come to together.
    #[must_use]
    pub const fn sum(&self) -> f64 {
        self.sum
    }

    /// Each bound with how many are at most so large and larger than the one
    /// before; the last bound is infinite.
    pub(super) fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(self.counts.iter().copied()).collect()
    }
}
