//! What is told, and what is read of it.

use patinox_policy::{Code, Usage};
use patinox_telemetry::metrics::{
    CALLS_RUNNING, MACHINE_CPU, POOL_SLOTS, POOL_SLOTS_FREE, POOL_WAITING, PRESSURE,
};
use patinox_telemetry::{
    Alert, AlertState, CallEnded, CallId, Clock, Condition, Event, Health, Monitor, Monitors,
    Outcome, Severity, Sink as _, metrics::Measures,
};
use proptest::prelude::*;

use super::super::document::{About, MAX_LINE_BYTES, Part, Pool, Pressed, Status, Unread, refusal};
use super::super::figures;

struct Kettle;

impl Monitor for Kettle {
    fn name(&self) -> &'static str {
        "kettle"
    }

    fn look(&self, measures: &mut Measures) -> Vec<Health> {
        measures.count(&CALLS_RUNNING, &[], 2);
        measures.number(&MACHINE_CPU, &[], 0.25);
        measures.count(&POOL_SLOTS, &["lean"], 64);
        measures.count(&POOL_SLOTS_FREE, &["lean"], 60);
        measures.count(&POOL_WAITING, &["lean"], 3);
        measures.count(&PRESSURE, &["memory"], 2);
        vec![Health {
            name: "kettle",
            condition: Condition::Degraded,
            reason: "it boils\u{1b}[2J".to_owned(),
        }]
    }
}

fn ended(tool: &str, code: Option<Code>) -> Event {
    let started_at = Clock::system().wall();
    Event::CallEnded(CallEnded {
        call: CallId::new(started_at),
        component: format!("sha256:{}", "ab".repeat(32)),
        tool: tool.to_owned(),
        outcome: match code {
            None => Outcome::Ok,
            Some(code) => Outcome::Failed {
                code,
                message: String::new(),
            },
        },
        usage: Usage {
            fuel: 1_000,
            memory_bytes_peak: 65_536,
            wall: std::time::Duration::from_millis(2),
            ..Usage::default()
        },
        started_at,
    })
}

fn about() -> About {
    About {
        pid: 7,
        program: "kettle".to_owned(),
        ..About::default()
    }
}

fn alert(message: &str) -> Alert {
    Alert {
        rule: "resources-unhealthy".to_owned(),
        severity: Severity::Critical,
        state: AlertState::Firing,
        value: 2.0,
        message: message.to_owned(),
        labels: Vec::new(),
    }
}

/// What was seen is what is read.
#[test]
fn a_snapshot_goes_through_the_line_whole() {
    let monitors = Monitors::default();
    monitors.add(Kettle);
    for code in [None, None, Some(Code::Busy), Some(Code::Denied)] {
        monitors.record(&ended("count", code));
    }
    monitors.record(&ended("boil", None));
    let told = figures::status(about(), &monitors.tick(), &[alert("memory is critical")]);
    let line = told.line();
    assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
    let read = Status::parse(&line).expect("a status");
    assert_eq!(read, told);

    assert_eq!((read.version, read.host.pid), (1, 7));
    assert_eq!(read.condition, "degraded");
    let calls = &read.calls;
    assert_eq!((calls.running, calls.ended, calls.failed), (2, 5, 2));
    let names: Vec<_> = read.tools.iter().map(|tool| tool.tool.as_str()).collect();
    assert_eq!(names, ["boil", "count"]);
    let count = &read.tools[1];
    assert_eq!(count.component, "sha256:abababababab");
    let outcome = |code: &str| {
        let mut outcomes = count.outcomes.iter();
        outcomes.find(|it| it.code == code).map(|it| it.calls)
    };
    assert_eq!(
        [
            outcome("ok"),
            outcome("limit/busy"),
            outcome("policy/denied")
        ],
        [Some(2), Some(1), Some(1)]
    );
    assert_eq!(count.duration_counts.len(), read.duration_bounds.len() + 1);
    assert_eq!(count.duration_counts.iter().sum::<u64>(), 4);
    assert_eq!(count.fuel.to_string(), "4000");
    assert_eq!(count.memory_peak_bytes.to_string(), "262144");
    let pool = Pool {
        profile: "lean".to_owned(),
        slots: 64,
        free: 60,
        waiting: 3,
    };
    assert_eq!(read.pools, [pool]);
    let pressed = Pressed {
        resource: "memory".to_owned(),
        level: "critical".to_owned(),
    };
    assert_eq!(read.pressure, [pressed]);
    assert_eq!(read.machine.cpu_ratio, Some(0.25));
    assert_eq!(read.machine.cores, None);
    assert_eq!(read.health[0].reason, "it boils\u{1b}[2J");
    assert_eq!(read.alerts[0].state, "firing");
    assert_eq!(read.alerts[0].message, "memory is critical");
}

