//! Rules that hold, last, repeat and are over.

use std::sync::{Arc, Mutex};

use Comparison::{Above, AtLeast, AtMost, Below};

use super::*;
use crate::metrics::{CALLS, CALLS_WAITING, CLEANUP_FAILURES, Measures};
use crate::{Condition, Health};

fn rule(subject: Subject) -> AlertRule {
    AlertRule {
        name: "rule".to_owned(),
        subject,
        comparison: Above,
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
    rule.comparison = AtMost;
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
    rule.comparison = AtLeast;
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

/// What a changed rule is refused for, and what to write instead; nothing for one that
/// is taken.
fn refused(change: impl FnOnce(&mut AlertRule)) -> String {
    let mut changed = rule(metric("patinox_calls", &[]));
    changed.name = "changed".to_owned();
    change(&mut changed);
    let rules = vec![rule(metric("patinox_loads", &[])), changed];
    match Alerts::new(rules, Duration::ZERO, Vec::new()) {
        Ok(_) => String::new(),
        Err(error) => format!("{}; {}", error.reason, error.hint),
    }
}

#[test]
fn rules_that_make_no_sense_are_refused_with_what_to_write() {
    let with = |name: &str, label: &str, value: &str| {
        let subject = metric(name, &[(label, value)]);
        refused(|rule| rule.subject = subject)
    };
    let of = |name: &str| {
        let subject = metric(name, &[]);
        refused(|rule| rule.subject = subject)
    };
    let told = [
        refused(|rule| rule.name = "rule".to_owned()),
        refused(|rule| rule.name = "Many Wait".to_owned()),
        refused(|rule| rule.name = "a".repeat(MAX_RULE_NAME_BYTES + 1)),
        refused(|rule| rule.threshold = f64::NAN),
        refused(|rule| rule.growth_within = Some(Duration::ZERO)),
        of("patinox_cals"),
        of("patinox_calls_total"),
        of("calls_waiting"),
        of("\u{1b}[2J"),
        with("patinox_calls", "kind", "a"),
        with("patinox_calls_waiting", "tool", "a"),
        with("patinox_calls", "outcome", "limit/bussy"),
        with("patinox_calls", "outcome", "busy"),
        with("patinox_calls", "outcome", "?"),
        with("patinox_pressure_level", "resource", "ram"),
        with("patinox_pool_waiting", "profile", "leen"),
        with("patinox_loads", "code", "?"),
    ];
    insta::assert_snapshot!(told.join("\n"), @r"
    another rule has its name; give one of the two another name
    its name must be 1 to 128 of `a-z0-9-`; name it like `many-wait`
    its name must be 1 to 128 of `a-z0-9-`; name it like `many-wait`
    its threshold is `NaN`, no finite number; compare with a number like 50
    nothing grows within no time; let it grow within a time like 5m
    there is no metric `patinox_cals`; did you mean `patinox_calls`?
    there is no metric `patinox_calls_total`; write `patinox_calls`: only Prometheus has `_total` behind it
    there is no metric `calls_waiting`; did you mean `patinox_calls_waiting`?
    there is no metric `\u{1b}[2J`; `docs/monitoring.md` has all metrics
    `patinox_calls` has no label `kind`; its labels are component, tool, outcome
    `patinox_calls_waiting` has no label `tool`; leave it out: that metric has one series, and no labels
    `outcome` of `patinox_calls` is never `limit/bussy`; did you mean `limit/busy`?
    `outcome` of `patinox_calls` is never `busy`; did you mean `limit/busy`?
    `outcome` of `patinox_calls` is never `?`; it is `ok`, `other` or one of the codes in `docs/troubleshooting.md`
    `resource` of `patinox_pressure_level` is never `ram`; it is one of memory, memory-stall, swap, cpu-stall, io-stall, disk, descriptors, processes
    `profile` of `patinox_pool_waiting` is never `leen`; did you mean `lean`?
    `code` of `patinox_loads` is never `?`; it is one of compiled, stored
    ");
    let error = Alerts::new(vec![rule(metric("a", &[]))], Duration::ZERO, Vec::new());
    let text = error.unwrap_err().to_string();
    assert_eq!(text, "alert rule `rule`: there is no metric `a`");
}

#[test]
fn labels_that_figures_have_are_taken() {
    for (name, label, value) in [
        ("patinox_calls", "outcome", "ok"),
        ("patinox_calls", "outcome", "other"),
        ("patinox_calls", "outcome", "limit/busy"),
        ("patinox_calls", "tool", "any"),
        ("patinox_loads", "code", "stored"),
        ("patinox_alerts", "state", "resolved"),
        ("patinox_alerts", "severity", "critical"),
        ("patinox_pressure_changes", "level", "elevated"),
        ("patinox_health", "check", "of-an-embedder"),
    ] {
        let told = refused(|rule| {
            rule.subject = metric(name, &[(label, value)]);
            (rule.comparison, rule.threshold) = (Above, 0.5);
        });
        assert_eq!(told, "", "{name} {label}={value}");
    }
}

/// The same, of a rule that compares this.
fn compared(
    subject: Subject,
    comparison: Comparison,
    threshold: f64,
    grows: Option<Duration>,
) -> String {
    refused(|rule| {
        rule.subject = subject;
        (rule.comparison, rule.threshold) = (comparison, threshold);
        rule.growth_within = grows;
    })
}

fn check(name: &str) -> Subject {
    Subject::Health(name.to_owned())
}

/// Growth within it is compared.
const WITHIN: Option<Duration> = Some(Duration::from_secs(1));

#[test]
fn rules_that_would_hold_always_or_never_are_refused() {
    let disk = || metric("patinox_pressure_level", &[("resource", "disk")]);
    let impact = || metric("patinox_health", &[("check", "impact")]);
    let calls = || metric("patinox_calls", &[]);
    let wrong = [
        compared(calls(), Below, 0.0, None),
        compared(calls(), AtMost, -0.5, None),
        compared(calls(), AtLeast, 0.0, None),
        compared(calls(), Above, -1.0, None),
        compared(calls(), AtLeast, 0.0, WITHIN),
        compared(calls(), Below, 0.0, WITHIN),
        compared(metric("patinox_machine_load", &[]), Below, 0.0, None),
        compared(metric("patinox_machine_load", &[]), Above, 1.0, WITHIN),
        compared(metric("patinox_machine_cpu_ratio", &[]), Above, 90.0, None),
        compared(metric("patinox_machine_cpu_ratio", &[]), AtMost, 1.0, None),
        compared(disk(), Above, 2.0, None),
        compared(impact(), AtLeast, 2.0, None),
        compared(check("pool"), Above, 2.0, None),
        compared(check("pool"), AtLeast, 0.0, None),
        compared(check("impact"), AtLeast, 2.0, None),
        compared(check("pool"), Above, 1.0, WITHIN),
    ];
    insta::assert_snapshot!(wrong.join("\n"), @"
    `patinox_calls` never is below 0: it is 0 or more; it would never fire: compare with another number
    `patinox_calls` never is at most -0.5: it is 0 or more; it would never fire: compare with another number
    `patinox_calls` always is at least 0: it is 0 or more; it would always fire: compare with another number
    `patinox_calls` always is above -1: it is 0 or more; it would always fire: compare with another number
    `patinox_calls` always grows by what is at least 0: it grows by 0 or more; it would always fire: compare with another number
    `patinox_calls` never grows by what is below 0: it grows by 0 or more; it would never fire: compare with another number
    `patinox_machine_load` never is below 0: it is 0 or more; it would never fire: compare with another number
    `patinox_machine_load` is no counter: it goes up and down, so how much it grew says nothing; compare its value, and say for how long it must last
    `patinox_machine_cpu_ratio` never is above 90: it is 0 to 1; it would never fire: compare with another number
    `patinox_machine_cpu_ratio` always is at most 1: it is 0 to 1; it would always fire: compare with another number
    `patinox_pressure_level` never is above 2: How hard a resource of the machine is pressed: 0 normal, 1 elevated, 2 critical; it would never fire: compare with another number
    `patinox_health` never is at least 2: of `impact` it is 0 or 1; it would never fire: compare with another number
    a check never is above 2: healthy is 0, degraded 1, unhealthy 2; it would never fire: compare with another number
    a check always is at least 0: healthy is 0, degraded 1, unhealthy 2; it would always fire: compare with another number
    the check `impact` never is at least 2: healthy is 0, degraded 1, and it is never unhealthy; it would never fire: compare with another number
    a check is no counter, so it does not grow; say for how long it must last
    ");
}

#[test]
fn rules_that_may_hold_or_not_are_taken() {
    let calls = || metric("patinox_calls", &[]);
    for (subject, comparison, threshold) in [
        (calls(), Below, 0.1),
        (calls(), AtMost, 0.0),
        (calls(), AtLeast, 0.1),
        (calls(), Above, 0.0),
    ] {
        assert_eq!(compared(subject.clone(), comparison, threshold, None), "");
        assert_eq!(compared(subject, comparison, threshold, WITHIN), "");
    }
    for (subject, comparison, threshold) in [
        (
            metric("patinox_pressure_level", &[("resource", "disk")]),
            Above,
            1.0,
        ),
        // Of several there is the sum.
        (metric("patinox_pressure_level", &[]), Above, 2.0),
        (metric("patinox_machine_cpu_ratio", &[]), Above, 0.9),
        (metric("patinox_process_cpu_ratio", &[]), Above, 1.5),
        (
            metric("patinox_health", &[("check", "impact")]),
            AtLeast,
            1.0,
        ),
        (check("impact"), Above, 0.0),
        (check("pool"), Above, 1.5),
        (check("pool"), Below, 1.0),
    ] {
        assert_eq!(compared(subject, comparison, threshold, None), "");
    }
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
