//! The names of the fields of a log record.
//!
//! Where `OpenTelemetry` has a name we use it, so that a backend understands
//! a record without configuration; ours begin with `patinox.`.

/// The name of a span, as a bridge to `OpenTelemetry` reads it.
pub const OTEL_NAME: &str = "otel.name";
/// How a span ended, as a bridge to `OpenTelemetry` reads it: `OK` or `ERROR`.
pub const OTEL_STATUS: &str = "otel.status_code";
/// What is done: `execute_tool`.
pub const OPERATION: &str = "gen_ai.operation.name";
/// The tool that was called.
pub const TOOL_NAME: &str = "gen_ai.tool.name";
/// The call: a ULID.
pub const CALL_ID: &str = "gen_ai.tool.call.id";
/// The code of the error, such as `limit/fuel`.
pub const ERROR_TYPE: &str = "error.type";
/// The error's text with its causes, escaped.
pub const ERROR_MESSAGE: &str = "error.message";
/// Who must act on the error.
pub const FAULT: &str = "patinox.fault";
/// The digest of the component.
pub const COMPONENT: &str = "patinox.component.digest";
/// The size of the component's file, in bytes.
pub const COMPONENT_BYTES: &str = "patinox.component.bytes";
/// How long compiling it took, in milliseconds.
pub const COMPILE_MS: &str = "patinox.component.compile_ms";
/// Whether the component's code came from the artifact store.
pub const FROM_STORE: &str = "patinox.component.from_store";
/// What went wrong with the artifact store, escaped.
pub const STORE_TROUBLE: &str = "patinox.store.trouble";
/// Fuel spent by the call.
pub const FUEL: &str = "patinox.usage.fuel";
/// The most linear memory that the call held at once, in bytes.
pub const MEMORY_BYTES_PEAK: &str = "patinox.usage.memory_bytes_peak";
/// How long the call took, in milliseconds.
pub const WALL_MS: &str = "patinox.usage.wall_ms";
/// Calls from the guest into the host.
pub const HOST_CALLS: &str = "patinox.usage.host_calls";
/// The validator that judged.
pub const VALIDATOR_NAME: &str = "patinox.validator.name";
/// What it judged: `tool-call`, `tool-result` or `diagnostics`.
pub const VALIDATOR_STAGE: &str = "patinox.validator.stage";
/// What came of that: `deny`, `replace`, `warn` or `failed`.
pub const VALIDATOR_VERDICT: &str = "patinox.validator.verdict";
/// Why, in the validator's words, escaped.
pub const VALIDATOR_REASON: &str = "patinox.validator.reason";
/// What kind of resource it is.
pub const RESOURCE_KIND: &str = "patinox.resource.kind";
/// Who held the resource, escaped.
pub const RESOURCE_OWNER: &str = "patinox.resource.owner";
/// How long the resource had been there, in milliseconds.
pub const RESOURCE_AGE_MS: &str = "patinox.resource.age_ms";
/// In which stage of relief something was let go of.
pub const RECLAIM_STAGE: &str = "patinox.reclaim.stage";
/// What was let go of.
pub const RECLAIM_WHAT: &str = "patinox.reclaim.what";
/// Why it was let go of.
pub const RECLAIM_CAUSE: &str = "patinox.reclaim.cause";
/// How many there were to let go of.
pub const RECLAIM_ATTEMPTED: &str = "patinox.reclaim.attempted";
/// How many of them went.
pub const RECLAIM_FREED: &str = "patinox.reclaim.freed";
/// How much they took up, in bytes.
pub const RECLAIM_FREED_BYTES: &str = "patinox.reclaim.freed_bytes";
/// How long letting go took, in milliseconds.
pub const RECLAIM_TOOK_MS: &str = "patinox.reclaim.took_ms";
/// The rule of an alert.
pub const ALERT_RULE: &str = "patinox.alert.rule";
/// How bad it is.
pub const ALERT_SEVERITY: &str = "patinox.alert.severity";
/// How far it has come.
pub const ALERT_STATE: &str = "patinox.alert.state";
/// What the rule looks at has come to.
pub const ALERT_VALUE: &str = "patinox.alert.value";
/// The labels of the rule, escaped.
pub const ALERT_LABELS: &str = "patinox.alert.labels";
/// How hard pressed the machine is.
pub const PRESSURE_LEVEL: &str = "patinox.pressure.level";
/// What is pressed, escaped.
pub const PRESSURE_REASONS: &str = "patinox.pressure.reasons";
