//! What a call has threads do that may wait for a disk: a few at once, and none that
//! would begin when the call is over.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::answers::code;
use super::asked::Answer;

/// How many threads a call has at once. A disk that hangs holds no more of them, and one
/// more that closes what was open.
const AT_ONCE: usize = 4;

/// The work of one call.
#[derive(Clone)]
pub(super) struct Jobs(Arc<Shared>);

struct Shared {
    permits: Arc<Semaphore>,
    is_over: AtomicBool,
    closing: Mutex<Closing>,
}

/// What is to be closed: one thread closes all.
#[derive(Default)]
struct Closing {
    waiting: Vec<Box<dyn Send>>,
    is_running: bool,
}

/// Something that runs.
pub(super) type Job<T> = JoinHandle<Result<T, Errno>>;

impl Jobs {
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared {
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            is_over: AtomicBool::new(false),
            closing: Mutex::default(),
        }))
    }

    /// Nothing begins any more. What has begun runs to its end.
    pub(super) fn end(&self) {
        self.0.is_over.store(true, Ordering::Release);
    }

    /// Runs what may wait for a disk where it may block. It runs to its end, also where
    /// the call ends before.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Errno> + Send + 'static,
    ) -> Answer<T> {
        let done = self.start(work).await.await;
        Ok(done?.map_err(code))
    }

    /// Begins, once a thread is free for it.
    ///
    /// Cancel safety: nothing has begun when this is dropped.
    pub(super) async fn start<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Errno> + Send + 'static,
    ) -> Job<T> {
        // Nobody closes it.
        let permit = Arc::clone(&self.0.permits).acquire_owned().await.ok();
        self.begin(permit, work)
    }

    /// Whether a thread is free, and the right to it.
    pub(super) fn free(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.permits).try_acquire_owned().ok()
    }

    /// Begins at once.
    pub(super) fn begin<T: Send + 'static>(
        &self,
        permit: Option<OwnedSemaphorePermit>,
        work: impl FnOnce() -> Result<T, Errno> + Send + 'static,
    ) -> Job<T> {
        let shared = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            match shared.is_over.load(Ordering::Acquire) {
                true => Err(Errno::CANCELED),
                false => work(),
            }
        })
    }

    /// Closes something where it may block: what was written may go to a server first.
    pub(super) fn close(&self, what: impl Send + 'static) {
        let mut closing = self.closing();
        closing.waiting.push(Box::new(what));
        if mem::replace(&mut closing.is_running, true) {
            return;
        }
        drop(closing);
        let this = self.clone();
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || this.close_all())),
            Err(_) => this.close_all(),
        }
    }

    fn close_all(&self) {
        loop {
            let mut closing = self.closing();
            let waiting = mem::take(&mut closing.waiting);
            if waiting.is_empty() {
                closing.is_running = false;
                return;
            }
            drop(closing);
            drop(waiting);
        }
    }

    fn closing(&self) -> MutexGuard<'_, Closing> {
        self.0
            .closing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_call_has_a_few_threads_and_no_more() {
        let jobs = Jobs::new();
        let (open, gate) = channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let mut running = Vec::new();
        for _ in 0..AT_ONCE {
            let gate = Arc::clone(&gate);
            let work = move || {
                let _ = gate.lock().unwrap().recv();
                Ok(())
            };
            running.push(jobs.start(work).await);
        }
        assert!(jobs.free().is_none());
        let waiting = jobs.start(|| Ok(()));
        let waiting = tokio::time::timeout(Duration::from_millis(20), waiting).await;
        assert!(waiting.is_err(), "it has no thread");
        // What was cancelled holds nothing; what runs does, also when nobody waits.
        drop(running);
        assert!(jobs.free().is_none());
        drop(open);
        let last = jobs.start(|| Ok(7)).await;
        assert_eq!(last.await.unwrap(), Ok(7));
    }

    #[tokio::test]
    async fn nothing_begins_when_the_call_is_over() {
        let jobs = Jobs::new();
        jobs.end();
        let refused = jobs.start(|| -> Result<(), Errno> { panic!("it began") });
        assert_eq!(refused.await.await.unwrap(), Err(Errno::CANCELED));
    }

    #[tokio::test]
    async fn what_is_closed_is_closed_by_another_thread() {
        struct Tells(std::sync::mpsc::Sender<std::thread::ThreadId>);
        impl Drop for Tells {
            fn drop(&mut self) {
                let _ = self.0.send(std::thread::current().id());
            }
        }
        let (sender, closed) = channel();
        let jobs = Jobs::new();
        for _ in 0..3 {
            jobs.close(Tells(sender.clone()));
        }
        for _ in 0..3 {
            let by = closed.recv_timeout(Duration::from_secs(20)).unwrap();
            assert_ne!(by, std::thread::current().id());
        }
    }
}
