//! What is open is closed once its grants have ended, also where its guest does nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use patinox_policy::{Mode, Policy};
use patinox_resources::Watch;
use patinox_telemetry::Clock;
use rustix::io::Errno;
use tokio::task::AbortHandle;

use crate::authority::Folder;

/// The longest that nobody looks when the next grant ends: a clock may have been set, or
/// the machine have slept.
const LOOK_AT_LEAST: Duration = Duration::from_secs(5);

/// A use of a folder, for as long as it is granted.
#[derive(Clone, Debug)]
pub(super) struct Lasting {
    clock: Clock,
    folder: Arc<Folder>,
    mode: Mode,
}

impl Lasting {
    pub(super) fn new(clock: Clock, folder: &Arc<Folder>, mode: Mode) -> Self {
        let folder = Arc::clone(folder);
        Self {
            clock,
            folder,
            mode,
        }
    }

    /// Whether it is over, asked by somebody who would use it.
    pub(super) fn has_ended(&self) -> bool {
        let is_over = self.is_over();
        if is_over {
            self.refuse();
        }
        is_over
    }

    /// Whether it goes on, where a thread comes to it later.
    pub(super) fn still(&self) -> Result<(), Errno> {
        match self.has_ended() {
            true => Err(Errno::ACCESS),
            false => Ok(()),
        }
    }

    fn refuse(&self) {
        self.folder.refuse(self.mode);
    }

    fn is_over(&self) -> bool {
        !self.folder.allows(self.mode, self.clock.steady())
    }
}

/// Something that is open for a guest, until its use ends. What somebody does with it at
/// that moment is done to its end.
pub(super) struct Revocable<T> {
    open: Arc<Mutex<Option<Arc<T>>>>,
    lasting: Lasting,
}

impl<T> Revocable<T> {
    pub(super) fn new(open: T, lasting: Lasting) -> Self {
        let open = Arc::new(Mutex::new(Some(Arc::new(open))));
        Self { open, lasting }
    }

    /// It, if it is still open.
    pub(super) fn get(&self) -> Result<Arc<T>, Errno> {
        let open = locked(&self.open).clone();
        open.ok_or_else(|| {
            self.lasting.refuse();
            Errno::ACCESS
        })
    }
}

impl<T> Clone for Revocable<T> {
    fn clone(&self) -> Self {
        Self {
            open: Arc::clone(&self.open),
            lasting: self.lasting.clone(),
        }
    }
}

/// What can be closed, whatever it is.
trait Close: Send + Sync {
    fn close(&self);
}

impl<T: Send + Sync> Close for Mutex<Option<Arc<T>>> {
    fn close(&self) {
        // Dropped when nobody waits for the lock.
        let open = locked(self).take();
        drop(open);
    }
}

/// Closes what one call has open.
pub(super) struct Warden {
    open: Arc<Mutex<Vec<Watched>>>,
    task: AbortHandle,
}

struct Watched {
    what: Weak<dyn Close>,
    lasting: Lasting,
}

impl Warden {
    /// Watches over what will be opened in these folders, until it is dropped.
    pub(super) fn start(folders: Vec<Arc<Folder>>, changes: Watch<Policy>, clock: Clock) -> Self {
        let open = Arc::default();
        let task = tokio::spawn(watch(Arc::clone(&open), (folders, changes), clock));
        let task = task.abort_handle();
        Self { open, task }
    }

    /// Closes this once it may not be used any more.
    pub(super) fn keep<T: Send + Sync + 'static>(&self, what: &Revocable<T>) {
        let (open, lasting) = (&what.open, &what.lasting);
        let close: Arc<dyn Close> = Arc::clone(open) as Arc<dyn Close>;
        let mut all = locked(&self.open);
        if all.len() == all.capacity() {
            all.retain(|one| one.what.strong_count() != 0);
        }
        all.push(Watched {
            what: Arc::downgrade(&close),
            lasting: lasting.clone(),
        });
        drop(all);
        // It may have ended while it was opened.
        if lasting.is_over() {
            close.close();
        }
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(
    open: Arc<Mutex<Vec<Watched>>>,
    (folders, mut changes): (Vec<Arc<Folder>>, Watch<Policy>),
    clock: Clock,
) {
    loop {
        let next = next_end(&folders, clock.steady());
        tokio::select! {
            _ = changes.changed() => {}
            () = tokio::time::sleep(next) => {}
        }
        let all = std::mem::take(&mut *locked(&open));
        let (ended, mut lasting): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|one| one.lasting.is_over());
        locked(&open).append(&mut lasting);
        let ended = ended.iter().filter_map(|one| one.what.upgrade());
        ended.for_each(|what| what.close());
    }
}

