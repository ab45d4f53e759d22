use std::path::Path;

use serde_json::{Value, json};

use super::*;

/// What is seen of these lines, the last one last.
fn view(lines: &[Value]) -> View {
    let parse = |line: &Value| {
        let status = Status::parse(line.to_string().as_bytes());
        Arc::new(status.expect("a status"))
    };
    let mut lines = lines.iter().map(parse).rev();
    let heard = Heard {
        last: lines.next(),
        before: lines.next(),
        ..Heard::default()
    };
    View::of(Path::new("7.sock"), heard).expect("a line")
}

fn tool(name: &str, outcomes: &[(&str, u64)], counts: [u64; 4]) -> Value {
    let outcomes = outcomes.iter();
    let outcomes: Vec<_> = outcomes
        .map(|(code, calls)| json!({ "code": code, "calls": calls }))
        .collect();
    json!({
        "component": "sha256:ab",
        "tool": name,
        "outcomes": outcomes,
        "duration_counts": counts,
        "fuel": 1_400.0,
        "memory_peak_bytes": 57_344.0,
    })
}

fn line(uptime_ms: u64, tools: &[Value]) -> Value {
    let calls = |of: &Value| of["outcomes"][0]["calls"].as_u64().unwrap_or(0);
    json!({
        "version": 1,
        "host": { "pid": 7, "uptime_ms": uptime_ms },
        "calls": { "ended": tools.iter().map(calls).sum::<u64>() },
        "duration_bounds": [0.1, 1.0, 10.0],
        "tools": tools,
    })
}

#[test]
fn rates_are_between_two_lines() {
    let before = line(1_000, &[tool("a", &[("ok", 10)], [10, 0, 0, 0])]);
    let codes = [
        ("ok", 12),
        ("limit/busy", 2),
        ("policy/denied", 1),
        ("other", 1),
    ];
    let a = tool("a", &codes, [16, 0, 0, 0]);
    let last = line(3_000, &[a, tool("new", &[("ok", 4)], [4, 0, 0, 0])]);
    let seen = view(&[before.clone(), last.clone()]);
    let rates = seen.rates.expect("two lines");
    assert_eq!(rates.span, Duration::from_secs(2));
    assert_eq!(rates.calls_a_second.to_string(), "3");
    let [a, new] = seen.rows.as_slice() else {
        panic!("{seen:?}");
    };
    assert_eq!((a.calls, a.errors, a.busy, a.policy), (16, 3, 2, 1));
    let of_a = a.rates.expect("two lines");
    assert_eq!(of_a.calls_a_second.to_string(), "3");
    assert_eq!(of_a.errors_a_second.to_string(), "1.5");
    assert_eq!(
        new.rates.expect("two lines").calls_a_second.to_string(),
        "2"
    );
    // Of the 14 that were not turned away.
    assert_eq!(
        (a.fuel.to_string(), a.memory_bytes.to_string()),
        ("100".into(), "4096".into())
    );

    // One line says nothing of it, nor do two of different hosts, nor does no time.
    for lines in [
        vec![last.clone()],
        vec![last.clone(), last.clone()],
        vec![last.clone(), before.clone()],
    ] {
        let seen = view(&lines);
        assert!(seen.rates.is_none() && seen.rows[0].rates.is_none());
    }
    let mut other = before;
    other["host"]["pid"] = json!(8);
    assert!(view(&[other, last]).rates.is_none());
}

#[track_caller]
fn check(counts: [u64; 4], share: f64, expected: Option<Percentile>) {
    let bounds = [0.1, 1.0, 10.0];
    assert_eq!(percentile(&bounds, &counts, share), expected);
}

#[test]
fn percentiles_lie_between_bounds() {
    let at = |seconds| Some(Percentile::Seconds(seconds));
    check([0; 4], 0.5, None);
    check([10, 0, 0, 0], 0.5, at(0.05));
    check([0, 0, 1, 0], 0.5, at(5.5));
    check([50, 0, 50, 0], 0.5, at(0.1));
    check([90, 10, 0, 0], 0.95, at(0.55));
    check([1, 0, 0, 99], 0.95, Some(Percentile::Above(10.0)));
    // What a stranger makes up.
    check([u64::MAX, 0, 0, 0], 0.5, at(0.05));
    assert_eq!(percentile(&[], &[1], 0.5), None);
    assert_eq!(percentile(&[1.0], &[], 0.5), None);
    let short = percentile(&[1.0, 2.0, 3.0], &[0, 1], 0.95);
    assert!(matches!(short, Some(Percentile::Seconds(_))), "{short:?}");
}

fn ordered(filter: &str, key: Key, is_reversed: bool) -> String {
    let tools = [
        tool("quick", &[("ok", 3)], [3, 0, 0, 0]),
        tool("Slow", &[("limit/wall", 1)], [0, 0, 0, 1]),
        tool("busy", &[("limit/busy", 9)], [9, 0, 0, 0]),
    ];
    let seen = view(&[line(1_000, &[]), line(2_000, &tools)]);
    let rows = seen.rows(filter, Sort { key, is_reversed });
    let names: Vec<_> = rows.iter().map(|row| row.tool.as_str()).collect();
    names.join(" ")
}

#[test]
fn rows_come_in_the_order_that_was_asked_for() {
    let all = |key| ordered("", key, false);
    assert_eq!(all(Key::Calls), "busy quick Slow");
    assert_eq!(all(Key::Rate), "busy quick Slow");
    assert_eq!(all(Key::Errors), "busy Slow quick");
    assert_eq!(all(Key::P95), "Slow busy quick");
    assert_eq!(all(Key::Fuel), "Slow quick busy");
    assert_eq!(all(Key::Memory), "Slow quick busy");
    assert_eq!(all(Key::Name), "Slow busy quick");
    assert_eq!(ordered("", Key::Calls, true), "Slow quick busy");
    assert_eq!(ordered("", Key::Name, true), "quick busy Slow");
}

#[test]
fn a_filter_keeps_what_has_it() {
    assert_eq!(ordered("SL", Key::Calls, false), "Slow");
    assert_eq!(ordered("sha256:a", Key::Name, false), "Slow busy quick");
    assert_eq!(ordered("no such", Key::Calls, false), "");
}
