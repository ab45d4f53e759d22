use std::fs;

use super::*;

/// What a component begins with.
const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

fn built() -> Vec<(&'static str, Vec<u8>)> {
    let paths = ALL
        .into_iter()
        .filter_map(|(name, path)| Some((name, path?)));
    let prebuilt = [
        ("prebuilt text", prebuilt::text()),
        ("prebuilt files", prebuilt::files()),
        ("prebuilt hostile", prebuilt::hostile()),
    ];
    let all = paths
        .map(|(name, path)| (name, Path::new(path)))
        .chain(prebuilt);
    all.map(|(name, path)| (name, fs::read(path).unwrap()))
        .collect()
}

#[test]
fn every_guest_is_in_the_list() {
    let mut packages: Vec<_> = env!("PATINOX_GUESTS").split(',').collect();
    packages.sort_unstable();
    assert_eq!(packages, ALL.map(|(name, _)| name));
}

/// The others are one of each language.
#[test]
fn all_guests_in_rust_are_built_or_none_is() {
    let is_rust = |(name, _): &&(&str, _)| !["crash", "eval", "hash", "json"].contains(name);
    let in_rust = ALL.iter().filter(is_rust);
    let built = in_rust.clone().filter(|(_, path)| path.is_some()).count();
    assert!(built == 0 || built == in_rust.count(), "{ALL:?}");
}

#[test]
fn every_guest_is_a_described_component() {
    for (name, bytes) in built() {
        assert!(bytes.starts_with(HEADER), "{name}");
        let is_described = contains(&bytes, "patinox:docs") || contains(&bytes, "package-docs");
        assert!(is_described, "{name}");
    }
}

#[test]
fn no_guest_names_a_folder_of_this_machine() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = fs::canonicalize(root).unwrap();
    // What an interpreter is made of names folders of the machine that made it.
    let interpreted = ["eval", "injection", "json"];
    for (name, bytes) in built() {
        let folders = [root.to_str().unwrap(), "registry/src/", "/.cargo/"];
        let looked_for = if interpreted.contains(&name) { 1 } else { 3 };
        for folder in &folders[..looked_for] {
            assert!(!contains(&bytes, folder), "{name} names {folder}");
        }
    }
}
