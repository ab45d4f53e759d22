//! What a host counts, and what it knows of how it is.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use patinox::telemetry::metrics::{ALL, Measures, Value};
use patinox::telemetry::{
    Alert, AlertRule, AlertSink, AlertState, Condition, Event, Health, Monitor, Snapshot,
};
use patinox::{
    Admission, AlertConfig, AsyncGuard, Config, Detector, Failure as _, Host, Kind, Limits,
    MonitoringConfig, Owner, Request, Stage,
};
use serde_json::json;

use crate::support::{self, code, guests, soon};

fn host(config: Config) -> Host {
    let config = Config {
        monitoring: Some(MonitoringConfig {
            every: Duration::from_secs(3_600),
        }),
        ..config
    };
    Host::new(config).expect("a host")
}

fn tick(host: &Host) -> Arc<Snapshot> {
    host.monitors().expect("monitors").tick()
}

fn number(snapshot: &Snapshot, name: &str, labels: &[&str]) -> Option<f64> {
    match snapshot.measures.get(name, labels)? {
        Value::Number(number) => Some(*number),
        Value::Histogram(_) => None,
    }
}

fn health<'a>(snapshot: &'a Snapshot, name: &str) -> &'a Health {
    let found = snapshot.health.iter().find(|health| health.name == name);
    found.expect("such a check")
}

/// Rules of the configuration name checks, and these are all of a host.
#[tokio::test]
async fn the_checks_of_a_host_are_known_by_name() {
    let host = host(support::config());
    let checks: Vec<_> = tick(&host).health.iter().map(|check| check.name).collect();
    assert_eq!(checks, patinox::telemetry::HOST_CHECKS);
}

#[tokio::test]
async fn calls_loads_and_what_is_held_are_counted() {
    let host = host(support::config());
    let text = support::load(&host, &guests::prebuilt_text()).await;
    for _ in 0..3 {
        let called = support::call(&host, &text, "count", json!({ "text": "to be" })).await;
        assert_eq!(code(&called), "ok");
    }
    let limits = Limits {
        fuel: 1,
        ..Limits::default()
    };
    let request = Request::new("count", json!({ "text": "to be" }));
    soon(host.call(&text, request.limits(limits))).await;
    let made_up = Request::new("made-up\nname", json!({}));
    soon(host.call(&text, made_up)).await;

    let snapshot = tick(&host);
    let component = text.digest().get(..19).expect("a digest");
    let calls = |tool, outcome| number(&snapshot, "patinox_calls", &[component, tool, outcome]);
    assert_eq!(calls("count", "ok"), Some(3.0));
    assert_eq!(calls("count", "limit/fuel"), Some(1.0));
    assert_eq!(calls("other", "caller/unknown-tool"), Some(1.0));
    assert_eq!(number(&snapshot, "patinox_loads", &["compiled"]), Some(1.0));
    let fuel = snapshot
        .measures
        .get("patinox_call_fuel", &[component, "count"]);
    let Some(Value::Histogram(fuel)) = fuel else {
        panic!("{fuel:?}");
    };
    assert_eq!(fuel.count(), 4);
    assert!(10_000.0 < fuel.sum(), "{fuel:?}");
    let entries = |kind| number(&snapshot, "patinox_resource_entries", &[kind]);
    assert_eq!(
        (entries("artifact"), entries("instance")),
        (Some(1.0), Some(0.0))
    );
    let made = number(&snapshot, "patinox_resources_made", &["instance"]);
    assert_eq!(made, Some(4.0));
    let slots = |name| number(&snapshot, name, &["lean"]);
    assert!(slots("patinox_pool_slots") > Some(1.0));
    assert_eq!(
        slots("patinox_pool_slots"),
        slots("patinox_pool_slots_free")
    );
    assert!(number(&snapshot, "patinox_process_memory_resident_bytes", &[]) > Some(1e6));

    // The text is that of its own parser, and names what is listed.
    let page = host.monitors().expect("monitors").prometheus();
    assert!(page.contains(&format!(
        "\npatinox_calls_total{{component=\"{component}\",tool=\"count\",outcome=\"ok\"}} 3.0\n"
    )));
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().expect("a name");
        let is_listed = ALL.iter().any(|metric| {
            let suffixes = ["", "_bucket", "_sum", "_count"];
            suffixes
                .iter()
                .any(|suffix| name == format!("{}{suffix}", metric.full_name()))
        });
        assert!(is_listed, "{line}");
    }
}

