//! The order of the stages, what fails, and pools.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::pressure::{Level, Pressed, Resource};
use crate::{Hundredths, Maker, Origin, Pool, PoolConfig};

type Log = Arc<Mutex<Vec<String>>>;

/// Writes down what is asked of it.
struct Noted {
    name: &'static str,
    stage: Stage,
    log: Log,
}

impl Reclaim for Noted {
    fn name(&self) -> &'static str {
        self.name
    }

    fn stage(&self) -> Stage {
        self.stage
    }

    fn reclaim(&self, demand: &Demand) -> Result<Freed, CleanupError> {
        let line = format!("{} {}", self.name, demand.cause);
        self.log.lock().unwrap().push(line);
        match self.name {
            "fails" => Err(std::io::Error::other("it is open").into()),
            "panics" => panic!("out of order"),
            _ => Ok(Freed::all(1, 10)),
        }
    }

    fn restore(&self, left: &Demand) {
        let line = format!("{} back but for {}", self.name, left.pressed.len());
        self.log.lock().unwrap().push(line);
        assert_ne!(self.name, "panics");
    }
}

fn noted(names: &[(&'static str, Stage)]) -> (Reclaimer, Log) {
    let log = Log::default();
    let sources = names.iter().map(|(name, stage)| {
        Box::new(Noted {
            name,
            stage: *stage,
            log: Arc::clone(&log),
        }) as Box<dyn Reclaim>
    });
    (Reclaimer::new(sources.collect(), |_| {}), log)
}

fn all() -> (Reclaimer, Log) {
    noted(&[
        ("work", Stage::RefuseWork),
        ("calls", Stage::CancelStuck),
        ("pool", Stage::ShrinkPools),
        ("idle", Stage::EvictIdle),
        ("cache", Stage::DropCaches),
    ])
}

fn taken(log: &Log) -> Vec<String> {
    std::mem::take(&mut log.lock().unwrap())
}

pub(super) fn reading(level: Level) -> Reading {
    let pressed = Pressed {
        resource: Resource::Memory,
        level,
        percent: Hundredths::percent(95, 100),
        origin: Origin::Call("a test"),
    };
    Reading {
        pressed: if level == Level::Normal {
            Vec::new()
        } else {
            vec![pressed]
        },
    }
}

/// All sources take back: work begins again before the pools are full again.
fn back(left: usize) -> [String; 5] {
    let names = ["work", "calls", "cache", "pool", "idle"];
    names.map(|name| format!("{name} back but for {left}"))
}

#[test]
fn stages_come_in_order_whatever_the_order_of_the_sources() {
    let (reclaimer, log) = all();
    let steps = reclaimer.run(Stage::RefuseWork);
    let stages: Vec<_> = steps.iter().map(|step| step.stage).collect();
    assert_eq!(stages, Stage::ALL);
    assert_eq!(
        taken(&log),
        [
            "idle asked",
            "pool asked",
            "cache asked",
            "calls asked",
            "work asked"
        ]
    );
    assert_eq!(reclaimer.run(Stage::ShrinkPools).len(), 2);
    assert_eq!(taken(&log), ["idle asked", "pool asked"]);
    let totals = reclaimer.totals(Stage::EvictIdle);
    assert_eq!((totals.steps, totals.failed), (2, 0));
    assert_eq!(
        totals.freed,
        Freed {
            attempted: 2,
            count: 2,
            bytes: 20
        }
    );
    reclaimer.restore();
    assert_eq!(taken(&log), back(0));
}

#[test]
fn pressure_climbs_and_relief_takes_back() {
    let (reclaimer, log) = all();
    let start = Instant::now();
    let look = |level, seconds| {
        reclaimer.look(&reading(level), start + Duration::from_secs(seconds));
        taken(&log)
    };
    assert_eq!(look(Level::Normal, 0), [""; 0]);
    assert_eq!(look(Level::Elevated, 1), ["idle pressure"]);
    assert_eq!(look(Level::Elevated, 2), ["pool pressure"]);
    assert_eq!(look(Level::Elevated, 3), ["cache pressure"]);
    assert_eq!(look(Level::Elevated, 4), [""; 0]);
    let all = ["idle", "pool", "cache", "calls", "work"].map(|name| format!("{name} pressure"));
    assert_eq!(look(Level::Critical, 5), all);
    assert_eq!(look(Level::Elevated, 6), back(1));
    assert_eq!(look(Level::Normal, 7), back(0));
    assert_eq!(look(Level::Normal, 8), [""; 0]);
    assert_eq!(look(Level::Normal, 67), ["idle idle"]);
}

#[test]
fn what_fails_or_panics_hurts_nobody_else() {
    let told = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&told);
    let log = Log::default();
    let source = |name, stage| {
        let log = Arc::clone(&log);
        Box::new(Noted { name, stage, log }) as Box<dyn Reclaim>
    };
    let sources = vec![
        source("fails", Stage::EvictIdle),
        source("panics", Stage::EvictIdle),
        source("last", Stage::DropCaches),
    ];
    let reclaimer = Reclaimer::new(sources, move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        panic!("nobody listens");
    });
    let steps = reclaimer.run(Stage::RefuseWork);
    let shown: Vec<_> = steps.iter().map(|step| step.trouble.join(": ")).collect();
    assert_eq!(shown, ["it is open", "out of order", ""]);
    assert_eq!(told.load(Ordering::Relaxed), 3);
    let totals = reclaimer.totals(Stage::EvictIdle);
    assert_eq!((totals.steps, totals.failed), (2, 2));
    assert_eq!(totals.freed, Freed::default());
    reclaimer.restore();
    let back = ["last", "panics", "fails"].map(|name| format!("{name} back but for 0"));
    assert_eq!(taken(&log)[3..], back);
}

