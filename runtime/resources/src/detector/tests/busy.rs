//! How busy the cores were between two looks.

use std::time::{Duration, Instant};

use super::*;

/// A root whose files are written anew between two looks.
struct Watched {
    root: TempDir,
    sampler: Sampler,
    now: Instant,
}

impl Watched {
    fn new(files: &[Files<'_>]) -> Self {
        let root = root(files);
        let sampler = Sampler::new(Detector::below(root.path()));
        let now = Instant::now();
        Self { root, sampler, now }
    }

    /// What is said a second later, with these files instead.
    fn later(&mut self, files: Files<'_>) -> String {
        for (path, text) in files {
            write(self.root.path(), path, text.as_bytes());
        }
        self.now += Duration::from_secs(1);
        describe(&self.sampler.sample(self.now))
    }

    #[track_caller]
    fn check(&mut self, files: Files<'_>, expected: &str) {
        let text = self.later(files);
        assert!(
            text.lines().any(|line| line == expected),
            "{expected}\n{text}"
        );
    }
}

/// Four cores of which this process may use the last three.
const FIRST: &str = "cpu  400 0 0 400 0 0 0 0 0 0\n\
    cpu0 100 0 0 100 0 0 0 0 0 0\ncpu1 100 0 0 100 0 0 0 0 0 0\n\
    cpu2 100 0 0 100 0 0 0 0 0 0\ncpu3 100 0 0 100 0 0 0 0 0 0\nintr 1 2 3\n";

/// The first is busy; of the others one is, one waits for a disk, one idles.
const SECOND: &str = "cpu  600 0 0 500 100 0 0 0 0 0\n\
    cpu0 200 0 0 100 0 0 0 0 0 0\ncpu1 150 10 20 100 0 5 5 10 0 0\n\
    cpu2 100 0 0 100 100 0 0 0 0 0\ncpu3 100 0 0 200 0 0 0 0 0 0\nintr 4 5 6\n";

#[test]
fn busy_is_the_difference_and_absent_at_first() {
    let mut watched = Watched::new(&[PLAIN]);
    watched.check(&[("/proc/stat", FIRST)], "busy unknown");
    watched.check(&[("/proc/stat", SECOND)], "busy 33.33 /proc/stat");
    // Nothing was counted meanwhile.
    watched.check(&[], "busy unknown");
    // Backwards, as after a core was unplugged.
    watched.check(&[("/proc/stat", FIRST)], "busy unknown");
    watched.check(&[("/proc/stat", SECOND)], "busy 33.33 /proc/stat");
}

#[test]
fn where_nobody_says_which_cores_may_be_used_all_count() {
    let mut watched = Watched::new(&[&[("/proc/stat", FIRST)]]);
    watched.check(&[], "busy unknown");
    watched.check(&[("/proc/stat", SECOND)], "busy 50.00 /proc/stat");
}

#[test]
fn a_quota_that_is_spent_is_busier_than_idle_cores() {
    let stat = |us: u64| format!("usage_usec {us}\nuser_usec 1\n");
    let (before, after) = (stat(1_000_000), stat(3_000_000));
    let usage = "/sys/fs/cgroup/cpu.stat";
    let mut watched = Watched::new(&[PLAIN, CONTAINER, &[("/proc/stat", FIRST)]]);
    watched.check(&[(usage, &before)], "busy unknown");
    // Two seconds of computing in one, of two and a half that there may be.
    watched.check(
        &[(usage, &after), ("/proc/stat", SECOND)],
        "busy 80.00 /sys/fs/cgroup/cpu.max",
    );
    // Another quota: what was spent under the first says nothing.
    let wider: Files<'_> = &[
        ("/sys/fs/cgroup/cpu.max", "500000 100000\n"),
        ("/proc/stat", FIRST),
    ];
    watched.check(wider, "busy unknown");
}

#[test]
fn version_1_counts_in_a_file_of_its_own() {
    let x = "/sys/fs/cgroup/cpu,cpuacct/docker/x";
    let usage = format!("{x}/cpuacct.usage");
    let mut watched = Watched::new(&[PLAIN, V1]);
    watched.check(&[(&usage, "500000000\n")], "busy unknown");
    let expected = format!("busy 25.00 {x}/cpu.cfs_quota_us");
    watched.check(&[(&usage, "1000000000\n")], &expected);
}

#[test]
fn own_time_is_that_of_this_process_whatever_its_name() {
    let stat = |user: u64, system: u64| {
        format!("7 (a) b) R 1 1 1 0 -1 4 9 0 0 0 {user} {system} 0 0 20 0 1 0 5 6 7\n")
    };
    let (before, after) = (stat(100, 50), stat(130, 70));
    let mut watched = Watched::new(&[PLAIN]);
    watched.check(&[("/proc/self/stat", &before)], "own unknown");
    watched.check(&[("/proc/self/stat", &after)], "own 50.00 /proc/self/stat");
    watched.check(&[("/proc/self/stat", "7 (x) R")], "own unknown");
}

/// A quarter of a second is the shortest time that says anything.
#[test]
fn who_looks_in_between_spoils_nothing() {
    let stat = |own: u64| format!("7 (a) R 1 1 1 0 -1 4 9 0 0 0 {own} 0 0 0 20 0 1 0 5 6 7\n");
    let mut watched = Watched::new(&[PLAIN]);
    let mut after = |milliseconds: u64, own: u64| {
        write(watched.root.path(), "/proc/self/stat", stat(own).as_bytes());
        watched.now += Duration::from_millis(milliseconds);
        let text = describe(&watched.sampler.sample(watched.now));
        let line = text.lines().find(|line| line.starts_with("own "));
        line.expect("a line").replace(" /proc/self/stat", "")
    };
    assert_eq!(after(0, 100), "own unknown");
    // There is nothing older yet.
    assert_eq!(after(100, 110), "own 100.00");
    assert_eq!(after(900, 150), "own 50.00");
    // Since a second and ten milliseconds, not since ten.
    assert_eq!(after(10, 151), "own 50.49");
    assert_eq!(after(990, 250), "own 100.00");
}

#[test]
fn no_time_is_no_difference() {
    let mut watched = Watched::new(&[PLAIN, &[("/proc/self/stat", "7 (x) R")]]);
    watched.later(&[]);
    watched.now -= Duration::from_secs(1);
    watched.check(&[], "own unknown");
}

proptest! {
    #[test]
    fn no_file_of_times_panics(text in "(cpu[0-9]? ?)?[0-9 -]{0,60}\n?") {
        let mut watched = Watched::new(&[PLAIN]);
        watched.later(&[("/proc/stat", &text), ("/proc/self/stat", &text)]);
        watched.later(&[("/proc/stat", FIRST)]);
    }
}
