//! Compile workers, as the system shows them.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::soon;

/// A compile worker that was seen alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen(u32);

/// The workers of a process that are held to this `compile-memory`, by which a
/// test knows its own.
pub(crate) fn workers(parent: u32, memory_bytes: u64) -> Vec<Seen> {
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let wanted = [parent.to_string(), memory_bytes.to_string()];
    let is_wanted = |seen: &Seen| {
        let words = seen.read("cmdline").unwrap_or_default();
        let words: Vec<_> = words.split('\0').collect();
        words.get(1) == Some(&"__compile-worker")
            && words.get(2) == Some(&wanted[0].as_str())
            && words.get(4) == Some(&wanted[1].as_str())
    };
    numbers.map(Seen).filter(is_wanted).collect()
}

/// Waits for the first worker that compiles: it has closed all doors.
pub(crate) async fn worker(parent: u32, memory_bytes: u64) -> Seen {
    let compiles = |seen: &Seen| {
        let status = seen.read("status").unwrap_or_default();
        status.contains("\nSeccomp:\t2")
    };
    until(|| workers(parent, memory_bytes).into_iter().find(compiles)).await
}

/// Looks again and again, until there is something to see.
pub(crate) async fn until<T>(look: impl Fn() -> Option<T>) -> T {
    let mut looks = tokio::time::interval(Duration::from_millis(2));
    soon(async {
        loop {
            looks.tick().await;
            if let Some(seen) = look() {
                return seen;
            }
        }
    })
    .await
}

impl Seen {
    fn path(self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.0))
    }

    pub(crate) fn pid(self) -> rustix::process::Pid {
        let number = i32::try_from(self.0).ok();
        let pid = number.and_then(rustix::process::Pid::from_raw);
        pid.expect("a process")
    }

    /// What the system says of it.
    pub(crate) fn read(self, file: &str) -> Option<String> {
        fs::read_to_string(self.path(file)).ok()
    }

    /// A link of its, such as its folder.
    pub(crate) fn link(self, file: &str) -> Option<PathBuf> {
        fs::read_link(self.path(file)).ok()
    }

    /// The names of its descriptors.
    pub(crate) fn descriptors(self) -> Option<Vec<String>> {
        let entries = fs::read_dir(self.path("fd")).ok()?.flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        Some(names)
    }

    /// Whether it is there: one that is dead and not reaped is.
    pub(crate) fn is_there(self) -> bool {
        self.path("").exists()
    }

    /// Waits until it has died; whether it is reaped is its new parent's
    /// matter.
    pub(crate) async fn dead(self) {
        let lives = || {
            let status = self.read("status").unwrap_or_default();
            // The others of its threads may die after the first.
            let is_dead = status.contains("State:\tZ") && status.contains("Threads:\t1\n");
            status.contains("State:") && !is_dead
        };
        until(|| (!lives()).then_some(())).await;
    }

    /// Waits until it has been reaped.
    pub(crate) async fn gone(self) {
        until(|| (!self.is_there()).then_some(())).await;
    }
}
