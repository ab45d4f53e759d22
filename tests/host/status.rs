//! The socket that `patinox top` reads, on a real host.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use patinox::status::{Knock, MAX_READERS, Status, StatusConfig, StatusFolder};
use patinox::telemetry::metrics::Measures;
use patinox::telemetry::{Health, Monitor};
use patinox::{Config, Failure as _, Host, Kind, Limits, Request};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{self, Neighbour, SOON, code, guests, soon};

fn place() -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("patinox");
    (place, folder)
}

fn host(folder: &Path) -> Host {
    Host::new(Config {
        status: Some(StatusConfig {
            folder: Some(folder.to_owned()),
        }),
        ..support::config()
    })
    .expect("a host")
}

fn connect(host: &Host) -> BufReader<UnixStream> {
    let path = host.status_socket().expect("a socket");
    let stream = UnixStream::connect(path).expect("a connection");
    stream.set_read_timeout(Some(SOON)).expect("a timeout");
    BufReader::new(stream)
}

fn line(reader: &mut BufReader<UnixStream>) -> Status {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).expect("a line");
    Status::parse(&line).expect("a status")
}

fn sockets(folder: &Path) -> usize {
    fs::read_dir(folder).expect("a folder").count()
}

#[tokio::test]
async fn it_tells_what_the_host_does() {
    let (_place, folder) = place();
    let host = host(&folder);
    let text = support::load(&host, &guests::prebuilt_text()).await;
    let arguments = json!({ "text": "to be" });
    for _ in 0..3 {
        let called = support::call(&host, &text, "count", arguments.clone()).await;
        assert_eq!(code(&called), "ok");
    }
    let limits = Limits {
        fuel: 1,
        ..Limits::default()
    };
    soon(host.call(&text, Request::new("count", arguments).limits(limits))).await;

    let mut reader = connect(&host);
    let status = line(&mut reader);
    assert_eq!(status.version, 1);
    assert_eq!(status.host.pid, std::process::id());
    assert_eq!(status.host.patinox, env!("CARGO_PKG_VERSION"));
    assert!(!status.host.program.is_empty() && 0 < status.host.started_at_unix_ms);
    assert_eq!((status.calls.ended, status.calls.failed), (4, 1));
    let [count] = status.tools.as_slice() else {
        panic!("{status:?}");
    };
    assert_eq!(count.component, text.digest().get(..19).expect("a digest"));
    assert_eq!(count.tool, "count");
    let mut outcomes: Vec<_> = count.outcomes.iter().collect();
    outcomes.sort_by_key(|outcome| outcome.calls);
    let outcomes: Vec<_> = outcomes
        .iter()
        .map(|it| (it.code.as_str(), it.calls))
        .collect();
    assert_eq!(outcomes, [("limit/fuel", 1), ("ok", 3)]);
    assert_eq!(count.duration_counts.iter().sum::<u64>(), 4);
    assert!(10_000.0 < count.fuel && 0.0 < count.memory_peak_bytes);
    let pools: Vec<_> = status
        .pools
        .iter()
        .map(|pool| pool.profile.as_str())
        .collect();
    assert_eq!(pools, ["lean"]);
    assert!(status.machine.cores.is_some() && status.machine.process_memory_bytes.is_some());
    assert!(!status.pressure.is_empty());
    let health: Vec<_> = status
        .health
        .iter()
        .map(|part| part.name.as_str())
        .collect();
    assert_eq!(health, ["resources", "pool", "impact", "cleanup"]);

    // Who reads is written down.
    let readers = |host: &Host| host.registry().counts().of(Kind::Connection).entries;
    assert_eq!(readers(&host), 1);
    // The next line is another look.
    let next = line(&mut reader);
    assert!(status.host.uptime_ms < next.host.uptime_ms);
    assert_eq!(next.host.started_at_unix_ms, status.host.started_at_unix_ms);
    drop(reader);
    let gone = async {
        while 0 < readers(&host) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon(gone).await;
}

#[tokio::test]
async fn it_is_there_for_as_long_as_the_host() {
    let (_place, folder) = place();
    let (one, other) = (host(&folder), host(&folder));
    let path = one.status_socket().expect("a socket");
    let pid = std::process::id();
    assert_eq!(path, folder.join(format!("{pid}.sock")));
    let second = other.status_socket().expect("a socket");
    assert_eq!(second, folder.join(format!("{pid}-2.sock")));
    let mode = |path: &Path| fs::metadata(path).expect("it is there").mode() & 0o7777;
    assert_eq!((mode(&folder), mode(&path)), (0o700, 0o600));
    let tasks = |host: &Host| {
        let tasks = host.registry().of(Kind::Task).into_iter();
        tasks
            .filter(|task| task.owner.name() == Some("status"))
            .count()
    };
    assert_eq!(tasks(&one), 1);

    // A clone is the same host.
    let (clone, mut reader) = (one.clone(), connect(&one));
    drop(one);
    line(&mut reader);
    soon(clone.shutdown(Duration::from_secs(1))).await;
    assert_eq!((clone.status_socket(), tasks(&clone)), (None, 0));
    assert_eq!(sockets(&folder), 1);
    reader.read_to_end(&mut Vec::new()).expect("the end");

    let mut reader = connect(&other);
    line(&mut reader);
    drop(other);
    assert_eq!(sockets(&folder), 0);
    reader.read_to_end(&mut Vec::new()).expect("the end");
}

/// A monitor that looks until it is let go.
struct Slow {
    looks: Sender<()>,
    goes_on: Mutex<Receiver<()>>,
}

impl Monitor for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn look(&self, _: &mut Measures) -> Vec<Health> {
        let _ = self.looks.send(());
        let _ = self.goes_on.lock().expect("a receiver").recv();
        Vec::new()
    }
}