#[test]
fn one_run_at_a_time() {
    struct Alone(Arc<AtomicBool>, Arc<AtomicUsize>);
    impl Reclaim for Alone {
        fn name(&self) -> &'static str {
            "alone"
        }
        fn stage(&self) -> Stage {
            Stage::EvictIdle
        }
        fn reclaim(&self, _: &Demand) -> Result<Freed, CleanupError> {
            assert!(!self.0.swap(true, Ordering::SeqCst), "two at once");
            // Time for others to come in.
            (0..1_000).for_each(|_| std::thread::yield_now());
            self.0.store(false, Ordering::SeqCst);
            self.1.fetch_add(1, Ordering::SeqCst);
            Ok(Freed::default())
        }
    }
    let runs = Arc::new(AtomicUsize::new(0));
    let source = Alone(Arc::default(), Arc::clone(&runs));
    let reclaimer = Reclaimer::new(vec![Box::new(source)], |_| {});
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let steps = reclaimer.run(Stage::EvictIdle);
                assert_eq!(steps[0].trouble, [""; 0]);
            });
        }
    });
    assert_eq!(runs.load(Ordering::SeqCst), 4);
}

struct Numbers;

impl Maker for Numbers {
    type Value = usize;
    type Error = std::convert::Infallible;

    async fn make(&self) -> Result<usize, Self::Error> {
        Ok(7)
    }
}

const MEMORY: &[Resource] = &[Resource::Memory];

#[tokio::test]
async fn a_pool_lets_go_and_has_its_size_again() {
    let config = PoolConfig {
        ready: 8,
        ..PoolConfig::of(8)
    };
    let pool = Pool::new(config, Numbers);
    pool.warm().await.unwrap();
    let sources: Vec<Box<dyn Reclaim>> = vec![
        Box::new(EvictIdle::new("idle numbers", pool.clone(), MEMORY)),
        Box::new(ShrinkPool::new("numbers", pool.clone(), MEMORY, 3)),
    ];
    let reclaimer = Reclaimer::new(sources, |_| {});
    let start = Instant::now();
    let look = |level, seconds| {
        let steps = reclaimer.look(&reading(level), start + Duration::from_secs(seconds));
        let freed: Vec<_> = steps.iter().map(|step| step.freed.count).collect();
        (freed, pool.counts().size)
    };
    assert_eq!(look(Level::Elevated, 0), (vec![8], 8));
    pool.warm().await.unwrap();
    assert_eq!(look(Level::Elevated, 1), (vec![4], 4));
    assert_eq!(look(Level::Critical, 2), (vec![4, 0], 3));
    assert_eq!(look(Level::Critical, 40), (vec![0, 0], 3));
    assert_eq!(look(Level::Normal, 41), (vec![], 8));
    // Its own size, should somebody have changed it meanwhile.
    pool.resize(5);
    assert_eq!(look(Level::Elevated, 42), (vec![0], 5));
    assert_eq!(look(Level::Normal, 43), (vec![], 5));
}

#[tokio::test]
async fn a_disk_that_is_full_empties_no_pool_of_memory() {
    let config = PoolConfig {
        ready: 2,
        ..PoolConfig::of(2)
    };
    let pool = Pool::new(config, Numbers);
    pool.warm().await.unwrap();
    let source = EvictIdle::new("idle numbers", pool.clone(), MEMORY);
    let reclaimer = Reclaimer::new(vec![Box::new(source)], |_| {});
    let mut full = reading(Level::Critical);
    full.pressed[0].resource = Resource::Disk;
    let steps = reclaimer.look(&full, Instant::now());
    assert_eq!(steps[0].freed, Freed::default());
    assert_eq!(pool.counts().idle, 2);
}
