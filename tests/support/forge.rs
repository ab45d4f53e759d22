//! Small components, made by hand: what no toolchain makes.

/// A component from its text.
pub(crate) fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("text that is a component")
}

/// A component with one function `run`, whose core function has this result
/// and body, beside a memory of one page.
pub(crate) fn run(wit_result: &str, core_result: &str, body: &str) -> Vec<u8> {
    component(&format!(
        r#"(component
            (core module $m
                (memory (export "memory") 1)
                (func (export "run") (result {core_result}) {body}))
            (core instance $i (instantiate $m))
            (func (export "run") (result {wit_result})
                (canon lift (core func $i "run") (memory $i "memory"))))"#
    ))
}

/// A component that works: `echo` gives back its text.
pub(crate) fn echo() -> Vec<u8> {
    component(
        r#"(component
            (core module $m
                (memory (export "memory") 1)
                (global $next (mut i32) (i32.const 1024))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                    global.get $next
                    (global.set $next (i32.add (global.get $next) (local.get 3))))
                (func (export "echo") (param i32 i32) (result i32)
                    (i32.store (i32.const 0) (local.get 0))
                    (i32.store (i32.const 4) (local.get 1))
                    i32.const 0))
            (core instance $i (instantiate $m))
            (func (export "echo") (param "text" string) (result string)
                (canon lift (core func $i "echo")
                    (memory $i "memory") (realloc (func $i "realloc")))))"#,
    )
}

/// One that works, with a section that means nothing: of so many bytes in all,
/// or of as few as it can have.
pub(crate) fn padded(bytes: usize) -> Vec<u8> {
    let mut component = echo();
    // The section's number, its length in five bytes, and a name of no bytes.
    let rest = bytes.saturating_sub(component.len() + 6);
    component.push(0);
    let len = rest + 1;
    let group = |n: usize| u8::try_from(len >> (7 * n) & 0x7f).expect("seven bits");
    component.extend((0..4).map(|n| group(n) | 0x80).chain([group(4), 0]));
    component.resize(component.len() + rest, 0);
    component
}

/// A component that imports a function and an interface that nobody offers.
pub(crate) fn with_imports() -> Vec<u8> {
    component(
        r#"(component
            (import "acme:store/query@1.0.0" (instance (export "find" (func))))
            (import "call-home" (func))
            (core module $m (func (export "run")))
            (core instance $i (instantiate $m))
            (func (export "run") (canon lift (core func $i "run"))))"#,
    )
}

/// A component that reports progress once.
pub(crate) fn reports_progress() -> Vec<u8> {
    component(
        r#"(component
            (import "patinox:tool/context@0.1.0" (instance $context
                (export "report-progress" (func
                    (param "done" u64)
                    (param "total" (option u64))
                    (param "message" (option string))))))
            (core module $memory (memory (export "memory") 1))
            (core instance $memory (instantiate $memory))
            (core func $report (canon lower (func $context "report-progress")
                (memory $memory "memory")))
            (core module $m
                (import "context" "report"
                    (func $report (param i64 i32 i64 i32 i32 i32)))
                (func (export "run")
                    (call $report (i64.const 1) (i32.const 0) (i64.const 0)
                        (i32.const 0) (i32.const 0) (i32.const 0))))
            (core instance $i (instantiate $m
                (with "context" (instance (export "report" (func $report))))))
            (func (export "run") (canon lift (core func $i "run"))))"#,
    )
}

/// A component inside another, so on the strict profile: `run` answers 7.
pub(crate) fn nested_echo() -> Vec<u8> {
    component(
        r#"(component
            (component $inner
                (core module $m
                    (memory 1)
                    (func (export "run") (result i32) (i32.const 7)))
                (core instance $i (instantiate $m))
                (func (export "run") (result u32) (canon lift (core func $i "run"))))
            (instance $inner (instantiate $inner))
            (alias export $inner "run" (func $run))
            (export "run" (func $run)))"#,
    )
}

/// Two components in one: the one inside passes a megabyte of text to the
/// other for ever, and the engine turns it from UTF-8 into UTF-16 each time.
pub(crate) fn passes_text_for_ever() -> Vec<u8> {
    component(
        r#"(component
            (component $reader
                (core module $m
                    (memory (export "memory") 64)
                    (func (export "read") (param i32 i32))
                    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0))
                (core instance $i (instantiate $m))
                (func (export "read") (param "text" string)
                    (canon lift (core func $i "read") (memory $i "memory")
                        (realloc (func $i "realloc")) string-encoding=utf16)))
            (component $writer
                (import "read" (func $read (param "text" string)))
                (core module $memory (memory (export "memory") 32))
                (core instance $memory (instantiate $memory))
                (core func $read (canon lower (func $read) (memory $memory "memory")))
                (core module $m
                    (import "reader" "read" (func $read (param i32 i32)))
                    (func (export "run") (result i32)
                        (loop (call $read (i32.const 0) (i32.const 1000000)) (br 0))
                        unreachable))
                (core instance $i (instantiate $m
                    (with "reader" (instance (export "read" (func $read))))))
                (func (export "run") (result u32) (canon lift (core func $i "run"))))
            (instance $reader (instantiate $reader))
            (instance $writer (instantiate $writer (with "read" (func $reader "read"))))
            (alias export $writer "run" (func $run))
            (export "run" (func $run)))"#,
    )
}

/// A function whose every local passes through every one of its loops: the
/// compiler joins each with each. A hundred loops and three hundred locals take
/// it a fifth of a second, three hundred and a thousand more than a minute.
fn tangle(loops: usize, locals: usize) -> String {
    let changes: String = (0..locals)
        .map(|n| format!("(local.set {n} (i64.add (local.get {n}) (i64.const {n})))"))
        .collect();
    let (open, close) = (
        "(loop ".repeat(loops),
        " (br_if 0 (global.get $g)))".repeat(loops),
    );
    let locals = "i64 ".repeat(locals);
    format!("(func (local {locals}) {open}{changes}{close})")
}

/// A tool beside functions like this, which nothing calls.
fn beside(functions: &str) -> Vec<u8> {
    component(&format!(
        r#"(component
            (core module (global $g (mut i32) (i32.const 0)) {functions})
            (core module $m (func (export "run")))
            (core instance $i (instantiate $m))
            (func (export "run") (canon lift (core func $i "run"))))"#
    ))
}

/// A component of 40 KB that takes a compiler more than two seconds, and little
/// memory.
pub(crate) fn slow_to_compile() -> Vec<u8> {
    beside(&tangle(100, 300).repeat(12))
}

/// A component of 12 KB that takes a compiler longer than anybody waits.
pub(crate) fn endless_to_compile() -> Vec<u8> {
    beside(&tangle(300, 1_000))
}

/// A component of 860 KB that takes a compiler 400 MiB within a second: calls
/// that pass a thousand values each.
pub(crate) fn large_to_compile() -> Vec<u8> {
    let values: String = (0..1_000).map(|n| format!("(local.get {n})")).collect();
    let calls = format!("(call 0 {values})").repeat(300);
    beside(&format!("(func (param {}) {calls})", "i64 ".repeat(1_000)))
}
