//! O08, O22 to O24: what must not load.

use patinox::Fault;

use super::row::Row;
use crate::hostile::bombs;
use crate::support::forge;

const MALFORMED: &[&str] = &["component/malformed"];

pub(super) fn rows() -> Vec<Row> {
    let mut all = switched_off();
    all.extend(bombs());
    all.extend(no_components());
    all
}

/// Proposals that the engine has switched off: the compiler refuses them.
fn switched_off() -> Vec<Row> {
    let beside = |name, items: &str| {
        let text = format!(
            r#"(component
                (core module $m {items} (func (export "run")))
                (core instance $i (instantiate $m))
                (func (export "run") (canon lift (core func $i "run"))))"#
        );
        Row::binary(name, forge::component(&text), MALFORMED)
    };
    vec![
        beside(
            "O08 exceptions",
            "(tag $e) (func (loop $again
                (block $caught (try_table (catch_all $caught) (throw $e)))
                (br $again)))",
        ),
        beside("O08 tail calls", "(func $f (return_call $f))"),
        beside(
            "O08 calls by reference",
            "(type $t (func)) (elem declare func $f)
             (func $f (type $t) (loop (call_ref $t (ref.func $f)) (br 0)))",
        ),
        beside("O08 garbage", "(type $s (struct (field i32)))"),
        beside("O08 memory of 64 bits", "(memory i64 1)"),
        beside("O08 shared memory", "(memory 1 1 shared)"),
    ]
}

/// Those of `bombs` that are cheapest to make; all are there.
fn bombs() -> Vec<Row> {
    let limit = |name, bytes, codes| {
        let mut row = Row::binary(name, bytes, codes);
        row.fault = Some(Fault::Limit);
        row
    };
    vec![
        limit(
            "O22 instances that multiply",
            bombs::multiplied(&[8; 9]),
            &["limit/all-instances"],
        ),
        limit(
            "O22 functions without end",
            bombs::many_functions(100_001),
            &["limit/functions"],
        ),
        Row::binary(
            "O06 segments without end",
            bombs::many_segments(30_001),
            MALFORMED,
        ),
    ]
}

fn no_components() -> Vec<Row> {
    let zeros = |count| vec![0; count];
    let mut cut = forge::echo();
    cut.truncate(cut.len() / 2);
    [
        ("O23 nothing", Vec::new()),
        ("O23 a core module", b"\0asm\x01\0\0\0".to_vec()),
        ("O23 text", b"(component)".to_vec()),
        ("O23 deep text", b"(".repeat(1 << 20)),
        // Larger than what an allocator keeps for later.
        ("O23 zeros", zeros(33 << 20)),
        ("O23 half a component", cut),
        ("O24 machine code", b"\x7fELF\x02\x01\x01".to_vec()),
    ]
    .into_iter()
    .map(|(name, bytes)| Row::binary(name, bytes, MALFORMED))
    .collect()
}
