//! A machine in lines of text.

use std::fmt::Write as _;

use super::*;

/// One line a fact: name, value, origin.
pub(super) fn describe(machine: &Machine) -> String {
    let Machine {
        cores,
        cpu_percent,
        own_cpu_percent,
        load,
        memory_bytes_total,
        memory_bytes_available,
        swap,
        swap_bytes_total,
        swap_bytes_free,
        memory_resident_bytes,
        stalls,
        address_space,
        descriptors,
        processes,
        folders: _,
    } = machine;
    let AddressSpace {
        limit_bytes,
        used_bytes,
        map_count_max,
    } = address_space;
    let mut text = format!("cores {} {}\n", cores.value, cores.origin);
    let numbers = [
        ("total", memory_bytes_total),
        ("available", memory_bytes_available),
        ("swap total", swap_bytes_total),
        ("swap free", swap_bytes_free),
        ("resident", memory_resident_bytes),
        ("address space", limit_bytes),
        ("used", used_bytes),
        ("maps", map_count_max),
    ];
    for (name, figure) in numbers {
        line(&mut text, name, figure.as_ref(), u64::to_string);
    }
    writeln!(text, "swap {:?} {}", swap.value, swap.origin).unwrap();
    for (name, percent) in [("busy", cpu_percent), ("own", own_cpu_percent)] {
        line(&mut text, name, percent.as_ref(), Hundredths::to_string);
    }
    line(&mut text, "load", load.as_ref(), |load| {
        let Load {
            one_minute,
            five_minutes,
            fifteen_minutes,
        } = load;
        format!("{one_minute} {five_minutes} {fifteen_minutes}")
    });
    stalled(&mut text, stalls);
    for (name, held) in [("descriptors", descriptors), ("processes", processes)] {
        let limit = held.as_ref().map(|held| &held.limit);
        line(&mut text, name, limit, |limit| {
            let used = held.as_ref().and_then(|held| held.used.as_ref());
            let used = used.map_or_else(
                || "unknown".to_owned(),
                |used| format!("{} by {}", used.value, used.origin),
            );
            format!("{used} of {limit}")
        });
    }
    text
}

fn line<T>(text: &mut String, name: &str, figure: Option<&Figure<T>>, show: impl Fn(&T) -> String) {
    match figure {
        Some(Figure { value, origin }) => writeln!(text, "{name} {} {origin}", show(value)),
        None => writeln!(text, "{name} unknown"),
    }
    .unwrap();
}

fn stalled(text: &mut String, stalls: &Stalls) {
    let Stalls { cpu, memory, io } = stalls;
    for (name, stall) in [("cpu", cpu), ("memory", memory), ("io", io)] {
        line(text, &format!("stall {name}"), stall.as_ref(), |stall| {
            let of = |averages: StallAverages| {
                let StallAverages {
                    ten_seconds,
                    one_minute,
                    five_minutes,
                } = averages;
                format!("{ten_seconds} {one_minute} {five_minutes}")
            };
            let full = stall.full.map_or_else(|| "unknown".to_owned(), of);
            format!("some {} full {full}", of(stall.some))
        });
    }
}
