//! Rules that hold, last, repeat and are over.

use std::sync::{Arc, Mutex};

use super::*;
use crate::metrics::{CALLS, CALLS_WAITING, CLEANUP_FAILURES, Measures};
use crate::{Condition, Health};

fn rule(subject: Subject) -> AlertRule {
    AlertRule {
        name: "rule".to_owned(),
        subject,
        comparison: Comparison::Above,
        threshold: 3.0,
        growth_within: None,
        lasting: Duration::from_secs(10),
        severity: Severity::Warning,
        labels: vec![("team".to_owned(), "edge".to_owned())],
    }
}

fn metric(name: &str, labels: &[(&str, &str)]) -> Subject {
    let labels = labels.iter();
    let labels = labels.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Subject::Metric {
        name: name.to_owned(),
        labels: labels.collect(),
    }
}

fn waiting(count: f64) -> Snapshot {
    let mut measures = Measures::default();
    measures.number(&CALLS_WAITING, &[], count);
    Snapshot {
        measures,
        health: Vec::new(),
    }
}

#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<AlertState>>>);

impl AlertSink for Told {
    fn alert(&self, alert: &Alert) {
        self.0.lock().unwrap().push(alert.state);
        panic!("told, and broken");
    }
}

fn alerts(rule: AlertRule, sinks: Vec<Arc<dyn AlertSink>>) -> Alerts {
    Alerts::new(vec![rule], Duration::from_secs(60), sinks).unwrap()
}

#[test]
fn it_fires_once_it_lasted_repeats_and_is_over_once() {
    let told = Told::default();
    let sinks: Vec<Arc<dyn AlertSink>> = vec![Arc::new(told.clone()), Arc::new(told.clone())];
    let mut alerts = alerts(rule(metric("patinox_calls_waiting", &[])), sinks);
    let start = Instant::now();
    let mut judge = |seconds, count| {
        let now = start + Duration::from_secs(seconds);
        let told = alerts.judge(&waiting(count), now);
        tell(&alerts.sinks(), &told);
        let told: Vec<_> = told.iter().map(|alert| alert.state).collect();
        let active: Vec<_> = alerts.active().iter().map(|alert| alert.state).collect();
        (told, active)
    };
    use AlertState::{Firing, Pending, Resolved};
    assert_eq!(judge(0, 3.0), (vec![], vec![]));
    assert_eq!(judge(1, 4.0), (vec![], vec![Pending]));
    assert_eq!(judge(9, 4.0), (vec![], vec![Pending]));
    // Too short, and from the start again.
    assert_eq!(judge(10, 2.0), (vec![], vec![]));
    assert_eq!(judge(11, 5.0), (vec![], vec![Pending]));
    assert_eq!(judge(21, 5.0), (vec![Firing], vec![Firing]));
    assert_eq!(judge(22, 5.0), (vec![], vec![Firing]));
    assert_eq!(judge(80, 6.0), (vec![], vec![Firing]));
    assert_eq!(judge(81, 6.0), (vec![Firing], vec![Firing]));
    assert_eq!(judge(82, 1.0), (vec![Resolved], vec![]));
    assert_eq!(judge(83, 1.0), (vec![], vec![]));
    // Each sink was told, though each broke.
    let all = told.0.lock().unwrap();
    assert_eq!(*all, [Firing, Firing, Firing, Firing, Resolved, Resolved]);
}

#[test]
fn what_is_not_there_is_not_compared_and_ends_what_fired() {
    let mut rule = rule(metric("patinox_calls_waiting", &[]));
    rule.comparison = Comparison::AtMost;
    rule.lasting = Duration::ZERO;
    let mut alerts = alerts(rule, Vec::new());
    let now = Instant::now();
    assert_eq!(alerts.judge(&Snapshot::default(), now).len(), 0);
    let fires = alerts.judge(&waiting(1.0), now);
    assert_eq!(fires[0].state, AlertState::Firing);
    let message = "patinox_calls_waiting is 1, told when at most 3";
    assert_eq!(
        fires[0].to_string(),
        format!("rule (warning) firing: {message}")
    );
    assert_eq!(fires[0].labels, [("team".to_owned(), "edge".to_owned())]);
    let over = alerts.judge(&Snapshot::default(), now);
    assert_eq!(over[0].state, AlertState::Resolved);
}

