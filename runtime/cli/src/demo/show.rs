//! The demo as text and as a document.

use patinox_host::Called;
use patinox_policy::{Failure as _, Fault, cut, escape_line};
use serde_json::{Value, json};

use crate::again::Again;
use crate::demo::rows::Row;
use crate::grants::Grants;
use crate::output::cost;
use crate::output::document as call_document;

/// The longest result that a row shows, in bytes: what a line holds.
const MAX_RESULT_BYTES: usize = 96;

/// A row that went as it should.
pub(crate) struct Done {
    pub(crate) row: &'static Row,
    pub(crate) called: Called,
}

impl Done {
    fn came_out(&self) -> String {
        match &self.called.result {
            Ok(result) => cut(&escape_line(&brief(result)), MAX_RESULT_BYTES).into_owned(),
            Err(error) if error.fault() == Fault::Policy => {
                let text = error.to_string();
                let (denied, _) = text.split_once(", and then").unwrap_or((&text, ""));
                format!("denied: {denied}")
            }
            Err(error) => format!("stopped: {error}"),
        }
    }

    /// What would allow a call that was denied.
    fn hint(&self) -> Option<String> {
        let error = self.called.result.as_ref().err()?;
        error.hint().filter(|_| error.fault() == Fault::Policy)
    }
}

/// A result in a line, without the signs of JSON.
fn brief(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| match value {
                Value::Array(_) | Value::Object(_) => format!("{name}: {}", brief(value)),
                _ => format!("{name} {}", brief(value)),
            });
            fields.collect::<Vec<_>>().join(", ")
        }
        Value::Array(items) => items.iter().map(row).collect::<Vec<_>>().join("; "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// An item of a list: of a record, what it says without its names.
fn row(value: &Value) -> String {
    match value {
        Value::Object(fields) => fields.values().map(brief).collect::<Vec<_>>().join(" "),
        other => brief(other),
    }
}

/// The longest result that stands beside what it cost.
const MAX_BESIDE: usize = 8;

/// At most 24 lines, for a terminal of 100 columns.
pub(crate) fn text(rows: &[Done], lifted: &Done, again: &Again) -> String {
    let mut lines = vec![
        "six calls of untrusted tools, each in a sandbox of its own, with what is granted"
            .to_owned(),
    ];
    for (number, done) in rows.iter().enumerate() {
        let [fuel, memory, wall] = cost::parts(&done.called.usage);
        let what = format!("{}. {}", number + 1, done.row.what);
        let cost = format!("{what:<30} fuel {fuel:>6}   memory {memory:>8}   time {wall:>7}");
        match done.came_out() {
            short if short.len() <= MAX_BESIDE => lines.push(format!("{cost}   result {short}")),
            came_out => lines.extend([cost, format!("   {came_out}")]),
        }
        if let Some(hint) = done.hint() {
            lines.push(format!("   hint: {hint}"));
        }
        lines.push(format!("   $ {}", done.row.command(again)));
    }
    let [fuel, _, wall] = cost::parts(&lifted.called.usage);
    let what = lifted.row.what;
    let inspect = again.command(["inspect", "demo:text"]);
    let call = again.command(["call", "--help"]);
    lines.extend([
        format!("{what}: ran {wall} and spent {fuel} fuel, until this demo stopped it"),
        String::new(),
        "next: look into a component, then call one of your own".to_owned(),
        format!("   $ {inspect}"),
        format!("   $ {call}"),
    ]);
    lines.join("\n")
}

/// Each row as `call -o json` gives it, with what it is and its command.
pub(crate) fn document(rows: &[Done], lifted: &Done, again: &Again) -> Value {
    let row = |done: &Done| {
        let mut row = json!({ "what": done.row.what, "command": done.row.command(again) });
        let (call, _) = call_document(&done.called, ("", &Grants::default()));
        if let (Some(row), Value::Object(call)) = (row.as_object_mut(), call) {
            row.extend(call);
        }
        row
    };
    json!({
        "rows": rows.iter().map(row).collect::<Value>(),
        "lifted": { "what": lifted.row.what, "usage": lifted.called.usage },
        "next": [again.command(["inspect", "demo:text"]), again.command(["call", "--help"])],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_fits_into_a_line() {
        let counts = json!({ "lines": 2, "top": [{ "word": "be", "count": 2 }], "all": true });
        assert_eq!(brief(&counts), "lines 2, top: be 2, all true");
        assert_eq!(brief(&json!("text")), "text");
    }
}
