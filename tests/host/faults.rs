//! What a machine may do to a host: no descriptors, a full disk, a clock that
//! jumps, no address space, an end without a word. Calls end with their code, the
//! host answers, and nothing is left.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use patinox::telemetry::{CallId, Clock, Event};
use patinox::{
    Allocation, ArtifactStore, Code, Detector, Failure as _, Fault, Host, LoadRequest,
    PressureConfig, Request, StoreConfig, Stored,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use crate::support::{self, Neighbour, code, guests, process, soon};

/// Puts a limit of this process back as it was.
struct Lowered(Resource, Rlimit);

impl Lowered {
    fn to(resource: Resource, current: u64) -> Self {
        let before = getrlimit(resource);
        let lower = Rlimit {
            current: Some(current),
            maximum: before.maximum,
        };
        setrlimit(resource, lower).expect("a lower limit");
        Self(resource, before)
    }
}

impl Drop for Lowered {
    fn drop(&mut self) {
        setrlimit(self.0, self.1).expect("the limit as it was");
    }
}

fn store_in(folder: &Path) -> ArtifactStore {
    let config = StoreConfig::new(folder.join("artifacts"), folder.join("key/artifact-key"));
    ArtifactStore::open(config).expect("a store")
}

/// Calls need no descriptor, so they go on; loading does, and says so.
#[tokio::test(flavor = "multi_thread")]
async fn without_descriptors_calls_go_on_and_loading_is_told_to_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("text.wasm");
    std::fs::write(&file, guests::prebuilt_text()).expect("a file");
    let host = support::host();
    let neighbour = Neighbour::of(&host).await;
    let hostile = guests::prebuilt_hostile();
    let before = process::descriptors();

    let lowered = Lowered::to(Resource::Nofile, 64);
    let hog: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    // What looks at the machine every quarter of a second finds none either.
    tokio::time::sleep(Duration::from_millis(600)).await;
    neighbour.still_answers(10).await;
    let bytes = soon(host.load(hostile.clone())).await;
    let by_path = soon(host.load_file(&file)).await;
    for refused in [bytes, by_path] {
        let error = refused.expect_err("there are no descriptors");
        assert_eq!(error.code(), Code::Busy, "{error:?}");
        assert_eq!(
            error.to_string(),
            "the system has no more descriptors for this host"
        );
        let hint = error.hint().expect("a hint");
        assert!(hint.contains("`ulimit -n`"), "{hint}");
    }
    neighbour.still_answers(10).await;
    drop((hog, lowered));

    assert_eq!(process::descriptors(), before);
    // The component is not held to blame.
    soon(host.load(hostile)).await.expect("it loads");
    soon(host.load_file(&file)).await.expect("it loads");
    neighbour.still_answers(10).await;
}

/// What fills a folder until nothing more fits.
fn fill(folder: &Path) -> PathBuf {
    let path = folder.join("ballast");
    let mut file = File::create(&path).expect("a file");
    let block = vec![7; 4 << 10];
    while std::io::Write::write_all(&mut file, &block).is_ok() {}
    path
}

/// A disk that is full keeps nothing, and ends no call.
#[test]
fn a_full_disk_ends_no_call() {
    if run_child("full-disk", Some("size=2m"), |_| {}).is_none() {
        guests::left_out("a disk that is full: nothing can be mounted here");
    }
}

/// A guest that may write fills no disk of the host's.
#[test]
fn a_twentieth_of_a_disk_stays_free() {
    if run_child("filling-disk", Some("size=8m"), |_| {}).is_none() {
        guests::left_out("a disk that fills: nothing can be mounted here");
    }
}

async fn on_a_filling_disk(folder: &Path) {
    let free = || {
        let found = rustix::fs::statvfs(folder).expect("a disk");
        (
            found.f_bavail * found.f_frsize,
            found.f_blocks * found.f_frsize,
        )
    };
    let host = support::host();
    let grant = format!("fs={}:rw@/out", folder.display()).parse();
    let request = LoadRequest::bytes(guests::prebuilt_hostile()).grant(grant.expect("a grant"));
    let hostile = soon(host.load(request)).await.expect("it loads");
    let arguments = json!({ "bytes": 12 << 20 });
    let called = support::call(&host, &hostile, "fill-file", arguments).await;
    let error = called.result.expect_err("a refusal");
    assert_eq!(error.code().as_str(), "component/error", "{error:?}");
    assert!(error.to_string().ends_with("insufficient-space"), "{error}");
    let (left, all) = free();
    assert!(all / 20 <= left, "{left} of {all}");
    assert!(
        left < all / 10,
        "it wrote all that it could: {left} of {all}"
    );
    // What is written anew takes the place of what was there.
    let called = support::call(&host, &hostile, "fill-file", json!({ "bytes": 1 << 20 })).await;
    assert_eq!(code(&called), "ok", "{called:?}");
}

