//! The host that is attacked, with those who must not notice.

use std::time::Duration;

use patinox::{Admission, Allocation, Config, Failure as _, Host, Loaded, Profile, Request};
use serde_json::json;
use tokio::task::JoinSet;

use super::level::Level;
use super::row::{Attack, Row};
use super::said::{assert_lines, assert_ours};
use super::watch::Watch;
use crate::support::{self, Neighbour, call, forge, process, soon};

/// What the neighbour's light call may take at its 99th percentile while an
/// attack runs: 2 ms in a quiet run of an optimised build, and here ten times
/// as much, as a guard against hangs.
const NEIGHBOUR_HANGS: Duration = Duration::from_millis(20);

const FILL_AND_WAIT: &str =
    include_str!("../../../components/hostile/forged/table/fill_and_wait.wat");

/// How deep it may call itself: frames of 48 bytes on a stack of 512 KiB.
const FRAMES: u32 = 10_000;

/// A row that can be run again and again.
#[derive(Clone)]
pub(super) struct Ready {
    host: Host,
    pub(super) row: &'static Row,
    /// The component that is called; `None` for a binary that does not load.
    component: Option<Loaded>,
}

impl Ready {
    async fn new(field: &Field, row: &'static Row) -> Self {
        let component = match &row.attack {
            Attack::Binary(_) => None,
            Attack::Call(call) => Some(match &call.component {
                Some(bytes) => support::load(&field.host, bytes).await,
                None => field.hostile.clone(),
            }),
        };
        Self {
            host: field.host.clone(),
            row,
            component,
        }
    }

    /// Attacks once, and checks how it ends.
    async fn attack(&self) {
        let name = self.row.name;
        let error = match (&self.row.attack, &self.component) {
            (Attack::Call(attack), Some(component)) => {
                let request = Request::new(attack.tool, attack.arguments.clone());
                let request = request.limits(attack.limits);
                let called = soon(self.host.call(component, request)).await;
                assert_lines(name, &called);
                called.result.err()
            }
            (Attack::Binary(bytes), _) => soon(self.host.load(bytes.clone())).await.err(),
            (Attack::Call(_), None) => unreachable!("a call has its component"),
        };
        let code = error.as_ref().map_or("ok", |error| error.code().as_str());
        assert!(self.row.codes.contains(&code), "{name}: {code}: {error:?}");
        let fault = error.as_ref().map(patinox::Failure::fault);
        assert_eq!(fault, self.row.fault, "{name}: {error:?}");
        if let Some(error) = &error {
            assert_ours(name, error);
        }
    }

    /// Attacks so many times at once.
    async fn attack_at_once(&self, copies: usize) {
        let mut attacks = JoinSet::new();
        for _ in 0..copies {
            let this = self.clone();
            attacks.spawn(async move { this.attack().await });
        }
        joined(attacks).await;
    }

    /// Calls the same tool as an honest caller does; beside a binary, loads an
    /// honest one that is as large.
    async fn honest(&self) {
        let attack = match &self.row.attack {
            Attack::Binary(bytes) => {
                support::load(&self.host, &forge::padded(bytes.len())).await;
                return;
            }
            Attack::Call(attack) => attack,
        };
        if let (Some(component), Some((arguments, answer))) = (&self.component, &attack.honest) {
            let called = call(&self.host, component, attack.tool, arguments.clone()).await;
            let answered = called.result.as_ref().ok();
            assert_eq!(answered, Some(answer), "{}: {called:?}", self.row.name);
        }
    }
}

/// Waits for all of them; a panic in one is one here.
async fn joined(mut tasks: JoinSet<()>) {
    while let Some(done) = tasks.join_next().await {
        done.expect("it ends as it should");
    }
}

/// A host with those who attack it, and those who must not notice.
pub(super) struct Field {
    pub(super) host: Host,
    pub(super) hostile: Loaded,
    pub(super) neighbour: Neighbour,
}

impl Field {
    pub(super) async fn new() -> Self {
        // So that those who attack at once do so at once, from one pool.
        let config = Config {
            allocation: Allocation::Pool { slots: Some(512) },
            admission: Admission {
                concurrency: 512,
                queue: 512,
                ..Admission::default()
            },
            ..support::config()
        };
        let host = Host::new(config).expect("a host");
        let field = Self {
            hostile: support::hostile(&host).await,
            neighbour: Neighbour::of(&host).await,
            host,
        };
        field.fill_pool().await;
        field
    }

