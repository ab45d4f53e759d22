//! The screen, in a terminal.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::super::shell::{HANGS_AFTER, Shell};
use super::{at_work, host, shell};
use crate::support::guests;

/// A terminal with a shell in it, until this is dropped.
struct Terminal<'a> {
    shell: &'a Shell,
}

impl<'a> Terminal<'a> {
    /// `None` where there is no `tmux`.
    fn start(shell: &'a Shell, size: [&str; 2]) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            guests::left_out("the screen of `patinox top`: no `tmux`");
            return None;
        }
        let this = Self { shell };
        let [width, height] = size;
        let program = "PS1='$ ' exec sh";
        this.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            width,
            "-y",
            height,
            program,
        ]);
        this.until("a prompt", |seen| seen.contains('$'));
        Some(this)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.shell.line("exec tmux \"$@\"");
        command.arg("tmux").args(words);
        command.env("TMUX_TMPDIR", self.shell.path());
        command
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8");
        command
    }

    fn tmux(&self, words: &[&str]) -> String {
        let output = self.command(words).output().expect("tmux");
        let Output {
            status,
            stdout,
            stderr,
        } = output;
        assert!(
            status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&stderr)
        );
        String::from_utf8(stdout).expect("UTF-8")
    }

    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn seen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Looks until there is what is waited for.
    fn until(&self, what: &str, is_there: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        loop {
            let seen = self.seen();
            if is_there(&seen) {
                return seen;
            }
            assert!(began.elapsed() < HANGS_AFTER, "{what}:\n{seen}");
            let (_sender, never) = std::sync::mpsc::channel::<()>();
            let _ = never.recv_timeout(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing to end.
        drop(self.command(&["kill-server"]).output());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_person_watches_two_hosts() {
    let (shell, folder) = shell();
    let (_busy, _text, _calls) = at_work(&folder).await;
    let _idle = host(&folder);
    let watched = tokio::task::spawn_blocking(move || watch(&shell));
    watched.await.expect("it is as it should be");
}

/// Of the terminal's settings, to compare.
const SETTINGS: &str = "stty -g";

fn watch(shell: &Shell) {
    let Some(terminal) = Terminal::start(shell, ["80", "24"]) else {
        return;
    };
    let pid = std::process::id();
    terminal.keys(&[
        &format!("{SETTINGS} > before; patinox top; echo code $?"),
        "Enter",
    ]);
    let seen = terminal.until("rates", |seen| seen.contains("/s)"));
    let lines: Vec<_> = seen.lines().collect();
    assert!(lines[0].starts_with(" patinox top "), "{seen}");
    assert!(seen.contains("tools 1-1 of 1 by calls"), "{seen}");
    assert!(seen.contains("\n count "), "{seen}");
    assert!(seen.contains("alerts and health"), "{seen}");
    assert!(lines[23].starts_with(" q leave"), "{seen}");
    assert_eq!(seen.matches(&pid.to_string()).count(), 2, "{seen}");

    terminal.keys(&["Tab"]);
    terminal.until("the idle host", |seen| seen.contains("tools none"));
    terminal.keys(&["BTab"]);
    terminal.until("the busy one", |seen| seen.contains("tools 1-1 of 1"));
    terminal.keys(&["n", "r"]);
    terminal.until("another order", |seen| seen.contains("by name, reversed"));
    terminal.keys(&["/", "q", "u", "x"]);
    terminal.until("a filter", |seen| {
        seen.contains("filter: qux_") && seen.contains("tools none")
    });
    terminal.keys(&["Escape"]);
    terminal.until("no filter", |seen| seen.contains("tools 1-1 of 1"));
    // It follows the terminal's size.
    terminal.tmux(&["resize-window", "-x", "120", "-y", "40"]);
    terminal.until("more columns", |seen| {
        seen.contains("POLICY") && seen.lines().count() == 40
    });

    for way in [&["q"][..], &["Escape"], &["C-c"]] {
        terminal.keys(way);
        let seen = terminal.until("the end", |seen| seen.contains("code 0"));
        assert!(!seen.contains("patinox top  "), "{seen}");
        terminal.keys(&[
            &format!("{SETTINGS} | cmp - before && echo as be''fore"),
            "Enter",
        ]);
        terminal.until("the settings", |seen| seen.contains("as before"));
        terminal.keys(&["clear; patinox top; echo code $?", "Enter"]);
        terminal.until("the screen", |seen| seen.contains(" q leave"));
    }
    terminal.keys(&["q"]);
    terminal.until("the end", |seen| seen.contains("code 0"));
    // Whoever ends it from outside leaves the terminal as it was too.
    for signal in [Signal::TERM, Signal::INT] {
        terminal.keys(&[
            "clear; sh -c 'echo $$ > pid; exec patinox top'; echo code $?",
            "Enter",
        ]);
        terminal.until("the screen", |seen| seen.contains(" q leave"));
        let pid = std::fs::read_to_string(shell.path().join("pid")).expect("a file");
        let pid = pid.trim().parse().ok().and_then(Pid::from_raw);
        rustix::process::kill_process(pid.expect("a process"), signal).expect("it runs");
        let seen = terminal.until("the end", |seen| seen.contains("code 0"));
        assert!(!seen.contains(" q leave"), "{seen}");
        terminal.keys(&[
            &format!("{SETTINGS} | cmp - before && echo as be''fore"),
            "Enter",
        ]);
        terminal.until("the settings", |seen| seen.contains("as before"));
    }
}
