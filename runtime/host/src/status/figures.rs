//! The document, of what monitors saw.

use std::collections::HashMap;

use patinox_policy::cut;
use patinox_telemetry::metrics::{
    CALL_DURATION, CALL_FUEL, CALL_MEMORY, CALLS, CALLS_RUNNING, CALLS_WAITING, ENTRIES,
    ENTRY_BYTES, Histogram, MACHINE_CORES, MACHINE_CPU, MACHINE_LOAD, MACHINE_MEMORY,
    MACHINE_MEMORY_AVAILABLE, Metric, OTHER, POOL_SLOTS, POOL_SLOTS_FREE, POOL_WAITING, PRESSURE,
    PROCESS_CPU, PROCESS_DESCRIPTORS, PROCESS_MEMORY, Sample, Value,
};
use patinox_telemetry::{Alert, Health, Snapshot};

use super::document::{About, Held, Outcome, Part, Pool, Pressed, Status, Told, Tool, VERSION};

/// At most so many parts and alerts are told: an embedder may have any number.
const MAX_PARTS: usize = 64;

/// The longest name and the longest message of one, in bytes.
const MAX_NAME_BYTES: usize = 128;
const MAX_MESSAGE_BYTES: usize = 1_024;

/// The document of a moment.
pub(super) fn status(about: About, snapshot: &Snapshot, alerts: &[Alert]) -> Status {
    let mut figures = Figures::default();
    for sample in snapshot.measures.samples() {
        figures.take(sample);
    }
    let mut status = figures.status;
    // Their order is that of threads.
    let key = |tool: &Tool| (tool.component.clone(), tool.tool.clone());
    status.tools.sort_by_cached_key(key);
    status.version = VERSION;
    status.host = about;
    status.condition = snapshot.condition().as_str().to_owned();
    status.health = snapshot.health.iter().take(MAX_PARTS).map(part).collect();
    status.alerts = alerts.iter().take(MAX_PARTS).map(told).collect();
    status
}

fn part(health: &Health) -> Part {
    Part {
        name: cut(health.name, MAX_NAME_BYTES).into_owned(),
        condition: health.condition.as_str().to_owned(),
        reason: cut(&health.reason, MAX_MESSAGE_BYTES).into_owned(),
    }
}

fn told(alert: &Alert) -> Told {
    Told {
        rule: cut(&alert.rule, MAX_NAME_BYTES).into_owned(),
        severity: alert.severity.as_str().to_owned(),
        state: alert.state.as_str().to_owned(),
        message: cut(&alert.message, MAX_MESSAGE_BYTES).into_owned(),
    }
}

#[derive(Default)]
struct Figures {
    status: Status,
    /// The place of each tool.
    tools: HashMap<(String, String), usize>,
}

impl Figures {
    fn take(&mut self, sample: &Sample) {
        let labels: Vec<_> = sample.labels.iter().map(String::as_str).collect();
        match (&sample.value, labels.as_slice()) {
            (Value::Number(number), []) => self.number(sample.metric, *number),
            (Value::Number(number), [label]) => self.labelled(sample.metric, label, *number),
            (Value::Number(number), [component, tool, code]) if is(sample.metric, &CALLS) => {
                self.ended((component, tool), code, whole(*number));
            }
            (Value::Histogram(histogram), [component, tool]) => {
                self.spent(sample.metric, (component, tool), histogram);
            }
            _ => {}
        }
    }

    fn number(&mut self, metric: &Metric, number: f64) {
        let Status { calls, machine, .. } = &mut self.status;
        match metric.name {
            name if name == CALLS_RUNNING.name => calls.running = whole(number),
            name if name == CALLS_WAITING.name => calls.waiting = whole(number),
            name if name == MACHINE_CORES.name => machine.cores = Some(whole(number)),
            name if name == MACHINE_CPU.name => machine.cpu_ratio = Some(number),
            name if name == MACHINE_LOAD.name => machine.load = Some(number),
            name if name == MACHINE_MEMORY.name => machine.memory_bytes = Some(whole(number)),
            name if name == MACHINE_MEMORY_AVAILABLE.name => {
                machine.memory_available_bytes = Some(whole(number));
            }
            name if name == PROCESS_CPU.name => machine.process_cpu_ratio = Some(number),
            name if name == PROCESS_MEMORY.name => {
                machine.process_memory_bytes = Some(whole(number));
            }
            name if name == PROCESS_DESCRIPTORS.name => {
                machine.process_descriptors = Some(whole(number));
            }
            _ => {}
        }
    }

