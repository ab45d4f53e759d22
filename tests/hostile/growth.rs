//! Results that are small in the guest and large in the host: however they are
//! typed, the host's memory for one call stays within its bound.

use std::time::Duration;

use serde_json::json;

use crate::support::{self, Neighbour, call, code, forge, process};

/// What the host may take for one call.
const BOUND: u64 = 64 << 20;

/// What the guest itself has written to, and some room for the allocator.
const BESIDE: u64 = 16 << 20;

/// A list with as many items as fit into 4 MB of the guest, of a type and its
/// size there. All of memory is filled with a byte first, so that every item
/// is the largest the type can be.
struct Growth {
    item: &'static str,
    size: u32,
    fill: u8,
}

fn component(growth: &Growth) -> Vec<u8> {
    let names: String = (0..32).map(|i| format!(r#" "f{i}""#)).collect();
    // A text of 60 kB, over and over: the same bytes each time.
    let items_of = match growth.item {
        "string" | "(list u8)" => {
            "(loop $next
                (i32.store (local.get $at) (i32.const 0))
                (i32.store offset=4 (local.get $at) (i32.const 60000))
                (local.set $at (i32.add (local.get $at) (i32.const 8)))
                (br_if $next (i32.lt_u (local.get $at) (i32.const 4065536))))"
        }
        _ => "",
    };
    forge::component(&format!(
        r#"(component
            (core module $m
                (memory (export "memory") 70)
                (func (export "run") (param $items i32) (result i32)
                    (local $at i32)
                    (memory.fill (i32.const 65536) (i32.const {fill}) (i32.const 4000000))
                    (local.set $at (i32.const 65536))
                    {items_of}
                    (i32.store (i32.const 65520) (i32.const 65536))
                    (i32.store (i32.const 65524) (local.get $items))
                    i32.const 65520))
            (core instance $i (instantiate $m))
            (type $flags' (flags{names}))
            (export $flags "flags" (type $flags'))
            (type $enum' (enum "a" "one-with-a-rather-long-name-to-be-copied"))
            (export $enum "enum" (type $enum'))
            (type $variant' (variant (case "a") (case "one" u32)))
            (export $variant "variant" (type $variant'))
            (type $record' (record (field "a" u8) (field "b" u8) (field "c" u8) (field "d" u8)))
            (export $record "record" (type $record'))
            (type $list (list {item}))
            (func (export "run") (param "items" u32) (result $list)
                (canon lift (core func $i "run") (memory $i "memory"))))"#,
        item = growth.item,
        fill = growth.fill,
    ))
}

/// Runs it with fewer and fewer items: what is refused at once takes nothing,
/// and what is just not refused takes most.
///
/// Alone in its process: it measures all of it.
async fn check(growth: Growth) {
    let host = support::host();
    let neighbour = Neighbour::of(&host).await;
    let component = support::load(&host, &component(&growth)).await;
    let before = process::resident();
    process::forget_peak();
    let mut items = 4_000_000 / growth.size;
    while 10_000 < items {
        let called = call(&host, &component, "run", json!({ "items": items })).await;
        let code = code(&called);
        let known = ["limit/hostcall-bytes", "limit/result", "ok"];
        assert!(known.contains(&code), "{}: {code}", growth.item);
        let wall = called.usage.wall;
        assert!(wall < Duration::from_secs(5), "{}: {wall:?}", growth.item);
        items = items / 4 * 3;
    }
    let grown = process::resident_peak().saturating_sub(before);
    eprintln!("{:>24}: {:>3} MiB", growth.item, grown >> 20);
    assert!(grown < BOUND + BESIDE, "{}: {grown} bytes", growth.item);
    neighbour.still_answers(10).await;
}

macro_rules! growths {
    ($($name:ident: $item:literal, $size:literal, $fill:literal;)*) => {
        $(#[tokio::test]
        async fn $name() {
            check(Growth { item: $item, size: $size, fill: $fill }).await;
        })*
    };
}

growths! {
    bools: "bool", 1, 1;
    bytes: "u8", 1, 1;
    small_integers: "s8", 1, 0xff;
    short_integers: "u16", 2, 0xff;
    integers: "u32", 4, 0xff;
    long_integers: "u64", 8, 0xff;
    floats: "f32", 4, 0x7f;
    long_floats: "f64", 8, 0x7f;
    characters: "char", 4, 0;
    flags: "$flags", 4, 0xff;
    enums: "$enum", 1, 1;
    variants: "$variant", 8, 1;
    options: "(option u8)", 2, 1;
    options_of_enums: "(option $enum)", 2, 1;
    results: "(result u8 (error u8))", 2, 1;
    tuples: "(tuple u8 u8 u8 u8)", 4, 1;
    records: "$record", 4, 1;
    lists: "(list u8)", 8, 0;
    strings: "string", 8, 0;
}

/// The same the other way: what a guest passes to a function whose type it
/// chooses itself. Flags are what grows most.
#[tokio::test]
async fn what_is_passed_to_an_import_is_bounded_too() {
    let names: String = (0..32).map(|i| format!(r#" "f{i}""#)).collect();
    let bytes = forge::component(&format!(
        r#"(component
            (import "wasi:http/evil@0.2.0" (instance $evil
                (type $flags' (flags{names}))
                (export "flags" (type $flags (eq $flags')))
                (export "f" (func (param "l" (list $flags)) (result (list u8))))))
            (core module $memory
                (memory (export "memory") 70)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 16))
            (core instance $memory (instantiate $memory))
            (core func $f (canon lower (func $evil "f")
                (memory (core memory $memory "memory"))
                (realloc (core func $memory "realloc"))))
            (core module $m
                (import "e" "memory" (memory 1))
                (import "e" "f" (func $f (param i32 i32 i32)))
                (func (export "run") (param $items i32) (result i32)
                    (memory.fill (i32.const 65536) (i32.const 255) (i32.const 4000000))
                    (call $f (i32.const 65536) (local.get $items) (i32.const 0))
                    i32.const 7))
            (core instance $i (instantiate $m (with "e" (instance
                (export "memory" (memory $memory "memory"))
                (export "f" (func $f))))))
            (func (export "run") (param "items" u32) (result u32)
                (canon lift (core func $i "run"))))"#
    ));
    let host = support::host();
    let component = support::load(&host, &bytes).await;
    let before = process::resident();
    process::forget_peak();
    let (mut items, mut ended) = (900_000, Vec::new());
    while 1_000 < items {
        let called = call(&host, &component, "run", json!({ "items": items })).await;
        assert!(called.usage.wall < Duration::from_secs(2), "{called:?}");
        ended.push(code(&called));
        items = items / 4 * 3;
    }
    assert_eq!(
        (ended.first(), ended.last()),
        (Some(&"limit/hostcall-bytes"), Some(&"ok"))
    );
    let grown = process::resident_peak().saturating_sub(before);
    assert!(grown < BOUND + BESIDE, "{grown} bytes");
}
