//! What a person or a program gets back: data on stdout, all else on stderr.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use patinox_host::Called;
use patinox_policy::{Failure, Report, Usage, escape_block, escape_line};
use serde_json::{Map, Value, json};

use crate::args::{Global, OutputFormat};
use crate::exit;

/// How to print.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
}

impl Output {
    /// By the flags alone, for what fails before the settings are read.
    pub(crate) fn before_settings(global: &Global) -> Self {
        Self::new(global.output == Some(OutputFormat::Json), global.quiet)
    }

    pub(crate) const fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Whether something that moves may be drawn on stderr.
    pub(crate) fn is_live(self) -> bool {
        !self.json && !self.quiet && std::io::stderr().is_terminal()
    }

    /// Prints the result of a command that is no call.
    pub(crate) fn done(self, result: &Value, text: &str) -> ExitCode {
        if self.json {
            print_document(&json!({ "ok": true, "result": result }));
        } else {
            print_stdout(text);
        }
        ExitCode::SUCCESS
    }

    /// Prints why there is no result.
    pub(crate) fn fail(self, failure: &dyn Failure) -> ExitCode {
        self.fail_with(failure, None)
    }

    fn fail_with(self, failure: &dyn Failure, called: Option<&Called>) -> ExitCode {
        let report = Report::of(failure);
        if self.json {
            print_json_failure(&report, called);
        } else {
            print_text_failure(&report);
        }
        exit::code(report.fault)
    }

    /// Prints what came of a call.
    pub(crate) fn called(self, called: &Called) -> ExitCode {
        if !self.json {
            self.print_guest_output(called);
        }
        let code = match &called.result {
            Ok(result) if self.json => {
                print_document(&with_call(json!({ "ok": true, "result": result }), called));
                ExitCode::SUCCESS
            }
            Ok(result) => {
                print_stdout(&text_of(result));
                ExitCode::SUCCESS
            }
            Err(error) => self.fail_with(error, Some(called)),
        };
        if !self.json && !self.quiet {
            print_stderr(&format!("({})", cost(&called.usage)));
        }
        code
    }

    /// What the guest wrote beside its result, marked as the guest's.
    fn print_guest_output(self, called: &Called) {
        if self.quiet {
            return;
        }
        let output = &called.output;
        for (name, text) in [
            ("stdout", &output.stdout),
            ("stderr", &output.stderr),
            ("log", &output.log),
        ] {
            for line in escape_block(text).lines() {
                print_stderr(&format!("tool {name}: {line}"));
            }
        }
    }
}

/// A result as text: a string as it is, anything else as indented JSON.
pub(crate) fn text_of(result: &Value) -> String {
    match result {
        Value::String(text) => escape_block(text).into_owned(),
        Value::Null => String::new(),
        other => escape_block(&format!("{other:#}")).into_owned(),
    }
}

/// What a call cost, in a line.
pub(crate) fn cost(usage: &Usage) -> String {
    format!(
        "fuel {}, memory {}, {}",
        count(usage.fuel),
        bytes(usage.memory_bytes_peak),
        wall(usage)
    )
}

fn wall(usage: &Usage) -> String {
    let micros = u32::try_from(usage.wall.as_micros()).unwrap_or(u32::MAX);
    let millis = f64::from(micros) / 1_000.0;
    if millis < 10.0 {
        format!("{millis:.2} ms")
    } else {
        format!("{millis:.0} ms")
    }
}

/// A count, rounded for people: `1.2M`.
fn count(value: u64) -> String {
    rounded(value, 1_000, &["", "k", "M", "G", "T"])
}

/// A size, rounded for people: `1.2 MiB`.
fn bytes(value: u64) -> String {
    rounded(value, 1_024, &[" B", " KiB", " MiB", " GiB", " TiB"])
}

fn rounded(value: u64, step: u64, units: &[&str]) -> String {
    let mut unit = units.iter();
    let mut name = unit.next().copied().unwrap_or_default();
    let mut tenths = value.saturating_mul(10);
    for next in unit {
        if tenths < step * 10 {
            break;
        }
        (tenths, name) = (tenths / step, next);
    }
    match tenths % 10 {
        0 => format!("{}{name}", tenths / 10),
        tenth => format!("{}.{tenth}{name}", tenths / 10),
    }
}

/// The JSON document of a failure.
pub(crate) fn print_json_failure(report: &Report, called: Option<&Called>) {
    let document = json!({ "ok": false, "error": report });
    match called {
        Some(called) => print_document(&with_call(document, called)),
        None => print_document(&document),
    }
}

/// Adds what the call spent, and what the guest wrote if it wrote anything.
fn with_call(mut document: Value, called: &Called) -> Value {
    let Some(fields) = document.as_object_mut() else {
        return document;
    };
    fields.insert("usage".to_owned(), json!(called.usage));
    let output = &called.output;
    let written = [
        ("stdout", &output.stdout),
        ("stderr", &output.stderr),
        ("log", &output.log),
    ];
    let written: Map<_, _> = written
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| (name.to_owned(), json!(text)))
        .collect();
    if !written.is_empty() {
        fields.insert("output".to_owned(), Value::Object(written));
    }
    document
}

fn print_text_failure(report: &Report) {
    print_stderr(&format!(
        "error: {}",
        escape_line_keeping_spaces(&report.message)
    ));
    if let Some(hint) = &report.hint {
        print_stderr(&format!("hint: {}", escape_block(hint)));
    }
}

/// A message is one line. Guests' parts of it are escaped already; this is for
/// the user's own.
fn escape_line_keeping_spaces(message: &str) -> String {
    if message.contains(patinox_policy::is_unsafe_char) {
        return escape_line(message).into_owned();
    }
    message.to_owned()
}

fn print_document(document: &Value) {
    print_stdout(&document.to_string());
}

/// Prints to stdout. Where nobody reads it any more there is nobody to tell.
pub(crate) fn print_stdout(text: &str) {
    if !text.is_empty() {
        let _ = writeln!(anstream::stdout().lock(), "{text}");
    }
}

/// Prints to stderr.
pub(crate) fn print_stderr(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_for_people() {
        assert_eq!(count(999), "999");
        assert_eq!(count(1_250_000), "1.2M");
        assert_eq!(count(5_000_000_000), "5G");
        assert_eq!(bytes(1_114_112), "1 MiB");
        assert_eq!(bytes(64 << 20), "64 MiB");
        assert_eq!(bytes(1_600), "1.5 KiB");
    }

    #[test]
    fn a_text_result_cannot_steer_the_terminal() {
        assert_eq!(text_of(&json!("a\n\u{1b}[2J")), "a\n\\u{1b}[2J");
        assert_eq!(
            text_of(&json!({ "a": "\u{202e}" })),
            "{\n  \"a\": \"\\u{202e}\"\n}"
        );
    }
}