async fn on_a_full_disk(folder: &Path) {
    let host = Host::builder()
        .store(store_in(folder))
        .pressure(PressureConfig {
            every: Duration::from_millis(20),
            ..PressureConfig::default()
        });
    let host = host.build().expect("a host");
    let mut events = host.events();
    let neighbour = Neighbour::of(&host).await;
    fill(folder);
    let critical = async {
        loop {
            if let Some(Event::PressureChanged(changed)) = events.next().await
                && changed.level == "critical"
            {
                return changed.reasons;
            }
        }
    };
    let reasons = soon(critical).await;
    assert!(
        reasons.iter().any(|one| one.contains("disk")),
        "{reasons:?}"
    );
    for _ in 0..20 {
        neighbour.still_answers(10).await;
    }
    // Loading goes on too; the code is not kept, and that is told.
    let hostile = soon(host.load(guests::prebuilt_hostile()))
        .await
        .expect("it loads");
    let store = hostile.component().expect("a component").store().clone();
    assert!(matches!(store, Stored::NotKept { .. }), "{store:?}");
    let called = host.call(&hostile, Request::new("sleep", json!({ "ms": 1 })));
    assert_eq!(code(&soon(called).await), "ok");
}

/// How far the time of day has jumped, in seconds.
static JUMPED: AtomicI64 = AtomicI64::new(0);

fn jumping() -> SystemTime {
    // One that jumps is what this is about.
    #[expect(clippy::disallowed_methods, reason = "this is the clock of the test")]
    let now = SystemTime::now();
    let seconds = JUMPED.load(Ordering::Relaxed);
    let by = Duration::from_secs(seconds.unsigned_abs());
    match seconds {
        0.. => now + by,
        _ => now - by,
    }
}

/// Nothing that a call is held to is the time of day.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_ends_no_call_and_makes_none_longer() {
    let host = Host::builder()
        .clock(Clock::by(jumping))
        .build()
        .expect("a host");
    let neighbour = Neighbour::of(&host).await;
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let mut ids: Vec<CallId> = Vec::new();
    for jump in [86_400, -86_400, 10 * 365 * 86_400, 0] {
        let request = Request::new("sleep", json!({ "ms": 60 }));
        let sleeping = host.call(&hostile, request);
        let jumps = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            JUMPED.store(jump, Ordering::Relaxed);
            neighbour.still_answers(4).await;
        };
        let (called, ()) = tokio::join!(soon(sleeping), jumps);
        assert_eq!(code(&called), "ok");
        let wall = called.usage.wall;
        assert!((60..10_000).contains(&wall.as_millis()), "{wall:?}");
        assert!(!ids.contains(&called.id));
        ids.push(called.id);
    }
}

/// The heap has room, and mappings have none: only what maps fails.
#[tokio::test(flavor = "multi_thread")]
async fn without_address_space_the_pool_goes_on_and_loading_ends_with_its_code() {
    let host = Host::builder()
        .allocation(Allocation::Pool { slots: Some(8) })
        .build()
        .expect("a host");
    let neighbour = Neighbour::of(&host).await;
    neighbour.still_answers(10).await;
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let used = Detector::new()
        .address_space()
        .used_bytes
        .expect("a figure");
    let lowered = Lowered::to(Resource::As, used.value + (24 << 20));
    // Memory of the pool is there already; a guest that wants more is told so.
    neighbour.still_answers(10).await;
    let hoard = Request::new("hoard", json!({ "bytes": 8 << 20 }));
    let called = soon(host.call(&hostile, hoard)).await;
    let fault = called.result.as_ref().err().map(patinox::Failure::fault);
    assert_ne!(fault, Some(Fault::Host), "{called:?}");
    let refused = soon(host.load(support::forge::with_imports())).await;
    if let Err(error) = refused {
        assert_ne!(error.code(), Code::Internal, "{error:?}");
    }
    neighbour.still_answers(10).await;
    drop(lowered);
    neighbour.still_answers(10).await;
    soon(host.load(support::forge::echo()))
        .await
        .expect("it loads");
}