#[test]
fn a_counter_is_judged_by_its_growth() {
    let mut rule = rule(metric("patinox_calls", &[("outcome", "limit/busy")]));
    rule.growth_within = Some(Duration::from_secs(100));
    rule.lasting = Duration::ZERO;
    let mut alerts = alerts(rule, Vec::new());
    let start = Instant::now();
    let mut judge = |seconds, busy: f64| {
        let mut measures = Measures::default();
        measures.number(&CALLS, &["c", "a", "limit/busy"], busy / 2.0);
        measures.number(&CALLS, &["c", "b", "limit/busy"], busy / 2.0);
        measures.number(&CALLS, &["c", "b", "ok"], 1_000.0 * busy);
        let snapshot = Snapshot {
            measures,
            health: Vec::new(),
        };
        let told = alerts.judge(&snapshot, start + Duration::from_secs(seconds));
        told.first()
            .map(|alert| (alert.state, alert.value.to_bits()))
    };
    let told = |state, value: f64| Some((state, value.to_bits()));
    // What there was before nobody looked is no growth.
    assert_eq!(judge(0, 50.0), None);
    assert_eq!(judge(50, 53.0), None);
    assert_eq!(judge(60, 54.0), told(AlertState::Firing, 4.0));
    assert_eq!(judge(90, 54.0), None);
    // What was counted longer ago than that is forgotten.
    assert_eq!(judge(119, 54.0), None);
    assert_eq!(judge(150, 54.0), told(AlertState::Resolved, 1.0));
    assert_eq!(judge(170, 54.0), None);
}

/// Where nothing was counted before, the first is growth too.
#[test]
fn the_first_of_its_kind_is_told() {
    let rules = AlertRule::defaults();
    let mut alerts = Alerts::new(rules, Duration::ZERO, Vec::new()).unwrap();
    let now = Instant::now();
    assert_eq!(alerts.judge(&Snapshot::default(), now), []);
    let mut measures = Measures::default();
    measures.number(&CLEANUP_FAILURES, &["folder", "failed"], 1.0);
    let snapshot = Snapshot {
        measures,
        health: Vec::new(),
    };
    let told = alerts.judge(&snapshot, now + Duration::from_secs(10));
    let names: Vec<_> = told.iter().map(|alert| alert.rule.as_str()).collect();
    assert_eq!(names, ["cleanup-failed"]);
}

#[test]
fn health_has_its_reason() {
    let mut rule = rule(Subject::Health("pool".to_owned()));
    rule.comparison = Comparison::AtLeast;
    rule.threshold = 1.0;
    rule.lasting = Duration::ZERO;
    let mut alerts = alerts(rule, Vec::new());
    let snapshot = |condition| Snapshot {
        measures: Measures::default(),
        health: vec![Health {
            name: "pool",
            condition,
            reason: "2 of 2 slots are used".to_owned(),
        }],
    };
    let now = Instant::now();
    assert_eq!(alerts.judge(&snapshot(Condition::Healthy), now).len(), 0);
    let told = alerts.judge(&snapshot(Condition::Degraded), now);
    let message = "health of pool is 1, told when at least 1: 2 of 2 slots are used";
    assert_eq!(told[0].message, message);
}

#[test]
fn rules_that_make_no_sense_are_refused_by_name() {
    let refused = |change: fn(&mut AlertRule)| {
        let mut wrong = rule(metric("patinox_calls", &[]));
        change(&mut wrong);
        let rules = vec![rule(metric("patinox_loads", &[])), wrong];
        let alerts = Alerts::new(rules, Duration::ZERO, Vec::new());
        alerts.unwrap_err().to_string()
    };
    assert_eq!(
        refused(|_| {}),
        "alert rule `rule`: another rule has its name"
    );
    let named = |rule: &mut AlertRule| rule.name = "b".to_owned();
    let _: fn(&mut AlertRule) = named;
    let text = refused(|rule| {
        rule.name = "b".to_owned();
        rule.threshold = f64::NAN;
    });
    assert_eq!(text, "alert rule `b`: its threshold is no number");
    let text = refused(|rule| {
        rule.name = "b".to_owned();
        rule.subject = metric("patinox_cals", &[]);
    });
    let near = "there is no metric `patinox_cals`; did you mean `patinox_calls`?";
    assert_eq!(text, format!("alert rule `b`: {near}"));
    let text = refused(|rule| {
        rule.name = "b".to_owned();
        rule.subject = metric("patinox_calls", &[("kind", "a")]);
    });
    let labels = "`patinox_calls` has no label `kind`; it has component, tool, outcome";
    assert_eq!(text, format!("alert rule `b`: {labels}"));
}

