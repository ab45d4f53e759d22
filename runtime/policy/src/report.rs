//! An error as a caller sees it.

use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::{Code, Failure, Fault, cut, escape_block, escape_line};

/// The longest message or hint, in bytes.
///
/// It stops a guest from filling a log, a terminal or a model's context
/// through an error.
pub const MAX_MESSAGE_BYTES: usize = 4 << 10;

/// An error in the form that leaves the host: as JSON, or in parts for text.
///
/// Causes are told only where the caller must act. Of a fault of the host the
/// caller learns nothing but its code; the reason is for the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Who must act.
    pub fault: Fault,
    /// What went wrong.
    pub code: Code,
    /// The message, at most [`MAX_MESSAGE_BYTES`].
    pub message: String,
    /// What would help, at most [`MAX_MESSAGE_BYTES`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Report {
    /// Reports a failure.
    #[must_use]
    pub fn of(failure: &dyn Failure) -> Self {
        Self {
            fault: failure.fault(),
            code: failure.code(),
            message: message(failure),
            hint: failure
                .hint()
                .map(|hint| cut(&hint, MAX_MESSAGE_BYTES).into_owned()),
        }
    }
}

fn message(failure: &dyn Failure) -> String {
    match failure.fault() {
        Fault::Host => "internal error; the reason is in the log".to_owned(),
        Fault::Caller => with_causes(failure),
        _ => cut(&failure.to_string(), MAX_MESSAGE_BYTES).into_owned(),
    }
}

/// Writes an error as its own process's log or terminal may have it: the
/// message with all its causes, the code, the hint. Texts are escaped.
///
/// Errors have it for their `Debug`, as that is what Rust shows of one that
/// `main` returns:
///
/// ```
/// let error = patinox_policy::Limits::default().set("wal", "2s").unwrap_err();
/// assert_eq!(
///     format!("{error:?}"),
///     "there is no limit `wal` (caller/invalid-limit)\nhint: did you mean `wall`?"
/// );
/// ```
///
/// # Errors
///
/// If it cannot be written.
pub fn debug_failure(failure: &dyn Failure, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = with_causes(failure);
    write!(f, "{} ({})", escape_line(&text), failure.code())?;
    match failure.hint() {
        Some(hint) => {
            let hint = cut(&hint, MAX_MESSAGE_BYTES);
            write!(f, "\nhint: {}", escape_block(&hint))
        }
        None => Ok(()),
    }
}

/// An error's message with all its causes, at most [`MAX_MESSAGE_BYTES`], as it is:
/// for the log, and escaped where it is shown.
#[must_use]
pub fn with_causes(failure: &dyn Failure) -> String {
    // Writing to a `String` fails only where an error's `Display` does, and then
    // what it wrote until there is kept.
    let mut text = String::new();
    let _ = write!(text, "{failure}");
    let mut cause = failure.source();
    while let Some(error) = cause {
        // A chain of causes could be endless; what is cut is not made.
        if MAX_MESSAGE_BYTES < text.len() {
            break;
        }
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    cut(&text, MAX_MESSAGE_BYTES).into_owned()
}
