//! What two lines of a host say together: rates, percentiles, rows in an order.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use patinox_host::status::{Status, Tool};

use super::feed::Heard;

/// A host as it is seen.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) socket: PathBuf,
    pub(super) status: Arc<Status>,
    /// Why its next line does not come; escaped.
    pub(super) trouble: Option<String>,
    /// Of its last two lines; none after the first.
    pub(super) rates: Option<Rates>,
    /// Of each tool that was called.
    pub(super) rows: Vec<Row>,
}

/// How often something happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rates {
    /// From which line to which.
    pub(super) span: Duration,
    pub(super) calls_a_second: f64,
    pub(super) errors_a_second: f64,
}

/// The calls of one tool.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) component: String,
    pub(super) tool: String,
    pub(super) calls: u64,
    /// Those that ended in an error, whatever it was.
    pub(super) errors: u64,
    /// Those that ended as `limit/busy`.
    pub(super) busy: u64,
    /// Those that ended in a code that begins with `policy/`.
    pub(super) policy: u64,
    pub(super) rates: Option<Rates>,
    pub(super) p50: Option<Percentile>,
    pub(super) p95: Option<Percentile>,
    /// What a call computes, on average.
    pub(super) fuel: f64,
    /// The most linear memory that a call holds at once, on average, in bytes.
    pub(super) memory_bytes: f64,
}

/// What that share of the calls took at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Percentile {
    /// So many seconds.
    Seconds(f64),
    /// More than the largest that is told apart.
    Above(f64),
}

impl Percentile {
    fn order(this: Option<Self>) -> f64 {
        match this {
            None => -1.0,
            Some(Self::Seconds(seconds)) => seconds,
            Some(Self::Above(_)) => f64::INFINITY,
        }
    }
}

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Key {
    #[default]
    Calls,
    Rate,
    Errors,
    P95,
    Fuel,
    Memory,
    Name,
}

impl Key {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Rate => "calls/s",
            Self::Errors => "errors",
            Self::P95 => "p95",
            Self::Fuel => "fuel",
            Self::Memory => "memory",
            Self::Name => "name",
        }
    }
}

/// An order of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sort {
    pub(super) key: Key,
    /// Not the most first, or not the first letter.
    pub(super) is_reversed: bool,
}

impl Sort {
    fn compare(self, one: &Row, other: &Row) -> Ordering {
        let rate = |row: &Row| row.rates.map_or(-1.0, |rates| rates.calls_a_second);
        let names = || (&one.tool, &one.component).cmp(&(&other.tool, &other.component));
        // The most first.
        let order = match self.key {
            Key::Calls => other.calls.cmp(&one.calls),
            Key::Rate => rate(other).total_cmp(&rate(one)),
            Key::Errors => other.errors.cmp(&one.errors),
            Key::P95 => Percentile::order(other.p95).total_cmp(&Percentile::order(one.p95)),
            Key::Fuel => other.fuel.total_cmp(&one.fuel),
            Key::Memory => other.memory_bytes.total_cmp(&one.memory_bytes),
            Key::Name => names(),
        };
        let order = match self.is_reversed {
            true => order.reverse(),
            false => order,
        };
        order.then_with(names)
    }
}

impl View {
    /// Of a host that has told a line.
    pub(super) fn of(socket: &Path, heard: Heard) -> Option<Self> {
        let status = heard.last?;
        let before = heard.before.as_deref();
        let span = before.and_then(|before| span(before, &status));
        let known = before.map(|before| before.tools.iter()).into_iter();
        let known: HashMap<_, _> = known.flatten().map(|tool| (names(tool), tool)).collect();
        let rows = status.tools.iter().map(|tool| {
            let counted = Counted::of(tool);
            let before = known.get(&names(tool)).map(|tool| Counted::of(tool));
            let rates = span.map(|span| counted.rates(before.unwrap_or_default(), span));
            row(tool, &status.duration_bounds, counted, rates)
        });
        let rates = before.zip(span).map(|(before, span)| {
            let counted = |status: &Status| Counted {
                calls: status.calls.ended,
                errors: status.calls.failed,
            };
            counted(&status).rates(counted(before), span)
        });
        Some(Self {
            socket: socket.to_owned(),
            rows: rows.collect(),
            trouble: heard.trouble,
            rates,
            status,
        })
    }

