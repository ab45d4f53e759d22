//! What a person or a program gets back: data on stdout, all else on stderr.

use std::fmt::Write as _;
use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::process::ExitCode;

use patinox_host::Called;
use patinox_policy::{
    Failure, Fault, Report, escape_block, escape_line, is_unsafe_char, with_causes,
};
use patinox_tools::Ruling;
use serde_json::{Map, Value, json};

use crate::args::{Global, OutputFormat};
use crate::exit;
use crate::grants::Grants;
use needed::Needed;

pub(crate) mod cost;
pub(crate) mod needed;

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

    /// Whether the result is one JSON document.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Tells a person what may help, beside the result.
    pub(crate) fn hint(self, text: &str) {
        if !self.json && !self.quiet {
            print_hint(text);
        }
    }

    /// Prints the result of a command that is no call.
    pub(crate) fn done(self, result: &Value, text: &str) -> ExitCode {
        if self.json {
            print_document(&json!({ "ok": true, "result": result }))
        } else {
            print_data(text)
        }
    }

    /// Prints the result of a command that judges something; below it what it
    /// found bad, if it did.
    pub(crate) fn judged(self, result: &Value, text: &str, bad: Option<&Report>) -> ExitCode {
        let Some(report) = bad else {
            return self.done(result, text);
        };
        if self.json {
            print_document(&json!({ "ok": false, "error": report, "result": result }));
        } else {
            print_data(text);
            print_text_failure(report);
        }
        exit::FOUND_BAD
    }

    /// Prints why there is no result.
    pub(crate) fn fail(self, failure: &dyn Failure) -> ExitCode {
        log_fault_of_ours(failure);
        let report = Report::of(failure);
        self.report(&report, &json!({ "ok": false, "error": report }))
    }

    /// Prints what came of a call. The hint stands in where the error has none.
    /// With `needed` it tells the least grants that the call needed.
    pub(crate) fn called(
        self,
        called: &Called,
        (hint, grants): (&str, &Grants),
        needed: Option<&[Needed]>,
    ) -> ExitCode {
        let (mut document, report) = document(called, (hint, grants));
        let needed = needed.map(|needed| needed::as_typed(needed, grants));
        if let (Some(fields), Some(needed)) = (document.as_object_mut(), &needed) {
            fields.insert("needed".to_owned(), json!(needed));
        }
        if !self.json {
            self.print_guest_output(called);
            self.print_judgements(called);
        }
        let code = match (&called.result, &report) {
            (_, Some(report)) => self.report(report, &document),
            (Ok(result), None) if !self.json => print_data(&text_of(result)),
            (_, None) => print_document(&document),
        };
        if let Some(needed) = needed.filter(|_| !self.json) {
            print_stderr(&needed::text(&needed));
        }
        // What was refused before a guest ran has cost nothing.
        let ran = report.is_none_or(|report| report.fault != Fault::Caller);
        if ran && !self.json && !self.quiet {
            let judged = cost::judged(&called.judgements);
            print_stderr(&format!("({}{judged})", cost::line(&called.usage)));
        }
        code
    }

    fn report(self, report: &Report, document: &Value) -> ExitCode {
        if self.json {
            print_document(document);
        } else {
            print_text_failure(report);
        }
        exit::code(report.fault)
    }

    /// What the guest wrote beside its result, marked as the guest's.
    fn print_guest_output(self, called: &Called) {
        if self.quiet {
            return;
        }
        for (name, text) in written(called) {
            for line in escape_block(text).lines() {
                print_stderr(&format!("tool {name}: {line}"));
            }
        }
    }
}

impl Output {
    /// What validators did not simply allow; a refusal is the error of the call.
    fn print_judgements(self, called: &Called) {
        let told = called
            .judgements
            .iter()
            .filter_map(|one| match &one.ruling {
                Ruling::Warned(remark) => Some((one, format!("remarks on it: {remark}"))),
                Ruling::Replaced => Some((one, "replaced it".to_owned())),
                Ruling::Allowed | Ruling::Denied(_) | Ruling::Failed(_) => None,
            });
        for (one, did) in told.filter(|_| !self.quiet) {
            let (validator, stage) = (&one.validator, one.stage.as_str());
            print_stderr(&format!("validator {validator}, {stage}: {did}"));
        }
    }
}

/// Who called learns nothing of a fault of ours but its code; the reason is
/// here.
fn log_fault_of_ours(failure: &dyn Failure) {
    if failure.fault() != Fault::Host {
        return;
    }
    let reason = with_causes(failure);
    tracing::error!(target: "patinox", reason = %escape_line(&reason), "internal error");
}

/// A result as text: a string as it is, anything else as indented JSON.
pub(crate) fn text_of(result: &Value) -> String {
    match result {
        Value::String(text) => escape_block(text).into_owned(),
        Value::Null => String::new(),
        other => safe_json(&format!("{other:#}")),
    }
}

