//! What a host says, as lines for a person. Every text of a stranger's that is in
//! one is escaped here and cut to what a line can hold.

use std::time::Duration;

use patinox_host::status::{Machine, Status};
use patinox_policy::{cut, escape_line};

use super::model::{Percentile, Row, View};
use crate::output::cost;

/// The longest text of a stranger's in a line, in bytes.
const MAX_TEXT_BYTES: usize = 512;

/// The longest name of his.
const MAX_NAME_BYTES: usize = 64;

/// At most so many of a kind are named in one line.
const MAX_NAMED: usize = 8;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    Bad,
    Poor,
    Good,
    Plain,
}

impl Mark {
    fn of(word: &str) -> Self {
        match word {
            "healthy" | "normal" => Self::Good,
            "degraded" | "elevated" | "warning" => Self::Poor,
            "unhealthy" | "critical" => Self::Bad,
            _ => Self::Plain,
        }
    }
}

/// One thing to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) label: String,
    pub(super) text: String,
    pub(super) mark: Mark,
}

impl Fact {
    fn plain(label: &str, text: String) -> Self {
        Self {
            label: label.to_owned(),
            text,
            mark: Mark::Plain,
        }
    }
}

/// A stranger's text in a line.
pub(super) fn text(text: &str) -> String {
    let short = cut(text, MAX_TEXT_BYTES);
    cut(&escape_line(&short), MAX_TEXT_BYTES).into_owned()
}

/// A stranger's name.
pub(super) fn name(name: &str) -> String {
    let short = cut(name, MAX_NAME_BYTES);
    cut(&escape_line(&short), MAX_NAME_BYTES).into_owned()
}

/// What a host is called.
pub(super) fn title(status: &Status) -> String {
    format!("{} {}", name(&status.host.program), status.host.pid)
}

/// What there is to know of a host as a whole.
pub(super) fn of(view: &View) -> Vec<Fact> {
    let status = &*view.status;
    vec![
        host(view),
        calls(view),
        refused(&view.rows),
        machine(&status.machine),
        process(status),
        pressure(status),
        pools(status),
    ]
}

fn host(view: &View) -> Fact {
    let status = &*view.status;
    let up = Duration::from_millis(status.host.uptime_ms);
    let told = format!(
        "{}, Patinox {}, up {}",
        text(&status.condition),
        name(&status.host.patinox),
        span(up)
    );
    match &view.trouble {
        Some(trouble) => Fact {
            label: "host".to_owned(),
            text: format!("{told}; {trouble}"),
            mark: Mark::Bad,
        },
        None => Fact {
            label: "host".to_owned(),
            text: told,
            mark: Mark::of(&status.condition),
        },
    }
}

fn calls(view: &View) -> Fact {
    let calls = &view.status.calls;
    let [running, waiting, ended, failed] =
        [calls.running, calls.waiting, calls.ended, calls.failed].map(cost::count);
    let (calls_rate, errors_rate) = match view.rates {
        Some(rates) => (
            format!(" ({}/s)", rate(rates.calls_a_second)),
            format!(" ({}/s)", rate(rates.errors_a_second)),
        ),
        None => (String::new(), String::new()),
    };
    Fact::plain(
        "calls",
        format!(
            "{running} running, {waiting} waiting; {ended} ended{calls_rate}, \
             {failed} failed{errors_rate}"
        ),
    )
}

/// Who was turned away, and where policy said no.
fn refused(rows: &[Row]) -> Fact {
    let of = |what: &str, count: fn(&Row) -> u64| {
        let all = rows.iter().map(count).fold(0, u64::saturating_add);
        let mut by_tool: Vec<_> = rows.iter().filter(|row| 0 < count(row)).collect();
        by_tool.sort_by_key(|row| std::cmp::Reverse(count(row)));
        let named = by_tool.iter().take(MAX_NAMED);
        let named = named.map(|row| format!("{} {}", name(&row.tool), cost::count(count(row))));
        let named: Vec<_> = named.collect();
        match all {
            0 => format!("{what} 0"),
            all => format!("{what} {} ({})", cost::count(all), named.join(", ")),
        }
    };
    let busy = of("limit/busy", |row| row.busy);
    let policy = of("policy/…", |row| row.policy);
    Fact::plain("refused", format!("{busy}; {policy}"))
}

fn machine(machine: &Machine) -> Fact {
    let cpu = machine.cpu_ratio.map_or_else(unknown, percent);
    let cores = machine
        .cores
        .map_or_else(unknown, |cores| cores.to_string());
    let load = machine
        .load
        .map_or_else(unknown, |load| format!("{load:.2}"));
    let bytes = |bytes: Option<u64>| bytes.map_or_else(unknown, cost::bytes);
    let (free, all) = (
        bytes(machine.memory_available_bytes),
        bytes(machine.memory_bytes),
    );
    Fact::plain(
        "machine",
        format!("{cpu} of {cores} cores busy, load {load}; {free} of {all} memory available"),
    )
}

