//! What is kept between runs: listed, removed, and refused unless it is ours.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use insta::assert_snapshot;
use serde_json::json;

use super::refusals::refused;
use super::shell::{Shell, keys};

/// Where entries lie, below the home folder.
const FOLDER: &str = ".cache/patinox/artifacts";

/// A file that says of itself what an entry does; nobody could load it.
fn entry(component: u8, code_bytes: usize) -> Vec<u8> {
    let mut bytes = vec![0; code_bytes];
    bytes.extend(b"patinoxA");
    bytes.extend([1_u32, 1].map(u32::to_le_bytes).concat());
    bytes.extend([[component; 32], [0; 32]].concat());
    bytes.extend([code_bytes as u64, 0].map(u64::to_le_bytes).concat());
    bytes.extend([0; 32]);
    bytes
}

fn name(component: u8) -> String {
    format!("{component:064x}.artifact")
}

/// A home with two entries, and with something that is not ours.
fn home() -> Shell {
    let shell = Shell::new();
    let folder = shell.path().join(FOLDER);
    fill(&folder);
    shell
}

fn fill(folder: &Path) {
    fs::create_dir_all(folder).expect("folders");
    mode(folder, 0o700);
    let at =
        |days: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000 + days * 86_400);
    for (component, code_bytes, days) in [(1, 2_000_000, 0), (2, 1_000, 1)] {
        let path = folder.join(name(component));
        fs::write(&path, entry(component, code_bytes)).expect("an entry");
        let times = fs::FileTimes::new().set_accessed(at(days));
        let file = fs::File::options().write(true).open(&path);
        file.and_then(|file| file.set_times(times)).expect("a time");
        mode(&path, 0o400);
    }
    fs::write(folder.join("notes.txt"), "mine").expect("a file");
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

#[track_caller]
fn text(shell: &Shell, arguments: &[&str]) -> String {
    let ended = shell.run(arguments);
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    ended.assert_no_crash(shell);
    ended.stdout
}

