//! What figures have come to at one moment.

use std::collections::HashMap;

use super::{Histogram, MAX_SERIES, Metric, OTHER, float, label};

/// What a series has come to.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A counter or a gauge.
    Number(f64),
    /// A histogram.
    Histogram(Histogram),
}

/// One series.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Of which metric.
    pub metric: &'static Metric,
    /// The values of its labels, in their order.
    pub labels: Vec<String>,
    /// What it has come to.
    pub value: Value,
}

/// Series by metric and labels, bounded.
#[derive(Clone, Debug, Default)]
pub struct Measures {
    samples: Vec<Sample>,
    /// The place of each.
    places: HashMap<(&'static str, Vec<String>), usize>,
    /// How many each metric has, that of the rest left out.
    counts: HashMap<&'static str, usize>,
}

impl Measures {
    /// Adds to a number; a gauge that is measured once is just that.
    pub fn number(&mut self, metric: &'static Metric, labels: &[&str], value: f64) {
        let sample = self.sample(metric, labels, || Value::Number(0.0));
        if let Value::Number(number) = sample {
            *number += value;
        }
    }

    /// Adds a whole number: see [`number`](Self::number).
    pub fn count(&mut self, metric: &'static Metric, labels: &[&str], value: u64) {
        self.number(metric, labels, float(value));
    }

    /// Adds to a histogram. Of one metric all have the same bounds.
    pub fn histogram(&mut self, metric: &'static Metric, labels: &[&str], value: &Histogram) {
        let empty = || Value::Histogram(Histogram::new(value.bounds()));
        let sample = self.sample(metric, labels, empty);
        if let Value::Histogram(histogram) = sample {
            histogram.add(value);
        }
    }

    /// All of them, in the order in which they came.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// What a series has come to.
    #[must_use]
    pub fn get(&self, name: &str, labels: &[&str]) -> Option<&Value> {
        let is_it = |sample: &&Sample| sample.metric.name == name && sample.labels == labels;
        self.samples.iter().find(is_it).map(|sample| &sample.value)
    }

    pub(crate) fn extend(&mut self, others: &Self) {
        for sample in &others.samples {
            let labels: Vec<_> = sample.labels.iter().map(String::as_str).collect();
            match &sample.value {
                Value::Number(number) => self.number(sample.metric, &labels, *number),
                Value::Histogram(histogram) => self.histogram(sample.metric, &labels, histogram),
            }
        }
    }

    fn sample(
        &mut self,
        metric: &'static Metric,
        labels: &[&str],
        empty: impl FnOnce() -> Value,
    ) -> &mut Value {
        let mut labels: Vec<_> = labels.iter().map(|text| label(text).to_owned()).collect();
        labels.resize(metric.labels.len(), OTHER.to_owned());
        let mut key = (metric.name, labels);
        let count = self.counts.entry(metric.name).or_default();
        // There is always room for what all that is one too many is counted under.
        let is_rest = key.1.iter().all(|label| label == OTHER);
        if !is_rest && !self.places.contains_key(&key) {
            if *count < MAX_SERIES - 1 {
                *count += 1;
            } else {
                key.1.fill(OTHER.to_owned());
            }
        }
        let place = *self.places.entry(key).or_insert_with_key(|(_, labels)| {
            self.samples.push(Sample {
                metric,
                labels: labels.clone(),
                value: empty(),
            });
            self.samples.len() - 1
        });
        #[expect(
            clippy::indexing_slicing,
            reason = "invariant: a place is that of a sample"
        )]
        &mut self.samples[place].value
    }
}