/// The document of a call, and the report in it if the call failed.
pub(crate) fn document(
    called: &Called,
    (hint, grants): (&str, &Grants),
) -> (Value, Option<Report>) {
    let (mut document, report) = match &called.result {
        Ok(result) => (json!({ "ok": true, "result": result }), None),
        Err(error) => {
            log_fault_of_ours(error);
            let mut report = Report::of(error);
            let has_other_hint = report.hint.is_some() || report.fault != Fault::Caller;
            if !has_other_hint {
                report.hint = Some(hint.to_owned());
            }
            report.hint = report.hint.map(|hint| grants.as_typed(hint));
            (json!({ "ok": false, "error": report }), Some(report))
        }
    };
    if let Some(fields) = document.as_object_mut() {
        fields.insert("call".to_owned(), json!(called.id));
        fields.insert("usage".to_owned(), json!(called.usage));
        if !called.judgements.is_empty() {
            fields.insert("validators".to_owned(), json!(called.judgements));
        }
        let written: Map<_, _> = written(called)
            .map(|(name, text)| (name.to_owned(), json!(text)))
            .collect();
        if !written.is_empty() {
            fields.insert("output".to_owned(), Value::Object(written));
        }
    }
    (document, report)
}

/// What the guest wrote, and where, if it wrote anything.
fn written(called: &Called) -> impl Iterator<Item = (&'static str, &str)> {
    let output = &called.output;
    let all = [
        ("stdout", output.stdout.as_str()),
        ("stderr", output.stderr.as_str()),
        ("log", output.log.as_str()),
    ];
    all.into_iter().filter(|(_, text)| !text.is_empty())
}

/// An error is one line, and a hint one or a few. Guests' parts of a message
/// are escaped already; this is for the user's own.
fn print_text_failure(report: &Report) {
    let message = match report.message.contains(is_unsafe_char) {
        true => escape_line(&report.message),
        false => report.message.as_str().into(),
    };
    print_stderr(&format!("\x1b[1;31merror:\x1b[0m {message}"));
    if let Some(hint) = &report.hint {
        print_hint(hint);
    }
}

fn print_hint(hint: &str) {
    print_stderr(&format!("\x1b[1;36mhint:\x1b[0m {}", escape_block(hint)));
}

fn print_document(document: &Value) -> ExitCode {
    print_data(&safe_json(&document.to_string()))
}

/// JSON text with what could steer a terminal written as JSON's own escapes:
/// who parses it gets the same value.
pub(crate) fn safe_json(text: &str) -> String {
    let is_unsafe = |c: char| is_unsafe_char(c) && c != '\n';
    if !text.contains(is_unsafe) {
        return text.to_owned();
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if !is_unsafe(c) {
            safe.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a `String` cannot fail.
            let _ = write!(safe, "\\u{unit:04x}");
        }
    }
    safe
}

/// Prints data to stdout. Where nobody reads it any more nobody is told; where
/// it is lost, as on a full disk, that is an error.
pub(crate) fn print_data(text: &str) -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    let newline = if text.is_empty() { "" } else { "\n" };
    let written = write!(stdout, "{text}{newline}").and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            print_stderr(&format!("error: cannot write to standard output: {error}"));
            exit::code(Fault::Host)
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Prints to stderr. Where that is closed there is nobody to tell.
pub(crate) fn print_stderr(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Prints to stderr at once, with no line's end: only for a terminal.
pub(crate) fn print_stderr_raw(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "{text}").and_then(|()| stderr.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_result_cannot_steer_the_terminal() {
        assert_eq!(text_of(&json!("a\n\u{1b}[2J")), "a\n\\u{1b}[2J");
        assert_eq!(
            text_of(&json!({ "a": "\u{202e}" })),
            "{\n  \"a\": \"\\u202e\"\n}"
        );
    }

    #[test]
    fn what_is_judged_bad_ends_in_a_code_of_its_own() {
        let report = Report {
            fault: Fault::Host,
            code: patinox_policy::Code::Internal,
            message: "a row did not hold".to_owned(),
            hint: None,
        };
        for json in [false, true] {
            let output = Output::new(json, false);
            let code = |bad| format!("{:?}", output.judged(&json!({}), "", bad));
            assert_eq!(code(None), format!("{:?}", ExitCode::SUCCESS));
            assert_eq!(code(Some(&report)), format!("{:?}", ExitCode::from(1)));
        }
    }

    #[test]
    fn safe_json_is_the_same_value() {
        let value = json!({ "\u{9b}k": ["\u{7f}\u{200b}\u{e0001}", "\n\t\\u202e", "grüße"] });
        for text in [value.to_string(), format!("{value:#}")] {
            let safe = safe_json(&text);
            assert!(!safe.replace('\n', "").contains(is_unsafe_char), "{safe}");
            let back: Value = serde_json::from_str(&safe).expect("JSON");
            assert_eq!(back, value);
        }
    }
}
