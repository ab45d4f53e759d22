//! A machine that runs short: calls are turned away in order, and come back by
//! themselves.

use std::path::Path;
use std::time::Duration;

use patinox::telemetry::Event;
use patinox::{
    Busy, BusyReason, Called, Detector, Events, Failure as _, Host, Loaded, PatinoxError,
    PressureConfig, Priority, Request, Resource, Stage, Threshold, Thresholds,
};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{self, code, guests, soon};

/// A host on a machine whose memory is a file.
struct Scene {
    machine: TempDir,
    host: Host,
    text: Loaded,
    events: Events,
}

impl Scene {
    async fn new() -> Self {
        let machine = tempfile::tempdir().expect("a folder");
        memory(machine.path(), 50);
        let host = Host::builder()
            .compile_worker(support::PROGRAM)
            .store(support::store())
            .detector(Detector::below(machine.path()))
            .pressure(PressureConfig {
                every: Duration::from_millis(2),
                ..PressureConfig::default()
            })
            .build()
            .expect("a host");
        let text = support::load(&host, &guests::prebuilt_text()).await;
        let events = host.events();
        Self {
            machine,
            host,
            text,
            events,
        }
    }

    async fn call(&self, priority: Priority) -> Called {
        let request = Request::new("count", json!({ "text": "to be" }));
        soon(self.host.call(&self.text, request.priority(priority))).await
    }

    /// The level that is told next, and why.
    async fn told(&mut self) -> (&'static str, Vec<String>) {
        loop {
            match soon(self.events.next()).await {
                Some(Event::PressureChanged(change)) => return (change.level, change.reasons),
                Some(_) => {}
                None => panic!("the host is gone"),
            }
        }
    }

    /// The stages of relief that are told next, to the last one.
    async fn relief(&mut self) -> Vec<usize> {
        let last = rank(Stage::RefuseWork.as_str());
        let mut stages = Vec::new();
        while stages.last() != Some(&last) {
            match soon(self.events.next()).await {
                Some(Event::Reclaimed(step)) => stages.push(rank(step.stage)),
                Some(_) => {}
                None => panic!("the host is gone"),
            }
        }
        stages
    }

    /// How calls of each priority end now.
    async fn ends(&self) -> [&'static str; 3] {
        let mut ends = [""; 3];
        let priorities = [
            Priority::Interactive,
            Priority::Normal,
            Priority::Background,
        ];
        for (end, priority) in ends.iter_mut().zip(priorities) {
            *end = code(&self.call(priority).await);
        }
        ends
    }
}

/// The place of a stage among all of them.
fn rank(stage: &str) -> usize {
    let mut all = Stage::ALL.into_iter();
    let found = all.position(|one| one.as_str() == stage);
    found.expect("a stage")
}

/// So many percent are in use.
fn memory(machine: &Path, used: u64) {
    let folder = machine.join("proc");
    std::fs::create_dir_all(&folder).expect("a folder");
    let left = 100 - used;
    let text = format!("MemTotal: 1000000 kB\nMemAvailable: {left}0000 kB\n");
    std::fs::write(folder.join("new"), text).expect("a file");
    std::fs::rename(folder.join("new"), folder.join("meminfo")).expect("a file");
}

#[tokio::test]
async fn a_machine_that_runs_out_sheds_load_in_order_and_recovers() {
    let mut scene = Scene::new().await;
    assert_eq!(scene.ends().await, ["ok"; 3]);

    memory(scene.machine.path(), 90);
    let (level, reasons) = scene.told().await;
    assert_eq!(level, "elevated");
    assert_eq!(reasons, ["memory is elevated: 90.00 %, by /proc/meminfo"]);
    assert_eq!(scene.ends().await, ["ok", "ok", "limit/busy"]);

    // What runs already runs on.
    let hostile = support::load(&scene.host, &guests::prebuilt_hostile()).await;
    let host = scene.host.clone();
    let running = tokio::spawn(async move {
        let request = Request::new("sleep", json!({ "ms": 500 }));
        host.call(&hostile, request).await
    });
    // It has its turn, and is admitted.
    tokio::task::yield_now().await;
    memory(scene.machine.path(), 99);
    assert_eq!(scene.told().await.0, "critical");
    // All that helps is tried, in order, and then nothing new begins.
    let stages = scene.relief().await;
    assert!(stages.is_sorted(), "{stages:?}");
    let mut all = stages.clone();
    all.dedup();
    assert_eq!(all, Stage::ALL.map(Stage::as_str).map(rank));
    assert_eq!(scene.ends().await, ["limit/busy"; 3]);
    let error = scene.call(Priority::Interactive).await.result.unwrap_err();
    let text = "the host is busy: its machine is short of `memory`";
    assert_eq!(error.to_string(), text);
    let PatinoxError::Busy(Busy { reason, .. }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(reason, BusyReason::Short(Resource::Memory));

    memory(scene.machine.path(), 40);
    assert_eq!(scene.told().await, ("normal", Vec::new()));
    assert_eq!(scene.ends().await, ["ok"; 3]);

    // What somebody asked for lasts until he takes it back, whatever is pressed.
    let steps = scene.host.reclaim(Stage::RefuseWork).await;
    assert!(steps.is_ok(), "{steps:?}");
    memory(scene.machine.path(), 90);
    assert_eq!(scene.told().await.0, "elevated");
    memory(scene.machine.path(), 40);
    assert_eq!(scene.told().await.0, "normal");
    assert_eq!(scene.ends().await, ["limit/busy"; 3]);
    scene.host.restore().await.expect("a thread");
    assert_eq!(scene.ends().await, ["ok"; 3]);
    let called = soon(running).await.expect("no panic");
    assert_eq!(called.result.ok(), Some(json!(500)));
}

/// A host that computes all the time, or writes, is at work and not short.
#[tokio::test]
async fn computing_turns_nobody_away() {
    let machine = tempfile::tempdir().expect("a folder");
    let folder = machine.path().join("proc/pressure");
    std::fs::create_dir_all(&folder).expect("a folder");
    let all = "some avg10=99.00 avg60=99.00 avg300=99.00 total=1\n\
               full avg10=99.00 avg60=99.00 avg300=99.00 total=1\n";
    for name in ["cpu", "io"] {
        std::fs::write(folder.join(name), all).expect("a file");
    }
    let host = Host::builder()
        .compile_worker(support::PROGRAM)
        .detector(Detector::below(machine.path()))
        .pressure(PressureConfig::default());
    let host = host.build().expect("a host");
    let text = support::load(&host, &guests::prebuilt_text()).await;
    let request = Request::new("count", json!({ "text": "to be" }));
    let called = host.call(&text, request.priority(Priority::Background));
    assert_eq!(code(&called.await), "ok");
}

#[test]
fn thresholds_that_make_no_sense_are_refused() {
    let pressure = PressureConfig {
        thresholds: Thresholds {
            swap: Threshold::new(90, Some(80), 5),
            ..Thresholds::default()
        },
        ..PressureConfig::default()
    };
    let error = Host::builder().pressure(pressure).build().unwrap_err();
    assert_eq!(error.code().as_str(), "caller/invalid-config");
    let text = "`swap` is critical from 80.00 % on, before it is elevated, from 90.00 % on";
    assert_eq!(error.to_string(), text);
}