/// So many percent of the memory are in use, and the process computes all the time.
fn machine(folder: &Path, used: u64) {
    let proc = folder.join("proc");
    std::fs::create_dir_all(proc.join("self")).expect("a folder");
    let left = 100 - used;
    let text = format!("MemTotal: 1000000 kB\nMemAvailable: {left}0000 kB\n");
    std::fs::write(proc.join("meminfo"), text).expect("a file");
    let status = "VmRSS:\t950000 kB\n";
    std::fs::write(proc.join("self/status"), status).expect("a file");
}

#[tokio::test]
async fn each_part_says_how_it_is_and_why() {
    let folder = tempfile::tempdir().expect("a folder");
    machine(folder.path(), 50);
    let host = host(Config {
        detector: Detector::below(folder.path()),
        ..support::config()
    });
    let told = |name| {
        let snapshot = tick(&host);
        let health = health(&snapshot, name);
        (health.condition, health.reason.clone())
    };
    assert_eq!(
        told("resources"),
        (Condition::Healthy, "nothing is short".to_owned())
    );
    machine(folder.path(), 90);
    let elevated = "memory is elevated: 90.00 %, by /proc/meminfo".to_owned();
    assert_eq!(told("resources"), (Condition::Degraded, elevated));
    machine(folder.path(), 99);
    assert_eq!(told("resources").0, Condition::Unhealthy);
    assert_eq!(tick(&host).condition(), Condition::Unhealthy);
    let critical = number(&tick(&host), "patinox_pressure_level", &["memory"]);
    assert_eq!(critical, Some(2.0));

    let (condition, reason) = told("impact");
    assert_eq!(condition, Condition::Degraded, "{reason}");
    assert!(reason.ends_with("and 95.00 % of the memory"), "{reason}");

    assert_eq!(told("cleanup").0, Condition::Healthy);
    let entry = host.registry().register(Kind::Folder, Owner::NONE, 1);
    drop(AsyncGuard::new(entry, (), async |()| {
        Err("it is open".into())
    }));
    host.registry().settled().await;
    let (condition, reason) = told("cleanup");
    assert_eq!(condition, Condition::Degraded);
    // Nothing has been let go of yet.
    assert_eq!(reason, "1 clean-ups failed and 0 have not ended");
    let failures = number(
        &tick(&host),
        "patinox_cleanup_failures",
        &["folder", "failed"],
    );
    assert_eq!(failures, Some(1.0));
    let steps = host.reclaim(Stage::EvictIdle).await.expect("a thread");
    assert!(
        told("cleanup")
            .1
            .ends_with(&format!(", 0 of {} steps failed", steps.len()))
    );
}

