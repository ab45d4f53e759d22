//! What one host tells, line by line, read on a thread of its own.

use std::io::{ErrorKind, Read as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use patinox_host::status::{MAX_LINE_BYTES, Status, Unread};
use patinox_policy::{cut, escape_line};

/// After how long without a line it is said that there is none.
const SILENT: Duration = Duration::from_secs(4);

/// How long a read waits.
const WAIT: Duration = Duration::from_secs(1);

/// The longest reason that is shown, in bytes.
const MAX_WHY_BYTES: usize = 200;

/// How much is read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// At most so many rows of a list are kept, whatever a host tells.
const MAX_ROWS: usize = 1_000;

/// Rings when anything was heard.
#[derive(Clone, Debug, Default)]
pub(super) struct Bell(Arc<(Mutex<()>, Condvar)>);

impl Bell {
    fn ring(&self) {
        let (_, rung) = &*self.0;
        rung.notify_all();
    }

    /// Waits for something to be heard, until what is waited for has come or the time
    /// is over.
    pub(super) fn wait(&self, within: Duration, mut has_come: impl FnMut() -> bool) {
        let (lock, rung) = &*self.0;
        let began = Instant::now();
        let mut guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        while !has_come() && began.elapsed() < within {
            // A ring between the look and the wait is heard a moment later.
            let moment = Duration::from_millis(20);
            let waited = rung.wait_timeout(guard, moment);
            (guard, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// What was heard of a host so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    /// The line before the last one.
    pub(super) before: Option<Arc<Status>>,
    pub(super) last: Option<Arc<Status>>,
    /// Why nothing comes, for a person; escaped.
    pub(super) trouble: Option<String>,
    /// Whether nothing will come any more.
    pub(super) is_over: bool,
}

/// The lines of one host, until this is dropped.
#[derive(Debug)]
pub(super) struct Feed {
    path: PathBuf,
    stream: Option<UnixStream>,
    heard: Arc<Mutex<Heard>>,
    /// When it began.
    pub(super) since: Instant,
}

impl Feed {
    /// Reads until the host goes or this is dropped.
    pub(super) fn start(path: PathBuf, stream: UnixStream, bell: Bell) -> std::io::Result<Self> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(WAIT))?;
        let heard = Arc::<Mutex<Heard>>::default();
        let reader = Reader {
            stream: stream.try_clone()?,
            heard: Arc::clone(&heard),
            bell,
            bytes: Vec::new(),
            looked: 0,
        };
        let thread = thread::Builder::new().name("patinox-top-feed".to_owned());
        thread.spawn(move || reader.run())?;
        Ok(Self {
            path,
            stream: Some(stream),
            heard,
            since: Instant::now(),
        })
    }

    /// Nobody answers, for this reason.
    pub(super) fn silent(path: PathBuf, why: &str) -> Self {
        let heard = Heard {
            trouble: Some(shown(why)),
            is_over: true,
            ..Heard::default()
        };
        Self {
            path,
            stream: None,
            heard: Arc::new(Mutex::new(heard)),
            since: Instant::now(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn heard(&self) -> Heard {
        lock(&self.heard).clone()
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let Some(stream) = &self.stream {
            // It ends the thread; where the host has gone it has ended.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

struct Reader {
    stream: UnixStream,
    heard: Arc<Mutex<Heard>>,
    bell: Bell,
    /// What was read of the next line.
    bytes: Vec<u8>,
    /// Where to go on looking for its end.
    looked: usize,
}

impl Reader {
    fn run(mut self) {
        let why = self.read();
        let mut heard = lock(&self.heard);
        heard.trouble = why;
        heard.is_over = true;
        drop(heard);
        self.bell.ring();
    }

    /// Reads until there is no more; tells why, where that is not as it should be.
    fn read(&mut self) -> Option<String> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut last_line = Instant::now();
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(count) => self.bytes.extend(chunk.get(..count).unwrap_or_default()),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                    _ => return Some(shown(&error.to_string())),
                },
            }
            match self.lines() {
                Ok(0) if last_line.elapsed() < SILENT => {}
                Ok(0) => self.tell_silence(last_line.elapsed()),
                Ok(_) => last_line = Instant::now(),
                Err(why) => return Some(why),
            }
        }
    }

    fn tell_silence(&self, span: Duration) {
        let why = format!("it has said nothing for {} seconds", span.as_secs());
        lock(&self.heard).trouble = Some(why);
        self.bell.ring();
    }

    /// Takes the lines that are whole, and tells how many.
    fn lines(&mut self) -> Result<usize, String> {
        let mut count = 0;
        loop {
            let new = self.bytes.get(self.looked..).unwrap_or_default();
            let Some(end) = new.iter().position(|byte| *byte == b'\n') else {
                self.looked = self.bytes.len();
                break;
            };
            let rest = self.bytes.split_off(self.looked + end + 1);
            let line = std::mem::replace(&mut self.bytes, rest);
            self.looked = 0;
            self.take(&line)?;
            count += 1;
        }
        match self.bytes.len() {
            bytes if MAX_LINE_BYTES < bytes => Err(format!(
                "a line of its has more than {MAX_LINE_BYTES} bytes"
            )),
            _ => Ok(count),
        }
    }

    fn take(&self, line: &[u8]) -> Result<(), String> {
        let status = Status::parse(line).map_err(|error| match &error {
            Unread::Refused { why } => format!("it refused: {}", shown(why)),
            _ => shown(&error.to_string()),
        })?;
        let mut heard = lock(&self.heard);
        let status = Arc::new(bounded(status));
        heard.before = heard.last.replace(status);
        heard.trouble = None;
        drop(heard);
        self.bell.ring();
        Ok(())
    }
}

/// No more rows than a host of ours would tell.
fn bounded(mut status: Status) -> Status {
    status.tools.truncate(MAX_ROWS);
    status.pools.truncate(MAX_ROWS);
    status.resources.truncate(MAX_ROWS);
    status.pressure.truncate(MAX_ROWS);
    status.health.truncate(MAX_ROWS);
    status.alerts.truncate(MAX_ROWS);
    status
}

/// A stranger's reason as a line.
fn shown(why: &str) -> String {
    cut(&escape_line(why), MAX_WHY_BYTES).into_owned()
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// What comes of these bytes, where nothing follows.
    #[track_caller]
    fn heard(bytes: &[u8]) -> Heard {
        let (mut host, stream) = UnixStream::pair().expect("a pair");
        let bell = Bell::default();
        let feed = Feed::start(PathBuf::new(), stream, bell.clone()).expect("a feed");
        let bytes = bytes.to_vec();
        // Who reads no more closes it.
        let writer = thread::spawn(move || drop(host.write_all(&bytes)));
        bell.wait(Duration::from_secs(30), || feed.heard().is_over);
        writer.join().expect("no panic");
        let heard = feed.heard();
        assert!(heard.is_over);
        heard
    }

    #[test]
    fn the_last_two_lines_are_kept() {
        let lines: String = (1..=3)
            .map(|pid| format!("{{\"version\":1,\"host\":{{\"pid\":{pid}}}}}\n"))
            .collect();
        let heard = heard(format!("{lines}{{\"vers").as_bytes());
        assert_eq!(heard.before.expect("a line").host.pid, 2);
        assert_eq!(heard.last.expect("a line").host.pid, 3);
        assert_eq!(heard.trouble, None);
    }

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        let why = heard(bytes).trouble.expect("a reason");
        assert!(why.starts_with(expected), "{why}");
    }

    #[test]
    fn whatever_else_comes_is_told() {
        check(
            b"{\"version\":2}\n",
            "the host tells its status in version 2",
        );
        check(b"hello\n", "it is no status: ");
        check(b"\xff\n", "it is no status: ");
        let refused = b"{\"version\":1,\"refused\":\"\\u001b[2Jfull\"}\n";
        check(refused, "it refused: \\u{1b}[2Jfull");
        check(
            &vec![b' '; MAX_LINE_BYTES + 2],
            "a line of its has more than 4194304 bytes",
        );
    }

    #[test]
    fn no_more_rows_are_kept_than_a_host_tells() {
        let tools = vec!["{}"; 5_000].join(",");
        let heard = heard(format!("{{\"version\":1,\"tools\":[{tools}]}}\n").as_bytes());
        assert_eq!(heard.last.expect("a line").tools.len(), 1_000);
    }
}
