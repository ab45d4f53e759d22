//! The limits in the README are the defaults in the code.

use crate::{File, Finding, Tree};

const SOURCE: &str = "runtime/policy/src/limits.rs";

/// Units of the README's table, and what one is worth.
const UNITS: [(&str, u64); 15] = [
    ("", 1),
    ("K", 1_000),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("ms", 1),
    ("s", 1_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("B", 1),
    ("bytes", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Every default of `Limits` and `LoadLimits` stands in the README's table,
/// with its value.
///
/// A row is `` | `name` | value … | ``; several names share a row, parted by
/// `·`, with as many values or one for all.
#[must_use]
pub fn table(tree: &Tree) -> Vec<Finding> {
    let (source, readme) = match (tree.need(SOURCE), tree.need("README.md")) {
        (Ok(source), Ok(readme)) => (source, readme),
        (source, readme) => return [source.err(), readme.err()].into_iter().flatten().collect(),
    };
    let defaults = defaults(source);
    if defaults.is_empty() {
        let rule = "no default of a limit could be read from it";
        return vec![source.finding(1, rule, "write `field: number,` in `impl Default`")];
    }
    let rows = rows(readme);
    defaults
        .iter()
        .filter_map(|(field, value)| {
            let (name, whole) = (limit_name(field), field.replace('_', "-"));
            let of_field = |row: &&Row| row.1 == name || row.1 == whole;
            let rule = match rows.iter().find(of_field) {
                Some((_, _, Some(written))) if written == value => return None,
                Some((line, _, _)) => {
                    let rule = format!("`{name}` does not have its default, {value}, in the table");
                    return Some(readme.finding(*line, rule, format!("correct it, or `{SOURCE}`")));
                }
                None => format!("the limits table has no row for `{name}`"),
            };
            Some(readme.finding(1, rule, format!("write its default, {value}, with a unit")))
        })
        .collect()
}

/// The limits and their defaults, from the source.
fn defaults(source: &File) -> Vec<(String, u64)> {
    let mut inside = false;
    let mut defaults = Vec::new();
    for line in source.text().lines() {
        if line.starts_with("impl Default for ") {
            inside = true;
        } else if line == "}" {
            inside = false;
        } else if inside
            && let Some((field, value)) = line.trim().trim_end_matches(',').split_once(": ")
            && let Some(value) = evaluated(value)
        {
            defaults.push((field.to_owned(), value));
        }
    }
    defaults
}

/// `memory_bytes` is the limit `memory`. Where the unit is part of the name, as
/// in `hostcall-bytes`, the row has the whole.
fn limit_name(field: &str) -> String {
    let name = field
        .strip_suffix("_bytes")
        .or_else(|| field.strip_suffix("_ms"));
    name.unwrap_or(field).replace('_', "-")
}

/// `50_000` or `64 << 20`.
fn evaluated(expression: &str) -> Option<u64> {
    let number = |text: &str| text.trim().replace('_', "").parse::<u64>().ok();
    match expression.split_once("<<") {
        None => number(expression),
        Some((value, shift)) => number(value)?.checked_shl(u32::try_from(number(shift)?).ok()?),
    }
}

/// A row of a table: line, name and value.
type Row = (usize, String, Option<u64>);

/// The rows of every table whose first cell is a name.
fn rows(readme: &File) -> Vec<Row> {
    let mut rows = Vec::new();
    for (line, text) in readme.lines() {
        let mut cells = text.split('|').skip(1);
        let (Some(names), Some(values)) = (cells.next(), cells.next()) else {
            continue;
        };
        let values: Vec<_> = values.split('·').map(value).collect();
        for (index, name) in names.split('·').enumerate() {
            let value = values.get(index).or(values.last()).copied().flatten();
            rows.push((line, name.trim().trim_matches('`').to_owned(), value));
        }
    }
    rows
}

/// The number with its unit that a cell begins with.
fn value(cell: &str) -> Option<u64> {
    let cell = cell.trim().trim_start_matches('`');
    let digits = cell
        .find(|c: char| !c.is_ascii_digit() && c != '_')
        .unwrap_or(cell.len());
    let (number, rest) = cell.split_at_checked(digits)?;
    let rest = rest.trim_start();
    let unit: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
    let (_, worth) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number
        .replace('_', "")
        .parse::<u64>()
        .ok()?
        .checked_mul(*worth)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "impl Default for Limits {\n    fn default() -> Self {\n        Self {\n            \
        fuel: 50_000_000_000,\n            wall_ms: 10_000,\n            error_text_bytes: 4 << 10,\n            \
        stdout_bytes: 64 << 10,\n        }\n    }\n}\n";

    #[track_caller]
    fn check(readme: &str, expected: &[&str]) {
        let found = table(&Tree::of([(SOURCE, CODE), ("README.md", readme)]));
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn a_default_that_differs_is_found() {
        check(
            "| limit | default |\n|---|---|\n| `fuel` | 50 G (seconds) |\n| `wall` | `10s` |\n\
             | `error-text` · `stdout` | 4 KiB · 64 KiB each |\n",
            &[],
        );
        check(
            "| `fuel` | 5 G |\n| `error-text` · `stdout` | 64KiB |\n",
            &[
                "README.md:1: `fuel` does not",
                "no row for `wall`",
                "README.md:2: `error-text`",
            ],
        );
    }
}
