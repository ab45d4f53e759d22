//! How long a guest goes on before other tasks of its thread have a turn.

use std::panic::catch_unwind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Handle, RuntimeFlavor};

/// How long a guest's turn is where every thread of the runtime has one that
/// computes: what arrives waits for it.
const TURN: Duration = Duration::from_micros(500);

/// The same where another thread is free to take what arrives. To offer it a
/// turn that it has no use for costs 5 to 70 µs: it wakes up and takes the
/// guest over.
const LONG_TURN: Duration = Duration::from_millis(10);

/// A guest that computes for longer than this from one stop to the next makes
/// others wait for what fuel does not see: memory that is in no cache. Below it
/// short turns serve the others better than the system does.
const SLOW_STOP: Duration = Duration::from_millis(8);

/// How many calls of a component begin apart after one that was slow. The
/// machine may have been busy with something else, so it is not for ever.
const CALLS_APART: u32 = 32;

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

/// How long the guests of a component have taken from stop to stop.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// How many calls are still to begin apart.
    apart: AtomicU32,
}

impl Pace {
    fn was_slow(&self) {
        self.apart.store(CALLS_APART, Ordering::Relaxed);
    }

    fn begins_apart(&self) -> bool {
        let less = |calls: u32| calls.checked_sub(1);
        0 < self.apart.load(Ordering::Relaxed)
            && self
                .apart
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
                .is_ok()
    }
}

/// Lets a guest go on until its turn is over or it waits for something.
///
/// One that is slow from stop to stop has no short turns. It goes on *apart*:
/// on a thread that has given its place in the runtime to another one, so that
/// the system shares the processors between it and what waits.
#[derive(Debug, Default)]
pub(crate) struct Turns<'a> {
    pace: Option<&'a Pace>,
    is_apart: bool,
    /// What this thread had computed at the end of a stop that came late, if the
    /// last one did.
    late: Option<Duration>,
    /// Most guests are done before the engine stops for the first time, so
    /// nothing is made before that.
    begun: bool,
    /// From its first turn until it waits for something or is done.
    computing: Option<Computing>,
    waker: Option<(Arc<Woken>, Waker)>,
}

impl<'a> Turns<'a> {
    /// The turns of a guest of a component with this pace.
    pub(crate) fn of(pace: &'a Pace) -> Self {
        Self {
            is_apart: pace.begins_apart() && can_go_apart(),
            pace: Some(pace),
            ..Self::default()
        }
    }

    /// Polls a guest, again and again while all it does is to stop and go on.
    /// In between `look` may end it.
    pub(crate) fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        guest: Pin<&mut impl Future<Output = T>>,
        look: impl Fn(Instant) -> Option<T>,
    ) -> Poll<T> {
        if self.is_apart {
            return tokio::task::block_in_place(|| self.go_on(cx, guest, look));
        }
        self.go_on(cx, guest, look)
    }

    fn go_on<T>(
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
        let (woken, waker) = (Arc::clone(woken), waker.clone());
        let began = Instant::now();
        let mut before = began;
        self.late = None;
        loop {
            woken.begin();
            let polled = guest.as_mut().poll(&mut Context::from_waker(&waker));
            let now = Instant::now();
            self.stopped(now, before);
            before = now;
            if let Poll::Ready(done) = polled {
                return Poll::Ready(done);
            }
            if !woken.end() {
                // The first stop after it wakes the task as the first one of
                // all does, which wakes another thread to take what arrives.
                (self.begun, self.computing) = (false, None);
                return Poll::Pending;
            }
            if let Some(ended) = look(now) {
                return Poll::Ready(ended);
            }
            // Of one that was late the next stop tells whether it was slow.
            let looked = self.late.is_none() || self.is_apart;
            if looked && self.turn() <= now.saturating_duration_since(began) {
                // Until the thread has looked for what has arrived.
                if pin!(tokio::task::yield_now()).poll(cx).is_ready() {
                    cx.waker().wake_by_ref();
                }
                return Poll::Pending;
            }
        }
    }

    fn turn(&self) -> Duration {
        match self.is_apart {
            true => LONG_TURN,
            false => Computing::turn(),
        }
    }

    /// Looks how long the guest took. One that has computed for long twice in a
    /// row has its next turn apart; to wait for a processor is not to compute.
    fn stopped(&mut self, now: Instant, before: Instant) {
        if now.saturating_duration_since(before) < SLOW_STOP {
            self.late = None;
            return;
        }
        let computed = computed();
        let since = self.late.replace(computed);
        let is_slow = since.is_some_and(|since| SLOW_STOP <= computed.saturating_sub(since));
        if let (Some(pace), true) = (self.pace, is_slow) {
            pace.was_slow();
            self.is_apart = self.is_apart || can_go_apart();
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

/// What this thread has computed, by the system's count.
fn computed() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Whether this thread can give its place in the runtime to another one. A
/// runtime of one thread cannot, nor can what runs in a `LocalSet`: tokio
/// answers that with a panic, and there is no other way to ask.
fn can_go_apart() -> bool {
    let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
    let is_multi_thread = matches!(flavor, Ok(RuntimeFlavor::MultiThread));
    is_multi_thread && catch_unwind(|| tokio::task::block_in_place(|| ())).is_ok()
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
