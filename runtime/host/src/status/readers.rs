//! Who reads, and the thread that writes to them.
//!
//! **Promised.** Nothing is asked of the host while nobody reads. Whoever reads costs
//! it one look a second, all of them together, and never more than one line of
//! memory. Nothing that a reader sends is read; one that does not take what it is
//! sent is cut.

use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use patinox_resources::{Kind, Owner, Registered, Registry};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{SendFlags, sockopt};
use rustix::process::Uid;

use super::document::refusal;

/// At most so many read at once.
pub const MAX_READERS: usize = 8;

/// At most so many are let in before those that are in have their line.
const MAX_KNOCKS: usize = 32;

/// What waits in the system for one reader, in bytes: it has more lines than that
/// only by taking them.
const WAITING_BYTES: usize = 16 << 10;

/// How fast it goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// How often a line is told.
    pub(super) every: Duration,
    /// How long somebody may take for a line.
    pub(super) patience: Duration,
}

impl Default for Pace {
    /// Each second, and five.
    fn default() -> Self {
        Self {
            every: Duration::from_secs(1),
            patience: Duration::from_secs(5),
        }
    }
}

/// Writes lines to all who read, until whoever started it is gone.
pub(super) struct Readers<F> {
    listener: UnixListener,
    /// Hung up at the other end when it is over.
    end: UnixStream,
    /// Makes the next line; `None` when the host is gone.
    make: F,
    pace: Pace,
    /// Where it is written down who reads.
    registry: Registry,
    readers: Vec<Reader>,
    /// The last line, and when it was made.
    last: Option<(Arc<[u8]>, Instant)>,
    /// Until then nobody is let in: there was no descriptor for him.
    deaf_until: Option<Instant>,
}

/// Somebody who reads.
struct Reader {
    /// Goes first: whoever counts never takes a stream for one of these that is gone.
    _entry: Registered,
    stream: UnixStream,
    /// The line that he is sent, and how much of it he has; none while he has all.
    rest: Option<(Arc<[u8]>, usize)>,
    /// Since when he is sent it.
    since: Instant,
}

/// What there is to do.
struct Ready {
    is_over: bool,
    somebody_knocks: bool,
    /// Of each reader.
    readers: Vec<PollFlags>,
}

impl<F: FnMut() -> Option<Vec<u8>>> Readers<F> {
    pub(super) fn new(
        (listener, end): (UnixListener, UnixStream),
        make: F,
        pace: Pace,
        registry: Registry,
    ) -> Self {
        Self {
            listener,
            end,
            make,
            pace,
            registry,
            readers: Vec::new(),
            last: None,
            deaf_until: None,
        }
    }

    /// Runs until it is over.
    pub(super) fn run(mut self) {
        while self.turn().is_some() {}
    }

    /// Waits for something to do, and does it; `None` when it is over.
    fn turn(&mut self) -> Option<()> {
        let ready = self.wait(Instant::now())?;
        if ready.is_over {
            return None;
        }
        let now = Instant::now();
        let mut ready_readers = ready.readers.into_iter();
        let hung_up = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        self.readers.retain_mut(|reader| {
            let flags = ready_readers.next().unwrap_or(PollFlags::empty());
            !flags.intersects(hung_up) && (!flags.contains(PollFlags::OUT) || reader.send())
        });
        if ready.somebody_knocks {
            self.let_in(now)?;
        }
        if self.next_line().is_some_and(|at| at <= now) {
            self.tell(now)?;
        }
        Some(())
    }

    /// When the next line is due; `None` while nobody reads.
    fn next_line(&self) -> Option<Instant> {
        let (_, made) = self.last.as_ref()?;
        (!self.readers.is_empty()).then(|| *made + self.pace.every)
    }