    fn labelled(&mut self, metric: &Metric, label: &str, number: f64) {
        let status = &mut self.status;
        match metric.name {
            name if name == POOL_SLOTS.name => pool(status, label).slots = whole(number),
            name if name == POOL_SLOTS_FREE.name => pool(status, label).free = whole(number),
            name if name == POOL_WAITING.name => pool(status, label).waiting = whole(number),
            name if name == ENTRIES.name => held(status, label).entries = whole(number),
            name if name == ENTRY_BYTES.name => held(status, label).bytes = whole(number),
            name if name == PRESSURE.name => status.pressure.push(Pressed {
                resource: label.to_owned(),
                level: level(number).to_owned(),
            }),
            _ => {}
        }
    }

    fn ended(&mut self, names: (&str, &str), code: &str, calls: u64) {
        let all = &mut self.status.calls;
        all.ended = all.ended.saturating_add(calls);
        if code != "ok" && code != OTHER {
            all.failed = all.failed.saturating_add(calls);
        }
        let code = code.to_owned();
        self.tool(names).outcomes.push(Outcome { code, calls });
    }

    fn spent(&mut self, metric: &Metric, names: (&str, &str), histogram: &Histogram) {
        if is(metric, &CALL_DURATION) {
            self.status.duration_bounds = histogram.bounds().to_vec();
            let tool = self.tool(names);
            tool.duration_counts = histogram.counts().to_vec();
            tool.duration_seconds = histogram.sum();
        } else if is(metric, &CALL_FUEL) {
            self.tool(names).fuel = histogram.sum();
        } else if is(metric, &CALL_MEMORY) {
            self.tool(names).memory_peak_bytes = histogram.sum();
        }
    }

    fn tool(&mut self, (component, tool): (&str, &str)) -> &mut Tool {
        let tools = &mut self.status.tools;
        let key = (component.to_owned(), tool.to_owned());
        let place = *self
            .tools
            .entry(key)
            .or_insert_with_key(|(component, tool)| {
                tools.push(Tool {
                    component: component.clone(),
                    tool: tool.clone(),
                    ..Tool::default()
                });
                tools.len() - 1
            });
        #[expect(
            clippy::indexing_slicing,
            reason = "invariant: a place is that of a tool"
        )]
        &mut tools[place]
    }
}

fn is(metric: &Metric, other: &Metric) -> bool {
    metric.name == other.name
}

fn pool<'a>(status: &'a mut Status, profile: &str) -> &'a mut Pool {
    let make = || Pool {
        profile: profile.to_owned(),
        ..Pool::default()
    };
    find(&mut status.pools, |pool| pool.profile == profile, make)
}

fn held<'a>(status: &'a mut Status, kind: &str) -> &'a mut Held {
    let make = || Held {
        kind: kind.to_owned(),
        ..Held::default()
    };
    find(&mut status.resources, |held| held.kind == kind, make)
}

/// The one that is it; there are few.
fn find<T>(all: &mut Vec<T>, is_it: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> &mut T {
    let place = all.iter().position(is_it).unwrap_or(all.len());
    if place == all.len() {
        all.push(make());
    }
    #[expect(
        clippy::indexing_slicing,
        reason = "invariant: it was found, or has been added"
    )]
    &mut all[place]
}

fn level(number: f64) -> &'static str {
    match number {
        number if number < 1.0 => "normal",
        number if number < 2.0 => "elevated",
        _ => "critical",
    }
}

/// A count; what is none is the nearest that is.
fn whole(number: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it saturates, and what is no number is 0"
    )]
    let whole = number as u64;
    whole
}
