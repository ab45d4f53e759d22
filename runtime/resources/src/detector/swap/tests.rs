use std::fs;
use std::os::unix::fs::symlink;
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError, sync_channel};
use std::time::Instant;

use tempfile::TempDir;

use super::*;
use crate::detector::tests::{NO_SWAP, ZRAM, write};

/// When a change is taken for one that is not told.
const HANGS_AFTER: Duration = Duration::from_secs(20);

/// Long enough for some looks.
const SOME_LOOKS: Duration = Duration::from_millis(800);

const OWN_GROUP: &str = "/sys/fs/cgroup/own/memory.swap.max";

/// A root without swap, for a process in a group that may use it.
fn fixture() -> TempDir {
    let root = TempDir::new().unwrap();
    write(root.path(), SWAPS, NO_SWAP.as_bytes());
    write(root.path(), "/proc/self/cgroup", b"0::/own\n");
    write(root.path(), OWN_GROUP, b"max\n");
    root
}

/// Writes a file anew so that nobody reads half of it.
fn replace(root: &TempDir, path: &str, text: &str) {
    write(root.path(), "/new", text.as_bytes());
    let path = root.path().join(path.trim_start_matches('/'));
    fs::rename(root.path().join("new"), path).unwrap();
}

fn watch(root: &Path) -> (SwapWatch, Receiver<Swap>) {
    let (sender, changes) = sync_channel(16);
    let watch = Detector::below(root).watch_swap(move |swap| sender.send(swap).unwrap());
    (watch.unwrap(), changes)
}

fn looks(watch: &SwapWatch) -> u64 {
    watch.watched.looks.load(Ordering::Relaxed)
}

#[test]
fn each_change_is_told_once() {
    let root = fixture();
    let (watch, changes) = watch(root.path());
    assert_eq!(watch.swap(), Swap::Absent);
    for (path, text, expected) in [
        (SWAPS, ZRAM, Swap::Present),
        (OWN_GROUP, "0\n", Swap::Forbidden),
        (OWN_GROUP, "4096\n", Swap::Present),
        (SWAPS, NO_SWAP, Swap::Absent),
        (SWAPS, "", Swap::Present),
    ] {
        replace(&root, path, text);
        assert_eq!(changes.recv_timeout(HANGS_AFTER), Ok(expected));
        assert_eq!(watch.swap(), expected);
    }
    // Another list with the same meaning is no change.
    replace(&root, SWAPS, ZRAM);
    let looked = looks(&watch);
    let none = changes.recv_timeout(SOME_LOOKS);
    assert_eq!(none, Err(RecvTimeoutError::Timeout));
    assert!(looked < looks(&watch));
    assert!(looks(&watch) - looked < 8, "{watch:?}");
}

#[test]
fn a_list_that_goes_and_comes_is_followed() {
    let root = fixture();
    let (watch, changes) = watch(root.path());
    fs::remove_file(root.path().join("proc/swaps")).unwrap();
    assert_eq!(changes.recv_timeout(HANGS_AFTER), Ok(Swap::Present));
    replace(&root, SWAPS, NO_SWAP);
    assert_eq!(changes.recv_timeout(HANGS_AFTER), Ok(Swap::Absent));
    drop(watch);
    // The callback, and with it the sender, is gone with the thread.
    assert_eq!(changes.recv(), Err(RecvError));
}

#[test]
fn a_callback_that_panics_misses_nothing_later() {
    let root = fixture();
    let (sender, changes) = sync_channel(16);
    let watch = Detector::below(root.path()).watch_swap(move |swap| {
        sender.send(swap).unwrap();
        assert_ne!(swap, Swap::Present, "on purpose");
    });
    for (text, expected) in [(ZRAM, Swap::Present), (NO_SWAP, Swap::Absent)] {
        replace(&root, SWAPS, text);
        assert_eq!(changes.recv_timeout(HANGS_AFTER), Ok(expected));
    }
    drop(watch);
}

#[test]
fn dropping_does_not_wait_for_the_next_look() {
    let root = fixture();
    let took = (0..5).map(|_| {
        let (watch, _changes) = watch(root.path());
        let start = Instant::now();
        drop(watch);
        start.elapsed()
    });
    let shortest = took.min().unwrap();
    assert!(shortest < LOOK_EVERY / 2, "{shortest:?}");
}

#[test]
fn a_callback_may_drop_its_watch() {
    let root = fixture();
    let (sender, changes) = sync_channel(1);
    let own = Arc::new(Mutex::new(None::<SwapWatch>));
    let held = Arc::clone(&own);
    let watch = Detector::below(root.path()).watch_swap(move |_| {
        drop(held.lock().unwrap().take());
        sender.send(()).unwrap();
    });
    *own.lock().unwrap() = Some(watch.unwrap());
    replace(&root, SWAPS, ZRAM);
    assert_eq!(changes.recv_timeout(HANGS_AFTER), Ok(()));
    assert_eq!(
        changes.recv_timeout(HANGS_AFTER),
        Err(RecvTimeoutError::Disconnected)
    );
}

/// How a wait for this file ends, and whether it took all its time.
fn wait_for(path: &str) -> Option<(Woken, bool)> {
    let list = File::open(path).ok()?;
    let wake = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
    let start = Instant::now();
    let woken = wait(&wake, Some(&list), LOOK_EVERY);
    Some((woken, LOOK_EVERY <= start.elapsed()))
}

#[test]
fn the_kernels_list_is_waited_for_without_spinning() {
    let Some(waited) = wait_for(SWAPS) else {
        return eprintln!("left out: no {SWAPS} here");
    };
    assert_eq!(waited, (Woken::Timeout, true));
    let (watch, changes) = watch(Path::new("/"));
    let start = Instant::now();
    let none = changes.recv_timeout(SOME_LOOKS);
    assert_eq!(none, Err(RecvTimeoutError::Timeout));
    let most = start.elapsed().as_millis() / LOOK_EVERY.as_millis() + 2;
    assert!(u128::from(looks(&watch)) <= most, "{watch:?}");
    assert_eq!(watch.swap(), Detector::new().swap().value);
}

/// A file of the kernel that always claims to have changed: one of its settings
/// does so until it is read.
const ALWAYS_CHANGED: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

#[test]
fn a_list_that_always_claims_a_change_costs_little() {
    if wait_for(ALWAYS_CHANGED) != Some((Woken::Change, false)) {
        return eprintln!("left out: no file here that always claims a change");
    }
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join("proc")).unwrap();
    symlink(ALWAYS_CHANGED, root.path().join("proc/swaps")).unwrap();
    let (watch, changes) = watch(root.path());
    let start = Instant::now();
    let none = changes.recv_timeout(SOME_LOOKS);
    assert_eq!(none, Err(RecvTimeoutError::Timeout));
    let most = start.elapsed().as_millis() / PAUSE.as_millis() + 2;
    assert!(u128::from(looks(&watch)) <= most, "{watch:?}");
}

#[test]
fn a_list_that_cannot_be_waited_for_is_only_read() {
    let wake = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    assert_eq!(wait(&wake, Some(&writer), LOOK_EVERY), Woken::Failure);
    // With the watch over, no wait takes its time.
    rustix::io::write(&wake, &1_u64.to_ne_bytes()).unwrap();
    assert_eq!(wait(&wake, None::<&File>, HANGS_AFTER), Woken::Timeout);
}