/// Whoever drops a host may end his program at once.
#[tokio::test]
async fn it_goes_with_the_host_also_while_another_thread_looks_at_it() {
    let (_place, folder) = place();
    let host = host(&folder);
    let (looks, has_looked) = channel();
    let (let_go, goes_on) = channel();
    let goes_on = Mutex::new(goes_on);
    host.monitors()
        .expect("monitors")
        .add(Slow { looks, goes_on });
    let _reader = connect(&host);
    has_looked.recv_timeout(SOON).expect("a look");
    drop(host);
    assert_eq!(sockets(&folder), 0);
    drop(let_go);
}

#[test]
fn there_is_none_unless_it_is_asked_for() {
    let without = Host::builder().build().expect("a host");
    assert_eq!(without.status_socket(), None);
    assert!(without.monitors().is_none());
    let (_place, folder) = place();
    let builder = || Host::builder().status_folder(&folder);
    let closed = builder().status_socket(false).build().expect("a host");
    assert_eq!(closed.status_socket(), None);
    // The folder that was named stays, and what is to be told is counted.
    let open = builder().status_socket(true).build().expect("a host");
    let path = open.status_socket().expect("a socket");
    assert_eq!(path.parent(), Some(folder.as_path()));
    assert!(open.monitors().is_some());
}

#[test]
fn a_folder_that_will_not_do_is_an_error_of_building() {
    let (_place, folder) = place();
    fs::create_dir(&folder).expect("a folder");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).expect("a mode");
    let refused = |folder: &Path| {
        let built = Host::builder().status_folder(folder).build();
        let error = built.expect_err("no host");
        let hint = error.hint().expect("a hint");
        format!("{}: {error}; {hint}", error.code())
    };
    assert_eq!(
        refused(&folder),
        "caller/invalid-config: the status folder must have mode `0700`, not mode `0750`; \
         close it to others: `chmod 700`"
    );
    let told = refused(&folder.with_file_name("long".repeat(25)));
    let begin = "caller/invalid-config: the path of the status socket has ";
    assert!(told.starts_with(begin), "{told}");
    assert!(told.contains(" bytes, at most 107 fit; name a folder with a shorter path"));
}

/// Whoever connects and takes nothing holds up neither calls nor other readers, and a
/// host that goes does not wait for him.
#[tokio::test(flavor = "multi_thread")]
async fn readers_that_do_not_read_are_nobodys_trouble() {
    let (_place, folder) = place();
    let host = host(&folder);
    let neighbour = Neighbour::of(&host).await;
    let _idle: Vec<_> = (1..MAX_READERS).map(|_| connect(&host)).collect();
    let mut reader = connect(&host);
    for _ in 0..3 {
        line(&mut reader);
        neighbour.still_answers(4).await;
    }
    let found = StatusFolder::open(&folder)
        .expect("ours")
        .expect("a folder");
    let sockets_found = found.sockets().expect("sockets");
    let Ok(Knock::Host(refused)) = found.knock(&sockets_found[0]) else {
        panic!("a host");
    };
    refused.set_nonblocking(false).expect("a socket");
    let mut told = String::new();
    BufReader::new(refused)
        .read_line(&mut told)
        .expect("a line");
    assert!(told.contains("\"refused\":\"8 read already\""), "{told}");
    neighbour.still_answers(4).await;
    soon(host.shutdown(Duration::from_secs(1))).await;
    drop((host, neighbour));
    assert_eq!(sockets(&folder), 0);
}
