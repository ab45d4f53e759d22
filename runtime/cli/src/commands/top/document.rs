//! What a program reads.

use serde_json::{Value, json};

use super::gather::Gather;
use super::model::{Percentile, Rates, Row, Sort, View};

/// Paths and texts are strangers'; the one who prints it escapes them.
pub(super) fn document(gather: &Gather, views: &[View]) -> Value {
    let paths = |paths: &[std::path::PathBuf]| -> Vec<_> {
        let paths = paths.iter();
        paths
            .map(|path| path.to_string_lossy().into_owned())
            .collect()
    };
    let troubles = gather
        .troubles()
        .into_iter()
        .map(|trouble| json!({ "path": trouble.path.to_string_lossy(), "why": trouble.why }));
    json!({
        "folders": paths(gather.folders()),
        "hosts": views.iter().map(host).collect::<Vec<_>>(),
        "removed": paths(gather.removed()),
        "troubles": troubles.collect::<Vec<_>>(),
    })
}

fn host(view: &View) -> Value {
    let rows = view.rows("", Sort::default());
    json!({
        "socket": view.socket.to_string_lossy(),
        "status": *view.status,
        "rates": view.rates.map(rates),
        "tools": rows.into_iter().map(row).collect::<Vec<_>>(),
    })
}

fn rates(rates: Rates) -> Value {
    json!({
        "seconds": rates.span.as_secs_f64(),
        "calls_per_second": rates.calls_a_second,
        "errors_per_second": rates.errors_a_second,
    })
}

fn row(row: &Row) -> Value {
    json!({
        "component": row.component,
        "tool": row.tool,
        "calls": row.calls,
        "errors": row.errors,
        "busy": row.busy,
        "policy": row.policy,
        "rates": row.rates.map(rates),
        "p50_seconds": row.p50.map(seconds),
        "p95_seconds": row.p95.map(seconds),
        "fuel_per_call": row.fuel,
        "memory_bytes_peak_per_call": row.memory_bytes,
    })
}

/// What is above the largest bound is at least that.
const fn seconds(percentile: Percentile) -> f64 {
    match percentile {
        Percentile::Seconds(seconds) | Percentile::Above(seconds) => seconds,
    }
}
