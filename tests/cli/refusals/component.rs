//! Components that are none.

use insta::assert_snapshot;

use super::refused;
use crate::cli::shell::Shell;
use crate::support::{forge, guests};

fn called(name: &str, bytes: impl AsRef<[u8]>) -> String {
    refused(&Shell::new().file(name, bytes), &["call", name, "a=1"])
}

#[test]
fn a_missing_file() {
    assert_snapshot!(refused(&Shell::new(), &["call", "none.wasm"]), @"
    exit 2, caller/not-found
    error: cannot read `none.wasm`: No such file or directory (os error 2)
    hint: check the path
    ");
    assert_snapshot!(refused(&Shell::new(), &["inspect", "a\u{1b}[2J/none.wasm"]), @r"
    exit 2, caller/not-found
    error: cannot read `a\u{1b}[2J/none.wasm`: No such file or directory (os error 2)
    hint: check the path
    ");
}

#[test]
fn a_folder() {
    assert_snapshot!(refused(&Shell::new(), &["call", "."]), @"
    exit 2, caller/unreadable
    error: `.` is a folder
    hint: give the path of a component, a `.wasm` file
    ");
}

#[test]
fn an_empty_file() {
    assert_snapshot!(called("tool.wasm", b""), @"
    exit 5, component/malformed
    error: not a component but an empty file
    hint: get the file again
    ");
}

#[test]
fn a_core_module() {
    assert_snapshot!(called("tool.wasm", b"\0asm\x01\0\0\0"), @"
    exit 5, component/malformed
    error: not a component but a core module
    hint: make a component of it: `wasm-tools component new`, or build for `wasm32-wasip2`
    ");
}

#[test]
fn the_text_format() {
    assert_snapshot!(called("tool.wat", "(component)"), @"
    exit 5, component/malformed
    error: not a component but WebAssembly text
    hint: turn it into binary: `wasm-tools parse`
    ");
}

#[test]
fn something_else() {
    assert_snapshot!(called("tool.py", "print('hello')\n"), @"
    exit 5, component/malformed
    error: not a WebAssembly component
    hint: get the file again, or build it for `wasm32-wasip2`
    ");
}

#[test]
fn machine_code() {
    assert_snapshot!(called("tool.cwasm", b"\x7fELF\x02\x01\x01"), @"
    exit 5, component/malformed
    error: not a component but precompiled machine code
    hint: give the component itself; machine code from elsewhere is never run
    ");
}

/// Of several the message names the one that it is about.
#[test]
fn one_of_several_that_are_compiled_ahead() {
    let shell = Shell::new()
        .file("good.wasm", forge::echo())
        .file("bad.wasm", "no component");
    let words = "precompile --store store --key-file key good.wasm bad.wasm";
    let words: Vec<_> = words.split(' ').collect();
    assert_snapshot!(refused(&shell, &words), @"
    exit 5, component/malformed
    error: `bad.wasm`: not a WebAssembly component
    hint: get the file again, or build it for `wasm32-wasip2`
    ");
}

/// The message names what it is about: the key here, not the store.
#[test]
fn a_key_that_is_none() {
    let shell = Shell::new()
        .file("good.wasm", forge::echo())
        .file("key", "no key");
    let words = "precompile --store store --key-file key good.wasm";
    let words: Vec<_> = words.split(' ').collect();
    assert_snapshot!(refused(&shell, &words), @"
    exit 2, caller/invalid-config
    error: the artifact key must have mode `0600`, not mode `0644`
    hint: `chmod 600` if nobody else can have read it, or else move it away: a new key is made, and all is compiled anew; it is `key`
    ");
}

#[test]
fn a_component_that_is_cut_short() {
    let bytes = guests::prebuilt_text();
    assert_snapshot!(called("tool.wasm", &bytes[..bytes.len() / 2]), @"
    exit 5, component/malformed
    error: the component is cut short
    hint: get the file again
    ");
}

#[test]
fn a_component_with_a_flipped_bit() {
    let mut bytes = guests::prebuilt_text();
    // The id of the first section.
    bytes[8] ^= 0x40;
    assert_snapshot!(called("tool.wasm", bytes), @"
    exit 5, component/malformed
    error: the component is invalid: malformed section id: 71 (at offset 0xa)
    hint: get the file again, or build it for `wasm32-wasip2`
    ");
}

/// Wherever a bit is flipped, the program ends as it should: what is left is a
/// component or it is not.
#[test]
fn no_flipped_bit_crashes_the_program() {
    const FLIPS: usize = 24;
    let bytes = guests::prebuilt_text();
    for flip in 0..FLIPS {
        let mut bytes = bytes.clone();
        let at = flip * bytes.len() / FLIPS;
        bytes[at] ^= 1 << (flip % 8);
        let shell = Shell::new().file("tool.wasm", bytes);
        let ended = shell.run(&["inspect", "tool.wasm", "-o", "json"]);
        ended.assert_no_crash(&shell);
        let document = ended.document();
        let fault = document["error"]["fault"].as_str().unwrap_or("none");
        let expected = [("none", 0), ("component", 5)];
        let exit = ended.code.expect("an exit code");
        assert!(expected.contains(&(fault, exit)), "at {at}: {ended:?}");
    }
}

#[test]
fn imports_that_nobody_offers() {
    assert_snapshot!(called("tool.wasm", forge::with_imports()), @"
    exit 5, component/missing-imports
    error: the component imports what this host does not offer: `acme:store/query@1.0.0`, `call-home`
    hint: build it against WASI 0.2 alone: what it imports must be functions of interfaces for a program to offer them
    ");
}

#[test]
fn a_component_with_nothing_to_call() {
    assert_snapshot!(called("tool.wasm", forge::component("(component)")), @"
    exit 5, component/unsupported
    error: the component has no function that can be called
    hint: export a function, of the world or of an interface
    ");
}

#[test]
fn a_file_larger_than_the_limit() {
    let shell = Shell::new()
        .file("tool.wasm", guests::prebuilt_text())
        .variable("PATINOX_LOAD__FILE", "1KiB");
    assert_snapshot!(refused(&shell, &["call", "tool.wasm"]), @"
    exit 4, limit/file
    error: limit `file` of 1KiB reached, 177549B spent
    hint: set `file` under `[load]` in the configuration file, or `PATINOX_LOAD__FILE`; an embedder by `HostBuilder::load_limits`
    ");
}

#[test]
fn forms_that_are_not_built_yet() {
    let shell = Shell::new();
    assert_snapshot!(refused(&shell, &["call", "https://tools.invalid/text.wasm#count"]), @"
    exit 2, caller/unsupported-source
    error: a URL cannot be called yet: `https://tools.invalid/text.wasm`
    hint: fetch it, then call it by path: `curl -fLo tool.wasm https://tools.invalid/text.wasm && patinox call 'tool.wasm#count'`
    ");
    assert_snapshot!(refused(&shell, &["call", "registry.invalid/tools/text:1.0"]), @"
    exit 2, caller/unsupported-source
    error: an OCI reference cannot be called yet: `registry.invalid/tools/text:1.0`
    hint: fetch it, then call it by path: `wkg oci pull -o tool.wasm registry.invalid/tools/text:1.0 && patinox call tool.wasm`
    ");
    assert_snapshot!(refused(&shell, &["inspect", "oci://registry.invalid/tools/text"]), @"
    exit 2, caller/unsupported-source
    error: an OCI reference cannot be called yet: `oci://registry.invalid/tools/text`
    hint: fetch it, then call it by path: `wkg oci pull -o tool.wasm registry.invalid/tools/text && patinox inspect tool.wasm`
    ");
    assert_snapshot!(refused(&shell, &["call", "text#count"]), @"
    exit 2, caller/not-found
    error: `text` is not installed
    hint: give the path of a component, like `./text.wasm`; `patinox ls` shows what is installed
    ");
}

#[test]
fn an_embedded_component_that_is_not_there() {
    assert_snapshot!(refused(&Shell::new(), &["call", "demo:nope#count"]), @"
    exit 2, caller/not-found
    error: there is no embedded component `nope`
    hint: there are `demo:text`, `demo:files`, `demo:notes`, `demo:secrets`, `demo:hostile`
    ");
}

#[test]
fn two_files_that_may_be_meant() {
    let shell = Shell::new().file("a", "").file("a#b", "");
    assert_snapshot!(refused(&shell, &["call", "./a#b"]), @"
    exit 2, caller/invalid-arguments
    error: `./a#b` is a file, and so is `./a`
    hint: rename one of them
    ");
    // By its name alone what is installed is meant.
    assert_snapshot!(refused(&shell, &["call", "a#b"]), @"
    exit 2, caller/not-found
    error: `a` is not installed
    hint: write `./a` for the file; `patinox ls` shows what is installed
    ");
}

#[test]
fn no_component_at_all() {
    assert_snapshot!(refused(&Shell::new(), &["call", ""]), @"
    exit 2, caller/usage
    error: no component is named
    hint: give the path of a component, or `demo:text`
    ");
}
