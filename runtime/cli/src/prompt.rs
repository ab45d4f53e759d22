//! Asking at the terminal whether a call may do what it was not granted.

use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use patinox_host::{Answer, Prompt, PromptFuture, Question};
use patinox_policy::{Grant, Mode, escape_line};
use rustix::termios::{QueueSelector, tcflush};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::grants::Grants;
use crate::source::Source;

/// The longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: u64 = 1 << 10;

/// How often one question is asked where the answer is none.
const ATTEMPTS: usize = 3;

/// A person at the terminal.
#[derive(Debug)]
pub(crate) struct AtTerminal {
    /// Its full name.
    component: String,
    /// From where he called.
    folder: Option<PathBuf>,
    grants: Grants,
    /// One question at a time.
    turn: Mutex<()>,
}

impl AtTerminal {
    /// If there is one: somebody reads stderr and types at stdin. Where there is none,
    /// nobody is asked.
    pub(crate) fn new(source: &Source, grants: &Grants) -> Option<Arc<Self>> {
        let is_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        is_terminal.then(|| {
            Arc::new(Self {
                component: source.full_name(),
                folder: std::env::current_dir().ok(),
                grants: grants.clone(),
                turn: Mutex::default(),
            })
        })
    }
}

impl Prompt for AtTerminal {
    fn ask<'a>(&'a self, question: &'a Question) -> PromptFuture<'a> {
        Box::pin(async {
            let _turn = self.turn.lock().await;
            let text = text(&self.component, question, &self.grants);
            let is_kept = question.is_kept;
            // Where nothing can be read there is nobody.
            let asked = spawn_blocking(move || answer(&text, is_kept));
            asked.await.unwrap_or(Answer::No)
        })
    }

    fn component(&self) -> &str {
        &self.component
    }

    fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }
}

/// The question. Nothing in it was chosen by the guest but what stands in the grant, of
/// which all that is not plain is percent-encoded: no line, space or quote of its own.
fn text(component: &str, question: &Question, grants: &Grants) -> String {
    let (component, tool) = (escape_line(component), escape_line(&question.tool));
    let what = wish(&question.grant);
    let grant = grants.as_typed(question.grant.to_string());
    let kept = match question.is_kept {
        true => "[a]lways, ne[v]er, ",
        false => "",
    };
    format!(
        "`{tool}` of `{component}` asks to {what}, which is not granted:\n  {grant}\n\
         allow it? [o]nce, this [r]un, {kept}or [n]o: "
    )
}

/// What a grant allows, in words without anything of the guest's.
fn wish(grant: &Grant) -> &'static str {
    match grant.folder() {
        Some((.., Mode::Read)) => "read a folder and all below it",
        Some((.., Mode::Write)) => "read and change a folder and all below it",
        None => "use what is kept in a namespace",
    }
}

/// Asks until there is an answer. What was typed before the question is none.
fn answer(text: &str, is_kept: bool) -> Answer {
    let stdin = std::io::stdin();
    for _ in 0..ATTEMPTS {
        let _ = tcflush(&stdin, QueueSelector::IFlush);
        let asked = anstream::stderr().write_all(text.as_bytes());
        let mut line = String::new();
        let read = asked.and_then(|()| stdin.lock().take(MAX_ANSWER_BYTES).read_line(&mut line));
        match (read, meant(&line, is_kept)) {
            (Err(_) | Ok(0), _) => break,
            (Ok(_), Some(answer)) => return answer,
            (Ok(_), None) => {}
        }
    }
    Answer::No
}

fn meant(line: &str, is_kept: bool) -> Option<Answer> {
    Some(match line.trim().to_ascii_lowercase().as_str() {
        "" | "n" | "no" => Answer::No,
        "o" | "once" => Answer::Once,
        "r" | "run" | "this run" => Answer::ThisRun,
        "a" | "always" if is_kept => Answer::Always,
        "v" | "never" if is_kept => Answer::Never,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_were_offered_are_answers() {
        for (line, answer) in [
            ("\n", Some(Answer::No)),
            ("n\n", Some(Answer::No)),
            ("Once\n", Some(Answer::Once)),
            (" r \n", Some(Answer::ThisRun)),
            ("a\n", Some(Answer::Always)),
            ("never\n", Some(Answer::Never)),
            ("y\n", None),
            ("yes\n", None),
            ("oa\n", None),
        ] {
            assert_eq!(meant(line, true), answer, "{line:?}");
        }
        assert_eq!(meant("a\n", false), None);
        assert_eq!(meant("never\n", false), None);
    }
}
