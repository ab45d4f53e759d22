//! What a call has spent.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// What one call has spent, whether it succeeded or not.
///
/// Its JSON form has the field names of this struct, `wall` as `wall_ms` in
/// milliseconds with a fraction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Fuel, the engine's unit of computation. Exact for calls that succeed.
    pub fuel: u64,
    /// The most linear memory held at once, all memories together, in bytes.
    pub memory_bytes_peak: u64,
    /// From admission to the encoded result.
    #[serde(rename = "wall_ms", serialize_with = "as_milliseconds")]
    pub wall: Duration,
    /// Calls from the guest into the host.
    pub host_calls: u64,
    /// Bytes of the arguments as JSON.
    pub arguments_bytes: u64,
    /// Bytes of the result as JSON.
    pub result_bytes: u64,
    /// Bytes that the guest wrote to its standard output, kept or not.
    pub stdout_bytes: u64,
    /// Bytes that the guest wrote to its standard error, kept or not.
    pub stderr_bytes: u64,
    /// Bytes that the guest logged, kept or not.
    pub log_bytes: u64,
}

fn as_milliseconds<S: Serializer>(wall: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let micros = u32::try_from(wall.as_micros()).unwrap_or(u32::MAX);
    serializer.serialize_f64(f64::from(micros) / 1_000.0)
}
