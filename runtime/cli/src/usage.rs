//! A command line that clap refused, in our own words: clap's take several
//! lines and another tone, and a program reads one.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use patinox_policy::Fault;
use serde_json::Value;

use crate::again::Again;
use crate::args::{self, Args};
use crate::error::Error;
use crate::exit;
use crate::output::Output;
use crate::source::shown;

/// Answers what clap did not turn into a command: help, or a mistake.
pub(crate) fn answer(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let json = args::asks_for_json(arguments);
    let output = Output::new(json, false);
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion if json => {
            let text = error.to_string();
            output.done(&Value::from(text.trim_end()), "")
        }
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A closed stdout leaves nobody to tell.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if !json => {
            let _ = error.print();
            exit::code(Fault::Caller)
        }
        _ => output.fail(&refusal(error, arguments)),
    }
}

fn refusal(error: &clap::Error, arguments: &[OsString]) -> Error {
    let verb = verb(arguments);
    let help = help(verb.as_deref(), arguments);
    let (message, hint) = match error.kind() {
        ErrorKind::InvalidSubcommand => unknown_command(error, arguments),
        ErrorKind::UnknownArgument => unknown_argument(error, verb.as_deref()),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => invalid_value(error),
        ErrorKind::MissingRequiredArgument => {
            let what = names(error, ContextKind::InvalidArg).join(" and ");
            let verb = verb.unwrap_or_else(|| "patinox".to_owned());
            (format!("`{verb}` needs {what}"), None)
        }
        ErrorKind::ArgumentConflict => conflict(error),
        ErrorKind::TooManyValues => {
            let name = text(error, ContextKind::InvalidArg);
            (format!("`{name}` takes no value"), None)
        }
        ErrorKind::InvalidUtf8 => ("an argument is not UTF-8 text".to_owned(), None),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let hint = format!("the commands are {}", listed(&commands_of(verb.as_deref())));
            let message = match verb {
                Some(verb) => format!("`{verb}` needs a command"),
                None => "no command is given".to_owned(),
            };
            (message, Some(hint))
        }
        _ => (first_line(error), None),
    };
    Error::Usage {
        message,
        hint: hint.unwrap_or(help),
    }
}

/// The verb of the command line, if it has one that exists.
fn verb(arguments: &[OsString]) -> Option<String> {
    let known = commands();
    let mut words = arguments.iter().skip(1).filter_map(|word| word.to_str());
    words
        .find(|word| known.iter().any(|known| known == word))
        .map(str::to_owned)
}

fn commands() -> Vec<String> {
    commands_of(None)
}

/// The commands of the program, or of a verb that has its own.
fn commands_of(verb: Option<&str>) -> Vec<String> {
    let program = Args::command();
    let command = verb.and_then(|verb| program.find_subcommand(verb));
    let commands = command.unwrap_or(&program).get_subcommands();
    commands
        .map(|command| command.get_name().to_owned())
        .collect()
}

fn help(verb: Option<&str>, arguments: &[OsString]) -> String {
    let command = Again::new(arguments).command(verb.into_iter().chain(["--help"]));
    format!("`{command}` shows what there is")
}

fn unknown_command(error: &clap::Error, arguments: &[OsString]) -> (String, Option<String>) {
    let name = text(error, ContextKind::InvalidSubcommand);
    let near = names(error, ContextKind::SuggestedSubcommand);
    // What stands before it is the verb that has no such command.
    let before = arguments.iter().take_while(|word| **word != *name);
    let verb = verb(&before.cloned().collect::<Vec<_>>());
    // The nearest stands last.
    let hint = match near.last() {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the commands are {}", listed(&commands_of(verb.as_deref()))),
    };
    let name = verb.map_or(name.clone(), |verb| format!("{verb} {name}"));
    (format!("there is no command `{name}`"), Some(hint))
}

fn unknown_argument(error: &clap::Error, verb: Option<&str>) -> (String, Option<String>) {
    let name = text(error, ContextKind::InvalidArg);
    if !name.starts_with('-') {
        let verb = verb.unwrap_or("patinox");
        return (format!("`{verb}` does not take `{name}`"), None);
    }
    let near = names(error, ContextKind::SuggestedArg);
    let hint = near.first().map(|near| format!("did you mean `{near}`?"));
    (format!("there is no option `{name}`"), hint)
}

fn invalid_value(error: &clap::Error) -> (String, Option<String>) {
    let name = text(error, ContextKind::InvalidArg);
    let value = text(error, ContextKind::InvalidValue);
    let valid = names(error, ContextKind::ValidValue);
    let example = valid.first().map(|value| match name.starts_with('-') {
        true => format!("write it like `{name} {value}`"),
        false => format!("write it like `{value}`"),
    });
    let message = match (value.is_empty(), valid.is_empty()) {
        (true, _) => format!("`{name}` needs a value"),
        (false, true) => format!("`{name}` does not take `{value}`"),
        (false, false) => {
            let valid = listed(&valid);
            format!("`{name}` must be one of {valid}, not `{value}`")
        }
    };
    (message, example)
}

