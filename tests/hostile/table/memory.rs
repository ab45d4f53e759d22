//! O03 to O06: memories and tables, at the start and while it runs.

use patinox::Fault;
use serde_json::json;

use super::row::Row;

const MEMORY: (Fault, &[&str]) = (Fault::Limit, &["limit/memory"]);

/// Pages of the limit `memory`.
const ALL_PAGES: u32 = 1024;

pub(super) fn rows() -> Vec<Row> {
    let mut all = growing();
    all.extend(starting());
    all
}

fn growing() -> Vec<Row> {
    let few = || Some((json!({ "most": 3 }), json!(3)));
    vec![
        // It is told no, and goes on with what it has.
        Row::forged(
            "O03 grow and write",
            (GROW_DIRTY, json!({ "most": 2 * ALL_PAGES })),
            MEMORY,
            few(),
        )
        .within(|limits| limits.fuel = 200_000_000)
        .harmless(),
        Row::hostile(
            "O03 hoard",
            ("hoard", json!({ "bytes": 128 << 20 })),
            MEMORY,
            (json!({ "bytes": 1 << 20 }), json!(1 << 20)),
        )
        .within(|limits| limits.fuel = 500_000_000),
        Row::forged(
            "O05 table grow",
            (TABLE_GROW, json!({ "elements": 9_000_000 })),
            MEMORY,
            Some((json!({ "elements": 10 }), json!(3))),
        )
        .harmless(),
    ]
}

/// What it has before any function of it runs.
fn starting() -> Vec<Row> {
    let start = |name, items: &str, fault: Fault, codes| {
        let text = format!(
            r#"(component
                (core module $m {items} (func (export "run")))
                (core instance $i (instantiate $m))
                (func (export "run") (canon lift (core func $i "run"))))"#
        );
        Row::forged(name, (&text, json!({})), (fault, codes), None)
    };
    let limit = |name, items: &str, codes| start(name, items, Fault::Limit, codes);
    let trap = |name, items: &str| start(name, items, Fault::Component, &["component/trap"]);
    let segments = r#"(data (i32.const 0) "x")"#.repeat(10_000);
    vec![
        limit(
            "O04 a hundred memories",
            &"(memory 1)".repeat(100),
            &["limit/memories"],
        ),
        limit(
            "O04 a hundred tables",
            &"(table 1 funcref)".repeat(100),
            &["limit/tables"],
        ),
        limit("O06 all of memory", "(memory 65536)", &["limit/memory"]),
        limit(
            "O06 a table of ten million",
            "(table 10000000 funcref)",
            &["limit/table-elements"],
        ),
        // As many as an interpreter has.
        start(
            "O06 ten thousand segments",
            &format!("(memory 1) {segments}"),
            Fault::Component,
            &[],
        )
        .honest(json!({}), json!(null))
        .harmless(),
        trap(
            "O06 data past the end",
            r#"(memory 1) (data (i32.const 65536) "x")"#,
        ),
        trap(
            "O06 elements past the end",
            "(table 1 funcref) (func $f) (elem (i32.const 1) $f)",
        ),
    ]
}

const GROW_DIRTY: &str = include_str!("../../../components/hostile/forged/table/grow_dirty.wat");
const TABLE_GROW: &str = include_str!("../../../components/hostile/forged/table/table_grow.wat");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::{self, call, forge};

    /// What it is told when there is no more.
    #[tokio::test]
    async fn what_does_not_grow_says_so() {
        let host = support::host();
        for (text, arguments, answer) in [
            (
                GROW_DIRTY,
                json!({ "most": 2 * ALL_PAGES }),
                json!(ALL_PAGES),
            ),
            (TABLE_GROW, json!({ "elements": 9_000_000 }), json!(-1)),
        ] {
            let component = support::load(&host, &forge::component(text)).await;
            let called = call(&host, &component, "run", arguments).await;
            assert_eq!(called.result.expect("an answer"), answer);
        }
    }
}
