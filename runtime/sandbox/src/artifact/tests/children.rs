//! What takes a process of its own: another user, a full disk, several at once.

use std::process::{Command, Output};

use super::*;

/// Says to the test `child` what it is to do, and where.
const ROLE: &str = "PATINOX_TEST_STORE_ROLE";

/// An entry that does not fit where there is room for a few blocks.
const LARGE: usize = 300_000;

/// This test binary, to run [`child`] alone, in a folder.
fn child_in(root: &Path, role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .args(["--exact", "artifact::tests::children::child", "--nocapture"])
        .env(ROLE, role)
        .current_dir(root);
    command
}

/// The same behind a line for a shell, which ends in `"$@"`.
fn child_behind(line: &str, root: &Path, role: &str) -> Command {
    let child = child_in(root, role);
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", line, "sh"])
        .arg(child.get_program())
        .args(child.get_args())
        .env(ROLE, role)
        .current_dir(root);
    command
}

#[track_caller]
fn assert_done(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(text.contains("the child is done"), "{output:?}");
}

/// Behind `mount`, which most machines refuse: then it says what is left out.
fn in_mount(options: &str, role: &str) {
    let place = Place::new();
    let line = format!("mount -t tmpfs -o {options} none \"$PWD\" && cd \"$PWD\" && exec \"$@\"");
    let probe = Command::new("unshare")
        .args(["-m", "/bin/sh", "-c", "mount -t tmpfs none /mnt"])
        .output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("left out, as nothing can be mounted here: {role}");
        return;
    }
    let child = child_behind(&line, place.root.path(), role);
    let mut command = Command::new("unshare");
    command
        .arg("-m")
        .arg(child.get_program())
        .args(child.get_args())
        .env(ROLE, role)
        .current_dir(place.root.path());
    assert_done(&command.output().expect("a process"));
}

/// No test, but what the others run.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a child is told its part by its parent"
)]
fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let root = std::env::current_dir().expect("a folder");
    let open = || ArtifactStore::open(config_in(&root)).expect("a store");
    match role.as_str() {
        "many" => many(&open()),
        "cannot write" => {
            let store = open();
            let error = store.put(&key(2), FACTS, &vec![1; LARGE]).unwrap_err();
            assert_eq!(error.to_string(), "cannot write to the artifact folder");
            // What is there can be used.
            let (artifact, _) = hit(&store, &key(1));
            assert_eq!(answer(&artifact, &engine(Profile::Lean)), 42);
            // Cleaning up after a bad one is tried, and no more.
            assert!(matches!(store.get(&key(2)), Found::Missing));
        }
        "full disk" => {
            let store = open();
            store.put(&key(1), FACTS, &CODE).expect("an entry");
            let error = store.put(&key(2), FACTS, &vec![1; LARGE]).unwrap_err();
            let source = std::error::Error::source(&error).expect("a source");
            assert!(source.to_string().contains("No space"), "{source}");
            let (artifact, _) = hit(&open(), &key(1));
            assert_eq!(answer(&artifact, &engine(Profile::Lean)), 42);
            assert_eq!(store.folder().list().expect("a list").len(), 1);
        }
        "no code" => {
            open().put(&key(1), FACTS, &CODE).expect("an entry");
            let (artifact, _) = hit(&open(), &key(1));
            assert_eq!(answer(&artifact, &engine(Profile::Lean)), 42);
        }
        "nothing can be made" => {
            let error = ArtifactStore::open(config_in(&root)).unwrap_err();
            assert_eq!(error.to_string(), "cannot make the artifact folder");
        }
        role => panic!("no role: {role}"),
    }
    println!("the child is done");
}

/// Puts and gets the same few entries, as others do at the same time.
fn many(store: &ArtifactStore) {
    let lean = engine(Profile::Lean);
    for round in 0..30 {
        let key = key(round % 3);
        match store.get(&key) {
            Found::Missing => {}
            Found::Hit { artifact, facts } => {
                assert_eq!(facts, FACTS);
                assert_eq!(answer(&artifact, &lean), 42);
            }
            Found::Bad { reason } => panic!("{reason}"),
        }
        let artifact = store.put(&key, FACTS, &CODE).expect("an entry");
        assert_eq!(answer(&artifact, &lean), 42);
    }
}

#[test]
fn several_threads_share_a_folder() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| many(&place.store()));
        }
    });
    assert_eq!(place.names().len(), 3);
}

#[test]
fn several_processes_share_a_folder() {
    let place = Place::new();
    // Nothing is there: they make folders and key as well.
    let children: Vec<_> = (0..4)
        .map(|_| {
            let mut child = child_in(place.root.path(), "many");
            child.stdout(std::process::Stdio::piped());
            child.spawn().expect("a process")
        })
        .collect();
    for child in children {
        assert_done(&child.wait_with_output().expect("an end"));
    }
    assert_eq!(place.names().len(), 3);
}

#[test]
fn a_file_that_cannot_be_written_whole_is_not_kept() {
    let (place, _) = Place::with_entry();
    // Blocks of 512 or 1024 bytes; without the signal the call tells.
    let line = "trap '' XFSZ; ulimit -f 100; exec \"$@\"";
    let mut child = child_behind(line, place.root.path(), "cannot write");
    assert_done(&child.output().expect("a process"));
    assert_eq!(place.names().len(), 1, "{:?}", place.names());
    hit(&place.store(), &key(1));
}

#[test]
fn a_full_disk_is_no_harm() {
    in_mount("size=200k", "full disk");
}

#[test]
fn where_the_file_system_forbids_code_it_is_read_instead() {
    in_mount("noexec", "no code");
}

#[test]
fn a_folder_that_cannot_be_written_still_serves() {
    use std::os::unix::process::CommandExt as _;
    let (place, file) = Place::with_entry();
    mode(&place.folder(), 0o500);
    let mut child = child_in(place.root.path(), "cannot write");
    if rustix::process::geteuid().is_root() {
        // Modes do not bind root: as somebody whom they do, who owns it all.
        let key_folder = place.key_file().parent().unwrap().to_owned();
        mode(place.root.path(), 0o755);
        mode(&place.root.path().join("cache"), 0o755);
        mode(&place.root.path().join("cache/patinox"), 0o755);
        mode(&place.root.path().join("state"), 0o755);
        for path in [&place.folder(), &file, &key_folder, &place.key_file()] {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).expect("an owner");
        }
        child.uid(NOBODY).gid(NOBODY);
    }
    assert_done(&child.output().expect("a process"));
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    use std::os::unix::process::CommandExt as _;
    let place = Place::new();
    mode(place.root.path(), 0o555);
    let mut child = child_in(place.root.path(), "nothing can be made");
    if rustix::process::geteuid().is_root() {
        child.uid(NOBODY).gid(NOBODY);
    }
    assert_done(&child.output().expect("a process"));
    mode(place.root.path(), 0o755);
}