fn conflict(error: &clap::Error) -> (String, Option<String>) {
    let name = text(error, ContextKind::InvalidArg);
    match names(error, ContextKind::PriorArg).first() {
        Some(other) if *other != name => (
            format!("`{name}` and `{other}` do not go together"),
            Some("give one of them".to_owned()),
        ),
        _ => (
            format!("`{name}` is given twice"),
            Some("give it once".to_owned()),
        ),
    }
}

/// What clap says in its first line, for a mistake that has no words of ours.
fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    shown(line.trim_start_matches("error: ").trim_end_matches(':'))
}

fn text(error: &clap::Error, kind: ContextKind) -> String {
    names(error, kind).into_iter().next().unwrap_or_default()
}

/// The names in a piece of clap's context, without what describes them.
fn names(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    let names = match error.get(kind) {
        Some(ContextValue::String(name)) => vec![name.clone()],
        Some(ContextValue::Strings(names)) => names.clone(),
        _ => Vec::new(),
    };
    names.iter().map(|name| bare(name, kind)).collect()
}

/// `--output <FORMAT>` is `--output`, `<SHELL>` is `SHELL`.
fn bare(name: &str, kind: ContextKind) -> String {
    if !matches!(kind, ContextKind::InvalidArg | ContextKind::PriorArg) {
        return shown(name);
    }
    let name = match name.strip_prefix('<') {
        Some(positional) => positional.trim_end_matches("...").trim_end_matches('>'),
        None if name.starts_with('-') => name.split(' ').next().unwrap_or(name),
        None => name,
    };
    shown(name.trim_end_matches("..."))
}

fn listed(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;
    use patinox_policy::Failure as _;

    #[track_caller]
    fn told(line: &str) -> String {
        let words: Vec<_> = line.split(' ').map(OsString::from).collect();
        let error = Args::try_parse_from(&words).expect_err("a wrong command line");
        let refusal = refusal(&error, &words);
        format!("{refusal} | {}", refusal.hint().unwrap_or_default())
    }

    #[test]
    fn mistakes_are_told_in_a_line() {
        let texts = [
            told("patinox frob"),
            told("patinox insect tool.wasm"),
            told("patinox -o json"),
            told("patinox -o json cache"),
            told("patinox cache frob"),
            told("patinox cache cler"),
            told("patinox cache ls tool.wasm"),
            told("patinox call"),
            told("patinox demo tool.wasm"),
            told("patinox call tool.wasm --limt wall=1s"),
            told("patinox call tool.wasm --frob"),
            told("patinox call tool.wasm --limit"),
            told("patinox doctor -o xml"),
            told("patinox doctor -o"),
            told("patinox doctor -o json -o json"),
            told("patinox doctor -q -v"),
            told("patinox completions"),
            told("patinox completions tcsh"),
            told("patinox doctor --quiet=yes"),
        ];
        insta::assert_snapshot!(texts.join("\n"), @"
        there is no command `frob` | the commands are `demo`, `call`, `inspect`, `explain`, `install`, `ls`, `show`, `rm`, `verify`, `grant`, `audit`, `trust`, `precompile`, `cache`, `doctor`, `top`, `completions`
        there is no command `insect` | did you mean `inspect`?
        no command is given | the commands are `demo`, `call`, `inspect`, `explain`, `install`, `ls`, `show`, `rm`, `verify`, `grant`, `audit`, `trust`, `precompile`, `cache`, `doctor`, `top`, `completions`
        `cache` needs a command | the commands are `ls`, `clear`
        there is no command `cache frob` | the commands are `ls`, `clear`
        there is no command `cache cler` | did you mean `clear`?
        `cache` does not take `tool.wasm` | `patinox cache --help` shows what there is
        `call` needs COMPONENT[#TOOL] | `patinox call --help` shows what there is
        `demo` does not take `tool.wasm` | `patinox demo --help` shows what there is
        there is no option `--limt` | did you mean `--limit`?
        there is no option `--frob` | `patinox call --help` shows what there is
        `--limit` needs a value | `patinox call --help` shows what there is
        `--output` must be one of `text`, `json`, not `xml` | write it like `--output text`
        `--output` needs a value | write it like `--output text`
        `--output` is given twice | give it once
        `--quiet` and `--verbose` do not go together | give one of them
        `completions` needs SHELL | `patinox completions --help` shows what there is
        `SHELL` must be one of `bash`, `elvish`, `fish`, `powershell`, `zsh`, not `tcsh` | write it like `bash`
        `--quiet` takes no value | `patinox doctor --help` shows what there is
        ");
    }
}
