//! What is no component is refused by its name, and nothing waits for a file
//! that never ends.

use std::path::Path;

use patinox::{
    ArtifactStore, CodeAccess, Config, Failure as _, Fault, Host, LoadLimits, PatinoxError,
    Profile, StoreConfig,
};

use super::state::canary;
use crate::support::{self, forge, guests, process, soon};

/// A refusal as a caller sees it, in one line.
fn told(error: &PatinoxError) -> String {
    let hint = error.hint().unwrap_or_default();
    format!("{}: {error} | {hint}", error.code())
}

async fn refused(host: &Host, bytes: &[u8]) -> String {
    told(&soon(host.load(bytes.to_vec())).await.unwrap_err())
}

#[tokio::test]
async fn what_is_no_component_is_refused_by_its_name() {
    let host = support::host();
    insta::assert_snapshot!(refused(&host, b"").await, @"component/malformed: not a component but an empty file | get the file again");
    insta::assert_snapshot!(refused(&host, b"\0asm\x01\0\0\0").await, @"component/malformed: not a component but a core module | make a component of it: `wasm-tools component new`, or build for `wasm32-wasip2`");
    insta::assert_snapshot!(refused(&host, b"(component)").await, @"component/malformed: not a component but WebAssembly text | turn it into binary: `wasm-tools parse`");
    insta::assert_snapshot!(refused(&host, b";; text\n(module)").await, @"component/malformed: not a component but WebAssembly text | turn it into binary: `wasm-tools parse`");
    insta::assert_snapshot!(refused(&host, b"\x7fELF\x02\x01\x01").await, @"component/malformed: not a component but precompiled machine code | give the component itself; machine code from elsewhere is never run");
    insta::assert_snapshot!(refused(&host, b"\0asm\x0d\0").await, @"component/malformed: the component is cut short | get the file again");
    insta::assert_snapshot!(refused(&host, b"\0asm\x0e\0\x01\0").await, @"component/malformed: a component of an unknown format version | build it with current tools");
    insta::assert_snapshot!(refused(&host, b"#!/bin/sh\n").await, @"component/malformed: not a WebAssembly component | get the file again, or build it for `wasm32-wasip2`");
    insta::assert_snapshot!(refused(&host, b"\0asm\x0d\0\x01\0").await, @"component/unsupported: the component has no function that can be called | export a function, of the world or of an interface");
    insta::assert_snapshot!(refused(&host, &forge::with_imports()).await, @"component/missing-imports: the component imports what this host does not offer: `acme:store/query@1.0.0`, `call-home` | build it against WASI 0.2 alone: what it imports must be functions of interfaces for a program to offer them");
}

/// As tools for JavaScript build it by default.
#[tokio::test]
async fn an_asynchronous_component_is_refused_by_its_name() {
    let host = support::host();
    for text in [
        "(component (core func (canon task.cancel)))",
        "(component (core func (canon waitable-set.new)))",
        "(component (type (stream u8)))",
        "(component (type (future)))",
    ] {
        let told = refused(&host, &forge::component(text)).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(told, @"component/unsupported: the component is built of asynchronous functions, which this host does not run | build it for WASI 0.2, without `async`: `componentize-qjs --sync`, `jco componentize --backend-qjs-disable-async`");
        }
    }
}

#[tokio::test]
async fn a_component_made_by_hand_works() {
    let host = support::host();
    let component = support::load(&host, &forge::echo()).await;
    let arguments = serde_json::json!({ "text": "grüße" });
    let called = support::call(&host, &component, "echo", arguments).await;
    assert_eq!(called.result.unwrap(), "grüße");
}

#[tokio::test]
async fn a_component_cut_short_anywhere_is_refused() {
    for whole in [
        forge::echo(),
        canary(Profile::Lean, "cut"),
        canary(Profile::Strict, "cut"),
    ] {
        cut_short(&whole, 0..whole.len()).await;
    }
}

/// Of a built component a few hundred lengths.
#[tokio::test]
async fn a_built_component_cut_short_is_refused() {
    for whole in [guests::prebuilt_hostile(), guests::prebuilt_text()] {
        let near = 100;
        let lengths = (0..near)
            .chain((near..whole.len()).step_by(499))
            .chain(whole.len() - near..whole.len());
        cut_short(&whole, lengths).await;
    }
}

/// Cuts a component to each length. What ends where a section ends may be
/// whole, as the last sections hold nothing that a component needs; those
/// lengths are left out here.
async fn cut_short(whole: &[u8], lengths: impl Iterator<Item = usize>) {
    let host = support::host();
    let ends = section_ends(whole);
    for len in lengths.filter(|len| !ends.contains(len)) {
        let error = host.load(whole[..len].to_vec()).await.unwrap_err();
        assert_eq!(error.code().as_str(), "component/malformed", "{len} bytes");
    }
}