#[test]
fn rules_that_hold_never_or_always_are_refused() {
    let checked = |change: &dyn Fn(&mut AlertRule)| {
        let mut changed = rule(metric("patinox_calls", &[]));
        change(&mut changed);
        let alerts = Alerts::new(vec![changed], Duration::ZERO, Vec::new());
        alerts.map(drop).map_err(|error| error.reason)
    };
    let health = |comparison, threshold| {
        checked(&|rule| {
            rule.subject = Subject::Health("pool".to_owned());
            (rule.comparison, rule.threshold) = (comparison, threshold);
        })
    };
    let (above, below) = (Comparison::Above, Comparison::Below);
    let text = "a check never is above 2: healthy is 0, degraded 1, unhealthy 2";
    assert_eq!(health(above, 2.0).unwrap_err(), text);
    assert_eq!(health(above, 1.5), Ok(()));
    assert!(health(below, 0.0).unwrap_err().contains("never is below 0"));
    assert_eq!(health(below, 1.0), Ok(()));
    let always = health(Comparison::AtLeast, 0.0).unwrap_err();
    assert!(always.contains("always is at least 0"), "{always}");
    assert!(health(Comparison::AtMost, 2.0).is_err());

    let grows = |subject: Subject| {
        checked(&|rule| {
            rule.subject = subject.clone();
            rule.growth_within = Some(Duration::from_secs(1));
        })
    };
    assert_eq!(grows(metric("patinox_calls", &[])), Ok(()));
    assert_eq!(grows(metric("patinox_call_fuel", &[])), Ok(()));
    let gauge = grows(metric("patinox_calls_waiting", &[])).unwrap_err();
    assert!(gauge.contains("is no counter"), "{gauge}");
    let check = grows(Subject::Health("pool".to_owned())).unwrap_err();
    assert!(check.contains("does not grow"), "{check}");

    let with = |name: &str, label: (&str, &str)| {
        let subject = metric(name, &[label]);
        checked(&|rule| rule.subject = subject.clone())
    };
    let near = "`outcome` is never `limit/bussy`; did you mean `limit/busy`?";
    let wrong = with("patinox_calls", ("outcome", "limit/bussy"));
    assert_eq!(wrong.unwrap_err(), near);
    for value in ["ok", "other", "limit/busy"] {
        assert_eq!(with("patinox_calls", ("outcome", value)), Ok(()));
    }
    for value in ["stored", "compiled"] {
        assert_eq!(with("patinox_loads", ("code", value)), Ok(()));
    }
    let none = with("patinox_calls_waiting", ("tool", "a")).unwrap_err();
    assert_eq!(
        none,
        "`patinox_calls_waiting` has no label `tool`; it has none"
    );
}

#[test]
fn metrics_that_hold_never_or_always_are_refused() {
    let checked = |name: &str, labels: &[(&str, &str)], comparison, threshold| {
        let mut changed = rule(metric(name, labels));
        (changed.comparison, changed.threshold) = (comparison, threshold);
        let grows = AlertRule {
            growth_within: Some(Duration::from_secs(1)),
            ..changed.clone()
        };
        let checked = |rule| Alerts::new(vec![rule], Duration::ZERO, Vec::new());
        let reason = checked(changed).map(drop).map_err(|error| error.reason);
        (reason, checked(grows).is_ok())
    };
    let (above, at_least) = (Comparison::Above, Comparison::AtLeast);
    let (below, at_most) = (Comparison::Below, Comparison::AtMost);
    for (comparison, threshold, always) in [
        (below, 0.0, "never is below 0"),
        (at_most, -0.5, "never is at most -0.5"),
        (at_least, 0.0, "always is at least 0"),
        (above, -1.0, "always is above -1"),
    ] {
        // What was counted of tools that nobody calls any more is forgotten, so that
        // growth has each sign.
        let told = checked("patinox_calls", &[], comparison, threshold);
        let reason = format!("`patinox_calls` {always}: it is 0 or more");
        assert_eq!(told, (Err(reason), true));
        assert!(
            checked("patinox_machine_load", &[], comparison, threshold)
                .0
                .is_err()
        );
    }
    for (comparison, threshold) in [(below, 0.1), (at_most, 0.0), (at_least, 0.1), (above, 0.0)] {
        let told = checked("patinox_calls", &[], comparison, threshold);
        assert_eq!(told, (Ok(()), true));
    }
    let level = |labels: &[(&str, &str)], threshold| {
        let told = checked("patinox_pressure_level", labels, above, threshold);
        told.0
    };
    let never = level(&[("resource", "disk")], 2.0).unwrap_err();
    assert!(never.contains("never is above 2: How hard"), "{never}");
    assert_eq!(level(&[("resource", "disk")], 1.0), Ok(()));
    // Of several there is the sum.
    assert_eq!(level(&[], 2.0), Ok(()));
}

#[test]
fn the_default_rules_are_rules_and_a_host_at_rest_breaks_none() {
    let rules = AlertRule::defaults();
    assert!(8 < rules.len());
    // `docs/monitoring.md` has each.
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/monitoring.md");
    let page = std::fs::read_to_string(path).unwrap();
    let missing = rules
        .iter()
        .find(|rule| !page.contains(&format!("`{}`", rule.name)));
    assert_eq!(missing, None);
    let mut alerts = Alerts::new(rules, Duration::ZERO, Vec::new()).unwrap();
    let now = Instant::now();
    for _ in 0..3 {
        assert_eq!(alerts.judge(&crate::Monitors::default().tick(), now), []);
    }
    assert_eq!(alerts.active(), []);
}