/// How long until one of their grants ends.
fn next_end(folders: &[Arc<Folder>], now: SystemTime) -> Duration {
    let ends = folders.iter().filter_map(|folder| folder.next_end(now));
    let left = |end: SystemTime| end.duration_since(now).unwrap_or_default();
    ends.min().map_or(LOOK_AT_LEAST, left).min(LOOK_AT_LEAST)
}

fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(super) mod tests {
    use patinox_resources::Shared;

    use super::*;

    /// A folder that is granted until then.
    pub(in super::super) fn granted(mode: Mode, until: Option<SystemTime>) -> Arc<Folder> {
        policy(mode, until).1
    }

    fn policy(mode: Mode, until: Option<SystemTime>) -> (Shared<Policy>, Arc<Folder>) {
        let mode = match mode {
            Mode::Read => "ro",
            Mode::Write => "rw",
        };
        let grant: patinox_policy::Grant = format!("fs=/tmp:{mode}@/data").parse().unwrap();
        let grant = match until {
            Some(until) => grant.until(until),
            None => grant,
        };
        let mut policy = Policy::default();
        policy.allow(grant.clone()).unwrap();
        let policy = Shared::new(policy);
        let folder = Folder::of(&grant, &policy).unwrap();
        (policy, Arc::new(folder))
    }

    async fn closed<T>(open: &Revocable<T>) {
        while open.get().is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn what_is_revoked_is_closed_and_what_is_granted_for_reading_stays() {
        let (shared, folder) = policy(Mode::Write, None);
        let clock = Clock::system();
        let warden = Warden::start(vec![Arc::clone(&folder)], shared.watch(), clock);
        let open = |mode| Revocable::new((), Lasting::new(clock, &folder, mode));
        let (read, written) = (open(Mode::Read), open(Mode::Write));
        warden.keep(&read);
        warden.keep(&written);
        // Something else is granted as well.
        shared.modify(|policy| policy.allow("env=TZ".parse().unwrap()).unwrap());
        tokio::task::yield_now().await;
        assert!(read.get().is_ok() && written.get().is_ok());
        assert_eq!(folder.refused(), None);
        let held = written.get();
        shared.modify(|policy| policy.revoke(&"fs=/tmp:rw@/data".parse().unwrap()));
        closed(&written).await;
        closed(&read).await;
        assert!(held.is_ok(), "what was begun goes on");
        // What is opened afterwards is closed at once.
        let late = open(Mode::Read);
        warden.keep(&late);
        assert_eq!(late.get(), Err(Errno::ACCESS));
        // Who asked for it is told.
        assert_eq!(folder.refused(), Some(Mode::Write));
    }

    #[tokio::test]
    async fn what_ends_is_closed_without_anybody_asking() {
        let clock = Clock::system();
        let until = clock.steady() + Duration::from_millis(30);
        let (shared, folder) = policy(Mode::Read, Some(until));
        let warden = Warden::start(vec![Arc::clone(&folder)], shared.watch(), clock);
        let open = Revocable::new((), Lasting::new(clock, &folder, Mode::Read));
        warden.keep(&open);
        assert!(open.get().is_ok());
        closed(&open).await;
        assert!(until <= clock.steady());
    }

    #[tokio::test]
    async fn what_a_guest_has_closed_is_not_remembered() {
        let (shared, folder) = policy(Mode::Read, None);
        let clock = Clock::system();
        let warden = Warden::start(vec![Arc::clone(&folder)], shared.watch(), clock);
        for _ in 0..10_000 {
            warden.keep(&Revocable::new(
                (),
                Lasting::new(clock, &folder, Mode::Read),
            ));
        }
        assert!(locked(&warden.open).len() < 64);
    }
}
