use std::fs;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{Detector, Hundredths, Sampler};

/// A machine of which so many percent of each resource are in use.
struct Fixture(TempDir);

impl Fixture {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // In one step, as somebody may be reading.
        let new = path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
        self
    }

    fn memory(&self, used: u64) -> &Self {
        let left = 100 - used;
        let text = format!("MemTotal: 10000 kB\nMemAvailable: {left}00 kB\n");
        self.write("proc/meminfo", &text)
    }

    fn detector(&self) -> Detector {
        Detector::below(self.0.path())
    }

    fn machine(&self) -> Machine {
        self.detector().detect()
    }
}

fn pressure() -> Pressure {
    Pressure::new(Thresholds::default()).unwrap()
}

fn of_memory(used: u64) -> Machine {
    Fixture::new().memory(used).machine()
}

#[test]
fn a_level_is_left_below_where_it_began() {
    let pressure = pressure();
    let mut levels = String::new();
    for used in [0, 84, 85, 80, 79, 95, 90, 89, 80, 79, 100, 0] {
        let level = pressure.update(&of_memory(used)).level();
        levels += &format!("{used} {level}\n");
    }
    insta::assert_snapshot!(levels, @"
    0 normal
    84 normal
    85 elevated
    80 elevated
    79 normal
    95 critical
    90 critical
    89 elevated
    80 elevated
    79 normal
    100 critical
    0 normal
    ");
}

#[test]
fn each_resource_is_pressed_by_what_the_machine_says_of_it() {
    let fixture = Fixture::new();
    let stalls = "some avg10=70.00 avg60=0.00 avg300=0.00 total=1\n\
                  full avg10=41.00 avg60=0.00 avg300=0.00 total=1\n";
    fixture
        .write(
            "proc/meminfo",
            "MemTotal: 1000 kB\nMemAvailable: 100 kB\nSwapTotal: 100 kB\nSwapFree: 5 kB\n",
        )
        .write("proc/pressure/memory", stalls)
        .write("proc/pressure/cpu", stalls)
        .write("proc/pressure/io", stalls)
        .write("proc/sys/fs/file-nr", "96\t0\t100\n")
        .write("proc/sys/kernel/pid_max", "100\n")
        .write("proc/loadavg", "0.00 0.00 0.00 1/85 9\n");
    let reading = pressure().update(&fixture.machine());
    let lines: Vec<_> = reading.pressed.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    memory-stall is critical: 70.00 %, by /proc/pressure/memory
    swap is critical: 95.00 %, by /proc/meminfo
    descriptors is critical: 96.00 %, by /proc/sys/fs/file-nr
    memory is elevated: 90.00 %, by /proc/meminfo
    cpu-stall is elevated: 70.00 %, by /proc/pressure/cpu
    io-stall is elevated: 41.00 %, by /proc/pressure/io
    processes is elevated: 85.00 %, by /proc/sys/kernel/pid_max
    ");
    assert_eq!(reading.level_of(Resource::Swap), Level::Critical);
    assert_eq!(reading.level_of(Resource::Disk), Level::Normal);
}

#[test]
fn the_fullest_disk_counts() {
    let all = Threshold {
        elevated: Hundredths(1),
        critical: None,
        hysteresis: Hundredths(0),
    };
    let pressure = Pressure::new(Thresholds {
        disk: all,
        ..Thresholds::default()
    });
    let machine = Detector::new().with_folders(["/".into(), "/proc".into()]);
    let reading = pressure.unwrap().update(&machine.detect());
    // `/proc` has nothing, of which nothing is in use.
    assert_eq!(reading.level_of(Resource::Disk), Level::Elevated);
}

#[test]
fn a_machine_that_says_nothing_is_not_pressed() {
    let reading = pressure().update(&Fixture::new().machine());
    assert_eq!((reading.level(), reading.pressed.len()), (Level::Normal, 0));
}

#[test]
fn thresholds_that_make_no_sense_are_refused_by_name() {
    let check = |memory: Threshold| {
        let thresholds = Thresholds {
            memory,
            ..Thresholds::default()
        };
        Pressure::new(thresholds).unwrap_err().to_string()
    };
    let texts = [
        check(Threshold::new(90, Some(80), 5)),
        check(Threshold::new(5, None, 5)),
        check(Threshold::new(90, Some(101), 5)),
        check(Threshold::new(101, None, 5)),
    ];
    insta::assert_snapshot!(texts.join("\n"), @"
    `memory` is critical from 80.00 % on, before it is elevated, from 90.00 % on
    `memory` is elevated from 5.00 % on, and left 5.00 below: never
    `memory` has a threshold of 101.00 %, above 100 %
    `memory` has a threshold of 101.00 %, above 100 %
    ");
}

#[tokio::test]
async fn a_level_can_be_awaited_and_is_told_once() {
    let pressure = pressure();
    let mut changes = pressure.changes();
    let copy = pressure.clone();
    let (reading, ()) = tokio::join!(pressure.until(|level| level == Level::Critical), async {
        for used in [10, 86, 87, 96] {
            copy.update(&of_memory(used));
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(reading.pressed[0].percent, Hundredths(9_600));
    // It is there already: nobody waits.
    pressure.until(|level| Level::Elevated <= level).await;
    assert_eq!(changes.next().await.unwrap().level(), Level::Critical);
    // The same level again is no change, and the last reading is seen all the same.
    pressure.update(&of_memory(97));
    assert_eq!(pressure.reading().pressed[0].percent, Hundredths(9_700));
    drop((pressure, copy));
    assert!(changes.next().await.is_none());
}

async fn reaches(pressure: &Pressure, level: Level) {
    let until = pressure.until(|now| now == level);
    let until = tokio::time::timeout(Duration::from_secs(60), until).await;
    until.expect("it is seen");
}

#[tokio::test]
async fn a_watch_sees_the_machine_change_and_ends_with_it() {
    let fixture = Fixture::new();
    fixture.memory(50);
    let pressure = pressure();
    let (changes, changed) = std::sync::mpsc::channel();
    let watch = PressureWatch::start(
        pressure.clone(),
        Sampler::new(fixture.detector()),
        Duration::from_millis(1),
        move |reading, is_new| {
            if is_new {
                changes.send(reading.level()).expect("somebody counts");
            }
        },
    );
    let watch = watch.unwrap();
    fixture.memory(99);
    reaches(&pressure, Level::Critical).await;
    fixture.memory(10);
    reaches(&pressure, Level::Normal).await;
    drop(watch);
    // The thread lets go of what it tells: the channel ends.
    let patience = Duration::from_secs(60);
    let mut told = Vec::new();
    let ended = loop {
        match changed.recv_timeout(patience) {
            Ok(level) => told.push(level),
            Err(ended) => break ended,
        }
    };
    assert_eq!(ended, RecvTimeoutError::Disconnected);
    assert_eq!(told, [Level::Critical, Level::Normal]);
}

fn threshold() -> impl Strategy<Value = Threshold> {
    (2_u64..90, 0_u64..10, 1_u64..40).prop_map(|(elevated, more, hysteresis)| {
        let hysteresis = hysteresis.min(elevated - 1);
        Threshold::new(elevated, Some(elevated + more), hysteresis)
    })
}

proptest! {
    /// At and above a threshold its level holds whatever was before; a step down
    /// by less than the hysteresis changes nothing; more is never less pressed.
    #[test]
    fn levels_follow_the_share(
        threshold in threshold(),
        share in 0_u64..12_000,
        less in 0_u64..12_000,
    ) {
        let (share, less) = (Hundredths(share), Hundredths(less.min(share)));
        for before in [Level::Normal, Level::Elevated, Level::Critical] {
            let level = threshold.level(share, before);
            prop_assert!(threshold.level(less, before) <= level);
            if threshold.elevated <= share {
                prop_assert!(Level::Elevated <= level);
            }
            if threshold.critical.is_some_and(|critical| critical <= share) {
                prop_assert_eq!(level, Level::Critical);
            }
            // Coming from nothing, only the thresholds count.
            if share < threshold.elevated && before == Level::Normal {
                prop_assert_eq!(level, Level::Normal);
            }
        }
        let level = threshold.level(share, Level::Normal);
        let reached = match level {
            Level::Normal => None,
            Level::Elevated => Some(threshold.elevated),
            Level::Critical => threshold.critical,
        };
        if let Some(reached) = reached {
            let just = Hundredths(reached.0 - threshold.hysteresis.0);
            prop_assert!(level <= threshold.level(just, level));
            let below = Hundredths((reached.0 - threshold.hysteresis.0).saturating_sub(1));
            prop_assert!(threshold.level(below, level) < level);
        }
    }
}