    fn wait(&mut self, now: Instant) -> Option<Ready> {
        self.deaf_until = self.deaf_until.filter(|until| now < *until);
        let listens = match self.deaf_until {
            Some(_) => PollFlags::empty(),
            None => PollFlags::IN,
        };
        let mut polled = vec![
            PollFd::new(&self.end, PollFlags::IN),
            PollFd::new(&self.listener, listens),
        ];
        polled.extend(self.readers.iter().map(|reader| {
            let wants = match reader.rest {
                Some(_) => PollFlags::OUT,
                None => PollFlags::empty(),
            };
            PollFd::new(&reader.stream, wants)
        }));
        let until = self.next_line().into_iter().chain(self.deaf_until).min();
        let timeout = until.map(|until| timespec(until.saturating_duration_since(now)));
        match rustix::event::poll(&mut polled, timeout.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => {
                // As if nothing had come.
                for polled in &mut polled {
                    polled.clear_revents();
                }
            }
            Err(error) => {
                let error = io::Error::from(error);
                tracing::warn!(%error, "the status socket is not served any more");
                return None;
            }
        }
        let mut flags = polled.iter().map(PollFd::revents);
        Some(Ready {
            is_over: !flags.next()?.is_empty(),
            somebody_knocks: !flags.next()?.is_empty(),
            readers: flags.collect(),
        })
    }

    /// Lets in who knocks, but not all day.
    fn let_in(&mut self, now: Instant) -> Option<()> {
        for _ in 0..MAX_KNOCKS {
            match self.listener.accept() {
                Ok((stream, _)) => self.welcome(stream, now)?,
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => break,
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                    // Else it would be told again at once that somebody knocks.
                    _ => {
                        self.deaf_until = Some(now + self.pace.every);
                        break;
                    }
                },
            }
        }
        Some(())
    }

    /// Tells a newcomer the last line at once; a new one, where that is old.
    fn welcome(&mut self, stream: UnixStream, now: Instant) -> Option<()> {
        let Ok(peer) = sockopt::socket_peercred(&stream) else {
            return Some(());
        };
        if !may_read(peer.uid, rustix::process::geteuid()) {
            return Some(());
        }
        if MAX_READERS <= self.readers.len() {
            let why = format!("{MAX_READERS} read already");
            // One line fits always; if not, he sees that it is closed.
            let _ = send(&stream, &refusal(&why));
            return Some(());
        }
        // What he writes comes back to him as an error.
        let _ = stream.shutdown(Shutdown::Read);
        // A larger one holds more that nobody reads.
        let _ = sockopt::set_socket_send_buffer_size(&stream, WAITING_BYTES);
        let is_old = |(_, made): &(_, Instant)| *made + self.pace.every <= now;
        if self.last.as_ref().is_none_or(is_old) {
            self.tell(now)?;
        }
        let (line, _) = self.last.as_ref()?;
        let mut reader = Reader {
            stream,
            rest: Some((Arc::clone(line), 0)),
            since: now,
            _entry: self
                .registry
                .register(Kind::Connection, Owner::new("status"), 0),
        };
        if reader.send() {
            self.readers.push(reader);
        }
        Some(())
    }

    /// Makes a line, and sends it to all who have the one before. Cuts who has had
    /// time enough for that.
    fn tell(&mut self, now: Instant) -> Option<()> {
        let line: Arc<[u8]> = (self.make)()?.into();
        self.last = Some((Arc::clone(&line), now));
        let patience = self.pace.patience;
        self.readers.retain_mut(|reader| match reader.rest {
            Some(_) => now.saturating_duration_since(reader.since) < patience,
            None => {
                reader.rest = Some((Arc::clone(&line), 0));
                reader.since = now;
                reader.send()
            }
        });
        Some(())
    }
}

impl Reader {
    /// Sends what he takes now; `false` if he is gone.
    fn send(&mut self) -> bool {
        while let Some((line, sent)) = &mut self.rest {
            match send(&self.stream, line.get(*sent..).unwrap_or_default()) {
                Ok(count) => *sent = sent.saturating_add(count),
                Err(Errno::AGAIN) => return true,
                Err(Errno::INTR) => {}
                Err(_) => return false,
            }
            if line.len() <= *sent {
                self.rest = None;
            }
        }
        true
    }
}

/// Never waits, and no signal is raised where nobody reads any more: what that does
/// to a process is its program's choice.
fn send(stream: &UnixStream, bytes: &[u8]) -> rustix::io::Result<usize> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    rustix::net::send(stream.as_fd(), bytes, flags)
}

/// The same user, and root, from whom nothing can be hidden.
pub(super) fn may_read(peer: Uid, us: Uid) -> bool {
    peer == us || peer.is_root()
}

fn timespec(span: Duration) -> Timespec {
    // Up to a millisecond too late rather than too early: no turn for nothing.
    let span = span + Duration::from_millis(1);
    Timespec {
        tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: span.subsec_nanos().into(),
    }
}
