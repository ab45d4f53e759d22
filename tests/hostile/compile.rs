//! What the compiler may do, and what ends it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use patinox::{Config, Host, LoadLimits};
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinSet;

use crate::support::children::{self, Seen, workers};
use crate::support::{self, Neighbour, PROGRAM, forge, soon};

/// From the end of the wait to the end of the worker: no bound of ours, but
/// what tells an end from a hang on a machine that compiles elsewhere too.
const AT_ONCE: Duration = Duration::from_secs(5);

/// A host by whose `compile-memory` its workers are known.
fn host(compile_memory_bytes: u64) -> Host {
    let load = LoadLimits {
        compile_memory_bytes,
        ..LoadLimits::default()
    };
    let config = Config {
        load,
        ..support::config()
    };
    Host::new(config).expect("a host")
}

async fn seen(memory_bytes: u64) -> Seen {
    children::worker(std::process::id(), memory_bytes).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_has_nothing_but_its_three_descriptors() {
    const MEMORY: u64 = (1 << 30) + 4096;
    // One that goes to every program that this one starts.
    let inherited = std::fs::File::open("/dev/null").expect("a file");
    rustix::io::fcntl_setfd(&inherited, rustix::io::FdFlags::empty()).expect("a flag");
    let host = host(MEMORY);
    let load = tokio::spawn(async move { host.load(forge::endless_to_compile()).await });
    let worker = seen(MEMORY).await;
    let status = worker.read("status").expect("a status");
    assert!(status.contains("\nNoNewPrivs:\t1"), "{status}");
    for (limit, value) in [
        ("Max cpu time", "60"),
        ("Max file size", "0"),
        ("Max core file size", "0"),
        ("Max processes", "0"),
        ("Max open files", "3"),
        ("Max address space", &MEMORY.to_string()),
    ] {
        let limits = worker.read("limits").expect("limits");
        let line = limits.lines().find(|line| line.starts_with(limit));
        let line = line.expect("a line").trim_start_matches(limit);
        assert_eq!(line.split_whitespace().next(), Some(value), "{limits}");
    }
    // A process that cannot be dumped shows these to the administrator alone.
    match (
        worker.descriptors(),
        worker.link("cwd"),
        worker.read("environ"),
    ) {
        (Some(descriptors), Some(folder), Some(environment)) => {
            assert_eq!(descriptors, ["0", "1", "2"]);
            assert_eq!(
                worker.link("fd/2").expect("stderr").as_os_str(),
                "/dev/null"
            );
            assert_eq!(folder.as_os_str(), "/");
            assert_eq!(environment, "");
        }
        _ => eprintln!("left out: descriptors, folder and environment, which only root sees"),
    }
    load.abort();
    worker.gone().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_waiting_kills_the_worker() {
    const MEMORY: u64 = (1 << 30) + 2 * 4096;
    let host = host(MEMORY);
    let neighbour = Neighbour::of(&host).await;
    let load = tokio::spawn(async move { host.load(forge::endless_to_compile()).await });
    let worker = seen(MEMORY).await;
    neighbour.still_answers(10).await;
    let dropped = Instant::now();
    load.abort();
    worker.gone().await;
    assert!(dropped.elapsed() < AT_ONCE, "{:?}", dropped.elapsed());
    neighbour.still_answers(10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_still_waits_takes_over() {
    const MEMORY: u64 = (1 << 30) + 3 * 4096;
    let host = host(MEMORY);
    let load = || {
        let host = host.clone();
        tokio::spawn(async move { host.load(forge::endless_to_compile()).await })
    };
    let loads = [load(), load(), load()];
    let worker = seen(MEMORY).await;
    assert_eq!(workers(std::process::id(), MEMORY), [worker]);
    // Whoever had it compiled goes; one of the others takes over, until none is
    // left.
    let mut worker = Some(worker);
    for load in &loads {
        load.abort();
        if let Some(before) = worker.filter(|worker| !worker.is_there()) {
            let next = seen(MEMORY).await;
            assert_ne!(next, before);
            worker = Some(next);
        }
    }
    let none = || workers(std::process::id(), MEMORY).is_empty().then_some(());
    children::until(none).await;
}

/// Workers that are started ahead: each compiles one component, and no other.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_ready_compiles_one_component() {
    const MEMORY: u64 = (1 << 30) + 6 * 4096;
    let load = LoadLimits {
        compile_memory_bytes: MEMORY,
        ..LoadLimits::default()
    };
    let config = Config {
        load,
        ready_workers: 1,
        ..support::config()
    };
    let host = Host::new(config).expect("a host");
    let here = std::process::id();
    assert!(workers(here, MEMORY).is_empty(), "one before there is need");
    let component = |name: &str| {
        forge::component(&format!(
            r#"(component (core module $m (func (export "run")))
                (core instance $i (instantiate $m))
                (func (export "{name}") (canon lift (core func $i "run"))))"#
        ))
    };
    let mut before = Vec::new();
    for name in ["a", "b", "c", "d"] {
        soon(host.load(component(name))).await.expect("a component");
        // The next one is there, limited already, and none of those before is.
        let next = seen(MEMORY).await;
        assert!(!before.contains(&next), "{next:?} after {before:?}");
        let one = || (workers(here, MEMORY) == [next]).then_some(());
        children::until(one).await;
        let limits = next.read("limits").expect("limits");
        assert!(limits.contains(&MEMORY.to_string()), "{limits}");
        before.push(next);
    }
    // One that dies while it waits is nobody's loss.
    let idle = *before.last().expect("one");
    let killed = kill_process(idle.pid(), Signal::KILL);
    killed.expect("a signal");
    idle.dead().await;
    soon(host.load(component("e"))).await.expect("a component");
    let next = seen(MEMORY).await;
    // They go with their host.
    drop(host);
    next.gone().await;
    let none = || workers(here, MEMORY).is_empty().then_some(());
    children::until(none).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_component_at_once_is_compiled_once() {
    let host = support::host();
    let mut loads = JoinSet::new();
    for _ in 0..4 {
        let host = host.clone();
        loads.spawn(async move { soon(host.load(forge::slow_to_compile())).await });
    }
    let mut took = Vec::new();
    while let Some(loaded) = loads.join_next().await {
        let loaded = loaded.expect("no panic").expect("a component");
        took.push(loaded.component().expect("a component").compile_time());
    }
    took.dedup();
    assert_eq!(took.len(), 1, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_is_refused_at_once_the_second_time() {
    let load = LoadLimits {
        compile_cpu_ms: 1_000,
        ..LoadLimits::default()
    };
    let config = Config {
        load,
        ..support::config()
    };
    let host = Host::new(config).expect("a host");
    let neighbour = Neighbour::of(&host).await;
    let bomb = forge::slow_to_compile();
    let refused = async || {
        let start = Instant::now();
        let error = soon(host.load(bomb.clone())).await.expect_err("a bomb");
        assert_eq!(error.to_string(), "limit `compile-cpu` of 1s reached");
        start.elapsed()
    };
    let (first, ()) = tokio::join!(refused(), neighbour.still_answers(10));
    let again = refused().await;
    assert!(
        again < AT_ONCE && again < first,
        "{again:?} after {first:?}"
    );
}

/// A compiler that computed to the end of its time, and would again.
#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_that_took_all_its_time_is_remembered_too() {
    let load = LoadLimits {
        compile_wall_ms: 1_000,
        ..LoadLimits::default()
    };
    let config = Config {
        load,
        ..support::config()
    };
    let host = Host::new(config).expect("a host");
    let bomb = forge::endless_to_compile();
    // Beside other tests its compiler may be kept waiting. Then it is not to blame,
    // and it is tried again; three times, and then no more for a while.
    let mut errors = Vec::new();
    let again = loop {
        let start = Instant::now();
        let error = soon(host.load(bomb.clone())).await.expect_err("a bomb");
        if start.elapsed() < Duration::from_millis(load.compile_wall_ms) {
            break error.to_string();
        }
        errors.push(error.to_string());
        assert!(errors.len() <= 3, "{errors:?}");
    };
    assert_eq!(errors.last(), Some(&again));
    let blamed = "limit `compile-wall` of 1s reached";
    let (last, before) = errors.split_last().expect("a first time");
    assert!(before.iter().all(|error| error != blamed), "{errors:?}");
    assert!(last == blamed || errors.len() == 3, "{errors:?}");
}

/// Starts the program on a bomb; gives it, and its worker.
async fn program(memory_bytes: u64) -> (std::process::Child, Seen) {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("bomb.wasm");
    std::fs::write(&path, forge::endless_to_compile()).expect("a file");
    let memory = format!("{memory_bytes}B");
    let program = Command::new(PROGRAM)
        .args(["inspect"])
        .arg(&path)
        .env_clear()
        .env("HOME", home.path())
        .env("PATINOX_LOAD__COMPILE_MEMORY", memory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    let worker = children::worker(program.id(), memory_bytes).await;
    (program, worker)
}

async fn dies_with_its_parent(memory_bytes: u64, signal: Signal, code: Option<i32>) {
    let (mut program, worker) = program(memory_bytes).await;
    let pid = Pid::from_child(&program);
    let killed = Instant::now();
    kill_process(pid, signal).expect("a signal");
    assert_eq!(program.wait().expect("an end").code(), code);
    // Nobody of ours can reap it any longer.
    worker.dead().await;
    assert!(killed.elapsed() < AT_ONCE, "{:?}", killed.elapsed());
}

#[tokio::test]
async fn a_worker_dies_with_its_parent() {
    dies_with_its_parent((1 << 30) + 4 * 4096, Signal::KILL, None).await;
}

#[tokio::test]
async fn ctrl_c_ends_a_compiler() {
    dies_with_its_parent((1 << 30) + 5 * 4096, Signal::INT, Some(130)).await;
}
