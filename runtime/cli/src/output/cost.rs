//! What a call cost, for people.

use std::time::Duration;

use patinox_policy::Usage;
use patinox_tools::Judgement;

/// In a line: `fuel 1.2M, memory 1 MiB, 1.84 ms`.
pub(crate) fn line(usage: &Usage) -> String {
    let [fuel, memory, wall] = parts(usage);
    format!("fuel {fuel}, memory {memory}, {wall}")
}

/// The same of validators, behind that: `; judged: 2 verdicts, fuel 1.2M, 0.40 ms`.
pub(crate) fn judged(judgements: &[Judgement]) -> String {
    let verdicts = match judgements.len() {
        0 => return String::new(),
        1 => "1 verdict".to_owned(),
        more => format!("{more} verdicts"),
    };
    let fuel = judgements.iter().map(|one| one.usage.fuel).sum();
    let wall = judgements.iter().map(|one| one.usage.wall).sum();
    format!("; judged: {verdicts}, fuel {}, {}", count(fuel), time(wall))
}

/// Fuel, peak memory and time, each rounded.
pub(crate) fn parts(usage: &Usage) -> [String; 3] {
    [
        count(usage.fuel),
        bytes(usage.memory_bytes_peak),
        time(usage.wall),
    ]
}

/// Milliseconds to the microsecond, as a usage has them.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1_000.0
}

/// A time: `1.84 ms`.
pub(crate) fn time(time: Duration) -> String {
    let millis = milliseconds(time);
    if millis < 10.0 {
        format!("{millis:.2} ms")
    } else if millis < 10_000.0 {
        format!("{millis:.0} ms")
    } else {
        format!("{:.1} s", millis / 1_000.0)
    }
}

/// A count: `1.2M`.
pub(crate) fn count(value: u64) -> String {
    rounded(value, 1_000, &["", "k", "M", "G", "T"])
}

/// A size: `1.2 MiB`.
pub(crate) fn bytes(value: u64) -> String {
    rounded(value, 1_024, &[" B", " KiB", " MiB", " GiB", " TiB"])
}

fn rounded(value: u64, step: u64, units: &[&str]) -> String {
    let mut unit = units.iter();
    let mut name = unit.next().copied().unwrap_or_default();
    let mut tenths = value.saturating_mul(10);
    for next in unit {
        if tenths < step * 10 {
            break;
        }
        (tenths, name) = (tenths / step, next);
    }
    match tenths % 10 {
        0 => format!("{}{name}", tenths / 10),
        tenth => format!("{}.{tenth}{name}", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds() {
        assert_eq!(count(999), "999");
        assert_eq!(count(1_250_000), "1.2M");
        assert_eq!(count(5_000_000_000), "5G");
        assert_eq!(bytes(1_114_112), "1 MiB");
        assert_eq!(bytes(64 << 20), "64 MiB");
        assert_eq!(bytes(1_600), "1.5 KiB");
    }

    #[track_caller]
    fn check_time(micros: u64, expected: &str) {
        assert_eq!(time(Duration::from_micros(micros)), expected);
    }

    #[test]
    fn times_have_the_digits_that_matter() {
        check_time(5, "0.01 ms");
        check_time(1_840, "1.84 ms");
        check_time(302_400, "302 ms");
        check_time(61_250_000, "61.2 s");
    }
}
