//! Runs the tools of a toolchain and keeps what they say.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use patinox_policy::escape_block;

use crate::Error;
use crate::environment::Environment;
use crate::program::is_at_least;

/// How much of the end of a tool's output an error repeats, in bytes. With the
/// text before it it stays below what a message may have.
const MAX_TAIL_BYTES: usize = 3 << 10;

/// What a finished tool left.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    /// The last lines of its standard error.
    pub(crate) tail: String,
}

/// Runs a command to its end, and tells each line of its standard error while
/// it runs.
///
/// The two streams are read at the same time, so neither can fill its pipe
/// while we wait for the other.
pub(crate) fn run(command: &mut Command, on_line: &mut dyn FnMut(&str)) -> Result<Finished, Error> {
    let program = command_name(command.get_program());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let finished = command
        .spawn()
        .and_then(|mut child| attend(&mut child, on_line));
    finished.map_err(|source| Error::Start { program, source })
}

fn attend(child: &mut Child, on_line: &mut dyn FnMut(&str)) -> io::Result<Finished> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || read_all(stdout));
        let tail = stderr.map_or_else(|| Ok(String::new()), |stderr| follow(stderr, on_line));
        let stdout = reader
            .join()
            .map_err(|_| io::Error::other("the reader of the output panicked"))?;
        Ok(Finished {
            status: child.wait()?,
            stdout: stdout?,
            tail: tail?,
        })
    })
}

fn read_all(stream: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        stream.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn follow(stream: impl Read, on_line: &mut dyn FnMut(&str)) -> io::Result<String> {
    let mut tail = Tail::default();
    for line in BufReader::new(stream).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        let line = escape_block(line.trim_end());
        on_line(&line);
        tail.push(&line);
    }
    Ok(tail.text())
}

/// The last lines of a text.
#[derive(Default)]
struct Tail {
    lines: VecDeque<String>,
    bytes: usize,
}

impl Tail {
    fn push(&mut self, line: &str) {
        let start = line.ceil_char_boundary(line.len().saturating_sub(MAX_TAIL_BYTES));
        let line = line.get(start..).unwrap_or_default();
        self.bytes += line.len() + 1;
        self.lines.push_back(line.to_owned());
        while self.bytes > MAX_TAIL_BYTES + 1 {
            let Some(first) = self.lines.pop_front() else {
                break;
            };
            self.bytes -= first.len() + 1;
        }
    }

    fn text(mut self) -> String {
        self.lines.make_contiguous().join("\n")
    }
}

/// What a command is called, without the folder it lies in.
fn command_name(program: &OsStr) -> String {
    let name = Path::new(program).file_name().unwrap_or(program);
    name.to_string_lossy().into_owned()
}

/// What `rustc -vV` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    /// As in `1.95.0`.
    pub(crate) version: String,
    /// As in `x86_64-unknown-linux-gnu`.
    pub(crate) host: String,
}

impl Release {
    fn parse(text: &str) -> Option<Self> {
        let value = |key| text.lines().find_map(|line| line.strip_prefix(key));
        Some(Self {
            version: value("release: ")?.to_owned(),
            host: value("host: ")?.to_owned(),
        })
    }

    pub(crate) fn is_at_least(&self, least: (u32, u32)) -> bool {
        is_at_least(&self.version, least)
    }
}

/// Asks a compiler for its version; `folder` is where it runs.
pub(crate) fn rustc_release(
    rustc: &OsStr,
    folder: &Path,
    environment: &Environment,
) -> Result<Release, Error> {
    let text = ask(rustc, &["-vV"], folder, environment)?;
    Release::parse(&text).ok_or_else(|| Error::Start {
        program: command_name(rustc),
        source: io::Error::other("it does not tell its version"),
    })
}

/// Runs a program and answers with its standard output.
pub(crate) fn ask(
    program: &OsStr,
    arguments: &[&str],
    folder: &Path,
    environment: &Environment,
) -> Result<String, Error> {
    let mut command = environment.command(program);
    command.args(arguments).current_dir(folder);
    let finished = run(&mut command, &mut |_| {})?;
    if !finished.status.success() {
        return Err(Error::Start {
            program: command_name(program),
            source: io::Error::other(finished.tail),
        });
    }
    Ok(String::from_utf8_lossy(&finished.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_keeps_the_last_lines() {
        let mut tail = Tail::default();
        for number in 0..1_000 {
            tail.push(&format!("line {number}"));
        }
        let text = tail.text();
        assert!(text.ends_with("line 998\nline 999"));
        assert!(text.len() <= MAX_TAIL_BYTES);
    }

    #[test]
    fn the_tail_keeps_the_end_of_a_long_line() {
        let mut tail = Tail::default();
        tail.push(&"é".repeat(MAX_TAIL_BYTES));
        assert_eq!(tail.text().len(), MAX_TAIL_BYTES);
    }

    #[test]
    fn compares_releases_by_number() {
        let release = |version: &str| Release {
            version: version.to_owned(),
            host: String::new(),
        };
        assert!(release("1.96.0").is_at_least((1, 95)));
        assert!(release("1.100.0-nightly").is_at_least((1, 95)));
        assert!(!release("1.63.0").is_at_least((1, 95)));
        assert!(!release("new").is_at_least((1, 95)));
    }

    #[test]
    fn tells_the_tool_that_does_not_start() {
        let mut command = Command::new("/nowhere/no-such-tool");
        let error = run(&mut command, &mut |_| {}).err().unwrap();
        assert_eq!(error.to_string(), "`no-such-tool` does not start");
    }

    #[test]
    fn tells_each_line_and_keeps_the_output() {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "echo out; echo 'one\u{1b}[2J' >&2; echo two >&2; exit 3",
        ]);
        let mut lines = Vec::new();
        let finished = run(&mut command, &mut |line| lines.push(line.to_owned())).unwrap();
        assert_eq!(lines, ["one\\u{1b}[2J", "two"]);
        assert_eq!(finished.tail, "one\\u{1b}[2J\ntwo");
        assert_eq!(finished.stdout, b"out\n");
        assert_eq!(finished.status.code(), Some(3));
    }
}