/// Killed while it loads, keeps and calls, again and again: what it kept is whole
/// for the next one.
#[test]
fn an_end_without_a_word_leaves_store_and_key_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    for round in 0..8_u64 {
        let mut child = child_in(folder.path(), "load-and-call");
        let mut child = child.stdout(Stdio::piped()).spawn().expect("a child");
        let mut said = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
        while !line(&mut said).starts_with("it calls") {}
        // Somewhere in its work, which is another place each time.
        (0..round).for_each(|_| drop(line(&mut said)));
        child.kill().expect("it runs");
        child.wait().expect("it is gone");
    }
    let last = child_in(folder.path(), "look").output().expect("a child");
    let text = String::from_utf8_lossy(&last.stdout);
    assert!(last.status.success(), "{last:?}");
    assert!(text.contains("the child is done"), "{last:?}");
}

/// What the child says next.
fn line(said: &mut impl std::io::BufRead) -> String {
    let mut line = String::new();
    let read = said.read_line(&mut line).expect("a line");
    assert_ne!(read, 0, "the child has ended");
    line
}

/// Loads components that are always other ones, and calls, until it is killed.
async fn load_and_call(folder: &Path) {
    let host = Host::builder()
        .store(store_in(folder))
        .build()
        .expect("a host");
    let neighbour = Neighbour::of(&host).await;
    for bytes in 0.. {
        let padded = support::forge::padded(1_000 + bytes);
        let loaded = host.load(padded).await.expect("it loads");
        drop(loaded);
        neighbour.still_answers(4).await;
        println!("it calls {bytes}");
    }
}

/// What was kept is there, is loaded, and works; nothing half-written is.
async fn look(folder: &Path) {
    let store = store_in(folder);
    let entries = store.folder().list().expect("a list");
    assert!(!entries.is_empty());
    let host = Host::builder().store(store).build().expect("a host");
    let text = soon(host.load(guests::prebuilt_text()))
        .await
        .expect("it loads");
    let from = text.component().expect("a component").store().clone();
    assert!(matches!(from, Stored::Hit), "{from:?}");
    let (mut kept, mut events) = (0, host.events());
    for bytes in 0..entries.len() {
        let padded = support::forge::padded(1_000 + bytes);
        let loaded = soon(host.load(padded)).await.expect("it loads");
        let from = loaded.component().expect("a component").store().clone();
        assert!(!matches!(from, Stored::Replaced { .. }), "{from:?}");
        kept += usize::from(matches!(from, Stored::Hit));
        drop(events.next().await);
    }
    // Those before the last one of each round were kept whole.
    assert!(0 < kept, "none of {}", entries.len());
    Neighbour::of(&host).await.still_answers(10).await;
}

/// Says to the test `child` what it is to do.
const ROLE: &str = "PATINOX_TEST_FAULT";

/// This test binary, to run [`child`] alone, in a folder.
fn child_in(folder: &Path, role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .args(["--exact", "host::faults::child", "--nocapture"])
        .env(ROLE, role)
        .current_dir(folder);
    command
}

/// Runs the child in a folder, a small disk where `mount` says how it is mounted;
/// `None` where this machine mounts nothing.
fn run_child(role: &str, mount: Option<&str>, then: impl FnOnce(&Path)) -> Option<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = child_in(folder.path(), role);
    if let Some(options) = mount {
        let probe = Command::new("unshare")
            .args(["-m", "/bin/sh", "-c", "mount -t tmpfs none /mnt"])
            .output();
        probe.ok().filter(|output| output.status.success())?;
        let line =
            format!("mount -t tmpfs -o {options} none \"$PWD\" && cd \"$PWD\" && exec \"$@\"");
        let mut behind = Command::new("unshare");
        behind
            .args(["-m", "/bin/sh", "-c", &line, "sh"])
            .arg(command.get_program())
            .args(command.get_args())
            .env(ROLE, role)
            .current_dir(folder.path());
        command = behind;
    }
    let output = command.output().expect("a child");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(text.contains("the child is done"), "{output:?}");
    then(folder.path());
    Some(())
}

/// Not a test by itself: what the others start.
#[test]
fn child() {
    #[expect(clippy::disallowed_methods, reason = "how a test tells its child")]
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let folder = std::env::current_dir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    match role.as_str() {
        "filling-disk" => runtime.block_on(on_a_filling_disk(&folder)),
        "full-disk" => runtime.block_on(on_a_full_disk(&folder)),
        "load-and-call" => runtime.block_on(load_and_call(&folder)),
        "look" => runtime.block_on(look(&folder)),
        other => panic!("no such part: {other}"),
    }
    println!("the child is done");
}