/// A component of which whole sections are missing.
#[tokio::test]
async fn a_component_without_its_last_sections_is_refused_or_loads() {
    let host = support::host();
    let whole = forge::echo();
    let mut refused = 0;
    for len in section_ends(&whole) {
        if let Err(error) = host.load(whole[..len].to_vec()).await {
            assert_eq!(error.fault(), Fault::Component, "{len} bytes: {error}");
            refused += 1;
        }
    }
    assert!(1 < refused, "{refused}");
}

/// Where the outermost sections end.
fn section_ends(bytes: &[u8]) -> Vec<usize> {
    let mut ends = vec![8];
    let mut at = 8;
    while at < bytes.len() {
        let mut size = 0;
        for (n, byte) in bytes[at + 1..].iter().enumerate() {
            size |= usize::from(byte & 0x7f) << (7 * n);
            if byte & 0x80 == 0 {
                at += 2 + n + size;
                break;
            }
        }
        ends.push(at);
    }
    ends
}

/// A refusal of a file, with the folder's name taken out.
async fn refused_file(host: &Host, folder: &Path, name: &str) -> String {
    let error = soon(host.load_file(folder.join(name))).await.unwrap_err();
    told(&error).replace(folder.to_str().unwrap(), "[folder]")
}

#[tokio::test]
async fn what_is_no_file_is_refused_at_once() {
    let host = support::host();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let made = std::process::Command::new("mkfifo")
        .arg(path.join("pipe.wasm"))
        .status();
    assert!(made.unwrap().success());
    std::fs::create_dir(path.join("folder.wasm")).unwrap();
    std::fs::write(path.join("empty.wasm"), "").unwrap();
    std::os::unix::fs::symlink("loop.wasm", path.join("loop.wasm")).unwrap();
    insta::assert_snapshot!(refused_file(&host, path, "none.wasm").await, @"caller/not-found: cannot read `[folder]/none.wasm` | check the path");
    insta::assert_snapshot!(refused_file(&host, path, "pipe.wasm").await, @"caller/unreadable: `[folder]/pipe.wasm` is not a file | give the path of a component, a `.wasm` file");
    insta::assert_snapshot!(refused_file(&host, path, "folder.wasm").await, @"caller/unreadable: `[folder]/folder.wasm` is a folder | give the path of a component, a `.wasm` file");
    insta::assert_snapshot!(refused_file(&host, path, "empty.wasm").await, @"component/malformed: not a component but an empty file | get the file again");
    insta::assert_snapshot!(refused_file(&host, path, "loop.wasm").await, @"caller/unreadable: cannot read `[folder]/loop.wasm` |");
    insta::assert_snapshot!(refused_file(&host, path, "none\u{1b}[2J.wasm").await, @r"caller/not-found: cannot read `[folder]/none\u{1b}[2J.wasm` | check the path");
    insta::assert_snapshot!(refused_file(&host, path, "a\0b.wasm").await, @r"caller/unreadable: cannot read `[folder]/a\u{0}b.wasm` |");
    let endless = soon(host.load_file("/dev/zero")).await.unwrap_err();
    insta::assert_snapshot!(told(&endless), @"caller/unreadable: `/dev/zero` is not a file | give the path of a component, a `.wasm` file");
}

#[tokio::test]
async fn the_limit_file_holds_and_lifted_lets_it_load() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo.wasm");
    let bytes = forge::echo();
    let len = u64::try_from(bytes.len()).unwrap();
    std::fs::write(&path, &bytes).unwrap();
    let host = |file_bytes| {
        let load = LoadLimits {
            file_bytes,
            ..LoadLimits::default()
        };
        let config = Config {
            load,
            ..support::config()
        };
        Host::new(config).unwrap()
    };
    let tight = host(len - 1);
    for error in [
        tight.load(bytes.clone()).await.unwrap_err(),
        tight.load_file(&path).await.unwrap_err(),
    ] {
        assert_eq!(error.code().as_str(), "limit/file");
        let spent = format!("limit `file` of {}B reached, {len}B spent", len - 1);
        assert_eq!(error.to_string(), spent);
    }
    let wide = host(len);
    assert!(wide.load(bytes).await.is_ok());
    assert!(wide.load_file(&path).await.is_ok());
}

/// Nothing that the host tells of a file is more than the caller gave it.
#[tokio::test]
async fn a_huge_sparse_file_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sparse.wasm");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(1 << 40).unwrap();
    let error = soon(support::host().load_file(&path)).await.unwrap_err();
    assert_eq!(error.code().as_str(), "limit/file");
}

/// A store on a file system that may go away: nothing of its files is mapped.
#[tokio::test]
async fn code_is_mapped_or_read_as_it_was_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    for (access, is_mapped) in [(CodeAccess::Read, false), (CodeAccess::Map, true)] {
        let (entries, key) = (folder.path().join("entries"), folder.path().join("key/key"));
        let config = StoreConfig {
            access,
            ..StoreConfig::new(&entries, key)
        };
        let store = ArtifactStore::open(config).expect("a store");
        let host = Host::builder().store(store).build().expect("a host");
        let neighbour = support::Neighbour::of(&host).await;
        neighbour.still_answers(10).await;
        assert_eq!(process::maps_of(&entries), is_mapped, "{access:?}");
    }
}