    /// Honest calls in all slots at once, each of which writes to more memory
    /// than its slot keeps for the next, and uses most of its stack.
    async fn fill_pool(&self) {
        let component = support::load(&self.host, &forge::component(FILL_AND_WAIT)).await;
        let allocated = self.host.allocated(Profile::Lean).expect("an engine");
        let arguments = json!({ "depth": FRAMES, "ms": 500 });
        let mut calls = JoinSet::new();
        for _ in 0..allocated.pool_slots.expect("a pool") {
            let (host, component) = (self.host.clone(), component.clone());
            let arguments = arguments.clone();
            calls.spawn(async move {
                let called = call(&host, &component, "run", arguments).await;
                assert_eq!(called.result.ok(), Some(json!(0xa5)));
            });
        }
        joined(calls).await;
    }

    /// Loads what rows call. They go to tasks, and to the end of the process.
    pub(super) async fn ready(&self, rows: Vec<Row>) -> Vec<Ready> {
        let mut ready = Vec::new();
        for row in rows.leak() {
            ready.push(Ready::new(self, row).await);
        }
        ready
    }

    /// Honest calls, so many at once, that use memory as honest tools do.
    async fn honest_burst(&self, rows: &[Ready], copies: usize) {
        let mut calls = JoinSet::new();
        for row in rows {
            for _ in 0..copies {
                let (host, hostile, row) = (self.host.clone(), self.hostile.clone(), row.clone());
                calls.spawn(async move {
                    row.honest().await;
                    let called = call(&host, &hostile, "hoard", json!({ "bytes": 1 << 20 })).await;
                    assert_eq!(called.result.ok(), Some(json!(1 << 20)));
                });
            }
        }
        joined(calls).await;
        self.neighbour.still_answers(2_000).await;
    }

    /// Lets rows attack, each so many times at once, and checks all that must
    /// hold beside them and after them.
    ///
    /// Best of three: the machine may be busy with something else, and an
    /// allocator may keep what it did not keep of the honest calls before. What
    /// leaks is there each time.
    pub(super) async fn withstands(&self, name: &str, rows: &[Ready], copies: usize) {
        for tries_left in (0..3).rev() {
            match self.withstood(name, rows, copies).await {
                Ok(()) => break,
                Err(why) if tries_left == 0 => panic!("{name} × {copies}: {why}"),
                Err(why) => eprintln!("{name} × {copies}, once more: {why}"),
            }
        }
        for row in rows {
            row.honest().await;
        }
        self.neighbour.still_answers(10).await;
    }

    async fn withstood(&self, name: &str, rows: &[Ready], copies: usize) -> Result<(), String> {
        // More than once, until the allocator keeps what it ever keeps.
        for _ in 0..3 {
            self.honest_burst(rows, copies).await;
        }
        let before = Level::settled(&self.host).await;
        process::forget_peak();
        let p99 = self.attacked(rows, copies).await;
        let peak = process::resident_peak().saturating_sub(before.resident);
        eprintln!(
            "{name:<36} × {copies}: neighbour p99 {p99:>10.2?}, peak {:>4} MiB",
            peak >> 20
        );
        if NEIGHBOUR_HANGS < p99 {
            return Err(format!("the neighbour's p99 is {p99:?}"));
        }
        if let ([row], 1) = (rows, copies)
            && row.row.peak_bytes < peak
        {
            return Err(format!("{peak} bytes more while it ran"));
        }
        before.is_back(&self.host).await
    }

    /// Attacks until the neighbour has been watched for long enough. Tells the
    /// 99th percentile of its calls.
    async fn attacked(&self, rows: &[Ready], copies: usize) -> Duration {
        let watch = Watch::start(&self.neighbour);
        while !watch.has_enough() {
            let mut attacks = JoinSet::new();
            for row in rows {
                let row = row.clone();
                attacks.spawn(async move { row.attack_at_once(copies).await });
            }
            joined(attacks).await;
        }
        watch.p99().await
    }
}
