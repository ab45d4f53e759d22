//! How long a guest goes on before other tasks of its thread have a turn.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

/// How long a guest's turn is where every thread of the runtime has one that
/// computes: what arrives waits for it.
const TURN: Duration = Duration::from_micros(500);

/// The same where another thread is free to take what arrives. To offer it a
/// turn that it has no use for costs 5 to 70 µs: it wakes up and takes the
/// guest over.
const LONG_TURN: Duration = Duration::from_millis(10);

/// How many guests of this process compute, or wait for their turn to.
static COMPUTING: AtomicUsize = AtomicUsize::new(0);

/// One of [`COMPUTING`].
#[derive(Debug)]
struct Computing;

impl Computing {
    fn begin() -> Self {
        COMPUTING.fetch_add(1, Ordering::Relaxed);
        Self
    }

    /// How long its turn is. Should there be several runtimes it is the shorter
    /// one.
    fn turn() -> Duration {
        let threads = Handle::try_current().map_or(1, |handle| handle.metrics().num_workers());
        match COMPUTING.load(Ordering::Relaxed) < threads {
            true => LONG_TURN,
            false => TURN,
        }
    }
}

impl Drop for Computing {
    fn drop(&mut self) {
        COMPUTING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Lets a guest go on until its turn is over or it waits for something.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Most guests are done before the engine stops for the first time, so
    /// nothing is made before that.
    begun: bool,
    /// From its first turn until it waits for something or is done.
    computing: Option<Computing>,
    waker: Option<(Arc<Woken>, Waker)>,
}

impl Turns {
    /// Polls a guest, again and again while all it does is to stop and go on.
    /// In between `look` may end it.
    pub(crate) fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut guest: Pin<&mut impl Future<Output = T>>,
        look: impl Fn(Instant) -> Option<T>,
    ) -> Poll<T> {
        if !self.begun {
            self.begun = true;
            return guest.poll(cx);
        }
        self.computing.get_or_insert_with(Computing::begin);
        let (woken, waker) = self.waker(cx.waker());
        let began = Instant::now();
        loop {
            woken.begin();
            if let Poll::Ready(done) = guest.as_mut().poll(&mut Context::from_waker(waker)) {
                return Poll::Ready(done);
            }
            if !woken.end() {
                // The first stop after it wakes the task as the first one of
                // all does, which wakes another thread to take what arrives.
                (self.begun, self.computing) = (false, None);
                return Poll::Pending;
            }
            let now = Instant::now();
            if let Some(ended) = look(now) {
                return Poll::Ready(ended);
            }
            if Computing::turn() <= now.saturating_duration_since(began) {
                // Until the thread has looked for what has arrived.
                if pin!(tokio::task::yield_now()).poll(cx).is_ready() {
                    cx.waker().wake_by_ref();
                }
                return Poll::Pending;
            }
        }
    }

    fn waker(&mut self, task: &Waker) -> &(Arc<Woken>, Waker) {
        let same = |known: &(Arc<Woken>, Waker)| known.0.task.will_wake(task);
        if !self.waker.as_ref().is_some_and(same) {
            self.waker = None;
        }
        self.waker.get_or_insert_with(|| {
            let woken = Arc::new(Woken {
                task: task.clone(),
                state: AtomicU8::new(IDLE),
            });
            (Arc::clone(&woken), Waker::from(woken))
        })
    }
}

/// Whether a guest is woken while it is polled: then it only gave others their
/// turn, or what it waits for is there already.
#[derive(Debug)]
struct Woken {
    task: Waker,
    state: AtomicU8,
}

const IDLE: u8 = 0;
const POLLED: u8 = 1;
const WOKEN: u8 = 2;

impl Woken {
    fn begin(&self) {
        self.state.store(POLLED, Ordering::Release);
    }

    /// Whether it was woken since it began.
    fn end(&self) -> bool {
        let ended = self
            .state
            .compare_exchange(POLLED, IDLE, Ordering::AcqRel, Ordering::Acquire);
        ended.is_err()
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(WOKEN, Ordering::AcqRel) == IDLE {
            self.task.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::AtomicU32;

    /// Counts how often a task is woken.
    #[derive(Default)]
    struct Task(AtomicU32);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Task {
        fn woken(&self) -> u32 {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn stops_for_ever() -> impl Future<Output = u32> {
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }

    #[test]
    fn a_guest_that_only_stops_goes_on_for_a_turn() {
        let task = Arc::new(Task::default());
        let waker = Waker::from(Arc::clone(&task));
        let mut cx = Context::from_waker(&waker);
        let mut turns = Turns::default();
        let mut guest = pin!(stops_for_ever());
        for turn in 1..=5 {
            let began = Instant::now();
            let polled = turns.poll(&mut cx, guest.as_mut(), |_| None);
            assert_eq!(polled, Poll::Pending);
            assert_eq!(task.woken(), turn);
            assert!(turn == 1 || TURN <= began.elapsed());
        }
    }

    #[test]
    fn somebody_looks_between_two_stops() {
        let mut cx = Context::from_waker(Waker::noop());
        let mut turns = Turns::default();
        let mut guest = pin!(stops_for_ever());
        assert!(
            turns
                .poll(&mut cx, guest.as_mut(), |_| Some(7))
                .is_pending()
        );
        let ended = turns.poll(&mut cx, guest.as_mut(), |_| Some(7));
        assert_eq!(ended, Poll::Ready(7));
    }

    #[test]
    fn a_guest_that_waits_is_woken_from_anywhere() {
        let task = Arc::new(Task::default());
        let waker = Waker::from(Arc::clone(&task));
        let mut cx = Context::from_waker(&waker);
        let mut turns = Turns::default();
        let (answer, answered) = tokio::sync::oneshot::channel();
        let mut guest = pin!(async move {
            tokio::task::yield_now().await;
            answered.await.expect("an answer")
        });
        assert!(turns.poll(&mut cx, guest.as_mut(), |_| None).is_pending());
        let before = task.woken();
        assert!(turns.poll(&mut cx, guest.as_mut(), |_| None).is_pending());
        assert_eq!(task.woken(), before);
        std::thread::spawn(move || answer.send(7))
            .join()
            .unwrap()
            .unwrap();
        assert_eq!(task.woken(), before + 1);
        assert!(!turns.begun && turns.computing.is_none());
        let answered = turns.poll(&mut cx, guest.as_mut(), |_| None);
        assert_eq!(answered, Poll::Ready(7));
    }
}
