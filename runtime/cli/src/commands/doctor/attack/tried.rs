//! One attack that was tried: how it ended, beside how it should.

use std::time::Duration;

use patinox_host::Called;
use patinox_policy::{CUT_MARK, Code, Failure as _, LimitName, is_unsafe_char};

use crate::demo::rows::Row;
use crate::error::Error;
use crate::session::split_limit;

pub(super) struct Tried {
    pub(super) what: &'static str,
    /// The command that tries it again, where there is one.
    pub(super) command: Option<String>,
    pub(super) should: String,
    pub(super) ended: String,
    pub(super) took: Duration,
}

impl Tried {
    pub(super) fn held(&self) -> bool {
        self.ended == self.should
    }
}

pub(super) fn ended(called: &Called) -> Option<Code> {
    called.result.as_ref().err().map(|error| error.code())
}

/// A code in words, or that there is none.
pub(super) fn code_text(code: Option<Code>) -> String {
    code.map_or("a result", |code| code.as_str()).to_owned()
}

/// What is said of a row whose text was cut.
pub(super) fn cut_text(row: &Row) -> String {
    format!("cut, {}", row.limits.concat())
}

/// Whether the text of a call is cut where the row's limit says, and harmless
/// if it is an error's.
pub(super) fn judge_cut(row: &Row, called: &Called) -> Result<String, Error> {
    let (name, value) = split_limit(&row.limits.concat())?;
    let name: LimitName = name.parse()?;
    let most = name.parse_value(&value)?;
    let text = match name {
        LimitName::Stdout => called.output.stdout.as_str(),
        LimitName::Stderr => called.output.stderr.as_str(),
        LimitName::Log => called.output.log.as_str(),
        _ => return Ok(judge_error_text(row, called, most)),
    };
    Ok(match is_cut(text, most) {
        true => cut_text(row),
        false => format!("{} bytes", text.len()),
    })
}

/// The text is the guest's own behind a few words of ours.
fn judge_error_text(row: &Row, called: &Called, most: u64) -> String {
    const OURS: u64 = 64;
    let text = called.result.as_ref().err().map(ToString::to_string);
    let text = text.unwrap_or_default();
    if text.contains(is_unsafe_char) {
        return "not escaped".to_owned();
    }
    match is_cut(&text, most + OURS) {
        true => cut_text(row),
        false => format!("{} bytes", text.len()),
    }
}

fn is_cut(text: &str, most: u64) -> bool {
    text.ends_with(CUT_MARK) && u64::try_from(text.len()).is_ok_and(|len| len <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_only_with_its_mark_and_within_its_limit() {
        let text = format!("xx{CUT_MARK}");
        let len = u64::try_from(text.len()).expect("a length");
        assert!(is_cut(&text, len));
        assert!(!is_cut(&text, len - 1));
        assert!(!is_cut("xx", len));
    }
}
