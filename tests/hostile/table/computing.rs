//! O01, O02, O07, O09, O14, O21: what takes the processor, the stack, or turns.

use std::fmt::Write as _;

use patinox::Fault;
use serde_json::json;

use super::row::{PEAK_BYTES, Row};
use crate::hostile::spun;

const STACK: (Fault, &[&str]) = (Fault::Component, &["component/stack"]);
const FUEL: (Fault, &[&str]) = (Fault::Limit, &["limit/fuel"]);
const RANDOM: (Fault, &[&str]) = (Fault::Limit, &["limit/random"]);

pub(super) fn rows() -> Vec<Row> {
    let mut all = spinning();
    all.extend(diving());
    all.extend(asking());
    all
}

fn spinning() -> Vec<Row> {
    let honest = || (json!({ "rounds": 1_000 }), spun(1_000));
    vec![
        Row::hostile("O01 spin", ("spin", json!({})), FUEL, honest()),
        Row::hostile(
            "O01 spin until the deadline",
            ("spin", json!({})),
            (Fault::Limit, &["limit/wall"]),
            honest(),
        )
        .within(|limits| (limits.fuel, limits.wall_ms) = (u64::MAX >> 1, 50)),
        Row::forged(
            "O01 spin at the start",
            (STARTS_SPINNING, json!({})),
            FUEL,
            None,
        ),
        Row::forged(
            "O07 bulk burn",
            (BULK_BURN, json!({ "attack": true })),
            FUEL,
            Some((json!({ "attack": false }), json!(7))),
        )
        .within(|limits| limits.fuel = 300_000_000),
        Row::hostile(
            "O09 trap",
            ("trap", json!({})),
            (Fault::Component, &["component/trap"]),
            (json!({}), json!(null)),
        )
        .never_honest(),
    ]
}

fn diving() -> Vec<Row> {
    vec![
        Row::hostile(
            "O02 recurse",
            ("recurse", json!({})),
            STACK,
            (json!({ "depth": 0 }), json!(1)),
        ),
        Row::forged(
            "O02 recurse with 200 locals",
            (&fat_recursion(), json!({ "depth": u32::MAX })),
            STACK,
            Some((json!({ "depth": 2 }), json!(0))),
        ),
        Row::forged(
            "O02 recurse in `cabi_realloc`",
            (REALLOC, json!({ "text": "more than eight bytes" })),
            STACK,
            Some((json!({ "text": "short" }), json!(5))),
        ),
        Row::forged(
            "O02 recurse in `post-return`",
            (POST_RETURN, json!({ "attack": true })),
            STACK,
            Some((json!({ "attack": false }), json!(7))),
        ),
    ]
}

fn asking() -> Vec<Row> {
    let little = || (json!({ "bytes": 100 }), json!(100));
    vec![
        // Each call of the host has its turn; none is a clock for a finer one.
        Row::forged(
            "O14 clock steps",
            (CLOCK_STEP, json!({ "times": 50_000 })),
            FUEL,
            Some((json!({ "times": 0 }), json!(0))),
        )
        .within(|limits| limits.fuel = 20_000_000),
        Row::hostile(
            "O21 all randomness at once",
            ("draw-at-once", json!({ "bytes": u64::MAX.to_string() })),
            RANDOM,
            little(),
        )
        .peak(PEAK_BYTES / 4),
        Row::hostile(
            "O21 64 MiB of randomness",
            ("draw", json!({ "bytes": 64 << 20 })),
            RANDOM,
            little(),
        ),
    ]
}

pub(super) const CLOCK_STEP: &str =
    include_str!("../../../components/hostile/forged/table/clock_step.wat");
const BULK_BURN: &str = include_str!("../../../components/hostile/forged/table/bulk_burn.wat");
const REALLOC: &str =
    include_str!("../../../components/hostile/forged/table/realloc_recursion.wat");
const POST_RETURN: &str =
    include_str!("../../../components/hostile/forged/table/post_return_recursion.wat");

/// It never comes to its function.
const STARTS_SPINNING: &str = r#"(component
    (core module $m
        (func $spin (loop (br 0)))
        (start $spin)
        (func (export "run")))
    (core instance $i (instantiate $m))
    (func (export "run") (canon lift (core func $i "run"))))"#;

/// Calls itself so deep, with 200 values alive across each call: they come
/// from memory, so that none can be made anew. Answers with their sum, 0.
fn fat_recursion() -> String {
    let (mut loads, mut sum) = (String::new(), "(local.get $inner)".to_owned());
    for n in 0..200 {
        let at = n * 8;
        let written = write!(loads, "(local.set $v{n} (i64.load (i32.const {at})))");
        written.expect("a string takes it");
        sum = format!("(i64.add {sum} (local.get $v{n}))");
    }
    let locals: String = (0..200).map(|n| format!("(local $v{n} i64)")).collect();
    format!(
        r#"(component
            (core module $m
                (memory 1)
                (func $dive (param $depth i32) (result i64) (local $inner i64) {locals}
                    {loads}
                    (if (local.get $depth) (then
                        (local.set $inner
                            (call $dive (i32.sub (local.get $depth) (i32.const 1))))))
                    {sum})
                (func (export "run") (param i32) (result i64) (call $dive (local.get 0))))
            (core instance $i (instantiate $m))
            (func (export "run") (param "depth" u32) (result u64)
                (canon lift (core func $i "run"))))"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::{self, call_within, forge};

    /// However often a guest reads it, it is never finer than a millisecond.
    #[tokio::test]
    async fn a_clock_has_no_fine_steps() {
        let host = support::host();
        let component = support::load(&host, &forge::component(CLOCK_STEP)).await;
        let limits = patinox::Limits {
            host_calls: 1_000_100,
            ..patinox::Limits::default()
        };
        let read = ("run", json!({ "times": 1_000_000 }));
        let called = call_within(&host, &component, read, limits).await;
        let step = called.result.expect("a step").as_u64().expect("a number");
        assert!(1_000_000 <= step, "{step} ns");
        assert_eq!(step % 1_000_000, 0, "{step} ns");
    }
}
