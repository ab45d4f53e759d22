//! What happened.

use std::fmt;
use std::time::{Duration, SystemTime};

use patinox_policy::{Code, Failure, Fault, Usage, with_causes};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use ulid::Ulid;

use crate::Alert;

/// One record of something that happened.
///
/// It holds texts as the guest chose them, cut but **not escaped**: JSON
/// escapes for itself, everything else uses
/// [`escape_line`](patinox_policy::escape_line).
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A component was compiled, or found compiled, and linked; it can be
    /// called.
    ComponentLoaded(ComponentLoaded),
    /// A call is over, well or not. Every call that began ends in exactly one.
    CallEnded(CallEnded),
    /// A validator did not simply allow a call, or what came of it.
    CallJudged(CallJudged),
    /// The machine is pressed harder than before, or less.
    PressureChanged(PressureChanged),
    /// A clean-up failed, panicked or took too long.
    CleanupFailed(CleanupFailed),
    /// Something was let go of for relief, or should have been.
    Reclaimed(Reclaimed),
    /// An alert fires, or is over.
    AlertChanged(Alert),
}

/// A component was compiled, or found compiled, and linked.
#[derive(Clone, Debug, Serialize)]
pub struct ComponentLoaded {
    /// The digest of its bytes.
    pub component: String,
    /// The size of its file, in bytes.
    pub bytes: u64,
    /// How long compiling it took.
    #[serde(rename = "compile_ms", serialize_with = "milliseconds")]
    pub compile: Duration,
    /// Whether its code came from the artifact store.
    pub from_store: bool,
    /// What went wrong with the artifact store, if anything did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_trouble: Option<String>,
}

/// The machine is pressed harder than before, or less.
#[derive(Clone, Debug, Serialize)]
pub struct PressureChanged {
    /// How hard: `normal`, `elevated` or `critical`.
    pub level: &'static str,
    /// What is pressed, and by how much, the hardest first.
    pub reasons: Vec<String>,
}

/// A clean-up failed, panicked or took too long: what it was to clean up may be
/// there still.
#[derive(Clone, Debug, Serialize)]
pub struct CleanupFailed {
    /// What was to be cleaned up: `folder`, `process` and the like.
    pub kind: &'static str,
    /// Who held it; `None` for the process itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// How long it had been there.
    #[serde(rename = "age_ms", serialize_with = "milliseconds")]
    pub age: Duration,
    /// What came of it: `failed`, `panicked` or `took too long`.
    pub reason: &'static str,
    /// The error and its sources, each cut.
    pub causes: Vec<String>,
}

/// Something was let go of for relief, or should have been.
#[derive(Clone, Debug, Serialize)]
pub struct Reclaimed {
    /// The stage: `evict-idle`, `shrink-pools`, `drop-caches`, `cancel-stuck` or
    /// `refuse-work`.
    pub stage: &'static str,
    /// What was let go of, as in `warm memories`.
    pub what: &'static str,
    /// Why: `pressure`, `idle` or `asked`.
    pub cause: &'static str,
    /// How many there were to let go of.
    pub attempted: u64,
    /// How many went.
    pub freed: u64,
    /// How much they took up, in bytes, as far as that is known.
    pub freed_bytes: u64,
    /// How long it took.
    #[serde(rename = "took_ms", serialize_with = "milliseconds")]
    pub took: Duration,
    /// What kept it from that: the error and its sources; empty if nothing did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
}

/// A call is over.
#[derive(Clone, Debug, Serialize)]
pub struct CallEnded {
    /// Which call.
    pub call: CallId,
    /// The digest of the component.
    pub component: String,
    /// The name of the tool; what the caller asked for where there is none.
    pub tool: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What it spent, whether it succeeded or not.
    pub usage: Usage,
    /// The wall clock when it was admitted.
    #[serde(rename = "started_at_unix_ms", serialize_with = "unix_milliseconds")]
    pub started_at: SystemTime,
}

/// A validator did not simply allow a call, or what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct CallJudged {
    /// Which call.
    pub call: CallId,
    /// The validator's name.
    pub validator: String,
    /// The digest of its component; `None` for one in the host's own code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// What was judged: `tool-call`, `tool-result` or `diagnostics`.
    pub stage: &'static str,
    /// `deny`, `replace`, `warn`, or `failed`, which refuses it too.
    pub verdict: &'static str,
    /// Why: the validator's words, escaped and cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the judgement spent.
    pub usage: Usage,
}

/// How a call ended.
///
/// Its JSON form has the shape of the program's own answer: `{"ok": true}` or
/// `{"ok": false, "fault": …, "code": …, "message": …}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The tool answered.
    Ok,
    /// It did not, or it answered with its error.
    Failed {
        /// What went wrong; it says whose fault it is too.
        code: Code,
        /// The message with all its causes.
        message: String,
    },
}

impl Outcome {
    /// The outcome of a call that failed.
    ///
    /// Unlike what a caller is told, it holds every cause, also of a fault of
    /// the host: this is the log that he is referred to. At most
    /// [`MAX_MESSAGE_BYTES`](patinox_policy::MAX_MESSAGE_BYTES) are kept.
    #[must_use]
    pub fn failed(failure: &dyn Failure) -> Self {
        Self::Failed {
            code: failure.code(),
            message: with_causes(failure),
        }
    }