    /// The rows whose tool or component has this text in it, in an order.
    pub(super) fn rows(&self, filter: &str, sort: Sort) -> Vec<&Row> {
        let filter = filter.to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&filter);
        let rows = self.rows.iter();
        let mut rows: Vec<_> = rows
            .filter(|row| has(&row.tool) || has(&row.component))
            .collect();
        rows.sort_by(|one, other| sort.compare(one, other));
        rows
    }
}

fn names(tool: &Tool) -> (&str, &str) {
    (&tool.component, &tool.tool)
}

/// From which moment to which; none where it is not the same host, or no time.
fn span(before: &Status, last: &Status) -> Option<Duration> {
    let [from, to] = [before, last].map(|status| &status.host);
    let is_same = from.pid == to.pid && from.started_at_unix_ms == to.started_at_unix_ms;
    let span = to.uptime_ms.checked_sub(from.uptime_ms)?;
    (is_same && 0 < span).then(|| Duration::from_millis(span))
}

/// How many there were up to one line.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    calls: u64,
    errors: u64,
}

impl Counted {
    fn of(tool: &Tool) -> Self {
        let outcomes = |is_counted: fn(&str) -> bool| {
            let outcomes = tool.outcomes.iter().filter(|it| is_counted(&it.code));
            sum(outcomes.map(|it| it.calls))
        };
        let timed = sum(tool.duration_counts.iter().copied());
        Self {
            // Of outcomes that are too many for a host to tell apart, it only says
            // how many there were of all tools together.
            calls: timed.max(outcomes(|_| true)),
            errors: outcomes(|code| code != "ok" && code != "other"),
        }
    }

    fn rates(self, before: Self, span: Duration) -> Rates {
        let rate = |now: u64, before: u64| float(now.saturating_sub(before)) / span.as_secs_f64();
        Rates {
            span,
            calls_a_second: rate(self.calls, before.calls),
            errors_a_second: rate(self.errors, before.errors),
        }
    }
}

fn row(tool: &Tool, bounds: &[f64], counted: Counted, rates: Option<Rates>) -> Row {
    let of = |is_it: fn(&str) -> bool| {
        let outcomes = tool.outcomes.iter().filter(|it| is_it(&it.code));
        sum(outcomes.map(|it| it.calls))
    };
    let busy = of(|code| code == "limit/busy");
    // Who was turned away took nothing.
    let average = |all: f64| match counted.calls.saturating_sub(busy) {
        0 => 0.0,
        calls => all / float(calls),
    };
    Row {
        component: tool.component.clone(),
        tool: tool.tool.clone(),
        calls: counted.calls,
        errors: counted.errors,
        busy,
        policy: of(|code| code.starts_with("policy/")),
        rates,
        p50: percentile(bounds, &tool.duration_counts, 0.5),
        p95: percentile(bounds, &tool.duration_counts, 0.95),
        fuel: average(tool.fuel),
        memory_bytes: average(tool.memory_peak_bytes),
    }
}

/// What that share took at most, as if all between two bounds were spread evenly.
fn percentile(bounds: &[f64], counts: &[u64], share: f64) -> Option<Percentile> {
    let all = sum(counts.iter().copied());
    let largest = *bounds.last()?;
    if all == 0 {
        return None;
    }
    let wanted = share * float(all);
    let (mut below, mut lower) = (0.0, 0.0);
    for (bound, count) in bounds.iter().zip(counts) {
        let count = float(*count);
        if 0.0 < count && wanted <= below + count {
            let part = (wanted - below) / count;
            return Some(Percentile::Seconds(lower + (bound - lower) * part));
        }
        (below, lower) = (below + count, *bound);
    }
    Some(Percentile::Above(largest))
}

fn sum(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

/// The nearest that there is.
#[expect(clippy::cast_precision_loss, reason = "it is shown with few digits")]
pub(super) const fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
