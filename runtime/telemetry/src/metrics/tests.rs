//! Figures that add up, and none that a stranger makes too many.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use patinox_policy::{Code, LimitName, Usage};
use proptest::prelude::*;

use super::*;
use crate::{
    CallEnded, CallId, CleanupFailed, ComponentLoaded, Event, Monitors, Outcome, PressureChanged,
    Reclaimed, Sink as _,
};

const DIGEST: &str = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

fn ended(tool: &str, outcome: Outcome) -> Event {
    Event::CallEnded(CallEnded {
        call: CallId::new(SystemTime::UNIX_EPOCH),
        component: DIGEST.to_owned(),
        tool: tool.to_owned(),
        outcome,
        usage: Usage {
            fuel: 5_000,
            memory_bytes_peak: 2 << 20,
            wall: Duration::from_millis(2),
            ..Usage::default()
        },
        started_at: SystemTime::UNIX_EPOCH,
    })
}

fn failed(code: Code) -> Outcome {
    Outcome::Failed {
        code,
        message: String::new(),
    }
}

/// How many series of each name a text has.
fn series(text: &str, name: &str) -> usize {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let named = lines.filter(|line| line.starts_with(&format!("{name}{{")));
    named.count()
}

#[test]
fn calls_are_counted_by_tool_and_outcome() {
    let monitors = Monitors::default();
    monitors.record(&ended("count", Outcome::Ok));
    monitors.record(&ended("count", Outcome::Ok));
    let fuel = Code::Limit(LimitName::Fuel);
    monitors.record(&ended("count", failed(fuel)));
    let text = monitors.prometheus();
    let calls = text
        .lines()
        .filter(|line| line.contains("patinox_calls_total"));
    insta::assert_snapshot!(calls.collect::<Vec<_>>().join("\n"), @r#"
    # HELP patinox_calls_total Calls that have ended, by how
    # TYPE patinox_calls_total counter
    patinox_calls_total{component="sha256:2c26b46b68ff",tool="count",outcome="ok"} 2.0
    patinox_calls_total{component="sha256:2c26b46b68ff",tool="count",outcome="limit/fuel"} 1.0
    "#);
    let took = text
        .lines()
        .filter(|line| line.contains("patinox_call_memory_peak_bytes"));
    insta::assert_snapshot!(took.collect::<Vec<_>>().join("\n"), @r#"
    # HELP patinox_call_memory_peak_bytes The most linear memory that calls held at once
    # TYPE patinox_call_memory_peak_bytes histogram
    patinox_call_memory_peak_bytes_bucket{component="sha256:2c26b46b68ff",tool="count",le="65536"} 0
    patinox_call_memory_peak_bytes_bucket{component="sha256:2c26b46b68ff",tool="count",le="1.048576e+06"} 0
    patinox_call_memory_peak_bytes_bucket{component="sha256:2c26b46b68ff",tool="count",le="4.194304e+06"} 3
    patinox_call_memory_peak_bytes_bucket{component="sha256:2c26b46b68ff",tool="count",le="1.6777216e+07"} 3
    patinox_call_memory_peak_bytes_bucket{component="sha256:2c26b46b68ff",tool="count",le="6.7108864e+07"} 3
    patinox_call_memory_peak_bytes_bucket{component="sha256:2c26b46b68ff",tool="count",le="2.68435456e+08"} 3
    patinox_call_memory_peak_bytes_bucket{component="sha256:2c26b46b68ff",tool="count",le="1.073741824e+09"} 3
    patinox_call_memory_peak_bytes_bucket{component="sha256:2c26b46b68ff",tool="count",le="+Inf"} 3
    patinox_call_memory_peak_bytes_sum{component="sha256:2c26b46b68ff",tool="count"} 6291456.0
    patinox_call_memory_peak_bytes_count{component="sha256:2c26b46b68ff",tool="count"} 3
    "#);
}

#[test]
fn every_other_event_is_counted() {
    let monitors = Monitors::default();
    let loaded = |from_store| {
        Event::ComponentLoaded(ComponentLoaded {
            component: DIGEST.to_owned(),
            bytes: 7,
            compile: Duration::from_millis(20),
            from_store,
            store_trouble: None,
        })
    };
    monitors.record(&loaded(true));
    monitors.record(&loaded(false));
    monitors.record(&Event::PressureChanged(PressureChanged {
        level: "critical",
        reasons: Vec::new(),
    }));
    monitors.record(&Event::CleanupFailed(CleanupFailed {
        kind: "folder",
        owner: None,
        age: Duration::ZERO,
        reason: "took too long",
        causes: Vec::new(),
    }));
    monitors.record(&Event::Reclaimed(Reclaimed {
        stage: "evict-idle",
        what: "warm memories",
        cause: "asked",
        attempted: 3,
        freed: 2,
        freed_bytes: 4_096,
        took: Duration::from_millis(500),
        causes: vec!["no room".to_owned()],
    }));
    let text = monitors.prometheus();
    let values = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.contains("_bucket"));
    insta::assert_snapshot!(values.collect::<Vec<_>>().join("\n"), @r#"
    patinox_loads_total{code="stored"} 1.0
    patinox_loads_total{code="compiled"} 1.0
    patinox_load_compile_seconds_sum 0.02
    patinox_load_compile_seconds_count 1
    patinox_cleanup_failures_total{kind="folder",reason="time-out"} 1.0
    patinox_pressure_changes_total{level="critical"} 1.0
    patinox_reclaim_attempted_total{stage="evict-idle"} 3.0
    patinox_reclaim_freed_total{stage="evict-idle"} 2.0
    patinox_reclaim_freed_bytes_total{stage="evict-idle"} 4096.0
    patinox_reclaim_seconds_total{stage="evict-idle"} 0.5
    patinox_reclaim_failures_total{stage="evict-idle"} 1.0
    "#);
}

/// A caller that makes up names, and a component with many tools.
#[test]
fn no_metric_has_more_series_than_it_may() {
    let monitors = Monitors::default();
    for number in 0..3_000 {
        let unknown = failed(Code::UnknownTool);
        monitors.record(&ended(&format!("made-up-{number}"), unknown));
        monitors.record(&ended(&format!("tool-{number}"), Outcome::Ok));
    }
    let first = monitors.prometheus();
    assert!(!first.contains("made-up"));
    assert_eq!(series(&first, "patinox_calls_total"), MAX_SERIES);
    assert_eq!(series(&first, "patinox_call_fuel_count"), MAX_SERIES);
    // Nothing is lost by it.
    let total = |text: &str| -> f64 {
        let lines = text
            .lines()
            .filter(|line| line.starts_with("patinox_calls_total{"));
        let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        values.sum()
    };
    assert_eq!(total(&first).to_bits(), 6_000_f64.to_bits());
    // The same ones each time, whichever thread counts.
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in (0..3_000).rev() {
                monitors.record(&ended(&format!("tool-{number}"), Outcome::Ok));
            }
        });
    });
    let second = monitors.prometheus();
    assert_eq!(total(&second).to_bits(), 9_000_f64.to_bits());
    let names = |text: &str| {
        let lines = text
            .lines()
            .filter(|line| line.starts_with("patinox_calls_total{"));
        let mut names: Vec<_> = lines
            .filter_map(|line| Some(line.rsplit_once(' ')?.0))
            .collect();
        names.sort_unstable();
        names.join("\n")
    };
    assert_eq!(names(&first), names(&second));
}

