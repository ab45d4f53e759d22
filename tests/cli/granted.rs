//! What is granted in every process, and taken back there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use insta::assert_snapshot;

use super::refusals::refused;
use super::shell::{HANGS_AFTER, Shell};
use crate::support::guests;

/// Within what it has to act in another process.
const WITHIN: Duration = Duration::from_millis(100);

/// How often it is tried: other tests run on the same cores.
const ROUNDS: usize = 5;

fn shell() -> Option<Shell> {
    let probe = guests::built("fixture-probe")?;
    let shell = Shell::new().file("probe.wasm", probe);
    fs::create_dir(shell.path().join("data")).expect("a folder");
    Some(shell.file("data/a.txt", "inside"))
}

/// Runs something that has to go well.
#[track_caller]
fn done(shell: &Shell, arguments: &[&str]) -> String {
    let ended = shell.run(arguments);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout
}

/// As the list has it.
fn named(shell: &Shell) -> String {
    shell
        .path()
        .join("probe.wasm")
        .to_string_lossy()
        .into_owned()
}

/// The exit code of a call that reads a file.
fn reads(shell: &Shell, component: &str) -> Option<i32> {
    let tool = format!("{component}#read-file");
    shell.run(&["call", &tool, "path=/data/a.txt"]).code
}

#[test]
fn what_is_granted_counts_for_these_bytes_until_it_is_revoked() {
    let Some(shell) = shell() else {
        return;
    };
    let copied = fs::read(shell.path().join("probe.wasm")).expect("a file");
    let mut other = copied.clone();
    // A section of a name, and nothing else.
    other.extend([0, 2, 1, b'x']);
    let shell = shell.file("copy.wasm", copied).file("other.wasm", other);
    assert_eq!(reads(&shell, "probe.wasm"), Some(3));
    let grant = "fs=./data:ro@/data";
    let told = done(
        &shell,
        &["grant", "add", "probe.wasm", grant, "config=key=s3cr3t"],
    );
    assert!(told.contains(grant) && !told.contains("s3cr3t"), "{told}");
    for (component, code) in [("probe.wasm", 0), ("copy.wasm", 0), ("other.wasm", 3)] {
        assert_eq!(reads(&shell, component), Some(code), "{component}");
    }
    let listed = done(&shell, &["grant", "ls"]);
    let place = shell.path().join("data");
    let line = format!(
        "    fs={}:ro@/data, by `patinox grant add`\n",
        place.display()
    );
    assert!(
        listed.contains(&line) && !listed.contains("s3cr3t"),
        "{listed}"
    );
    let explained = done(&shell, &["explain", "probe.wasm"]);
    assert!(
        explained.contains("given by `patinox grant add`"),
        "{explained}"
    );
    // A denial of a file wins over it.
    let denied = format!(
        "[[components]]\npath = \"probe.wasm\"\ndeny = [\"fs={}\"]\n",
        place.display()
    );
    fs::write(shell.path().join("patinox.toml"), denied).expect("a file");
    assert_eq!(reads(&shell, "probe.wasm"), Some(2));
    fs::remove_file(shell.path().join("patinox.toml")).expect("a file");
    // Under its name, whatever bytes it has: both that it had, and none of others.
    done(&shell, &["grant", "add", "probe.wasm", "kv=x:rw"]);
    fs::copy(
        shell.path().join("other.wasm"),
        shell.path().join("probe.wasm"),
    )
    .expect("a file");
    done(&shell, &["grant", "add", "probe.wasm", "kv=x:rw"]);
    let refused = shell.run(&["grant", "revoke", "probe.wasm", "env=TOKEN=s3cr3t"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(!refused.stderr.contains("s3cr3t"), "{refused:?}");
    let revoked = done(&shell, &["grant", "revoke", &named(&shell), "kv=x:rw"]);
    assert_eq!(revoked.matches("kv=x:rw").count(), 2, "{revoked}");
    // What is listed can be revoked when its file is gone.
    fs::remove_file(shell.path().join("probe.wasm")).expect("a file");
    done(&shell, &["grant", "revoke", &named(&shell), grant]);
    assert_eq!(reads(&shell, "copy.wasm"), Some(3));
    done(&shell, &["grant", "revoke", "copy.wasm", "--all"]);
    let nothing = done(&shell, &["grant", "ls"]);
    assert!(nothing.starts_with("nothing is granted"), "{nothing}");
}

#[test]
fn what_cannot_be_granted_is_not_kept() {
    let Some(shell) = shell() else {
        return;
    };
    let told = [
        &["add", "probe.wasm#read-file", "kv=x:rw"][..],
        &["add", "probe.wasm", "kv=x:all"],
        &["add", "probe.wasm", "model=fast"],
        &["add", "probe.wasm", "fs=./nowhere:ro@/data"],
        &["add", "probe.wasm", "kv=x:rw", "env=A=1", "env=A=2"],
        &["add", "probe.wasm", "kv=x:rw", "--for", "0s"],
        &["add", "probe.wasm", "kv=x:rw", "--for", "1y"],
        &["add", "probe.wasm", "kv=x:rw", "--for", "300000h"],
        &["add", "nobody", "kv=x:rw"],
        &["revoke", "probe.wasm", "kv=x:rw"],
        &["revoke", "probe.wasm"],
        &["revoke", "probe.wasm", "--all"],
        &["revoke", "nobody", "--all"],
    ]
    .map(|arguments| {
        let all: Vec<_> = ["grant"].iter().chain(arguments).copied().collect();
        refused(&shell, &all).replace(&shell.path().display().to_string(), "HERE")
    });
    assert_snapshot!(told.join("\n\n"), @"
    exit 2, caller/usage
    error: `probe.wasm#read-file` names a tool
    hint: a component is granted something with all its tools: leave out `#read-file`

    exit 2, caller/invalid-config
    error: `kv=x:all` is no grant: it is `NAMESPACE:ro` (read) or `NAMESPACE:rw` (read and write)
    hint: write it like `kv=notes:rw`

    exit 2, caller/invalid-config
    error: `model=fast` cannot be granted yet: this host knows `fs`, `env`, `config`, `kv`, `clock`, `random` and `import` alone
    hint: leave it out: nothing comes of it

    exit 2, caller/not-found
    error: the folder that is granted as `/data` cannot be opened: No such file or directory (os error 2)
    hint: make it, or name another one: `fs=./data:ro@/data`

    exit 2, caller/invalid-config
    error: `env=A=…` gives a name that `env=A=…` gives to something else
    hint: leave one of them out; `patinox explain` and `patinox grant ls` show who gave it

    exit 2, caller/usage
    error: `--for 0s` must be more than nothing
    hint: write it like `90s`, `30m` or `8h`

    exit 2, caller/usage
    error: `--for 1y` must be in `ms`, `s`, `m` or `h`
    hint: write it like `90s`, `30m` or `8h`

    exit 2, caller/usage
    error: `--for 300000h` must be at most thirty years
    hint: write it like `90s`, `30m` or `8h`

    exit 2, caller/not-found
    error: `nobody` is not installed
    hint: give the path of a component, like `./nobody.wasm`; `patinox ls` shows what is installed

    exit 2, caller/usage
    error: no `kv=x:rw` is granted to `probe.wasm` by `patinox grant`
    hint: `patinox grant ls` shows what is; files grant too: `patinox explain` shows by whom

    exit 2, caller/usage
    error: nothing is named that is to be taken back
    hint: `patinox grant` has granted it nothing

    exit 2, caller/usage
    error: nothing is granted to `probe.wasm` by `patinox grant`
    hint: `patinox grant ls` shows what is; files grant too: `patinox explain` shows by whom

    exit 2, caller/not-found
    error: `nobody` is not installed
    hint: give the path of a component, like `./nobody.wasm`; `patinox ls` shows what is installed
    ");
}

#[test]
fn its_own_folder_is_granted_to_nobody() {
    let Some(shell) = shell() else {
        return;
    };
    let own = "fs=./.local/state/patinox/grants:rw@/data";
    done(&shell, &["grant", "add", "probe.wasm", "kv=x:rw"]);
    assert_eq!(
        shell.run(&["grant", "add", "probe.wasm", own]).code,
        Some(2)
    );
    let listed = done(&shell, &["grant", "ls"]);
    assert_eq!(listed.matches(", by ").count(), 1, "{listed}");
}

#[test]
fn what_is_kept_in_a_wrong_place_or_form_grants_nothing() {
    let Some(shell) = shell() else {
        return;
    };
    done(
        &shell,
        &["grant", "add", "probe.wasm", "fs=./data:ro@/data"],
    );
    let shell = shell.mode(".local/state/patinox/grants", 0o755);
    assert_eq!(reads(&shell, "probe.wasm"), Some(2));
    let shell = shell.mode(".local/state/patinox/grants", 0o700);
    assert_eq!(reads(&shell, "probe.wasm"), Some(0));
    let file = shell.path().join(".local/state/patinox/grants/grants.json");
    let kept = fs::read_to_string(&file).expect("a file");
    fs::write(&file, kept.replace("fs=", "all=")).expect("a file");
    let ended = shell.run(&["call", "probe.wasm#read-file", "path=/data/a.txt"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("remove `grants.json`"), "{ended:?}");
}

#[test]
fn a_name_cannot_forge_a_line_of_what_is_granted() {
    let Some(shell) = shell() else {
        return;
    };
    let name = "x\n    kv=mine:rw, by you\u{1b}[2K.wasm";
    let probe = fs::read(shell.path().join("probe.wasm")).expect("a file");
    let shell = shell.file(name, probe);
    let told = done(&shell, &["grant", "add", name, "kv=x:rw"]);
    let listed = done(&shell, &["grant", "ls"]);
    for text in [told, listed] {
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(
            !text
                .lines()
                .any(|line| line.contains("kv=mine") && !line.contains("x\\n")),
            "{text}"
        );
    }
}

/// A call in another process that only keeps a file open.
struct Holds<'a> {
    shell: &'a Shell,
    call: Child,
}

impl<'a> Holds<'a> {
    fn a_file(shell: &'a Shell) -> Self {
        let arguments = [
            "call",
            "probe.wasm#stay-with",
            "path=/data/a.txt",
            "how=hold",
            "--limit",
            "wall=60s",
            "--limit",
            "fuel=100T",
        ];
        let call = shell.patinox(&arguments).spawn().expect("a process");
        let holds = Self { shell, call };
        holds.until(true);
        holds
    }

    fn has_open(&self) -> bool {
        let file = self.shell.path().join("data/a.txt");
        let open = PathBuf::from(format!("/proc/{}/fd", self.call.id()));
        let open = fs::read_dir(open).into_iter().flatten().flatten();
        let mut targets = open.filter_map(|one| fs::read_link(one.path()).ok());
        targets.any(|target| target == file)
    }

    /// Waits until the file is open or closed.
    fn until(&self, is_open: bool) {
        let started = Instant::now();
        while self.has_open() != is_open {
            assert!(started.elapsed() < HANGS_AFTER, "it stays as it is");
            assert!(Path::new(&format!("/proc/{}", self.call.id())).exists());
            std::thread::yield_now();
        }
    }
}

impl Drop for Holds<'_> {
    fn drop(&mut self) {
        let _ = self.call.kill();
        let _ = self.call.wait();
    }
}

#[test]
fn what_is_revoked_ends_in_another_process() {
    let Some(shell) = shell() else {
        return;
    };
    let grant = "fs=./data:ro@/data";
    let mut fastest = Duration::MAX;
    for _ in 0..ROUNDS {
        done(&shell, &["grant", "add", "probe.wasm", grant]);
        let holds = Holds::a_file(&shell);
        done(&shell, &["grant", "revoke", "probe.wasm", grant]);
        let revoked = Instant::now();
        holds.until(false);
        fastest = fastest.min(revoked.elapsed());
    }
    assert!(fastest < WITHIN, "{fastest:?}");
}

#[test]
fn what_is_granted_for_longer_stays_open() {
    let Some(shell) = shell() else {
        return;
    };
    let add = |lasting| {
        let grant = "fs=./data:ro@/data";
        done(
            &shell,
            &["grant", "add", "probe.wasm", grant, "--for", lasting],
        );
    };
    // It is compiled by then.
    assert_eq!(reads(&shell, "probe.wasm"), Some(3));
    add("3s");
    let began = Instant::now();
    let holds = Holds::a_file(&shell);
    add("6s");
    while began.elapsed() < Duration::from_secs(4) {
        assert!(holds.has_open(), "{:?}", began.elapsed());
        std::thread::yield_now();
    }
    holds.until(false);
    assert!(Duration::from_secs(5) < began.elapsed());
}

#[test]
fn what_was_granted_for_a_while_ends_in_a_call_that_runs() {
    let Some(shell) = shell() else {
        return;
    };
    // It is compiled by then.
    assert_eq!(reads(&shell, "probe.wasm"), Some(3));
    done(
        &shell,
        &[
            "grant",
            "add",
            "probe.wasm",
            "fs=./data:ro@/data",
            "--for",
            "2s",
        ],
    );
    let granted = Instant::now();
    let holds = Holds::a_file(&shell);
    holds.until(false);
    assert!(Duration::from_millis(1_900) < granted.elapsed());
    drop(holds);
    assert_eq!(reads(&shell, "probe.wasm"), Some(3));
    let listed = done(&shell, &["grant", "ls"]);
    assert!(listed.starts_with("nothing is granted"), "{listed}");
}
