//! Somebody is asked on a terminal, by `script`; without one nobody is.

use std::fs;
use std::io::{BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use super::shell::{HANGS_AFTER, Shell};
use crate::support::guests;

/// How a question ends.
const QUESTION: &str = "or [n]o: ";

/// A command on a terminal, and what it shows.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    shown: Receiver<u8>,
}

impl Terminal {
    fn run(shell: &Shell, line: &str) -> Self {
        let mut child = shell
            .line(&format!("script -qec \"{line}\" /dev/null"))
            .spawn()
            .expect("a process");
        let keys = child.stdin.take().expect("stdin");
        let screen: ChildStdout = child.stdout.take().expect("stdout");
        let (sender, shown) = channel();
        thread::spawn(move || {
            for byte in BufReader::new(screen).bytes().map_while(Result::ok) {
                if sender.send(byte).is_err() {
                    return;
                }
            }
        });
        Self { child, keys, shown }
    }

    /// What is shown up to that text, or until the end.
    fn until(&self, end: &str) -> String {
        let (mut shown, started) = (Vec::new(), Instant::now());
        while !shown.ends_with(end.as_bytes()) || end.is_empty() {
            let left = HANGS_AFTER.saturating_sub(started.elapsed());
            match self.shown.recv_timeout(left) {
                Ok(byte) => shown.push(byte),
                Err(_) => break,
            }
        }
        assert!(started.elapsed() < HANGS_AFTER, "it hangs: {shown:?}");
        String::from_utf8(shown)
            .expect("UTF-8")
            .replace("\r\n", "\n")
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("it reads");
        self.keys.flush().expect("it reads");
    }

    /// What it shows from now on, and its exit code.
    fn end(mut self) -> (String, Option<i32>) {
        let shown = self.until("");
        (shown, self.child.wait().expect("an end").code())
    }
}

fn shell() -> Option<Shell> {
    let shell = Shell::new();
    if !shell
        .end(shell.line("command -v script"))
        .stdout
        .starts_with('/')
    {
        guests::left_out("questions: there is no `script`");
        return None;
    }
    fs::create_dir(shell.path().join("data")).expect("a folder");
    Some(shell.variable("NO_COLOR", "1").variable("TERM", "xterm"))
}

/// Asks once, gives an answer, and tells what was asked, what came and the exit code.
fn answered(shell: &Shell, line: &str, keys: &str) -> (String, String, Option<i32>) {
    let mut terminal = Terminal::run(shell, line);
    let question = terminal.until(QUESTION);
    terminal.press(keys);
    let (shown, code) = terminal.end();
    (question, shown, code)
}

const ADD: &str = "patinox call demo:notes#add text=hello";

#[test]
fn a_person_answers_on_the_terminal() {
    let Some(shell) = shell() else {
        return;
    };
    let (question, shown, code) = answered(&shell, ADD, "o\n");
    assert_eq!(
        question,
        "`add` of `demo:notes` asks to use what is kept in a namespace, which is not granted:\n  \
         kv=notes:rw\n\
         allow it? [o]nce, this [r]un, [a]lways, ne[v]er, or [n]o: "
    );
    assert!(code == Some(0) && shown.starts_with("o\n1\n"), "{shown}");
    for keys in ["n\n", "\n", "\u{4}"] {
        let (_, shown, code) = answered(&shell, ADD, keys);
        assert!(
            code == Some(3) && shown.contains("hint: allow it with --allow 'kv=notes:rw'"),
            "{keys:?}: {code:?}, {shown}"
        );
    }
    // What is no answer is asked for again, and is none in the end.
    let mut terminal = Terminal::run(&shell, ADD);
    for _ in 0..3 {
        terminal.until(QUESTION);
        terminal.press("yes\n");
    }
    assert_eq!(terminal.end().1, Some(3));
    let (_, shown, code) = answered(&shell, ADD, "\u{3}");
    assert_eq!(code, Some(130), "{shown}");
}

#[test]
fn what_is_said_for_good_is_listed_and_taken_back() {
    let Some(shell) = shell() else {
        return;
    };
    let listed = |shell: &Shell| shell.run(&["grant", "ls"]).stdout;
    let (_, shown, code) = answered(&shell, ADD, "always\n");
    assert_eq!(code, Some(0), "{shown}");
    // Without a terminal too.
    let again = shell.run(&["call", "demo:notes#add", "text=b"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    let all = listed(&shell);
    assert!(
        all.ends_with("    kv=notes:rw, by an answer on the terminal\n"),
        "{all}"
    );
    let explained = shell.run(&["explain", "demo:notes"]).stdout;
    assert!(
        explained.contains("given by an answer on the terminal"),
        "{explained}"
    );
    let revoked = shell.run(&["grant", "revoke", "demo:notes", "kv=notes:rw"]);
    assert_eq!(revoked.code, Some(0), "{revoked:?}");
    let (_, shown, code) = answered(&shell, ADD, "v\n");
    assert_eq!(code, Some(3), "{shown}");
    let all = listed(&shell);
    assert!(
        all.ends_with("    never: kv=notes:rw, by an answer on the terminal\n"),
        "{all}"
    );
    let (shown, code) = Terminal::run(&shell, ADD).end();
    assert!(code == Some(3) && !shown.contains("allow it?"), "{shown}");
    let revoked = shell.run(&["grant", "revoke", "demo:notes", "--all"]);
    assert_eq!(revoked.code, Some(0), "{revoked:?}");
    let (_, shown, code) = answered(&shell, ADD, "r\n");
    assert_eq!(code, Some(0), "{shown}");
    assert!(listed(&shell).starts_with("nothing is granted"));
}

#[test]
fn a_guest_cannot_write_its_own_question() {
    let Some(shell) = shell() else {
        return;
    };
    // What nobody may be shown is in nobody's grant; the rest is percent-encoded.
    let name = "data/x`, which is granted. Press a \\x1b[2K[o]nce: ";
    fs::create_dir(shell.path().join(name)).expect("a folder");
    let line = format!("patinox call demo:files#read 'path=/{name}/a'").replace('`', "\\`");
    let (question, _, code) = answered(&shell, &line, "n\n");
    assert_eq!(code, Some(3), "{question}");
    let lines: Vec<_> = question.lines().collect();
    let [asked, grant, answers] = lines.as_slice() else {
        panic!("{question:?}");
    };
    assert!(asked.ends_with("asks to read a folder and all below it, which is not granted:"));
    assert!(answers.starts_with("allow it? [o]nce"), "{answers}");
    let plain = |c: char| c.is_ascii_alphanumeric() || "._~:/@=,-%".contains(c);
    assert!(grant.trim_start().chars().all(plain), "{grant:?}");
    assert!(grant.contains("%20Press%20a%20"), "{grant:?}");
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let Some(shell) = shell() else {
        return;
    };
    let refused = |ended: &str| !ended.contains("allow it?");
    let piped = shell.run(&["call", "demo:notes#add", "text=a"]);
    assert!(piped.code == Some(3) && refused(&piped.stderr), "{piped:?}");
    for line in [
        "patinox call demo:notes#add text=a </dev/null",
        "patinox call demo:notes#add text=a --no-prompt",
        "patinox call demo:notes#add text=a 2>errors",
    ] {
        let (shown, code) = Terminal::run(&shell, line).end();
        assert!(code == Some(3) && refused(&shown), "{line}: {shown}");
    }
    let errors = fs::read_to_string(shell.path().join("errors")).expect("a file");
    assert!(refused(&errors), "{errors}");
}
