//! The table as text and as a document.

use patinox_policy::{Code, Fault, Report};
use serde_json::{Value, json};

use super::{Attacked, Tried};
use crate::again::Again;
use crate::output::cost;

/// For a terminal of 80 columns.
pub(super) fn text(attacked: &Attacked, again: &Again) -> String {
    let mut lines = vec![
        "attacks on this program, on a host as a server has it, beside a tool at work".to_owned(),
        String::new(),
    ];
    let rows = attacked.tried.iter().enumerate();
    lines.extend(rows.map(|(number, tried)| row(number + 1, tried)));
    lines.push(String::new());
    lines.extend(summary(attacked));
    let repeat = attacked
        .tried
        .iter()
        .find_map(|tried| tried.command.as_ref());
    if let Some(command) = repeat {
        let document = again.command(["doctor", "--attack", "-o", "json"]);
        lines.extend([
            String::new(),
            "next: repeat one by hand; the document has the command of each".to_owned(),
            format!("   $ {command}"),
            format!("   $ {document}"),
        ]);
    }
    lines.join("\n")
}

fn row(number: usize, tried: &Tried) -> String {
    let verdict = if tried.held() { "held" } else { "FAILED" };
    let Tried { what, ended, .. } = tried;
    let took = cost::time(tried.took);
    let row = format!("{number:>2}. {what:<31} {ended:<22} {took:>9}   {verdict}");
    match tried.held() {
        true => row,
        false => format!("{row}\n    it should have ended in: {}", tried.should),
    }
}

fn summary(attacked: &Attacked) -> Vec<String> {
    let held = attacked.tried.iter().filter(|tried| tried.held()).count();
    let seen = &attacked.neighbour;
    let answers = match seen.wrong {
        0 => "all answers right".to_owned(),
        wrong => format!("{wrong} answers WRONG"),
    };
    let slowest = cost::time(seen.slowest);
    let [before, after] = attacked.memory_bytes.map(size);
    let mut lines = vec![
        format!("held        {held} of {}", attacked.tried.len()),
        format!(
            "neighbour   {} calls, {answers}; the slowest took {slowest}",
            seen.calls
        ),
        format!("memory      {before} before, {after} after"),
        format!("instances   {}", instances(attacked)),
        format!("time        {}", cost::time(attacked.took)),
    ];
    if !attacked.set_aside.is_empty() {
        lines.push("settings    of your own were in the way; the defaults stood in for".to_owned());
        let names = attacked.set_aside.iter();
        lines.extend(names.map(|name| format!("            `{name}`")));
    }
    lines
}

fn instances(attacked: &Attacked) -> String {
    match attacked.allocated.pool_slots {
        Some(slots) => format!("from a pool of {slots}"),
        None => "on demand: no address space for a pool".to_owned(),
    }
}

fn size(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "an unknown amount".to_owned(), cost::bytes)
}

pub(super) fn document(attacked: &Attacked) -> Value {
    let row = |tried: &Tried| {
        json!({
            "what": tried.what,
            "command": tried.command,
            "should": tried.should,
            "ended": tried.ended,
            "held": tried.held(),
            "wall_ms": cost::milliseconds(tried.took),
        })
    };
    let [before, after] = attacked.memory_bytes;
    let set_aside: Vec<_> = attacked
        .set_aside
        .iter()
        .map(|name| name.as_str())
        .collect();
    json!({
        "rows": attacked.tried.iter().map(row).collect::<Value>(),
        "held": attacked.tried.iter().filter(|tried| tried.held()).count(),
        "all": attacked.tried.len(),
        "neighbour": {
            "calls": attacked.neighbour.calls,
            "wrong": attacked.neighbour.wrong,
            "slowest_ms": cost::milliseconds(attacked.neighbour.slowest),
        },
        "memory_bytes": { "before": before, "after": after },
        "pool_slots": attacked.allocated.pool_slots,
        "set_aside": set_aside,
        "wall_ms": cost::milliseconds(attacked.took),
    })
}

/// What did not hold, by name: here it is what a caller is to know.
pub(super) fn report(failed: &[&str]) -> Report {
    Report {
        fault: Fault::Host,
        code: Code::Internal,
        message: format!(
            "the attacks did not end as they should: {}",
            failed.join("; ")
        ),
        hint: Some(
            "the rows say how; run nothing here that you do not trust until you know why"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::attack::neighbour::Seen;
    use patinox_host::Allocated;
    use patinox_policy::LimitName;
    use std::time::Duration;

    fn tried(what: &'static str, ended: &str) -> Tried {
        Tried {
            what,
            command: Some(format!("patinox call {what}")),
            should: "limit/fuel".to_owned(),
            ended: ended.to_owned(),
            took: Duration::from_millis(12),
        }
    }

    /// One attack held, one did not, and the neighbour noticed.
    fn attacked() -> Attacked {
        Attacked {
            tried: vec![tried("spins", "limit/fuel"), tried("spins on", "a result")],
            neighbour: Seen {
                calls: 70,
                wrong: 2,
                slowest: Duration::from_millis(3),
            },
            memory_bytes: [Some(40 << 20), None],
            allocated: Allocated {
                free_slots: 0,
                call_slots: 0,
                free_call_slots: 0,
                waiting_calls: 0,
                pool_slots: Some(500),
                on_demand_slots: 100,
                memory_reservation_bytes: 4 << 30,
                pagemap_scan: true,
            },
            set_aside: vec![LimitName::Wall],
            took: Duration::from_millis(900),
        }
    }

    #[test]
    fn what_does_not_hold_is_named() {
        let attacked = attacked();
        assert_eq!(attacked.failed(), ["spins on", "the neighbour"]);
        let report = report(&attacked.failed());
        let text = text(&attacked, &Again::new(&[]));
        let shown = format!("{text}\n\n{}", report.message);
        insta::assert_snapshot!(shown, @"
        attacks on this program, on a host as a server has it, beside a tool at work

         1. spins                           limit/fuel                 12 ms   held
         2. spins on                        a result                   12 ms   FAILED
            it should have ended in: limit/fuel

        held        1 of 2
        neighbour   70 calls, 2 answers WRONG; the slowest took 3.00 ms
        memory      40 MiB before, an unknown amount after
        instances   from a pool of 500
        time        900 ms
        settings    of your own were in the way; the defaults stood in for
                    `wall`

        next: repeat one by hand; the document has the command of each
           $ patinox call spins
           $ patinox doctor --attack -o json

        the attacks did not end as they should: spins on; the neighbour
        ");
        let document = document(&attacked);
        assert_eq!(
            (&document["held"], &document["all"]),
            (&json!(1), &json!(2))
        );
        assert_eq!(document["rows"][1]["held"], false);
    }
}
