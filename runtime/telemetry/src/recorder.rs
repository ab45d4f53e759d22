//! From an event to everyone who listens.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::contain::contain;
use crate::{Event, Sink};

/// Tells an event to every sink, in the order they were given.
///
/// It never fails, and a sink that panics hurts neither the call nor the other
/// sinks. Clones are cheap and share their sinks. The default one has none.
///
/// ```
/// use patinox_telemetry::{Event, Recorder, Sink};
///
/// struct Broken;
/// impl Sink for Broken {
///     fn record(&self, _: &Event) {
///         panic!("out of ink");
///     }
/// }
///
/// # let event = Event::ComponentLoaded(patinox_telemetry::ComponentLoaded {
/// #     component: String::new(), bytes: 0, compile: std::time::Duration::ZERO,
/// #     from_store: false, store_trouble: None });
/// let recorder = Recorder::new([Box::new(Broken) as Box<dyn Sink>]);
/// recorder.record(&event);
/// assert_eq!(recorder.lost(), 1);
/// ```
#[derive(Clone, Default)]
pub struct Recorder(Arc<Inner>);

#[derive(Default)]
struct Inner {
    sinks: Vec<Box<dyn Sink>>,
    lost: AtomicU64,
}

impl Recorder {
    /// A recorder with these sinks.
    #[must_use]
    pub fn new(sinks: impl IntoIterator<Item = Box<dyn Sink>>) -> Self {
        Self(Arc::new(Inner {
            sinks: sinks.into_iter().collect(),
            lost: AtomicU64::new(0),
        }))
    }

    /// Tells every sink.
    pub fn record(&self, event: &Event) {
        for sink in &self.0.sinks {
            // A sink sees the event by shared reference, so what its panic
            // leaves half-done is its own state alone.
            if contain(|| sink.record(event)).is_none() {
                self.0.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// How many times a sink panicked, each time losing its copy of an event.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("sinks", &self.0.sinks.len())
            .field("lost", &self.lost())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ComponentLoaded;
    use std::sync::Mutex;
    use std::time::Duration;

    struct Kept(Arc<Mutex<Vec<u64>>>);

    impl Sink for Kept {
        fn record(&self, event: &Event) {
            if let Event::ComponentLoaded(loaded) = event {
                self.0.lock().unwrap().push(loaded.bytes);
            }
        }
    }

    struct Panics;

    impl Sink for Panics {
        fn record(&self, _: &Event) {
            std::panic::panic_any(PanicsAgain);
        }
    }

    struct PanicsAgain;

    impl Drop for PanicsAgain {
        fn drop(&mut self) {
            panic!("and again");
        }
    }

    fn loaded(bytes: u64) -> Event {
        Event::ComponentLoaded(ComponentLoaded {
            component: String::new(),
            bytes,
            compile: Duration::ZERO,
            from_store: false,
            store_trouble: None,
        })
    }

    #[test]
    fn a_panicking_sink_hurts_neither_the_call_nor_the_others() {
        let [first, last] = [0; 2].map(|_| Arc::new(Mutex::new(Vec::new())));
        let sinks: [Box<dyn Sink>; 3] = [
            Box::new(Kept(Arc::clone(&first))),
            Box::new(Panics),
            Box::new(Kept(Arc::clone(&last))),
        ];
        let recorder = Recorder::new(sinks);
        recorder.record(&loaded(1));
        let copy = recorder.clone();
        copy.record(&loaded(2));
        assert_eq!(*first.lock().unwrap(), [1, 2]);
        assert_eq!(*last.lock().unwrap(), [1, 2]);
        assert_eq!(recorder.lost(), 2);
    }

    #[test]
    fn nobody_listens_by_default() {
        let recorder = Recorder::default();
        recorder.record(&loaded(1));
        assert_eq!(format!("{recorder:?}"), "Recorder { sinks: 0, lost: 0 }");
    }
}