#[tokio::test]
async fn a_pool_that_is_used_up_says_so() {
    let host = host(Config {
        allocation: patinox::Allocation::OnDemand { slots: Some(3) },
        admission: Admission {
            concurrency: 8,
            queue: 8,
            ..Admission::default()
        },
        ..support::config()
    });
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let snapshot = tick(&host);
    assert_eq!(health(&snapshot, "pool").condition, Condition::Healthy);
    let sleep = || {
        let (host, hostile) = (host.clone(), hostile.clone());
        let request = Request::new("sleep", json!({ "ms": 800 }));
        tokio::spawn(async move { host.call(&hostile, request).await })
    };
    let becomes = async |condition| loop {
        let snapshot = tick(&host);
        let pool = health(&snapshot, "pool");
        if pool.condition == condition {
            return pool.reason.clone();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let calls = [sleep(), sleep()];
    let reason = soon(becomes(Condition::Degraded)).await;
    assert_eq!(reason, "2 of 2 lean slots are used, 0 calls wait for one");
    // All three are admitted; the last one waits for a slot.
    let third = sleep();
    let reason = soon(becomes(Condition::Unhealthy)).await;
    assert_eq!(reason, "2 of 2 lean slots are used, 1 calls wait for one");
    for call in calls.into_iter().chain([third]) {
        assert_eq!(code(&soon(call).await.expect("no panic")), "ok");
    }
    assert_eq!(health(&tick(&host), "pool").condition, Condition::Healthy);
}

/// One of an embedder's own, which breaks.
struct Broken;

impl Monitor for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn look(&self, _: &mut Measures) -> Vec<Health> {
        panic!("out of order");
    }
}

#[tokio::test]
async fn a_monitor_that_panics_is_told_of_and_hurts_no_other() {
    let host = host(support::config());
    host.monitors().expect("monitors").add(Broken);
    let snapshot = tick(&host);
    let broken = health(&snapshot, "broken");
    assert_eq!(broken.condition, Condition::Unhealthy);
    assert_eq!(broken.reason, "its monitor panicked");
    let failures = || number(&tick(&host), "patinox_monitor_failures", &["broken"]);
    // The thread may have looked too.
    let before = failures().expect("a count");
    assert!(2.0 <= before && failures() > Some(before), "{before}");
    let _: &Health = health(&snapshot, "resources");
    // Nobody looks at a host that was not told to.
    assert!(support::host().monitors().is_none());
}

#[tokio::test]
async fn it_looks_by_itself_until_it_is_gone() {
    let host = Host::builder()
        .compile_worker(support::PROGRAM)
        .monitoring(MonitoringConfig {
            every: Duration::from_millis(2),
        })
        .build()
        .expect("a host");
    let registry = host.registry().clone();
    let monitors = host.monitors().expect("monitors").clone();
    let looked = async {
        while monitors.last().health.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon(looked).await;
    assert_eq!(registry.of(Kind::Task).len(), 1);
    drop(host);
    let gone = async {
        while 0 < registry.counts().total().entries {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon(gone).await;
    // What was counted can still be read.
    assert!(monitors.prometheus().is_empty());
}

/// An alert of an embedder's own rule and sink, and as an event.
#[tokio::test]
async fn an_alert_fires_and_is_over() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let folder = tempfile::tempdir().expect("a folder");
    machine(folder.path(), 50);
    let host = Host::builder()
        .compile_worker(support::PROGRAM)
        .detector(Detector::below(folder.path()))
        .monitoring(MonitoringConfig {
            every: Duration::from_millis(2),
        })
        .alerts(AlertConfig {
            sinks: vec![Arc::new(Kept(Arc::clone(&told)))],
            ..AlertConfig::default()
        })
        .build()
        .expect("a host");
    let mut events = host.events();
    machine(folder.path(), 99);
    let mut next = async || loop {
        match soon(events.next()).await {
            Some(Event::AlertChanged(alert)) => return alert,
            Some(_) => {}
            None => panic!("the host is gone"),
        }
    };
    let alert = next().await;
    assert_eq!(
        (alert.rule.as_str(), alert.state),
        ("resources-unhealthy", AlertState::Firing)
    );
    let reason = "memory is critical: 99.00 %, by /proc/meminfo";
    assert!(alert.message.ends_with(reason), "{alert}");
    let active = host.alerts();
    assert!(
        active
            .iter()
            .any(|alert| alert.rule == "resources-unhealthy"),
        "{active:?}"
    );
    machine(folder.path(), 50);
    let alert = next().await;
    assert_eq!(
        (alert.rule.as_str(), alert.state),
        ("resources-unhealthy", AlertState::Resolved)
    );
    let states = told.lock().expect("no panic").clone();
    assert_eq!(states, [AlertState::Firing, AlertState::Resolved]);

    let mut rules = AlertRule::defaults();
    rules[0].threshold = f64::NAN;
    let wrong = AlertConfig {
        rules,
        ..AlertConfig::default()
    };
    let error = Host::builder().alerts(wrong).build().expect_err("no rule");
    assert_eq!(error.code().as_str(), "caller/invalid-config");
    let text = "alert rule `resources-degraded`: its threshold is `NaN`, no finite number";
    assert_eq!(error.to_string(), text);
}

struct Kept(Arc<Mutex<Vec<AlertState>>>);

impl AlertSink for Kept {
    fn alert(&self, alert: &Alert) {
        self.0.lock().expect("no panic").push(alert.state);
    }
}