#[test]
fn what_threads_count_at_once_adds_up() {
    let monitors = Monitors::default();
    let threads = (0..4).map(|_| {
        let monitors = monitors.clone();
        thread::spawn(move || {
            for _ in 0..1_000 {
                monitors.record(&ended("count", Outcome::Ok));
            }
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().unwrap();
    }
    let snapshot = monitors.tick();
    let calls = snapshot
        .measures
        .get("patinox_calls", &["sha256:2c26b46b68ff", "count", "ok"]);
    assert_eq!(calls, Some(&Value::Number(4_000.0)));
    assert!(Arc::ptr_eq(&snapshot, &monitors.last()));
}

#[test]
fn a_histogram_counts_up_to_its_bounds() {
    static BOUNDS: &[f64] = &[1.0, 2.0];
    let mut histogram = Histogram::new(BOUNDS);
    for value in [0.5, 1.0, 1.5, 2.0, 9.0] {
        histogram.observe(value);
    }
    assert_eq!(
        histogram.buckets(),
        [(1.0, 2), (2.0, 2), (f64::INFINITY, 1)]
    );
    assert_eq!(
        (histogram.count(), histogram.sum().to_bits()),
        (5, 14_f64.to_bits())
    );
}

#[test]
fn each_metric_is_listed_once_under_a_good_name() {
    let mut names: Vec<_> = ALL.iter().map(|metric| metric.name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    for metric in ALL {
        let is_good = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        assert!(metric.name.starts_with("patinox_"), "{}", metric.name);
        assert!(metric.name.bytes().all(is_good), "{}", metric.name);
        assert!(!metric.help.ends_with('.'), "{}", metric.name);
    }
}

/// `docs/monitoring.md` has each metric, and none that there is not.
#[test]
fn the_page_for_operators_names_the_same() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/monitoring.md");
    let page = std::fs::read_to_string(path).unwrap();
    let lines = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `patinox_"));
    let rows: Vec<_> = lines.collect();
    assert_eq!(rows.len(), ALL.len());
    for (row, metric) in rows.iter().zip(ALL) {
        let labels = metric.labels.iter().map(|label| format!("`{label}`"));
        let labels = labels.collect::<Vec<_>>().join(", ");
        let kind = format!("{:?}", metric.kind).to_lowercase();
        let name = metric.full_name();
        let name = name.trim_start_matches("patinox_");
        let expected = format!("{name}` | {kind} | {labels} | {}", metric.help);
        assert!(row.starts_with(&expected), "{row}\n{expected}");
    }
}

proptest! {
    #[test]
    fn no_text_of_a_stranger_is_a_label(tool: String, other in "\\PC{0,200}") {
        let monitors = Monitors::default();
        monitors.record(&ended(&tool, Outcome::Ok));
        monitors.record(&ended(&other, Outcome::Ok));
        let text = monitors.prometheus();
        for line in text.lines().filter(|line| line.starts_with("patinox_calls_total{")) {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "_.:/-{}=,\" ".contains(c);
            prop_assert!(line.chars().all(allowed), "{}", line);
        }
    }

    #[test]
    fn a_number_is_the_nearest(number: u64) {
        let near = format!("{:e}", float(number)).parse::<f64>().unwrap();
        let exact = number.to_string().parse::<f64>().unwrap();
        prop_assert_eq!(near.to_bits(), exact.to_bits());
    }
}

/// One of a component and a tool by their numbers.
fn numbered(component: usize, tool: usize) -> Event {
    let Event::CallEnded(call) = ended(&format!("tool-{tool}"), Outcome::Ok) else {
        unreachable!("a call");
    };
    Event::CallEnded(CallEnded {
        component: format!("sha256:{component:064}"),
        ..call
    })
}

/// What is counted under the rest in one thread takes no other one's place.
#[test]
fn a_series_that_is_there_stays_whichever_thread_comes_first() {
    let monitors = Monitors::default();
    let on_thread = |from: usize, to: usize| {
        let monitors = monitors.clone();
        let work = move || {
            let events = (from..to).map(|tool| numbered(7, tool));
            events.for_each(|event| monitors.record(&event));
        };
        thread::spawn(work).join().unwrap();
    };
    on_thread(0, 998);
    on_thread(998, 999);
    for _ in 0..16 {
        // On each thread the rest comes before what one of the others has.
        on_thread(999, 1_001);
    }
    let text = monitors.prometheus();
    for name in ["patinox_calls_total", "patinox_call_fuel_count"] {
        assert_eq!(series(&text, name), 1_000, "{name}");
    }
    for tool in [0, 997, 998] {
        assert!(text.contains(&format!("tool=\"tool-{tool}\"")), "{tool}");
    }
    assert!(!text.contains("tool=\"tool-999\""));
}

#[test]
fn tools_of_components_that_are_gone_make_room() {
    let digest = |number: usize| format!("sha256:{number:012}{number:052}");
    let event = |number: usize| {
        let Event::CallEnded(call) = numbered(0, 0) else {
            unreachable!("a call");
        };
        Event::CallEnded(CallEnded {
            component: digest(number),
            ..call
        })
    };
    let monitors = Monitors::default();
    (0..1_200).for_each(|number| monitors.record(&event(number)));
    let shown = |number: usize| {
        let name = format!("component=\"sha256:{number:012}\"");
        monitors.prometheus().contains(&name)
    };
    assert!(shown(0) && shown(998) && !shown(999) && !shown(1_100));
    // Nobody needs their places while there is room.
    let few = Monitors::default();
    few.record(&event(1));
    few.forget_unless(|| unreachable!("it is not full"));
    monitors.forget_unless(|| vec![digest(998), digest(1_100)]);
    assert!(!shown(0) && shown(998));
    monitors.record(&event(1_100));
    assert!(shown(1_100));
    assert_eq!(series(&monitors.prometheus(), "patinox_calls_total"), 3);
}
