//! What validators said of a call.

use std::fmt;
use std::sync::Arc;

use patinox_policy::{Usage, cut, escape_line, with_causes};
use patinox_sandbox::Verdict;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::validator::Judged;
use crate::{Error, Validator};

/// The longest reason or remark that is told, in bytes.
const MAX_REASON_BYTES: usize = 1 << 10;

/// What of a call is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValidationStage {
    /// The arguments, before the tool runs.
    ToolCall,
    /// The result, or the tool's own error.
    ToolResult,
    /// What else it leaves: standard output and error, log, progress, denials.
    Diagnostics,
}

impl ValidationStage {
    /// As in the contract: `tool-call`, `tool-result`, `diagnostics`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ToolCall => "tool-call",
            Self::ToolResult => "tool-result",
            Self::Diagnostics => "diagnostics",
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::ToolCall => "the arguments",
            Self::ToolResult => "the result",
            Self::Diagnostics => "what the tool wrote beside its result",
        }
    }
}

/// What came of one judgement. Texts are escaped and cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It passed.
    Allowed,
    /// It was refused, for this reason.
    Denied(String),
    /// Something else took its place.
    Replaced,
    /// It passed, with this remark.
    Warned(String),
    /// There was no verdict, or one that does not hold; it was refused.
    Failed(String),
}

impl Ruling {
    /// `allow`, `deny`, `replace`, `warn` or `failed`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Allowed => "allow",
            Self::Denied(_) => "deny",
            Self::Replaced => "replace",
            Self::Warned(_) => "warn",
            Self::Failed(_) => "failed",
        }
    }

    /// The reason or the remark.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Denied(text) | Self::Warned(text) | Self::Failed(text) => Some(text),
            Self::Allowed | Self::Replaced => None,
        }
    }
}

/// What one validator said of one part of a call, and what that cost.
///
/// Its JSON form: `{"validator": …, "stage": "tool-call", "verdict": "allow", "fuel": …,
/// "memory_bytes_peak": …, "wall_ms": …}`, with `component` and `reason` where there is
/// one.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The validator's name.
    pub validator: Arc<str>,
    /// The digest of its component, if it is one.
    pub component: Option<Arc<str>>,
    /// What was judged.
    pub stage: ValidationStage,
    /// What came of it.
    pub ruling: Ruling,
    /// What it spent.
    pub usage: Usage,
}

impl Judgement {
    /// What a validator said; a text of the subject's form, where it gave one.
    pub(crate) fn of(
        validator: &dyn Validator,
        stage: ValidationStage,
        judged: Judged,
    ) -> (Self, Option<String>) {
        let (ruling, text) = match judged.verdict {
            Ok(Verdict::Allow) => (Ruling::Allowed, None),
            Ok(Verdict::Deny(reason)) => (Ruling::Denied(short(&reason)), None),
            Ok(Verdict::Warn(remark)) => (Ruling::Warned(short(&remark)), None),
            Ok(Verdict::Replace(text)) => (Ruling::Replaced, Some(text)),
            Err(error) => (Ruling::Failed(short_escaped(&with_causes(&error))), None),
        };
        let judgement = Self {
            validator: validator.name().into(),
            component: validator.digest().map(Arc::from),
            stage,
            ruling,
            usage: judged.usage,
        };
        (judgement, text)
    }

    /// The same, where what it gave in the place of the subject cannot be that.
    pub(crate) fn does_not_hold(&mut self, reason: &str) {
        self.ruling = Ruling::Failed(short(&format!("it gave something else: {reason}")));
    }

    /// That it lets nothing pass.
    pub(crate) fn refusal(&self) -> Option<Error> {
        let (Ruling::Denied(reason) | Ruling::Failed(reason)) = &self.ruling else {
            return None;
        };
        Some(Error::Refused(Refusal {
            validator: Arc::clone(&self.validator),
            stage: self.stage,
            reason: reason.clone(),
            has_failed: matches!(self.ruling, Ruling::Failed(_)),
        }))
    }
}

impl Serialize for Judgement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("validator", &*self.validator)?;
        if let Some(component) = &self.component {
            map.serialize_entry("component", &**component)?;
        }
        map.serialize_entry("stage", self.stage.as_str())?;
        map.serialize_entry("verdict", self.ruling.as_str())?;
        if let Some(text) = self.ruling.text() {
            map.serialize_entry("reason", text)?;
        }
        map.serialize_entry("fuel", &self.usage.fuel)?;
        map.serialize_entry("memory_bytes_peak", &self.usage.memory_bytes_peak)?;
        let micros = u32::try_from(self.usage.wall.as_micros()).unwrap_or(u32::MAX);
        map.serialize_entry("wall_ms", &(f64::from(micros) / 1_000.0))?;
        map.end()
    }
}

/// That a validator let a call or its result not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its name.
    pub validator: Arc<str>,
    /// What it judged.
    pub stage: ValidationStage,
    /// Why; escaped and cut.
    pub reason: String,
    /// Whether it gave no verdict, which counts as a refusal.
    pub has_failed: bool,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (validator, noun) = (&self.validator, self.stage.noun());
        let reason = match self.reason.as_str() {
            "" => "it gave no reason",
            reason => reason,
        };
        match self.has_failed {
            false => write!(f, "the validator `{validator}` refuses {noun}: {reason}"),
            true => write!(
                f,
                "the validator `{validator}` could not judge {noun}, which refuses it: {reason}"
            ),
        }
    }
}

fn short(text: &str) -> String {
    short_escaped(&escape_line(&cut(text, MAX_REASON_BYTES)))
}

fn short_escaped(text: &str) -> String {
    cut(text, MAX_REASON_BYTES).into_owned()
}
