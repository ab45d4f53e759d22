use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use patinox_policy::{Failure as _, Report};
use tempfile::TempDir;

use super::*;

const OURS: Facts = Facts {
    not_a_file: None,
    owner: 1000,
    mode: 0o100_644,
    bytes: 10,
};

/// The text that a person reads, the folder of the test replaced by `DIR`.
fn text(error: &Error, folder: &Path) -> String {
    let report = Report::of(error);
    let hint = report.hint.unwrap_or_default();
    let text = format!("{}: {}\nhint: {hint}", report.code, report.message);
    text.replace(&folder.display().to_string(), "DIR")
}

fn refusal(folder: &TempDir, name: &str) -> String {
    let source = Source::named(folder.path().join(name), "--config");
    text(&source.contents().unwrap_err(), folder.path())
}

fn write(folder: &TempDir, name: &str, content: impl AsRef<[u8]>, mode: u32) {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[track_caller]
fn judge(facts: Facts) -> String {
    let source = Source::named("config.toml".into(), "--config");
    let judged = source.check(&facts, 1000);
    judged.map_or_else(
        |error| text(&error, Path::new("/no/such")),
        |()| "read".to_owned(),
    )
}

#[test]
fn a_file_of_ours_or_of_root_is_read() {
    assert_eq!(judge(OURS), "read");
    assert_eq!(judge(Facts { owner: 0, ..OURS }), "read");
    let largest = Facts {
        bytes: MAX_FILE_BYTES,
        ..OURS
    };
    assert_eq!(judge(largest), "read");
}

#[test]
fn a_file_of_somebody_else_is_refused() {
    insta::assert_snapshot!(judge(Facts { owner: 65_534, ..OURS }), @"
    caller/invalid-config: configuration file `config.toml` must belong to user 1000 or root, not to user 65534
    hint: copy it to a file of your own and name that
    ");
    let source = Source::named("config.toml".into(), "--config");
    let by_root = source.check(&OURS, 0).unwrap_err();
    insta::assert_snapshot!(by_root, @"configuration file `config.toml` must belong to root, not to user 1000");
}

#[test]
fn a_file_that_others_can_write_is_refused() {
    for mode in [0o100_664, 0o100_646, 0o100_602, 0o100_620] {
        let text = judge(Facts { mode, ..OURS });
        assert!(
            text.contains("must not be writable by others"),
            "{mode:o}: {text}"
        );
    }
    let folder = TempDir::new().unwrap();
    write(&folder, "open.toml", "", 0o666);
    insta::assert_snapshot!(refusal(&folder, "open.toml"), @"
    caller/invalid-config: configuration file `DIR/open.toml` must not be writable by others, as its mode `0666` says
    hint: chmod go-w DIR/open.toml
    ");
    write(&folder, "it's mine.toml", "", 0o620);
    insta::assert_snapshot!(refusal(&folder, "it's mine.toml"), @r"
    caller/invalid-config: configuration file `DIR/it's mine.toml` must not be writable by others, as its mode `0620` says
    hint: chmod go-w 'DIR/it'\''s mine.toml'
    ");
}

#[test]
fn a_hint_never_carries_what_steers_a_terminal() {
    let folder = TempDir::new().unwrap();
    write(&folder, "a\u{1b}[2Jb", "", 0o666);
    insta::assert_snapshot!(refusal(&folder, "a\u{1b}[2Jb"), @r"
    caller/invalid-config: configuration file `DIR/a\u{1b}[2Jb` must not be writable by others, as its mode `0666` says
    hint: see `chmod go-w` of that file
    ");
}

#[test]
fn what_is_not_a_file_is_refused() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    insta::assert_snapshot!(refusal(&folder, "folder"), @"
    caller/unreadable: configuration file `DIR/folder` must be a file, not a folder
    hint: name a file in TOML, like `config.toml`
    ");
    let device = Source::named("/dev/zero".into(), "--config").contents();
    insta::assert_snapshot!(device.unwrap_err(), @"configuration file `/dev/zero` must be a file, not a device");
}

#[test]
fn a_pipe_that_nobody_writes_does_not_hang() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pipe");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    insta::assert_snapshot!(refusal(&folder, "pipe"), @"
    caller/unreadable: configuration file `DIR/pipe` must be a file, not a pipe
    hint: name a file in TOML, like `config.toml`
    ");
}

#[test]
fn a_missing_file_is_an_error_only_where_it_was_named() {
    let folder = TempDir::new().unwrap();
    insta::assert_snapshot!(refusal(&folder, "none.toml"), @"
    caller/not-found: there is no configuration file `DIR/none.toml`
    hint: check the path that `--config` gives
    ");
    let own = Source::users_own(folder.path().join("none.toml"), None);
    assert!(own.contents().unwrap().layer.is_empty());
}

/// A link to itself cannot be opened by any user, so this holds for root too.
#[test]
fn an_unreadable_file_says_why() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("loop");
    symlink(&path, &path).unwrap();
    insta::assert_snapshot!(refusal(&folder, "loop"), @"
    caller/unreadable: configuration file `DIR/loop` cannot be read: Too many levels of symbolic links (os error 40)
    hint: look at it: ls -l DIR/loop
    ");
    let own = Source::users_own(path, None).contents().unwrap_err();
    assert_eq!(own.code().as_str(), "caller/unreadable");
}

#[test]
fn a_link_is_judged_by_its_target() {
    let folder = TempDir::new().unwrap();
    write(&folder, "good.toml", "[load]\nfile = '1MiB'", 0o600);
    write(&folder, "open.toml", "", 0o666);
    symlink(folder.path().join("good.toml"), folder.path().join("good")).unwrap();
    symlink(folder.path().join("open.toml"), folder.path().join("open")).unwrap();
    let good = Source::named(folder.path().join("good"), "--config");
    assert_eq!(good.contents().unwrap().layer.len(), 1);
    assert!(refusal(&folder, "open").contains("must not be writable by others"));
}

#[test]
fn a_file_too_large_is_refused_even_when_it_grows_while_read() {
    let folder = TempDir::new().unwrap();
    let size = usize::try_from(MAX_FILE_BYTES).unwrap();
    write(&folder, "full.toml", " ".repeat(size), 0o600);
    let full = Source::named(folder.path().join("full.toml"), "--config");
    assert!(full.contents().unwrap().layer.is_empty());

    write(&folder, "large.toml", " ".repeat(size + 1), 0o600);
    insta::assert_snapshot!(refusal(&folder, "large.toml"), @"
    caller/invalid-config: configuration file `DIR/large.toml` must have at most 1MiB
    hint: check that it is the file you meant
    ");
    // Past the check of its size: the reader itself stops.
    let large = Source::named(folder.path().join("large.toml"), "--config");
    let grown = large.read(&large.open().unwrap()).unwrap_err();
    assert!(matches!(grown, Error::TooLarge { .. }));
}

#[test]
fn a_file_that_is_not_utf8_says_where() {
    let folder = TempDir::new().unwrap();
    write(&folder, "latin.toml", b"# ok\n# gr\xfcn", 0o600);
    insta::assert_snapshot!(refusal(&folder, "latin.toml"), @"
    caller/invalid-config: configuration file `DIR/latin.toml:2:5` must be UTF-8
    hint: save it as UTF-8
    ");
}
