//! What a process got of the cores, and what it waited for them.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// Times of all threads of a process that are still there, together.
///
/// ```
/// use patinox_resources::ProcessTime;
///
/// if let Some(time) = ProcessTime::of(std::process::id()) {
///     println!("computed {:?}, waited {:?}", time.computed, time.waited);
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessTime {
    /// How long they had a core.
    pub computed: Duration,
    /// How long they wanted one and had none.
    pub waited: Duration,
    /// How many threads these are.
    pub threads: usize,
}

impl ProcessTime {
    /// What a process has had until now; `None` where the kernel does not tell
    /// it, or that process is gone.
    ///
    /// From `/proc/PID/task/*/schedstat`, whose fields `sched-stats.txt` of the
    /// kernel's documentation explains.
    #[must_use]
    pub fn of(process: u32) -> Option<Self> {
        Self::read(&Path::new("/proc").join(process.to_string()))
    }

    fn read(process: &Path) -> Option<Self> {
        let threads = fs::read_dir(process.join("task")).ok()?.flatten();
        let texts = threads.filter_map(|t| fs::read_to_string(t.path().join("schedstat")).ok());
        let each = texts.filter_map(|text| Self::parse(&text));
        // A kernel that does not count these writes zeros.
        let all = each.reduce(Self::and);
        all.filter(|all| all.computed != Duration::ZERO || all.waited != Duration::ZERO)
    }

    /// Nanoseconds with a core, nanoseconds without, and a count.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_ascii_whitespace();
        let mut next = || numbers.next()?.parse().ok().map(Duration::from_nanos);
        Some(Self {
            computed: next()?,
            waited: next()?,
            threads: 1,
        })
    }

    const fn and(self, other: Self) -> Self {
        Self {
            computed: self.computed.saturating_add(other.computed),
            waited: self.waited.saturating_add(other.waited),
            threads: self.threads.saturating_add(other.threads),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_this_process_computes_is_seen() {
        let before = ProcessTime::of(std::process::id()).expect("a file");
        let started = Instant::now();
        while started.elapsed() < Duration::from_millis(100) {
            std::hint::spin_loop();
        }
        let after = ProcessTime::of(std::process::id()).expect("a file");
        // Others of its threads may have come and gone meanwhile.
        let more = after.computed.saturating_sub(before.computed);
        let less = after.waited.saturating_sub(before.waited);
        let all = more.saturating_add(less);
        assert!(Duration::from_millis(80) <= all, "{before:?} {after:?}");
        assert!(Duration::from_millis(20) <= more, "{before:?} {after:?}");
    }

    #[test]
    fn threads_are_added_and_nonsense_tells_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let process = folder.path();
        assert_eq!(ProcessTime::read(process), None, "no threads");
        let texts = ["", "1", "a b c", "-1 2 3", "0 0 0"];
        for (thread, text) in texts.iter().enumerate() {
            write(process, thread, text);
            assert_eq!(ProcessTime::read(process), None, "{text}");
        }
        write(process, 10, "1000000000 2000000000 7\n");
        write(process, 11, "3000000000 0 1\n");
        let time = ProcessTime {
            computed: Duration::from_secs(4),
            waited: Duration::from_secs(2),
            threads: 3,
        };
        assert_eq!(ProcessTime::read(process), Some(time));
    }

    fn write(process: &Path, thread: usize, text: &str) {
        let folder = process.join("task").join(thread.to_string());
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("schedstat"), text).expect("a file");
    }
}
