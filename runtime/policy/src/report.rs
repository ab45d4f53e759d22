//! An error as a caller sees it.

use std::fmt::Write as _;

use serde::Serialize;

use crate::{Code, Failure, Fault, cut};

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
    let mut message = match failure.fault() {
        Fault::Host => "internal error; the reason is in the log".to_owned(),
        _ => failure.to_string(),
    };
    if failure.fault() == Fault::Caller {
        let mut cause = failure.source();
        while let Some(error) = cause {
            // Writing to a `String` cannot fail.
            let _ = write!(message, ": {error}");
            cause = error.source();
        }
    }
    cut(&message, MAX_MESSAGE_BYTES).into_owned()
}