    /// Who must act; `None` if nobody must.
    #[must_use]
    pub const fn fault(&self) -> Option<Fault> {
        match self {
            Self::Ok => None,
            Self::Failed { code, .. } => Some(code.fault()),
        }
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("ok", &matches!(self, Self::Ok))?;
        if let Self::Failed { code, message } = self {
            map.serialize_entry("fault", &code.fault())?;
            map.serialize_entry("code", code)?;
            map.serialize_entry("message", message)?;
        }
        map.end()
    }
}

/// Which call: unique across machines, and sorts by the time it began.
///
/// Its text is a ULID, 26 characters of `0-9A-Z`:
///
/// ```
/// use std::time::SystemTime;
/// use patinox_telemetry::CallId;
///
/// let call = CallId::new(SystemTime::UNIX_EPOCH).to_string();
/// assert_eq!((call.len(), &call[..10]), (26, "0000000000"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(Ulid);

impl CallId {
    /// A new one for a call that begins now. A time before 1970 counts as 1970.
    #[must_use]
    pub fn new(now: SystemTime) -> Self {
        Self(Ulid::from_datetime(now))
    }

    /// Its 128 bits, the most significant byte first.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_bytes()
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for CallId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A span in milliseconds with a fraction. Above 71 minutes it stays there.
pub(crate) fn as_milliseconds(span: Duration) -> f64 {
    let micros = u32::try_from(span.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1_000.0
}

fn milliseconds<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(as_milliseconds(*span))
}

fn unix_milliseconds<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    serializer.serialize_u64(u64::try_from(millis).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use patinox_policy::{MAX_MESSAGE_BYTES, RecoveryStrategy};
    use proptest::prelude::*;

    /// An error whose causes never end.
    #[derive(Debug)]
    struct Endless(String);

    impl fmt::Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.0)
        }
    }

    impl std::error::Error for Endless {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(self)
        }
    }

    impl Failure for Endless {
        fn code(&self) -> Code {
            Code::Internal
        }

        fn recovery(&self) -> RecoveryStrategy {
            RecoveryStrategy::Fail
        }
    }

    fn ended(outcome: Outcome) -> Event {
        Event::CallEnded(CallEnded {
            call: CallId(Ulid::from_parts(1_700_000_000_000, 7)),
            component: "sha256:2c26".to_owned(),
            tool: "co\nunt".to_owned(),
            outcome,
            usage: Usage::default(),
            started_at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_000),
        })
    }

    #[test]
    fn a_call_as_json() {
        insta::assert_json_snapshot!(ended(Outcome::Failed {
            code: Code::Trap,
            message: "the guest trapped".to_owned(),
        }), @r#"
        {
          "event": "call_ended",
          "call": "01HF7YAT000000000000000007",
          "component": "sha256:2c26",
          "tool": "co\nunt",
          "outcome": {
            "ok": false,
            "fault": "component",
            "code": "component/trap",
            "message": "the guest trapped"
          },
          "usage": {
            "fuel": 0,
            "memory_bytes_peak": 0,
            "wall_ms": 0.0,
            "host_calls": 0,
            "arguments_bytes": 0,
            "result_bytes": 0,
            "stdout_bytes": 0,
            "stderr_bytes": 0,
            "log_bytes": 0
          },
          "started_at_unix_ms": 1700000000000
        }
        "#);
        let json = serde_json::to_value(ended(Outcome::Ok)).unwrap();
        assert_eq!(json["outcome"], serde_json::json!({"ok": true}));
    }

    #[test]
    fn a_load_as_json() {
        insta::assert_json_snapshot!(Event::ComponentLoaded(ComponentLoaded {
            component: "sha256:2c26".to_owned(),
            bytes: 100_000,
            from_store: false,
            store_trouble: None,
            compile: Duration::from_micros(151_500),
        }), @r#"
        {
          "event": "component_loaded",
          "component": "sha256:2c26",
          "bytes": 100000,
          "compile_ms": 151.5,
          "from_store": false
        }
        "#);
    }

    #[test]
    fn a_fault_of_the_host_tells_its_causes() {
        let short = Endless("no room".to_owned());
        let Outcome::Failed { code, message } = Outcome::failed(&short) else {
            panic!("it failed");
        };
        assert_eq!(code, Code::Internal);
        assert!(message.starts_with("no room: no room: "), "{message}");
    }

    #[test]
    fn ids_sort_by_time_and_differ() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(CallId::new(at(1)) < CallId::new(at(2)));
        assert_ne!(CallId::new(at(1)), CallId::new(at(1)));
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert!(CallId::new(before).to_string().starts_with("0000000000"));
    }

    proptest! {
        #[test]
        fn no_message_grows_or_panics(text in "\\PC{0,5000}|[\\x00-\\x1f]{0,5000}x") {
            let outcome = Outcome::failed(&Endless(text));
            let Outcome::Failed { message, .. } = &outcome else {
                panic!("it failed");
            };
            prop_assert!(message.len() <= MAX_MESSAGE_BYTES);
            prop_assert!(serde_json::to_string(&ended(outcome.clone())).is_ok());
        }

        #[test]
        fn an_id_is_26_plain_characters(seconds in 0..10_000_000_000_u64) {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let text = CallId::new(at).to_string();
            prop_assert_eq!(text.len(), 26);
            prop_assert!(text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()));
        }
    }
}