#[test]
fn what_is_new_or_missing_breaks_no_reader() {
    let line = br#"{"new": [{}], "version": 1, "health": [{"name": "a", "more": 1}]}"#;
    let status = Status::parse(line).expect("a status");
    let part = Part {
        name: "a".to_owned(),
        ..Part::default()
    };
    assert_eq!(status.health, [part]);
    assert_eq!(status.calls.running, 0);
}

#[track_caller]
fn check_unread(line: &[u8], expected: &str) {
    let unread = Status::parse(line).expect_err("no status");
    assert!(unread.to_string().starts_with(expected), "{unread}");
}

#[test]
fn why_a_line_is_no_status_is_told() {
    check_unread(
        br#"{"version": 2, "host": 7}"#,
        "the host tells its status in version 2, and this program reads 1",
    );
    check_unread(
        br#"{"version": 0}"#,
        "the host tells its status in version 0",
    );
    check_unread(
        &refusal("8 read already"),
        "the host refused: 8 read already",
    );
    for line in ["", "{}", "[1]", "null", r#"{"version": -1}"#, "\u{0}"] {
        check_unread(line.as_bytes(), "it is no status: ");
    }
    let deep = format!(r#"{{"version": 1, "new": {}"#, "[".repeat(1_000_000));
    check_unread(deep.as_bytes(), "it is no status: ");
    let wrong = br#"{"version": 1, "calls": {"running": 1e300}}"#;
    assert!(matches!(Status::parse(wrong), Err(Unread::Malformed(_))));
}

/// However many tools, outcomes, parts and alerts there are, and whatever their
/// texts: a reader may bound what it takes.
#[test]
fn no_line_is_longer_than_it_may_be() {
    struct Loud;
    impl Monitor for Loud {
        fn name(&self) -> &'static str {
            "loud"
        }
        fn look(&self, _: &mut Measures) -> Vec<Health> {
            let part = Health {
                name: "loud",
                condition: Condition::Healthy,
                reason: "\u{1}".repeat(10_000),
            };
            vec![part; 1_000]
        }
    }
    let monitors = Monitors::default();
    monitors.add(Loud);
    for number in 0..2_000 {
        let tool = format!("{number:_>128}");
        for code in [None, Some(Code::Busy)] {
            monitors.record(&ended(&tool, code));
        }
    }
    let alerts = vec![alert(&"\u{1}".repeat(10_000)); 1_000];
    let mut told = figures::status(about(), &monitors.tick(), &alerts);
    assert_eq!(told.tools.len(), 1_000);
    for tool in &mut told.tools {
        tool.duration_counts.fill(u64::MAX);
    }
    let bytes = told.line().len();
    assert!((800_000..MAX_LINE_BYTES).contains(&bytes), "{bytes}");
}

proptest! {
    #[test]
    fn no_line_makes_a_reader_panic(bytes: Vec<u8>, text: String) {
        let _ = Status::parse(&bytes);
        let line = serde_json::json!({ "version": 1, "condition": text });
        let status = Status::parse(line.to_string().as_bytes()).expect("a status");
        prop_assert_eq!(status.condition, text);
    }
}
