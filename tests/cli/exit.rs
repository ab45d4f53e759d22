//! The exit code of each fault that can be reached.

use super::shell::Shell;

/// A call, its exit code and its code.
const TABLE: &[(&[&str], i32, &str)] = &[
    (&["demo:hostile#remember", "text=a"], 0, "ok"),
    (&["none.wasm"], 2, "caller/not-found"),
    (&["demo:hostile#nope"], 2, "caller/unknown-tool"),
    (&["demo:hostile"], 2, "caller/tool-required"),
    (&["demo:hostile#hoard"], 2, "caller/invalid-arguments"),
    (&["demo:hostile#hoard", "{"], 2, "caller/invalid-json"),
    (
        &["demo:hostile#spin", "--limit", "x=1"],
        2,
        "caller/invalid-limit",
    ),
    (&["text"], 2, "caller/not-found"),
    (
        &["https://example.com/text.wasm"],
        2,
        "caller/unsupported-source",
    ),
    (
        &["demo:hostile#spin", "--limit", "fuel=1M"],
        4,
        "limit/fuel",
    ),
    (
        &["demo:hostile#hoard", "bytes=100000000"],
        4,
        "limit/memory",
    ),
    (
        &["demo:hostile#sleep", "ms=60000", "--limit", "wall=50ms"],
        4,
        "limit/wall",
    ),
    (
        &["demo:hostile#flood-result", "bytes=2000000"],
        4,
        "limit/result",
    ),
    (
        &[
            "demo:hostile#swallow",
            "text=@demo:license",
            "--limit",
            "arguments=1KiB",
        ],
        4,
        "limit/arguments",
    ),
    (&["demo:hostile#trap"], 5, "component/trap"),
    (&["demo:hostile#recurse"], 5, "component/stack"),
    (&["demo:hostile#fail", "bytes=100"], 5, "component/error"),
    // What the guest says of its exit is data: ours is that of the fault.
    (&["demo:hostile#exit-with", "code=3"], 5, "component/exit"),
    (&["demo:hostile#exit-with", "code=0"], 5, "component/exit"),
];

#[test]
fn each_fault_has_its_own() {
    let shell = Shell::new();
    for (words, exit, code) in TABLE {
        let ended = shell.run(&[&["call"], *words, &["-o", "json"]].concat());
        ended.assert_no_crash(&shell);
        let document = ended.document();
        let told = document["error"]["code"].as_str().unwrap_or("ok");
        assert_eq!((ended.code, told), (Some(*exit), *code), "{words:?}");
        let text = shell.run(&[&["call"], *words].concat());
        text.assert_no_crash(&shell);
        assert_eq!(text.code, Some(*exit), "{words:?}");
    }
}

/// A call that was stopped tells what it came to.
#[test]
fn a_failed_call_tells_its_cost() {
    let words = ["call", "demo:hostile#spin", "--limit", "fuel=1M"];
    let shell = Shell::new();
    let text = shell.run(&words);
    let last = text.stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("(fuel 1M, memory "), "{text:?}");
    let document = shell
        .run(&[&words[..], &["-o", "json"]].concat())
        .document();
    assert_eq!(document["usage"]["fuel"], 1_000_000);
}
