//! Who reads, and who does not.

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use patinox_resources::Registry;
use rustix::process::Uid;
use tempfile::TempDir;

use super::super::readers::{MAX_READERS, Pace, Readers, may_read};

/// Ample on a machine that is busy.
const SOON: Duration = Duration::from_secs(30);

const PACE: Pace = Pace {
    every: Duration::from_millis(20),
    patience: Duration::from_millis(100),
};

/// A socket whose lines are numbers, each so many bytes long.
struct Served {
    place: TempDir,
    end: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
    made: Arc<AtomicU64>,
}

impl Served {
    fn start(bytes: usize, pace: Pace) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(place.path().join("1.sock")).expect("a socket");
        listener.set_nonblocking(true).expect("a socket");
        let (end, ended) = UnixStream::pair().expect("a pair");
        let made = Arc::<AtomicU64>::default();
        let count = Arc::clone(&made);
        let make = move || {
            let number = count.fetch_add(1, Ordering::SeqCst);
            Some(format!("{}{number}\n", " ".repeat(bytes)).into_bytes())
        };
        let readers = Readers::new((listener, ended), make, pace, Registry::default());
        Self {
            place,
            end: Some(end),
            thread: Some(thread::spawn(move || readers.run())),
            made,
        }
    }

    fn path(&self) -> PathBuf {
        self.place.path().join("1.sock")
    }

    fn connect(&self) -> BufReader<UnixStream> {
        let stream = UnixStream::connect(self.path()).expect("a connection");
        stream.set_read_timeout(Some(SOON)).expect("a timeout");
        BufReader::new(stream)
    }

    /// What somebody new is told, once there is room for him.
    fn first_line(&self) -> String {
        let began = Instant::now();
        loop {
            let mut text = String::new();
            self.connect().read_line(&mut text).expect("a line");
            if !text.contains("refused") {
                return text;
            }
            assert!(began.elapsed() < SOON, "no place is given on");
        }
    }

    fn made(&self) -> u64 {
        self.made.load(Ordering::SeqCst)
    }

    /// Ends it, and waits until the thread has ended.
    fn end(&mut self) {
        drop(self.end.take());
        let thread = self.thread.take().expect("a thread");
        let began = Instant::now();
        while !thread.is_finished() {
            assert!(began.elapsed() < SOON, "the thread does not end");
            thread::yield_now();
        }
        thread.join().expect("no panic");
    }
}

fn line(reader: &mut BufReader<UnixStream>) -> Option<u64> {
    let mut line = String::new();
    match reader.read_line(&mut line) {
        Ok(0) => None,
        Ok(_) => Some(line.trim().parse().expect("a number")),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn everybody_is_told_the_same_lines() {
    let mut served = Served::start(8, PACE);
    let mut readers = [served.connect(), served.connect()];
    let lines: Vec<Vec<_>> = readers
        .iter_mut()
        .map(|reader| (0..3).map(|_| line(reader).expect("a line")).collect())
        .collect();
    for lines in &lines {
        assert!(lines.is_sorted_by(|one, next| one < next), "{lines:?}");
    }
    served.end();
    // Whoever read sees that it is over.
    let rest = readers[0].read_to_end(&mut Vec::new());
    assert!(rest.is_ok(), "{rest:?}");
}

#[test]
fn nothing_is_asked_while_nobody_reads() {
    let mut served = Served::start(8, PACE);
    let mut reader = served.connect();
    assert_eq!(line(&mut reader), Some(0));
    drop(reader);
    // Whoever comes in between is told what the last one was told.
    let calm = Pace {
        every: Duration::from_secs(3_600),
        ..PACE
    };
    let mut other = Served::start(8, calm);
    for _ in 0..50 {
        assert_eq!(other.first_line().trim(), "0");
    }
    assert_eq!(other.made(), 1);
    other.end();
    served.end();
}

#[test]
fn a_reader_too_many_is_told_so() {
    let mut served = Served::start(8, PACE);
    let mut readers: Vec<_> = (0..MAX_READERS).map(|_| served.connect()).collect();
    for reader in &mut readers {
        assert!(line(reader).is_some());
    }
    let mut told = String::new();
    let mut refused = served.connect();
    refused.read_to_string(&mut told).expect("a line");
    assert_eq!(told, "{\"version\":1,\"refused\":\"8 read already\"}\n");
    // The others notice nothing, and where one goes another one may come.
    assert!(line(&mut readers[0]).is_some());
    drop(readers.pop());
    served.first_line();
    served.end();
}

#[test]
fn who_does_not_take_his_lines_is_cut() {
    let mut served = Served::start(1 << 20, PACE);
    let mut slow = served.connect();
    let mut reader = served.connect();
    // Of the slow one not a byte is read, and the other has all he wants.
    let before = served.made();
    while served.made() < before + 20 {
        assert!(line(&mut reader).is_some());
    }
    let mut bytes = Vec::new();
    let taken = slow
        .read_to_end(&mut bytes)
        .expect("what was left, and the end");
    assert!(taken < 1 << 20, "{taken}");
    assert!(line(&mut reader).is_some());
    served.end();
}

#[test]
fn nothing_that_a_reader_sends_is_read() {
    let mut served = Served::start(8, PACE);
    let mut loud = served.connect();
    let first = line(&mut loud).expect("a line");
    let written = loud.get_mut().write_all(&[b'x'; 1 << 20]);
    assert_eq!(
        written.map_err(|error| error.kind()),
        Err(ErrorKind::BrokenPipe)
    );
    assert!(first < line(&mut loud).expect("a line"));
    served.end();
}

#[test]
fn who_hangs_up_is_forgotten() {
    let mut served = Served::start(8, PACE);
    // More than there is room for at once.
    for _ in 0..10 * MAX_READERS {
        served.first_line();
    }
    served.end();
}

#[test]
fn the_same_user_and_root_may_read() {
    let [root, ada, bob] = [0, 1000, 1001].map(Uid::from_raw);
    assert!(may_read(ada, ada) && may_read(root, ada) && may_read(root, root));
    assert!(!may_read(bob, ada) && !may_read(ada, root));
}

/// The modes of folder and socket keep others out; were they open, nobody else would
/// be told anything.
#[test]
fn another_user_is_closed() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let mut served = Served::start(8, PACE);
    let open = |path: PathBuf, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    };
    open(served.place.path().to_owned(), 0o755);
    open(served.path(), 0o666);
    let path = served.path();
    // Who one is belongs to a thread, as the system sees it.
    let told = thread::spawn(move || {
        let nobody = Uid::from_raw(65_534);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).expect("another user");
        let mut stream = UnixStream::connect(path).expect("a connection");
        stream.set_read_timeout(Some(SOON)).expect("a timeout");
        let mut told = Vec::new();
        stream.read_to_end(&mut told).map(|_| told)
    });
    let told = told.join().expect("no panic").expect("an end");
    assert_eq!(told, b"");
    assert_eq!(served.made(), 0);
    assert!(line(&mut served.connect()).is_some());
    served.end();
}
