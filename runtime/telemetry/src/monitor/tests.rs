//! Monitors that work, that break, and what is made of both.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::metrics::{MACHINE_CORES, Value};

/// Says of itself what it is told to.
struct Told(&'static str, Condition, String);

impl Monitor for Told {
    fn name(&self) -> &'static str {
        self.0
    }

    fn look(&self, measures: &mut Measures) -> Vec<Health> {
        measures.count(&MACHINE_CORES, &[], 2);
        vec![Health {
            name: self.0,
            condition: self.1,
            reason: self.2.clone(),
        }]
    }
}

/// Adds a figure and breaks, but for each third time.
struct Breaks(AtomicUsize);

impl Monitor for Breaks {
    fn name(&self) -> &'static str {
        "breaks"
    }

    fn look(&self, measures: &mut Measures) -> Vec<Health> {
        measures.count(&MACHINE_CORES, &[], 40);
        let look = self.0.fetch_add(1, Ordering::Relaxed);
        assert_eq!(look % 3, 2, "it breaks");
        Vec::new()
    }
}

fn number(snapshot: &Snapshot, name: &str, labels: &[&str]) -> Option<f64> {
    match snapshot.measures.get(name, labels)? {
        Value::Number(number) => Some(*number),
        Value::Histogram(_) => None,
    }
}

#[test]
fn the_worst_part_says_how_the_whole_is() {
    let monitors = Monitors::default();
    assert_eq!(monitors.tick().condition(), Condition::Healthy);
    assert!(monitors.last().health.is_empty());
    let long = "x".repeat(MAX_REASON_BYTES * 2);
    monitors.add(Told("good", Condition::Healthy, String::new()));
    monitors.add(Told("bad", Condition::Unhealthy, long));
    monitors.add(Told("poor", Condition::Degraded, "it is old".to_owned()));
    let snapshot = monitors.tick();
    assert_eq!(snapshot.condition(), Condition::Unhealthy);
    let health = |name| number(&snapshot, "patinox_health", &[name]);
    assert_eq!(
        ["good", "poor", "bad"].map(health),
        [Some(0.0), Some(1.0), Some(2.0)]
    );
    assert!(snapshot.health[1].reason.len() <= MAX_REASON_BYTES);
    assert_eq!(monitors.last().health, snapshot.health);
    let shown = format!("{monitors:?}");
    assert!(shown.contains(r#"["good", "bad", "poor"]"#), "{shown}");
    let words = [
        Condition::Healthy,
        Condition::Degraded,
        Condition::Unhealthy,
    ];
    assert_eq!(
        words.map(|one| one.to_string()),
        ["healthy", "degraded", "unhealthy"]
    );
}

#[test]
fn one_that_breaks_is_unhealthy_adds_nothing_and_hurts_no_other() {
    let monitors = Monitors::default();
    monitors.add(Breaks(AtomicUsize::default()));
    monitors.add(Told("good", Condition::Healthy, String::new()));
    for failures in [1.0, 2.0] {
        let snapshot = monitors.tick();
        let cores = number(&snapshot, "patinox_machine_cores", &[]);
        assert_eq!(cores, Some(2.0));
        assert_eq!(snapshot.condition(), Condition::Unhealthy);
        let broken = &snapshot.health[0];
        assert_eq!(
            (broken.name, broken.reason.as_str()),
            ("breaks", "its monitor panicked")
        );
        let counted = number(&snapshot, "patinox_monitor_failures", &["breaks"]);
        assert_eq!(counted, Some(failures));
    }
    // Once it works again, its figures count.
    let snapshot = monitors.tick();
    let cores = number(&snapshot, "patinox_machine_cores", &[]);
    assert_eq!(cores, Some(42.0));
    assert_eq!(snapshot.condition(), Condition::Healthy);
}