fn process(status: &Status) -> Fact {
    let machine = &status.machine;
    let cores = machine.process_cpu_ratio;
    let cores = cores.map_or_else(unknown, |cores| format!("{cores:.2}"));
    let memory = machine.process_memory_bytes;
    let memory = memory.map_or_else(unknown, cost::bytes);
    let files = machine.process_descriptors;
    let files = files.map_or_else(unknown, |files| files.to_string());
    let held = status.resources.iter().filter(|held| 0 < held.entries);
    let held = held.take(MAX_NAMED).map(|held| {
        let bytes = match held.bytes {
            0 => String::new(),
            bytes => format!(" ({})", cost::bytes(bytes)),
        };
        format!(
            "{} × {}{bytes}",
            cost::count(held.entries),
            name(&held.kind)
        )
    });
    let held: Vec<_> = held.collect();
    let told = format!("{cores} cores, {memory}, {files} descriptors");
    Fact::plain(
        "process",
        match held.as_slice() {
            [] => told,
            held => format!("{told}; holds {}", held.join(", ")),
        },
    )
}

fn pressure(status: &Status) -> Fact {
    let mut pressed: Vec<_> = status.pressure.iter().collect();
    pressed.retain(|pressed| pressed.level != "normal");
    pressed.sort_by_key(|pressed| Mark::of(&pressed.level));
    let mark = pressed.first().map_or("normal", |pressed| &pressed.level);
    let named = pressed.iter().take(MAX_NAMED);
    let named =
        named.map(|pressed| format!("{} {}", name(&pressed.resource), name(&pressed.level)));
    let named: Vec<_> = named.collect();
    Fact {
        label: "pressure".to_owned(),
        text: match named.as_slice() {
            [] => "normal".to_owned(),
            named => named.join(", "),
        },
        mark: Mark::of(mark),
    }
}

fn pools(status: &Status) -> Fact {
    let pools = status.pools.iter().take(MAX_NAMED).map(|pool| {
        let used = pool.slots.saturating_sub(pool.free);
        let used = format!(
            "{} {used} of {} slots used",
            name(&pool.profile),
            pool.slots
        );
        match pool.waiting {
            0 => used,
            waiting => format!("{used} and {} waiting", cost::count(waiting)),
        }
    });
    let pools: Vec<_> = pools.collect();
    Fact::plain(
        "pools",
        match pools.as_slice() {
            [] => "none yet".to_owned(),
            pools => pools.join(", "),
        },
    )
}

/// Alerts and the health of each part, the worst first.
pub(super) fn parts(status: &Status) -> Vec<Fact> {
    let alerts = status.alerts.iter().map(|alert| Fact {
        label: format!("{} alert", name(&alert.state)),
        text: format!(
            "{} {}: {}",
            name(&alert.severity),
            name(&alert.rule),
            text(&alert.message)
        ),
        mark: match alert.state.as_str() {
            "firing" => Mark::of(&alert.severity).min(Mark::Poor),
            _ => Mark::Plain,
        },
    });
    let health = status.health.iter().map(|part| Fact {
        label: name(&part.name),
        text: format!("{}: {}", text(&part.condition), text(&part.reason)),
        mark: Mark::of(&part.condition),
    });
    let (mut alerts, mut health) = (alerts.collect::<Vec<_>>(), health.collect::<Vec<_>>());
    alerts.sort_by_key(|fact| fact.mark);
    health.sort_by_key(|fact| fact.mark);
    alerts.extend(health);
    alerts
}

fn unknown() -> String {
    "?".to_owned()
}

fn percent(ratio: f64) -> String {
    format!("{:.0} %", ratio * 100.0)
}

/// How often, with the digits that matter.
pub(super) fn rate(rate: f64) -> String {
    match rate {
        rate if rate < 10.0 => format!("{rate:.1}"),
        rate => amount(rate),
    }
}

/// A number that need not be whole, as a count.
pub(super) fn amount(number: f64) -> String {
    cost::count(whole(number))
}

/// A size that need not be whole.
pub(super) fn size(bytes: f64) -> String {
    cost::bytes(whole(bytes))
}

pub(super) fn percentile(percentile: Option<Percentile>) -> String {
    let time = |seconds: f64| {
        let time = Duration::try_from_secs_f64(seconds.max(0.0));
        cost::time(time.unwrap_or(Duration::MAX))
    };
    match percentile {
        None => "-".to_owned(),
        Some(Percentile::Seconds(seconds)) => time(seconds),
        Some(Percentile::Above(seconds)) => format!(">{}", time(seconds)),
    }
}

/// A long span, in its two largest units.
fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {} min", minutes % 60),
        (days, hours, _) => format!("{days} d {} h", hours % 24),
    }
}

fn whole(number: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it saturates, and what is no number is 0"
    )]
    let whole = number.round() as u64;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units() {
        let told = |seconds| span(Duration::from_secs(seconds));
        let spans = [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 864_000].map(told);
        assert_eq!(
            spans,
            [
                "0 s",
                "59 s",
                "1 min 0 s",
                "59 min 59 s",
                "1 h 0 min",
                "23 h 59 min",
                "1 d 0 h",
                "10 d 0 h"
            ]
        );
    }

    #[test]
    fn odd_numbers_are_told_too() {
        let odd = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -1.0, 1e300];
        for number in odd {
            let told = [rate(number), amount(number), size(number)];
            assert!(told.iter().all(|text| text.len() < 40), "{told:?}");
            let slow = percentile(Some(Percentile::Seconds(number)));
            assert!(slow.len() < 40, "{slow}");
        }
    }

    #[test]
    fn a_strangers_text_stays_in_its_line() {
        let long = "\u{1b}".repeat(10_000);
        assert!(text(&long).len() <= MAX_TEXT_BYTES);
        assert!(name(&long).len() <= MAX_NAME_BYTES);
        assert_eq!(name("a\n\u{202e}b"), "a\\n\\u{202e}b");
    }
}
