//! The text in which Prometheus reads figures: its exposition format, version
//! 0.0.4, by the library of its own project.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabel as _, EncodeLabelSet, LabelSetEncoder, NoLabelSet,
    prometheus_text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::{ALL, Measures, Metric, MetricKind, Sample, Value};

/// Writes all figures, by metric.
pub(crate) fn prometheus(measures: Measures) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(All(measures)));
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _ = prometheus_text::encode(&mut text, &registry);
    text
}

#[derive(Debug)]
struct All(Measures);

impl Collector for All {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for metric in ALL {
            let is_of = |sample: &&Sample| std::ptr::eq(sample.metric, *metric);
            let mut samples = self.0.samples().iter().filter(is_of).peekable();
            if samples.peek().is_none() {
                continue;
            }
            let kind = match metric.kind {
                MetricKind::Counter => MetricType::Counter,
                MetricKind::Gauge => MetricType::Gauge,
                MetricKind::Histogram => MetricType::Histogram,
            };
            let mut encoder = encoder.encode_descriptor(metric.name, metric.help, None, kind)?;
            for sample in samples {
                let labels = Labels(metric, sample);
                let mut encoder = encoder.encode_family(&labels)?;
                match (&sample.value, metric.kind) {
                    (Value::Number(number), MetricKind::Counter) => {
                        encoder.encode_counter::<NoLabelSet, _, f64>(number, None)?;
                    }
                    (Value::Number(number), _) => encoder.encode_gauge(number)?,
                    (Value::Histogram(histogram), _) => encoder.encode_histogram::<NoLabelSet>(
                        histogram.sum(),
                        histogram.count(),
                        &histogram.buckets(),
                        None,
                    )?,
                }
            }
        }
        Ok(())
    }
}

struct Labels<'a>(&'static Metric, &'a Sample);

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        for pair in self.0.labels.iter().zip(&self.1.labels) {
            let (name, value) = pair;
            (*name, value.as_str()).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}
