//! What the machine has, and where that was read.

use std::path::Path;

use patinox_policy::escape_line;
use patinox_resources::{Figure, Held, Hundredths, Machine, Reading, Stall, Stalls, Swap};
use serde_json::{Value, json};

use crate::source::shown;

/// The figures with their origins; `null` where the machine does not say.
pub(super) fn document(machine: &Machine) -> Value {
    let bytes = |bytes: &Option<Figure<u64>>| bytes.as_ref().map(figure);
    let percent = |percent: &Option<Figure<Hundredths>>| {
        percent
            .as_ref()
            .map(|percent| told(percent, decimal(percent.value)))
    };
    let Stalls { cpu, memory, io } = &machine.stalls;
    let folders = machine.folders.iter().map(|space| {
        json!({
            "folder": shown(&space.folder.to_string_lossy()),
            "bytes_total": figure(&space.bytes_total),
            "bytes_used": figure(&space.bytes_used),
            "bytes_available": figure(&space.bytes_available),
            "files_available": bytes(&space.files_available),
        })
    });
    json!({
        "cores": figure(&machine.cores),
        "cpu_percent": percent(&machine.cpu_percent),
        "load": machine.load.as_ref().map(|load| {
            let of = load.value;
            told(load, json!([of.one_minute, of.five_minutes, of.fifteen_minutes].map(decimal)))
        }),
        "stall_percent": {
            "cpu": cpu.as_ref().map(stall),
            "memory": memory.as_ref().map(stall),
            "io": io.as_ref().map(stall),
        },
        "memory_bytes_total": bytes(&machine.memory_bytes_total),
        "memory_bytes_available": bytes(&machine.memory_bytes_available),
        "swap": told(&machine.swap, swap(machine.swap.value)),
        "swap_bytes_total": bytes(&machine.swap_bytes_total),
        "swap_bytes_free": bytes(&machine.swap_bytes_free),
        "address_space_bytes": bytes(&machine.address_space.limit_bytes),
        "map_count_max": bytes(&machine.address_space.map_count_max),
        "descriptors": machine.descriptors.as_ref().map(held),
        "processes": machine.processes.as_ref().map(held),
        "folders": folders.collect::<Vec<_>>(),
    })
}

/// How hard pressed it is, and why.
pub(super) fn pressure(reading: &Reading) -> Value {
    let pressed = reading.pressed.iter().map(|pressed| {
        json!({
            "resource": pressed.resource.as_str(),
            "level": pressed.level.as_str(),
            "percent": decimal(pressed.percent),
        })
    });
    json!({
        "level": reading.level().as_str(),
        "pressed": pressed.collect::<Vec<_>>(),
    })
}

/// The same for people.
pub(super) fn pressure_lines(reading: &Reading) -> Vec<String> {
    let reasons = reading.pressed.iter();
    let reasons = reasons.map(|pressed| escape_line(&pressed.to_string()).into_owned());
    let all = std::iter::once(reading.level().to_string()).chain(reasons);
    let heads = std::iter::once("pressure   ").chain(std::iter::repeat("           "));
    let lines = heads.zip(all);
    lines.map(|(head, line)| format!("{head}{line}")).collect()
}

/// The same for people; folders as they are written short.
pub(super) fn lines(machine: &Machine, short: impl Fn(&Path) -> String) -> Vec<String> {
    let mut lines = vec![cores(machine), memory(machine), swap_line(machine)];
    lines.extend(waiting(&machine.stalls));
    lines.extend(machine.folders.iter().map(|space| {
        let [free, all] =
            [&space.bytes_available, &space.bytes_total].map(|bytes| gib(bytes.value));
        let folder = short(&space.folder);
        format!("disk: {free} of {all} are free where {folder} lies")
    }));
    if let Some(limit) = &machine.address_space.limit_bytes {
        let (size, origin) = (gib(limit.value), origin(limit));
        lines.push(format!("address space: {size}, by {origin}"));
    }
    let counts = [
        ("descriptors", &machine.descriptors),
        ("processes and threads", &machine.processes),
    ];
    for (name, held) in counts {
        lines.extend(held.as_ref().map(|held| {
            let used = held.used.as_ref();
            let used = used.map_or_else(|| "?".to_owned(), |used| used.value.to_string());
            format!(
                "{name}: {used} of {}, by {}",
                held.limit.value,
                origin(&held.limit)
            )
        }));
    }
    let heads = std::iter::once("machine    ").chain(std::iter::repeat("           "));
    let lines = heads.zip(lines);
    lines.map(|(head, line)| format!("{head}{line}")).collect()
}

fn cores(machine: &Machine) -> String {
    let mut line = format!(
        "cores: {}, by {}",
        machine.cores.value,
        origin(&machine.cores)
    );
    if let Some(busy) = &machine.cpu_percent {
        line += &format!("; {} % busy", busy.value);
    }
    if let Some(load) = &machine.load {
        line += &format!("; load {}", load.value.one_minute);
    }
    line
}

fn memory(machine: &Machine) -> String {
    let unknown = || "an unknown amount".to_owned();
    let size = |bytes: &Figure<u64>| gib(bytes.value);
    let available = machine.memory_bytes_available.as_ref();
    let total = machine.memory_bytes_total.as_ref();
    format!(
        "memory: {} of {} are free{}",
        available.map_or_else(unknown, size),
        total.map_or_else(unknown, size),
        total.map_or_else(String::new, |total| format!(", by {}", origin(total))),
    )
}

fn swap_line(machine: &Machine) -> String {
    let by = origin(&machine.swap);
    let mut line = format!("swap: {}, by {by}", swap(machine.swap.value));
    if let (Swap::Present, Some(total)) = (machine.swap.value, &machine.swap_bytes_total) {
        line += &format!("; {}", gib(total.value));
    }
    line
}

/// What is lost waiting, of those that the machine tells of.
fn waiting(stalls: &Stalls) -> Option<String> {
    let Stalls { cpu, memory, io } = stalls;
    let named = [("cores", cpu), ("memory", memory), ("disks", io)];
    let told = named.into_iter().filter_map(|(name, stall)| {
        let some = stall.as_ref()?.value.some;
        Some(format!("{name} {} %", some.ten_seconds))
    });
    let told: Vec<_> = told.collect();
    let told = (!told.is_empty()).then(|| told.join(", "))?;
    Some(format!("waiting for: {told} of the last ten seconds"))
}

fn told<T>(figure: &Figure<T>, value: impl Into<Value>) -> Value {
    json!({ "value": value.into(), "origin": origin(figure) })
}

fn figure<T: serde::Serialize>(figure: &Figure<T>) -> Value {
    told(figure, json!(figure.value))
}

fn held(held: &Held) -> Value {
    json!({ "limit": figure(&held.limit), "used": held.used.as_ref().map(figure) })
}

/// Where some waited over the last ten seconds, the last minute, five minutes.
fn stall(stall: &Figure<Stall>) -> Value {
    let some = stall.value.some;
    told(
        stall,
        json!([some.ten_seconds, some.one_minute, some.five_minutes].map(decimal)),
    )
}

/// A number of JSON with two digits.
fn decimal(number: Hundredths) -> Value {
    let number = number.to_string().parse::<f64>();
    number.map_or(Value::Null, Value::from)
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
