//! Where sockets lie, how they are called, and which are removed.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process;

use patinox_policy::Failure as _;
use tempfile::TempDir;

use super::super::error::StatusError;
use super::super::folder::{Knock, StatusFolder};
use super::super::socket::{MAX_PATH_BYTES, Name, bind};

fn place() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let name = |entry: std::io::Result<fs::DirEntry>| {
        let name = entry.expect("an entry").file_name();
        name.to_string_lossy().into_owned()
    };
    let mut names: Vec<_> = entries.map(name).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").mode() & 0o7777
}

fn make(path: &Path) -> StatusFolder {
    StatusFolder::make(path).expect("a folder")
}

#[test]
fn a_folder_is_made_for_us_alone() {
    let place = place();
    let path = place.path().join("new/patinox");
    assert!(StatusFolder::open(&path).expect("no error").is_none());
    let folder = make(&path);
    assert_eq!(mode(&path), 0o700);
    let (_listener, bound) = bind(folder).expect("a socket");
    assert_eq!(mode(&bound.path()), 0o600);
    let socket = fs::metadata(bound.path()).expect("a socket");
    assert!(socket.file_type().is_socket());
    assert_eq!(names(&path), [format!("{}.sock", process::id())]);
}

#[track_caller]
fn check_refused(path: &Path, expected: &str) {
    let told = StatusFolder::make(path).expect_err("no folder of ours");
    let hint = told.hint().expect("a hint");
    assert_eq!(format!("{}: {told}; {hint}", told.code()), expected);
    // It is the same for who looks.
    let looked = StatusFolder::open(path).expect_err("no folder of ours");
    assert_eq!(looked.to_string(), told.to_string());
}

#[test]
fn a_folder_that_others_may_use_is_none() {
    let place = place();
    let path = place.path().join("open");
    fs::create_dir(&path).expect("a folder");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    check_refused(
        &path,
        "caller/invalid-config: the status folder must have mode `0700`, not mode `0755`; \
         close it to others: `chmod 700`",
    );
    let link = place.path().join("link");
    symlink(place.path(), &link).expect("a link");
    let told = "caller/unreadable: the status folder must be a folder, not a symbolic link; \
                move away what is there: the folder is made anew";
    check_refused(&link, told);
    let file = place.path().join("file");
    fs::write(&file, "").expect("a file");
    check_refused(&file, &told.replace("symbolic link", "file"));
    if rustix::process::geteuid().is_root() {
        let path = place.path().join("theirs");
        fs::create_dir(&path).expect("a folder");
        std::os::unix::fs::chown(&path, Some(65_534), None).expect("an owner");
        check_refused(
            &path,
            "caller/invalid-config: the status folder must belong to user 0, not to user 65534; \
             name a folder of your own: `HostBuilder::status_folder`",
        );
    }
}

/// A folder in which the socket of this process has a path of so many bytes.
fn deep(place: &Path, bytes: usize) -> PathBuf {
    let name = format!("/{}.sock", process::id());
    let left = bytes - place.as_os_str().len() - name.len() - 1;
    place.join("d".repeat(left))
}

#[test]
fn a_path_that_is_too_long_is_told() {
    let place = place();
    let fits = make(&deep(place.path(), MAX_PATH_BYTES));
    let (_listener, bound) = bind(fits).expect("a socket");
    assert_eq!(bound.path().as_os_str().len(), 107);

    let path = deep(place.path(), MAX_PATH_BYTES + 1);
    let error = bind(make(&path)).expect_err("too long");
    assert!(matches!(error, StatusError::PathTooLong { bytes: 108 }));
    assert_eq!(
        error.to_string(),
        "the path of the status socket has 108 bytes, at most 107 fit"
    );
    assert_eq!(names(&path), [""; 0]);
}

#[test]
fn only_a_hosts_own_names_are_names() {
    let parse = |file: &str| Name::parse(file).map(|name| name.to_string());
    assert_eq!(parse("7.sock").as_deref(), Some("7"));
    assert_eq!(parse("7-2.sock").as_deref(), Some("7-2"));
    for file in [
        "7.new",
        "7-1.sock",
        "07.sock",
        "+7.sock",
        "7-02.sock",
        "-7.sock",
        ".sock",
        "a.sock",
        "7-2-3.sock",
        "99999999999.sock",
        "7.sock ",
        "7",
    ] {
        assert_eq!(parse(file), None, "{file}");
    }
}

