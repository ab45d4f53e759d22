//! One look, as plain text.

use std::fmt::Write as _;
use std::path::Path;

use super::facts;
use super::gather::Gather;
use super::model::{Row, Sort, View};

/// At most so many tools are listed; a program reads all of them.
const MAX_TOOLS: usize = 20;

/// So wide are the labels of a host, and those of its parts.
const LABEL: usize = 10;

pub(super) fn text(gather: &Gather, views: &[View], short: impl Fn(&Path) -> String) -> String {
    let mut blocks: Vec<_> = views.iter().map(|view| host(view, &short)).collect();
    if views.is_empty() {
        blocks.push("no host that can be watched was found".to_owned());
    }
    let removed = gather.removed().iter();
    let removed: Vec<_> = removed
        .map(|path| format!("removed {}: its host is dead", short(path)))
        .collect();
    if !removed.is_empty() {
        blocks.push(removed.join("\n"));
    }
    blocks.join("\n\n")
}

fn host(view: &View, short: impl Fn(&Path) -> String) -> String {
    let status = &*view.status;
    let mut text = format!("{}: {}", facts::title(status), short(&view.socket));
    let parts = facts::parts(status);
    let widest = parts.iter().map(|part| part.label.chars().count()).max();
    let widest = widest.unwrap_or_default().max(LABEL);
    for fact in facts::of(view) {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "\n  {:<LABEL$}{}", fact.label, fact.text);
    }
    let rows = view.rows("", Sort::default());
    if !rows.is_empty() {
        let head = [
            "tool",
            "component",
            "calls",
            "calls/s",
            "errors",
            "busy",
            "policy",
            "p50",
            "p95",
            "fuel/call",
            "memory/call",
        ];
        text.push_str(&line(&head.map(str::to_owned)));
    }
    for row in rows.iter().take(MAX_TOOLS) {
        text.push_str(&line(&cells(row)));
    }
    if let Some(more) = rows.len().checked_sub(MAX_TOOLS).filter(|more| 0 < *more) {
        let _ = write!(text, "\n  and {more} more: `-o json` has all");
    }
    for part in parts {
        let _ = write!(text, "\n  {:<widest$}  {}", part.label, part.text);
    }
    text
}

fn cells(row: &Row) -> [String; 11] {
    let rate = row.rates.map(|rates| facts::rate(rates.calls_a_second));
    [
        facts::name(&row.tool),
        digits(&row.component),
        crate::output::cost::count(row.calls),
        rate.unwrap_or_else(|| "-".to_owned()),
        crate::output::cost::count(row.errors),
        crate::output::cost::count(row.busy),
        crate::output::cost::count(row.policy),
        facts::percentile(row.p50),
        facts::percentile(row.p95),
        facts::amount(row.fuel),
        facts::size(row.memory_bytes),
    ]
}

/// The digits of a digest, without the algorithm.
pub(super) fn digits(component: &str) -> String {
    let digits = component.strip_prefix("sha256:").unwrap_or(component);
    facts::name(digits)
}

fn line(cells: &[String; 11]) -> String {
    let [tool, component, numbers @ ..] = cells;
    let mut line = format!("\n  {tool:<16}  {component:<12}");
    for (number, width) in numbers.iter().zip([7, 7, 7, 6, 6, 9, 9, 9, 11]) {
        let _ = write!(line, "  {number:>width$}");
    }
    line
}
