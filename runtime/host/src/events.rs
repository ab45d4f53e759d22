//! What happens, as a stream.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_util::Stream;
use patinox_telemetry::Event;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// How many events wait for a listener that is slow.
const WAITING: usize = 1024;

/// What happens in a host, from the moment on when it was asked for.
///
/// No call ever waits for a listener: of what comes while 1 024 events wait to
/// be taken, one by one is lost and counted. It ends when the host is gone.
///
/// # Cancel safety
///
/// Waiting for the next event loses none when it is dropped.
#[derive(Debug)]
pub struct Events {
    receiver: Receiver<Event>,
    lost: Arc<AtomicU64>,
}

impl Events {
    /// The next event; `None` once the host is gone.
    pub async fn next(&mut self) -> Option<Event> {
        self.receiver.recv().await
    }

    /// How many events were lost so far, as they were not taken in time.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.receiver.poll_recv(cx)
    }
}

/// Whoever listens.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    listeners: Mutex<Vec<Listener>>,
    count: AtomicU64,
    /// How many events all of them together lost.
    lost: AtomicU64,
}

#[derive(Debug)]
struct Listener {
    sender: Sender<Event>,
    lost: Arc<AtomicU64>,
}

impl Listeners {
    pub(crate) fn listen(&self) -> Events {
        let (sender, receiver) = channel(WAITING);
        let lost = Arc::<AtomicU64>::default();
        let mut listeners = self
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        listeners.push(Listener {
            sender,
            lost: Arc::clone(&lost),
        });
        self.counted(&listeners);
        Events { receiver, lost }
    }

    pub(crate) fn tell(&self, event: &Event) {
        // Most hosts have none.
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut listeners = self
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| match listener.sender.try_send(event.clone()) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                listener.lost.fetch_add(1, Ordering::Relaxed);
                self.lost.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(TrySendError::Closed(_)) => false,
        });
        self.counted(&listeners);
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn counted(&self, listeners: &[Listener]) {
        let count = u64::try_from(listeners.len()).unwrap_or(u64::MAX);
        self.count.store(count, Ordering::Relaxed);
    }
}
