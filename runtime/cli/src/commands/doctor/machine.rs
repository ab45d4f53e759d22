//! What the machine has, and where that was read.

use patinox_policy::escape_line;
use patinox_resources::{Figure, Machine, Swap};
use serde_json::{Value, json};

/// The figures with their origins.
pub(super) fn document(machine: &Machine) -> Value {
    json!({
        "cores": figure(&machine.cores),
        "memory_bytes_total": machine.memory_bytes_total.as_ref().map(figure),
        "memory_bytes_available": machine.memory_bytes_available.as_ref().map(figure),
        "swap": {
            "value": swap(machine.swap.value),
            "origin": origin(&machine.swap),
        },
        "address_space_bytes": machine.address_space.limit_bytes.as_ref().map(figure),
        "map_count_max": machine.address_space.map_count_max.as_ref().map(figure),
    })
}

pub(super) fn lines(machine: &Machine) -> Vec<String> {
    let unknown = || "an unknown amount".to_owned();
    let size = |bytes: &Figure<u64>| gib(bytes.value);
    let available = machine.memory_bytes_available.as_ref();
    let total = machine.memory_bytes_total.as_ref();
    let mut lines = vec![
        format!(
            "machine    cores: {}, by {}",
            machine.cores.value,
            origin(&machine.cores)
        ),
        format!(
            "           memory: {} of {} are free{}",
            available.map_or_else(unknown, size),
            total.map_or_else(unknown, size),
            total.map_or_else(String::new, |total| format!(", by {}", origin(total))),
        ),
        format!(
            "           swap: {}, by {}",
            swap(machine.swap.value),
            origin(&machine.swap)
        ),
    ];
    if let Some(limit) = &machine.address_space.limit_bytes {
        let (size, origin) = (gib(limit.value), origin(limit));
        lines.push(format!("           address space: {size}, by {origin}"));
    }
    lines
}

fn figure<T: serde::Serialize>(figure: &Figure<T>) -> Value {
    json!({ "value": figure.value, "origin": origin(figure) })
}

/// The name of a control group is a stranger's text.
fn origin<T>(figure: &Figure<T>) -> String {
    escape_line(&figure.origin.to_string()).into_owned()
}

const fn swap(swap: Swap) -> &'static str {
    match swap {
        Swap::Absent => "none",
        Swap::Forbidden => "not for this program",
        Swap::Present => "in use",
    }
}

/// With one digit behind the point.
fn gib(bytes: u64) -> String {
    let tenths = u128::from(bytes) * 10 / (1 << 30);
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}
