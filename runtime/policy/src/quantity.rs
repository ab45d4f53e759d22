//! Values with a unit: `2s`, `64MiB`, `5G`.

use std::fmt;

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A plain count, with an optional decimal suffix `k`, `M`, `G` or `T`.
    Count,
    /// Milliseconds; written `ms`, `s`, `m` or `h`.
    Milliseconds,
    /// Bytes; written `B`, `KiB`, `MiB`, `GiB`, or decimal `KB`, `MB`, `GB`.
    Bytes,
}

/// A number and what it counts. `Display` writes the shortest exact form.
///
/// ```
/// use patinox_policy::{Quantity, Unit};
///
/// assert_eq!(Quantity::parse("64MiB", Unit::Bytes).unwrap().value, 67_108_864);
/// assert_eq!(Quantity { value: 1_500, unit: Unit::Milliseconds }.to_string(), "1500ms");
/// assert_eq!(Quantity { value: 5_000_000_000, unit: Unit::Count }.to_string(), "5G");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// How many of the unit.
    pub value: u64,
    /// What is counted.
    pub unit: Unit,
}

impl Unit {
    /// The suffixes this unit takes, the largest first.
    const fn suffixes(self) -> &'static [(&'static str, u64)] {
        match self {
            Self::Count => &[
                ("T", 1_000_000_000_000),
                ("G", 1_000_000_000),
                ("M", 1_000_000),
                ("k", 1_000),
                ("", 1),
            ],
            Self::Milliseconds => &[("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)],
            Self::Bytes => &[
                ("GiB", 1 << 30),
                ("MiB", 1 << 20),
                ("KiB", 1 << 10),
                ("GB", 1_000_000_000),
                ("MB", 1_000_000),
                ("KB", 1_000),
                ("B", 1),
            ],
        }
    }

    /// Which suffixes it takes, for messages.
    const fn rule(self) -> &'static str {
        match self {
            Self::Count => "must be a number, or one in `k`, `M`, `G` or `T`",
            Self::Milliseconds => "must be in `ms`, `s`, `m` or `h`",
            Self::Bytes => "must be in `B`, `KiB`, `MiB`, `GiB`, `KB`, `MB` or `GB`",
        }
    }

    /// An example of a value, for messages.
    #[must_use]
    pub const fn example(self) -> &'static str {
        match self {
            Self::Count => "5G",
            Self::Milliseconds => "2s",
            Self::Bytes => "64MiB",
        }
    }
}

impl Quantity {
    /// Reads a value with its unit.
    ///
    /// # Errors
    ///
    /// The rule that the text breaks, as a clause without a subject.
    pub fn parse(text: &str, unit: Unit) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.starts_with('-') {
            return Err("must not be negative");
        }
        let digits = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '_');
        let (number, suffix) = text.split_at(text.len() - digits.len());
        if number.is_empty() {
            return Err("must start with a number");
        }
        let suffix = suffix.trim_start();
        if suffix.is_empty() && unit != Unit::Count {
            return Err("needs a unit");
        }
        let Some((_, factor)) = unit.suffixes().iter().find(|(name, _)| *name == suffix) else {
            return Err(unit.rule());
        };
        let value = scale(&number.replace('_', ""), *factor)?;
        Ok(Self { value, unit })
    }
}

/// Multiplies a decimal number by a factor, exactly.
fn scale(number: &str, factor: u64) -> Result<u64, &'static str> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.contains('.') || whole.is_empty() {
        return Err("is not a number");
    }
    let too_large = "is too large";
    let whole: u64 = whole.parse().map_err(|_| too_large)?;
    let whole = whole.checked_mul(factor).ok_or(too_large)?;
    if fraction.is_empty() {
        return Ok(whole);
    }
    let fine = "is finer than its unit can be split";
    let digits: u64 = fraction.parse().map_err(|_| fine)?;
    let places = u32::try_from(fraction.len()).map_err(|_| fine)?;
    let scale = 10_u64.checked_pow(places).ok_or(fine)?;
    let parts = digits.checked_mul(factor).ok_or(fine)?;
    if parts % scale != 0 {
        return Err(fine);
    }
    whole.checked_add(parts / scale).ok_or(too_large)
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact =
            |(_, factor): &&(&str, u64)| self.value != 0 && self.value.is_multiple_of(*factor);
        let smallest = match self.unit {
            Unit::Count => ("", 1),
            Unit::Milliseconds => ("ms", 1),
            Unit::Bytes => ("B", 1),
        };
        let (suffix, factor) = self.unit.suffixes().iter().find(exact).unwrap_or(&smallest);
        write!(f, "{}{suffix}", self.value / factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, unit: Unit, expected: Result<u64, &str>) {
        assert_eq!(
            Quantity::parse(text, unit).map(|q| q.value),
            expected,
            "{text}"
        );
    }

    #[test]
    fn reads_values() {
        check("10s", Unit::Milliseconds, Ok(10_000));
        check("1.5s", Unit::Milliseconds, Ok(1_500));
        check("250ms", Unit::Milliseconds, Ok(250));
        check("2m", Unit::Milliseconds, Ok(120_000));
        check("64MiB", Unit::Bytes, Ok(64 << 20));
        check("1 MB", Unit::Bytes, Ok(1_000_000));
        check("50G", Unit::Count, Ok(50_000_000_000));
        check("1_000", Unit::Count, Ok(1_000));
        check("0.5k", Unit::Count, Ok(500));
    }

    #[test]
    fn refuses_what_is_not_a_value() {
        check("-1s", Unit::Milliseconds, Err("must not be negative"));
        check("10", Unit::Milliseconds, Err("needs a unit"));
        check("64", Unit::Bytes, Err("needs a unit"));
        check("s", Unit::Milliseconds, Err("must start with a number"));
        check("", Unit::Count, Err("must start with a number"));
        let units = |unit: Unit| Err(unit.rule());
        check("5MiB", Unit::Count, units(Unit::Count));
        check("5e3", Unit::Count, units(Unit::Count));
        check("5s", Unit::Bytes, units(Unit::Bytes));
        check("5B", Unit::Milliseconds, units(Unit::Milliseconds));
        check("1.2.3k", Unit::Count, Err("is not a number"));
        check(
            "1.2345s",
            Unit::Milliseconds,
            Err("is finer than its unit can be split"),
        );
        check("99999999999999999999G", Unit::Count, Err("is too large"));
        check("18446744073709551615k", Unit::Count, Err("is too large"));
    }

    #[test]
    fn the_rule_names_every_suffix() {
        for unit in [Unit::Count, Unit::Milliseconds, Unit::Bytes] {
            let mut suffixes = unit.suffixes().iter().filter(|(name, _)| !name.is_empty());
            assert!(suffixes.all(|(name, _)| unit.rule().contains(&format!("`{name}`"))));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value: u64, which in 0..3_usize) {
            let unit = [Unit::Count, Unit::Milliseconds, Unit::Bytes][which];
            let quantity = Quantity { value, unit };
            prop_assert_eq!(Quantity::parse(&quantity.to_string(), unit), Ok(quantity));
        }

        #[test]
        fn no_text_panics(text: String) {
            for unit in [Unit::Count, Unit::Milliseconds, Unit::Bytes] {
                let _ = Quantity::parse(&text, unit);
            }
        }
    }
}