#[test]
fn a_person_reads_what_is_kept() {
    insta::with_settings!({ filters => [
        (r"\d+ days ago", "[days] days ago"),
    ] }, {
        assert_snapshot!(text(&home(), &["cache", "ls"]), @"
        ~/.cache/patinox/artifacts: 2 entries, 1.9 MiB
           1.1 KiB  lean     [days] days ago  sha256:0202020202020202020202020202020202020202020202020202020202020202
           1.9 MiB  lean     [days] days ago  sha256:0101010101010101010101010101010101010101010101010101010101010101
        ");
    });
}

#[test]
fn a_program_reads_what_is_kept() {
    let document = home().run(&["cache", "ls", "-o", "json"]).document();
    assert_eq!(keys(&document), ["ok", "result"]);
    let result = &document["result"];
    assert_eq!(keys(result), ["folder", "size_bytes", "entries"]);
    assert_eq!(result["folder"], "~/.cache/patinox/artifacts");
    assert_eq!(result["size_bytes"], 2_001_256);
    let digest = |digits: &str| format!("sha256:{}", digits.repeat(32));
    assert_eq!(
        result["entries"],
        json!([
            {
                "digest": digest("02"),
                "profile": "lean",
                "size_bytes": 1_128,
                "used_at_unix_ms": 1_600_086_400_000_u64,
            },
            {
                "digest": digest("01"),
                "profile": "lean",
                "size_bytes": 2_000_128,
                "used_at_unix_ms": 1_600_000_000_000_u64,
            },
        ])
    );
}

/// To look is no use: the order stays.
#[test]
fn to_list_twice_is_to_list_once() {
    let shell = home();
    let once = text(&shell, &["cache", "ls"]);
    assert_eq!(text(&shell, &["cache", "ls"]), once);
}

#[test]
fn clearing_removes_what_is_ours() {
    let shell = home();
    assert_snapshot!(text(&shell, &["cache", "clear"]), @"~/.cache/patinox/artifacts: removed 2 entries, 1.9 MiB");
    let left = fs::read_dir(shell.path().join(FOLDER)).expect("a folder");
    let left: Vec<_> = left
        .map(|entry| entry.expect("a name").file_name())
        .collect();
    assert_eq!(left, ["notes.txt"]);
    assert_snapshot!(text(&shell, &["cache", "clear"]), @"~/.cache/patinox/artifacts: removed nothing");
    assert_snapshot!(text(&shell, &["cache", "ls"]), @"~/.cache/patinox/artifacts: nothing");

    let document = home().run(&["cache", "clear", "-o", "json"]).document();
    assert_eq!(
        document["result"],
        json!({ "folder": "~/.cache/patinox/artifacts", "size_bytes": 2_001_256, "entries": 2 })
    );
}

#[test]
fn to_look_makes_nothing() {
    let shell = Shell::new();
    assert_snapshot!(text(&shell, &["cache", "ls"]), @"~/.cache/patinox/artifacts: nothing");
    assert_snapshot!(text(&shell, &["cache", "clear"]), @"~/.cache/patinox/artifacts: removed nothing");
    let made = fs::read_dir(shell.path()).expect("a folder").count();
    assert_eq!(made, 0);
}

#[test]
fn it_lies_where_xdg_says() {
    let shell = Shell::new();
    let folder: PathBuf = shell.path().join("elsewhere/patinox/artifacts");
    fill(&folder);
    let elsewhere = shell.path().join("elsewhere").display().to_string();
    let shell = shell.variable("XDG_CACHE_HOME", &elsewhere);
    assert!(text(&shell, &["cache", "ls"]).starts_with("~/elsewhere/patinox/artifacts: 2 entries"));
    // A path that is not absolute is none.
    let shell = home().variable("XDG_CACHE_HOME", "elsewhere");
    assert!(text(&shell, &["cache", "ls"]).starts_with("~/.cache/patinox/artifacts: 2 entries"));
}

/// Whatever is wrong with it is told alike by both commands, and stays as it is.
#[track_caller]
fn both(shell: &Shell) -> String {
    let told = refused(shell, &["cache", "ls"]);
    assert_eq!(refused(shell, &["cache", "clear"]), told);
    told
}

#[test]
fn a_folder_that_is_open_to_others() {
    let shell = home().mode(FOLDER, 0o755);
    assert_snapshot!(both(&shell), @"
    exit 2, caller/invalid-config
    error: the artifact folder must have mode `0700`, not mode `0755`
    hint: close it to others: `chmod 700`; it is `~/.cache/patinox/artifacts`
    ");
    // Other commands do not mind.
    assert_eq!(shell.run(&["doctor"]).code, Some(0));
}

#[test]
fn a_folder_that_is_a_link() {
    let shell = Shell::new();
    fill(&shell.path().join("elsewhere"));
    let folder = shell.path().join(FOLDER);
    fs::create_dir_all(folder.parent().expect("a folder")).expect("folders");
    std::os::unix::fs::symlink("../../elsewhere", folder).expect("a link");
    assert_snapshot!(both(&shell), @"
    exit 2, caller/unreadable
    error: the artifact folder must be a folder, not a symbolic link
    hint: move away what is there: the right thing is made anew; it is `~/.cache/patinox/artifacts`
    ");
    let left = fs::read_dir(shell.path().join("elsewhere")).expect("a folder");
    assert_eq!(left.count(), 3);
}

#[test]
fn a_folder_that_is_a_file() {
    assert_snapshot!(both(&Shell::new().file(FOLDER, "")), @"
    exit 2, caller/unreadable
    error: the artifact folder must be a folder, not a file
    hint: move away what is there: the right thing is made anew; it is `~/.cache/patinox/artifacts`
    ");
}

#[test]
fn a_folder_of_somebody_else() {
    if !rustix::process::geteuid().is_root() {
        crate::support::guests::left_out("a folder of somebody else, which only root can make");
        return;
    }
    let shell = home();
    let folder = shell.path().join(FOLDER);
    std::os::unix::fs::chown(folder, Some(65_534), None).expect("an owner");
    assert_snapshot!(both(&shell), @"
    exit 2, caller/invalid-config
    error: the artifact folder must belong to user 0, not to user 65534
    hint: move it away, or run as its owner: each user has his own; it is `~/.cache/patinox/artifacts`
    ");
}

/// Root writes whatever its mode is, so this runs as somebody else.
#[test]
fn a_folder_that_cannot_be_emptied() {
    let shell = home().mode(FOLDER, 0o500).unprivileged();
    if rustix::process::geteuid().is_root() {
        let folder = shell.path().join(FOLDER);
        std::os::unix::fs::chown(folder, Some(65_534), None).expect("an owner");
    }
    assert_snapshot!(refused(&shell, &["cache", "clear"]), @"
    exit 2, caller/unreadable
    error: cannot empty the artifact folder: Permission denied (os error 13)
    hint: check who may read and write it; it is `~/.cache/patinox/artifacts`
    ");
}

#[test]
fn no_home() {
    let shell = Shell::new().variable("HOME", "relative");
    assert_snapshot!(both(&shell), @"
    exit 2, caller/invalid-config
    error: there is no folder for a cache: `HOME` is not an absolute path
    hint: set it, or `XDG_CACHE_HOME`, to a folder
    ");
    assert_eq!(shell.run(&["doctor"]).code, Some(0));
}

#[test]
fn no_command() {
    let ended = Shell::new().run(&["cache"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    for verb in ["ls", "clear"] {
        assert!(ended.stderr.contains(&format!("\n  {verb} ")), "{ended:?}");
    }
}
