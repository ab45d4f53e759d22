//! What labels may be.

use patinox_policy::Code;

use super::OTHER;
use crate::{AlertState, Severity};

/// The parts of a host that a resource belongs to.
const KINDS: &[&str] = &[
    "instance",
    "lease",
    "connection",
    "folder",
    "process",
    "task",
    "artifact",
];

const RESOURCES: &[&str] = &[
    "memory",
    "memory-stall",
    "swap",
    "cpu-stall",
    "io-stall",
    "disk",
    "descriptors",
    "processes",
];

const STAGES: &[&str] = &[
    "evict-idle",
    "shrink-pools",
    "drop-caches",
    "cancel-stuck",
    "refuse-work",
];

/// All values that a label of our figures has, where they are known beforehand:
/// `None` for one that is a name, such as a tool's, or a reason, or that is no label.
///
/// ```
/// use patinox_telemetry::metrics::label_values;
///
/// assert_eq!(label_values("profile").unwrap(), ["lean", "strict"]);
/// assert_eq!(label_values("tool"), None);
/// ```
#[must_use]
pub fn label_values(label: &str) -> Option<Vec<&'static str>> {
    let values: &[&str] = match label {
        "outcome" => {
            let codes = Code::all().map(Code::as_str);
            return Some(codes.chain(["ok", OTHER]).collect());
        }
        "severity" => {
            let all = [Severity::Info, Severity::Warning, Severity::Critical];
            return Some(all.map(Severity::as_str).to_vec());
        }
        // What is pending is told to nobody.
        "state" => {
            let all = [AlertState::Firing, AlertState::Resolved];
            return Some(all.map(AlertState::as_str).to_vec());
        }
        "code" => &["compiled", "stored"],
        "kind" => KINDS,
        "level" => &["normal", "elevated", "critical"],
        "profile" => &["lean", "strict"],
        "resource" => RESOURCES,
        "stage" => STAGES,
        _ => return None,
    };
    Some(values.to_vec())
}
