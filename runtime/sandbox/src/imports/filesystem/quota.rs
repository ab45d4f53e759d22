//! What a call may still change in its folders, and hold open.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use patinox_policy::{LimitName, Limits};
use rustix::io::Errno;

/// What is left of the limits `fs-bytes`, `fs-files` and `fs-open` of one call, of all
/// its folders together.
///
/// What a guest takes away again is not given back: it counts what was done.
#[derive(Clone, Debug)]
pub(super) struct Quota(Arc<Spent>);

/// The limits `fs-bytes`, `fs-files` and `fs-open`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    bytes: u64,
    files: u64,
    open: u64,
}

#[derive(Debug)]
struct Spent {
    bytes: Counter,
    files: Counter,
    open: Counter,
}

#[derive(Debug)]
struct Counter {
    name: LimitName,
    most: u64,
    spent: AtomicU64,
    /// What it would have come to, where the last was refused; else 0. Who got some
    /// afterwards has coped.
    refused: AtomicU64,
}

/// One file or folder that is open, for as long as it is held.
#[derive(Debug)]
pub(super) struct Open(Quota);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.open.give_back(1);
    }
}

impl Most {
    pub(super) const fn of(limits: &Limits) -> Self {
        Self {
            bytes: limits.fs_bytes,
            files: limits.fs_files,
            open: limits.fs_open,
        }
    }
}

impl Quota {
    pub(super) fn new(most: Most) -> Self {
        let counter = |name, most| Counter {
            name,
            most,
            spent: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        };
        Self(Arc::new(Spent {
            bytes: counter(LimitName::FsBytes, most.bytes),
            files: counter(LimitName::FsFiles, most.files),
            open: counter(LimitName::FsOpen, most.open),
        }))
    }

    /// A limit that was in the way at last, and what it would have come to.
    pub(super) fn refused(&self) -> Option<(LimitName, u64)> {
        let counters = [&self.0.bytes, &self.0.files, &self.0.open];
        counters.into_iter().find_map(Counter::refused)
    }

    /// Counts one more that is open.
    pub(super) fn open(&self) -> Result<Open, Errno> {
        self.0.open.take(1)?;
        Ok(Open(self.clone()))
    }

    /// Counts bytes, before they are written.
    pub(super) fn write(&self, bytes: u64) -> Result<(), Errno> {
        self.0.bytes.take(bytes)
    }

    /// So many of them were not written.
    pub(super) fn not_written(&self, bytes: u64) {
        self.0.bytes.give_back(bytes);
    }

    /// Counts a file, folder or link, makes it, and counts it no more if that fails.
    pub(super) fn create<T>(&self, make: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
        self.0.files.take(1)?;
        make().inspect_err(|_| self.0.files.give_back(1))
    }
}

impl Counter {
    fn take(&self, n: u64) -> Result<(), Errno> {
        let add = |spent: u64| spent.checked_add(n).filter(|all| *all <= self.most);
        let (order, spent) = (Ordering::Relaxed, &self.spent);
        let (refused, result) = match spent.fetch_update(order, order, add) {
            Ok(_) => (0, Ok(())),
            Err(spent) => (spent.saturating_add(n).max(1), Err(Errno::DQUOT)),
        };
        self.refused.store(refused, order);
        result
    }

    fn refused(&self) -> Option<(LimitName, u64)> {
        match self.refused.load(Ordering::Relaxed) {
            0 => None,
            spent => Some((self.name, spent)),
        }
    }

    fn give_back(&self, n: u64) {
        self.spent.fetch_sub(n, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota() -> Quota {
        Quota::new(Most {
            bytes: 10,
            files: 2,
            open: 3,
        })
    }

    #[test]
    fn bytes_count_together_and_what_was_not_written_does_not() {
        let quota = quota();
        quota.write(8).unwrap();
        assert_eq!(quota.write(u64::MAX), Err(Errno::DQUOT));
        assert_eq!(quota.refused(), Some((LimitName::FsBytes, u64::MAX)));
        quota.not_written(3);
        quota.write(5).unwrap();
        // It has coped.
        assert_eq!(quota.refused(), None);
        assert_eq!(quota.write(1), Err(Errno::DQUOT));
        assert_eq!(quota.refused(), Some((LimitName::FsBytes, 11)));
    }

    #[test]
    fn what_could_not_be_made_does_not_count() {
        let quota = quota();
        for _ in 0..5 {
            assert_eq!(
                quota.create(|| Err::<(), _>(Errno::ACCESS)),
                Err(Errno::ACCESS)
            );
        }
        quota.create(|| Ok(())).unwrap();
        quota.create(|| Ok(())).unwrap();
        assert_eq!(quota.create(|| Ok(())), Err(Errno::DQUOT));
        assert_eq!(quota.refused(), Some((LimitName::FsFiles, 3)));
    }

    #[test]
    fn no_more_are_open_than_may_be() {
        let quota = quota();
        let held: Vec<_> = (0..3).map(|_| quota.open().unwrap()).collect();
        assert!(quota.open().is_err());
        assert_eq!(quota.refused(), Some((LimitName::FsOpen, 4)));
        drop(held);
        assert!(quota.open().is_ok());
    }
}
