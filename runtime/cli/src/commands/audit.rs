//! `patinox audit`: what was called, granted and denied.

use std::fmt::Write as _;
use std::process::ExitCode;

use patinox_host::PatinoxError;
use patinox_policy::{cut, escape_line};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::args::{AuditVerb, Ls, Show};
use crate::error::Error;
use crate::session::Session;
use crate::source::shown;

/// The most records that are shown of one call.
const MAX_OF_ONE: usize = 1_000;

/// How much of a digest is shown in a list.
const SHORT_DIGEST: usize = 19;

/// The longest text of a record that a line repeats, in bytes.
const MAX_TEXT_BYTES: usize = 200;

pub(crate) fn run(session: &Session, verb: &AuditVerb) -> Result<ExitCode, Error> {
    match verb {
        AuditVerb::Ls(ls) => list(session, ls),
        AuditVerb::Show(show) => of_call(session, show),
    }
}

fn list(session: &Session, ls: &Ls) -> Result<ExitCode, Error> {
    let component = ls.component.as_deref().unwrap_or_default();
    let component = digits(component);
    let is_wanted = |record: &Value| {
        let of = digits(text(record, "/component"));
        of.starts_with(component) && (!ls.denied || is_denied(record))
    };
    let read = session.audit()?.last(ls.last, is_wanted);
    let (records, damaged) = read.map_err(PatinoxError::from)?;
    let text = match records.is_empty() {
        true => "nothing of it was written down".to_owned(),
        false => lines(&records, line),
    };
    Ok(done(session, &records, damaged, &text))
}

fn of_call(session: &Session, show: &Show) -> Result<ExitCode, Error> {
    let of = |record: &Value| text(record, "/call") == show.call;
    let read = session.audit()?.last(MAX_OF_ONE, of);
    let (records, damaged) = read.map_err(PatinoxError::from)?;
    if records.is_empty() {
        return Err(Error::Usage {
            message: format!("nothing was written down of a call `{}`", shown(&show.call)),
            hint: "`patinox audit ls` shows the ids of calls".to_owned(),
        });
    }
    Ok(done(session, &records, damaged, &lines(&records, whole)))
}

fn done(session: &Session, records: &[Value], damaged: u64, text: &str) -> ExitCode {
    if damaged != 0 {
        session.output.hint(&format!(
            "{damaged} lines of the audit log are no records: a process was killed while it \
             wrote, or somebody changed a file"
        ));
    }
    let document = json!({ "records": records, "damaged": damaged });
    session.output.done(&document, text.trim_end())
}

fn lines(records: &[Value], line: impl Fn(&Value) -> String) -> String {
    let lines = records.iter().map(line);
    lines.fold(String::new(), |text, line| text + &line + "\n")
}

/// A digest without how all begin.
fn digits(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

/// Whether something was denied or refused by it.
fn is_denied(record: &Value) -> bool {
    text(record, "/code").starts_with("policy/")
        || list_of(record, "denials").next().is_some()
        || text(record, "/event") == "load_refused"
        || matches!(text(record, "/change"), "no" | "never")
}

/// One record in a line: when, what, of which component, and what came of it.
fn line(record: &Value) -> String {
    let at = at_ms(record);
    let event = said(record, "/event");
    let component: String = said(record, "/component")
        .chars()
        .take(SHORT_DIGEST)
        .collect();
    let mut line = format!("{}  {event:16} {component:19}", time_of(at));
    let mut add = |text: &str| line = format!("{line}  {text}");
    if !text(record, "/call").is_empty() {
        add(&said(record, "/call"));
    }
    match text(record, "/event") {
        "call_begun" | "call_dropped" => add(&said(record, "/tool")),
        "call_ended" => {
            add(&said(record, "/tool"));
            match record.get("ok") == Some(&json!(true)) {
                true => add("ok"),
                false => add(&said(record, "/code")),
            }
            let verdicts = list_of(record, "verdicts");
            for verdict in verdicts.filter(|one| text(one, "/verdict") != "allow") {
                add(&format!(
                    "({}: {} {})",
                    said(verdict, "/validator"),
                    said(verdict, "/verdict"),
                    said(verdict, "/stage")
                ));
            }
            for denial in list_of(record, "denials") {
                add(&format!(
                    "({}: {})",
                    said(denial, "/asked"),
                    said(denial, "/why")
                ));
            }
        }
        "grant" => {
            add(&said(record, "/change"));
            add(&said(record, "/grant/grant"));
            add(&format!("(given by {})", said(record, "/grant/by")));
        }
        "load_refused" => {
            add(&said(record, "/code"));
            add(&said(record, "/message"));
        }
        "component_loaded" => {
            let granted = list_of(record, "grants").count();
            add(&format!("{granted} granted"));
        }
        _ => {}
    }
    line.trim_end().to_owned()
}

/// The whole record, under its time.
fn whole(record: &Value) -> String {
    let at = at_ms(record);
    let mut text = format!("{}  {}\n", time_of(at), said(record, "/event"));
    let fields = record.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, _)| !matches!(name.as_str(), "at_ms" | "event" | "call"));
    for (name, value) in fields {
        let value = match value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "  {} {}", escape_line(name), escape_line(&value));
    }
    text
}

/// A text of a record; empty where there is none.
fn text<'a>(record: &'a Value, path: &str) -> &'a str {
    let found = record.pointer(path).and_then(Value::as_str);
    found.unwrap_or_default()
}

/// A text of a record, as it may be shown: files can be changed by others.
fn said(record: &Value, path: &str) -> String {
    let text = escape_line(text(record, path));
    cut(&text, MAX_TEXT_BYTES).into_owned()
}

fn list_of<'a>(record: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    let list = record.get(name).and_then(Value::as_array);
    list.into_iter().flatten()
}

fn at_ms(record: &Value) -> u64 {
    let at = record.get("at_ms").and_then(Value::as_u64);
    at.unwrap_or_default()
}

fn time_of(at_ms: u64) -> String {
    let nanos = i128::from(at_ms) * 1_000_000;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
    let seconds = at.and_then(|at| at.replace_nanosecond(0).ok());
    let text = seconds.and_then(|at| at.format(&Rfc3339).ok());
    // As long for each, so that columns are columns.
    let text = text.map(|text| format!("{}.{:03}Z", text.trim_end_matches('Z'), at_ms % 1_000));
    text.unwrap_or_else(|| format!("{at_ms} ms"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_else_wrote_is_shown_in_one_line() {
        let record = json!({
            "at_ms": 1_764_256_177_123_u64, "event": "grant", "component": "a\u{1b}[2Jb",
            "change": "granted", "grant": { "grant": "kv=a\nb", "by": "\u{202e}" },
        });
        let text = line(&record);
        assert!(
            text.starts_with("2025-11-27T15:09:37.123Z  grant "),
            "{text}"
        );
        assert!(
            !text.chars().any(patinox_policy::is_unsafe_char),
            "{text:?}"
        );
        assert_eq!(time_of(u64::MAX), format!("{} ms", u64::MAX));
        assert_eq!(
            line(&json!({ "at_ms": 0, "event": [] })),
            "1970-01-01T00:00:00.000Z"
        );
        assert!(whole(&record).lines().count() == 4, "{}", whole(&record));
    }
}
