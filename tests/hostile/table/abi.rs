//! O13, O15: guests that break the canonical ABI.

use patinox::Fault;
use serde_json::{Value, json};

use super::row::Row;

/// A lie is the component's fault, by one of these.
const BROKEN: (Fault, &[&str]) = (
    Fault::Component,
    &["component/invalid-output", "component/trap"],
);
const OUTPUT: (Fault, &[&str]) = (Fault::Component, &["component/invalid-output"]);

pub(super) fn rows() -> Vec<Row> {
    let mut all = lies();
    all.extend(values());
    all.extend(handles());
    all.extend(room());
    all
}

fn lies() -> Vec<Row> {
    let lie = |name, how: u32| {
        let honest = Some((json!({ "how": 0 }), json!("ok")));
        Row::forged(name, (LIAR, json!({ "how": how })), OUTPUT, honest)
    };
    vec![
        lie("O13 a length of -1", 1),
        lie("O13 a text past the end", 2),
        lie("O13 a text across the end", 3),
        lie("O13 bytes that are no UTF-8", 4),
        lie("O13 half a surrogate pair", 5),
        lie("O13 an answer not aligned", 6),
        lie("O13 an answer past the end", 7),
        lie("O13 an answer across the end", 8),
    ]
}

fn values() -> Vec<Row> {
    let value = |name, tool, value: u32, honest: (u32, Value)| {
        let honest = Some((json!({ "value": honest.0 }), honest.1));
        Row::forged(
            name,
            (BAD_RESULT, json!({ "value": value })),
            OUTPUT,
            honest,
        )
        .tool(tool)
    };
    vec![
        value("O15 a result of case 7", "disc", 7, (0, json!(null))),
        value(
            "O15 a surrogate as `char`",
            "character",
            0xd800,
            (97, json!("a")),
        ),
        value(
            "O15 a `char` past the last",
            "character",
            0x11_0000,
            (98, json!("b")),
        ),
        value(
            "O15 an enum of case 2",
            "enumerated",
            2,
            (1, json!("green")),
        ),
    ]
}

fn handles() -> Vec<Row> {
    let handle = |name, how: u32| {
        let honest = Some((json!({ "how": 0 }), json!(7)));
        Row::forged(name, (BAD_HANDLE, json!({ "how": how })), BROKEN, honest)
    };
    vec![
        handle("O15 its own handle 0", 1),
        handle("O15 the host's handle 0", 2),
        handle("O15 its own handle 2^28", 3),
        handle("O15 the host's handle 2^28", 4),
        handle("O15 its own handle dropped twice", 5),
        handle("O15 the host's handle dropped twice", 6),
        handle("O15 a handle after its drop", 7),
        handle("O15 its own handle as the host's", 8),
    ]
}

/// The length of the first list says how there is made room for it.
fn room() -> Vec<Row> {
    let room = |name, len: u32, ends| {
        let ones =
            |len: u32| json!({ "first": (0..len).map(|_| 1).collect::<Vec<_>>(), "second": [2] });
        let honest = Some((ones(1), json!(3)));
        Row::forged(name, (BAD_REALLOC, ones(len)), ends, honest)
    };
    vec![
        room("O15 room out of bounds", 2, BROKEN),
        room("O15 room across the end", 3, BROKEN),
        room("O15 room not aligned", 4, BROKEN),
        // Its own memory, to make a mess of.
        room("O15 the same room twice", 5, BROKEN).harmless(),
        room("O15 room that asks the host", 6, BROKEN),
        room(
            "O15 room that traps",
            7,
            (Fault::Component, &["component/trap"]),
        ),
        room("O15 room that spins", 8, (Fault::Limit, &["limit/fuel"])),
    ]
}

const LIAR: &str = include_str!("../../../components/hostile/forged/table/liar.wat");
const BAD_RESULT: &str = include_str!("../../../components/hostile/forged/table/bad_result.wat");
const BAD_HANDLE: &str = include_str!("../../../components/hostile/forged/table/bad_handle.wat");
const BAD_REALLOC: &str = include_str!("../../../components/hostile/forged/table/bad_realloc.wat");
