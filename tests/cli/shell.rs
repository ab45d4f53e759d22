//! A folder, an environment and a standard input of its own for each run.

use std::ffi::OsString;
use std::io::{Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// When a run is taken for one that hangs.
pub(crate) const HANGS_AFTER: Duration = Duration::from_secs(60);

/// Nobody's own files: the uid of `nobody` wherever there is one.
const NOBODY: u32 = 65_534;

/// Where a command runs.
pub(crate) struct Shell {
    folder: TempDir,
    stdin: Vec<u8>,
    variables: Vec<(&'static str, String)>,
    unprivileged: bool,
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Shell {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            stdin: Vec::new(),
            variables: Vec::new(),
            unprivileged: false,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// With a file in its folder.
    pub(crate) fn file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
        self.mode(name, 0o644)
    }

    /// With this mode on a file.
    pub(crate) fn mode(self, name: &str, mode: u32) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.path().join(name), mode).expect("a mode");
        self
    }

    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    pub(crate) fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// As somebody whom modes bind, which they do not root.
    pub(crate) fn unprivileged(mut self) -> Self {
        self.unprivileged = rustix::process::geteuid().is_root();
        self.mode("", 0o755)
    }

    /// The program with these arguments, not started yet.
    pub(crate) fn patinox(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_patinox"));
        command.arg0("patinox").args(arguments);
        self.prepare(&mut command);
        command
    }

    /// A line for `sh`, which finds the program as `patinox`.
    pub(crate) fn line(&self, line: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", line]);
        self.prepare(&mut command);
        command
    }

    fn prepare(&self, command: &mut Command) {
        let program = Path::new(env!("CARGO_BIN_EXE_patinox"));
        let folder = program.parent().expect("a folder").display();
        command
            .env_clear()
            .env("PATH", format!("{folder}:/usr/local/bin:/usr/bin:/bin"))
            .env("HOME", self.path())
            .env("RUST_BACKTRACE", "1")
            .envs(profile(self.unprivileged))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if self.unprivileged {
            command.uid(NOBODY).gid(NOBODY);
        }
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.end(self.patinox(arguments))
    }

    /// Runs a command to its end, which has to come.
    pub(crate) fn end(&self, mut command: Command) -> Ended {
        let started = Instant::now();
        let mut child = command.spawn().expect("a process");
        let (mut stdin, bytes) = (child.stdin.take().expect("stdin"), self.stdin.clone());
        // Who reads less than there is closes the pipe.
        thread::spawn(move || drop(stdin.write_all(&bytes)));
        let stdout = collect(child.stdout.take().expect("stdout"));
        let stderr = collect(child.stderr.take().expect("stderr"));
        let (stdout, stderr) = (within(&mut child, &stdout), within(&mut child, &stderr));
        // Both are closed, so the process is at its end.
        let code = child.wait().expect("an end").code();
        Ended {
            code,
            stdout,
            stderr,
            took: started.elapsed(),
        }
    }
}

/// Reads to the end, on a thread of its own.
pub(crate) fn collect(mut stream: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).expect("UTF-8");
        drop(read.map(|_| sender.send(text)));
    });
    receiver
}

/// Takes what a stream of the child had, or ends the child.
pub(crate) fn within(child: &mut Child, stream: &mpsc::Receiver<String>) -> String {
    stream.recv_timeout(HANGS_AFTER).unwrap_or_else(|error| {
        let killed = child.kill();
        panic!("the program hangs: {error}, {killed:?}");
    })
}

impl Ended {
    /// The one document on stdout.
    #[track_caller]
    pub(crate) fn document(&self) -> Value {
        let document = serde_json::from_str(&self.stdout);
        assert_eq!(self.stdout.trim_end().lines().count(), 1, "{self:?}");
        document.unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// No panic, no backtrace, and no path of this machine that nobody typed.
    #[track_caller]
    pub(crate) fn assert_no_crash(&self, shell: &Shell) {
        // A guest may crash as it likes, and say so.
        let ours = self
            .stderr
            .lines()
            .filter(|line| !line.starts_with("tool "));
        for line in ours {
            let crashed = ["panicked", "backtrace", "RUST_BACKTRACE"];
            assert!(!crashed.iter().any(|sign| line.contains(sign)), "{self:?}");
        }
        let ours = [
            shell.path().display().to_string(),
            env!("CARGO_MANIFEST_DIR").to_owned(),
        ];
        for path in ours {
            assert!(!self.stderr.contains(&path), "{path}: {self:?}");
            assert!(!self.stdout.contains(&path), "{path}: {self:?}");
        }
    }
}

/// The keys of an object, in their order.
pub(crate) fn keys(value: &Value) -> Vec<&str> {
    let object = value.as_object().expect("an object");
    object.keys().map(String::as_str).collect()
}

/// Where a program whose lines are counted writes that, so that it does not write it
/// into the folder that it runs in; nowhere, for one that could not.
fn profile(unprivileged: bool) -> Option<(&'static str, OsString)> {
    const NAME: &str = "LLVM_PROFILE_FILE";
    #[expect(clippy::disallowed_methods, reason = "what counts lines says so by it")]
    let file = std::env::var_os(NAME)?;
    let file = if unprivileged {
        "/dev/null".into()
    } else {
        file
    };
    Some((NAME, file))
}
