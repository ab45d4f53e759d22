//! Looks at the machine again and again.

use std::io;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::{Pressure, Reading};
use crate::Sampler;

/// Keeps a [`Pressure`] up to date, on a thread of its own, until it is dropped.
#[derive(Debug)]
#[must_use = "it looks until it is dropped"]
pub struct PressureWatch {
    /// Nothing is ever sent: that it is gone ends the thread.
    _end: SyncSender<()>,
}

impl PressureWatch {
    /// Looks at once, and then each time that so much time has gone by. `on_look`
    /// is told what it saw, and whether the level is another one than before, on
    /// the thread of the watch, which ends if it panics.
    ///
    /// The thread is not waited for when the watch is dropped: a file system that
    /// no longer answers may hold it up.
    ///
    /// # Errors
    ///
    /// If the machine refuses a thread.
    pub fn start(
        pressure: Pressure,
        mut sampler: Sampler,
        every: Duration,
        mut on_look: impl FnMut(&Reading, bool) + Send + 'static,
    ) -> io::Result<Self> {
        let (end, ended) = sync_channel::<()>(1);
        let thread = thread::Builder::new().name("patinox-pressure".to_owned());
        thread.spawn(move || {
            loop {
                let machine = sampler.sample(Instant::now());
                // Whoever dropped the watch wants to hear no more.
                if ended.try_recv() == Err(TryRecvError::Disconnected) {
                    return;
                }
                let before = pressure.level();
                let reading = pressure.update(&machine);
                on_look(&reading, reading.level() != before);
                if ended.recv_timeout(every) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        })?;
        Ok(Self { _end: end })
    }
}