#[test]
fn each_host_of_a_process_has_a_name_until_it_goes() {
    let place = place();
    let path = place.path().join("patinox");
    let bind = || bind(make(&path)).expect("a socket");
    let name = |suffix: &str| format!("{}{suffix}.sock", process::id());
    let (first, second) = (bind(), bind());
    assert_eq!(names(&path), [name("-2"), name("")]);
    drop(first);
    assert_eq!(names(&path), [name("-2")]);
    // The first free one.
    let third = bind();
    assert_eq!(names(&path), [name("-2"), name("")]);
    drop((second, third));
    assert_eq!(names(&path), [""; 0]);
}

/// A process that had our number left it.
#[test]
fn a_dead_socket_under_our_name_is_replaced() {
    let place = place();
    let path = place.path().join("patinox");
    let folder = make(&path);
    let name = path.join(format!("{}.sock", process::id()));
    drop(UnixListener::bind(&name).expect("a socket"));
    let (_listener, bound) = bind(folder).expect("a socket");
    assert_eq!(bound.path(), name);
    assert!(std::os::unix::net::UnixStream::connect(&name).is_ok());
}

#[test]
fn what_is_no_socket_is_not_replaced() {
    let place = place();
    let path = place.path().join("patinox");
    let folder = make(&path);
    let name = path.join(format!("{}.sock", process::id()));
    fs::write(&name, "mine").expect("a file");
    let (_listener, bound) = bind(folder).expect("a socket");
    assert_ne!(bound.path(), name);
    drop(bound);
    assert_eq!(fs::read(&name).expect("a file"), b"mine");
}

/// Whoever has the name by then keeps it.
#[test]
fn a_name_that_is_another_ones_stays() {
    let place = place();
    let path = place.path().join("patinox");
    let (listener, bound) = bind(make(&path)).expect("a socket");
    let name = bound.path();
    fs::remove_file(&name).expect("gone");
    let other = UnixListener::bind(&name).expect("a socket");
    drop((listener, bound));
    assert!(name.exists());
    drop(other);
}

#[test]
fn only_what_is_dead_is_removed() {
    let place = place();
    let path = place.path().join("patinox");
    let folder = make(&path);
    let file = |name: &str| path.join(name);
    let live = UnixListener::bind(file("1.sock")).expect("a socket");
    drop(UnixListener::bind(file("2-3.sock")).expect("a socket"));
    drop(UnixListener::bind(file("4.new")).expect("a socket"));
    drop(UnixListener::bind(file("other")).expect("a socket"));
    fs::write(file("5.sock"), "").expect("a file");
    symlink("other", file("6.sock")).expect("a link");
    fs::create_dir(file("7.sock")).expect("a folder");

    let sockets = folder.sockets().expect("sockets");
    let found: Vec<_> = sockets.iter().map(|socket| socket.path()).collect();
    assert_eq!(found, [file("1.sock"), file("2-3.sock")]);
    let removed: Vec<_> = sockets
        .iter()
        .map(|socket| matches!(folder.knock(socket), Ok(Knock::Removed)))
        .collect();
    assert_eq!(removed, [false, true]);
    let left = ["1.sock", "4.new", "5.sock", "6.sock", "7.sock", "other"];
    assert_eq!(names(&path), left);
    // It can be gone before anybody knocks.
    assert!(matches!(folder.knock(&sockets[1]), Ok(Knock::Removed)));
    drop(live);
}

/// A host that is stopped does not hold up who looks for others.
#[test]
fn nobody_waits_at_a_door() {
    let place = place();
    let path = place.path().join("patinox");
    let folder = make(&path);
    let _listener = UnixListener::bind(path.join("1.sock")).expect("a socket");
    let sockets = folder.sockets().expect("sockets");
    let mut knocks = Vec::new();
    let refused = loop {
        match folder.knock(&sockets[0]) {
            Ok(knock) => knocks.push(knock),
            Err(error) => break error,
        }
        assert!(knocks.len() < 100_000, "there is no end");
    };
    assert_eq!(refused.kind(), std::io::ErrorKind::WouldBlock);
    assert!(path.join("1.sock").exists());
}

#[test]
fn the_usual_place_is_a_folder_of_this_user() {
    let all = StatusFolder::all();
    assert_eq!(all.first(), Some(&StatusFolder::usual()));
    let us = rustix::process::geteuid().as_raw();
    let last = all.last().expect("a folder");
    assert!(last.is_absolute() && last.ends_with(format!("patinox-{us}")));
}
