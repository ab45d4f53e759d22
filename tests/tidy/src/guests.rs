//! The guests: each has its test, and the built ones are what they were.

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use crate::source::code_and_literals;
use crate::tree::sha256;
use crate::{File, Finding, Tree};

const HOSTILE: &str = "components/hostile/";
const FIXTURES: &str = "components/fixtures/";
const PREBUILT: &str = "components/prebuilt/";
const SUMS: &str = "components/prebuilt/SHA256SUMS";
const MADE: &str = "components/prebuilt/toolchain.txt";
const REBUILD: &str = "run `cargo xtask prebuilt`, and say in the commit what changed";

/// The built components travel in the repository and in the program.
const PREBUILT_BYTES_MAX: usize = 400_000;
/// More than any of them unpacks to.
const UNPACKED_BYTES_MAX: usize = 16 << 20;

/// Every function of the hostile component is named in `tests/hostile`.
#[must_use]
pub fn attacks(tree: &Tree) -> Vec<Finding> {
    let wit: Vec<_> = tree.files(&format!("{HOSTILE}wit/"), ".wit").collect();
    if wit.is_empty() {
        return tree
            .need("components/hostile/wit/hostile.wit")
            .err()
            .into_iter()
            .collect();
    }
    let tests = test_text(tree, "tests/hostile");
    wit.into_iter()
        .flat_map(exports)
        .filter(|(_, _, name)| !names(&tests, name))
        .map(|(file, line, name)| {
            let rule = format!("the attack `{name}` has no test");
            file.finding(line, rule, "add its row to the table in `tests/hostile`")
        })
        .collect()
}

fn exports(file: &File) -> Vec<(&File, usize, &str)> {
    file.lines()
        .filter_map(|(line, text)| {
            let (name, kind) = text.trim().strip_prefix("export ")?.split_once(':')?;
            kind.trim_start()
                .starts_with("func")
                .then_some((file, line, name))
        })
        .collect()
}

/// Every fixture component is named in a test.
#[must_use]
pub fn fixtures(tree: &Tree) -> Vec<Finding> {
    let tests = test_text(tree, "tests/");
    tree.folders(FIXTURES)
        .into_iter()
        .filter(|name| !names(&tests, name))
        .map(|name| {
            let path = format!("{FIXTURES}{name}");
            Finding::new(
                &path,
                1,
                "a guest without a test",
                "name it in a test, or delete it",
            )
        })
        .collect()
}

/// Packages of tests that name every guest anyway: one builds them.
const NOT_A_TEST: [&str; 2] = ["tests/tidy/", "tests/artifacts/"];

/// The sources of tests, without their comments.
fn test_text(tree: &Tree, below: &str) -> String {
    let files = tree.files(below, ".rs");
    files
        .filter(|file| !NOT_A_TEST.iter().any(|path| file.path.starts_with(path)))
        .map(|file| code_and_literals(file.text()))
        .collect()
}

/// Whether the name stands in the text by itself. A hyphen is part of a name,
/// and Rust writes it as an underscore.
fn names(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let stands = |name: &str| {
        text.match_indices(name).any(|(at, _)| {
            let before = text.get(..at).and_then(|text| text.chars().next_back());
            let after = text
                .get(at + name.len()..)
                .and_then(|text| text.chars().next());
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
    };
    stands(name) || stands(&name.replace('-', "_"))
}

/// The built components have the digests of `SHA256SUMS`, unpack to those of
/// `toolchain.txt`, and are small.
#[must_use]
pub fn prebuilt(tree: &Tree) -> Vec<Finding> {
    if tree.files(PREBUILT, "").next().is_none() {
        return Vec::new();
    }
    let (sums, made) = match (tree.need(SUMS), tree.need(MADE)) {
        (Ok(sums), Ok(made)) => (sums, made),
        (sums, made) => return [sums.err(), made.err()].into_iter().flatten().collect(),
    };
    let packed: Vec<_> = tree.files(PREBUILT, ".wasm.zz").collect();
    let wrong = packed.iter().flat_map(|file| {
        let unpacked = unpacked(&file.bytes);
        [(sums, sha256(&file.bytes)), (made, sha256(&unpacked))]
            .into_iter()
            .filter_map(|(list, digest)| unlisted(file, list, &digest))
    });
    let gone = sums.lines().filter_map(|(line, text)| {
        let name = text.split_whitespace().last()?;
        let there = tree.has(&format!("{PREBUILT}{name}"));
        (!there).then(|| sums.finding(line, format!("`{name}` is not there"), REBUILD))
    });
    wrong.chain(gone).chain(heavy(sums, &packed)).collect()
}

/// The finding that a list does not give this digest on a line of this file.
fn unlisted(file: &File, list: &File, digest: &str) -> Option<Finding> {
    let name = file.path.strip_prefix(PREBUILT)?.strip_suffix(".wasm.zz")?;
    let listed = list
        .text()
        .lines()
        .any(|line| line.contains(digest) && names(line, name));
    let rule = format!("`{}` does not give its digest, {digest}", list.path);
    (!listed).then(|| file.finding(1, rule, REBUILD))
}

fn heavy(sums: &File, packed: &[&File]) -> Option<Finding> {
    let bytes: usize = packed.iter().map(|file| file.bytes.len()).sum();
    (PREBUILT_BYTES_MAX < bytes).then(|| {
        let rule = format!("the built components have {bytes} bytes, at most {PREBUILT_BYTES_MAX}");
        sums.finding(1, rule, "build them smaller, or embed fewer")
    })
}

/// The bytes as they were before they were compressed.
fn unpacked(bytes: &[u8]) -> Vec<u8> {
    // What does not unpack has the digest of nothing, which no list gives.
    decompress_to_vec_zlib_with_limit(bytes, UNPACKED_BYTES_MAX).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attack_without_a_test_is_found() {
        let wit = "world w {\n    export spin: func();\n    export flood-log: func();\n}";
        let with = |test| {
            Tree::of([
                ("components/hostile/wit/hostile.wit", wit),
                ("tests/hostile/limits.rs", test),
            ])
        };
        assert_eq!(attacks(&with("\"spin\", \"flood-log\"")).len(), 0);
        assert_eq!(
            attacks(&with("spin(); \"flood-log-2\" // flood-log")).len(),
            1
        );
    }

    #[test]
    fn a_fixture_without_a_test_is_found() {
        let tree = Tree::of([
            ("components/fixtures/types/src/lib.rs", ""),
            ("tests/host/a.rs", ""),
        ]);
        assert_eq!(fixtures(&tree).len(), 1);
    }

    #[test]
    fn a_built_component_that_changed_is_found() {
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(b"component", 9);
        let with = |sums: &str, made: &str| {
            let file = |path: &str, bytes: &[u8]| File {
                path: path.to_owned(),
                bytes: bytes.to_vec(),
            };
            let tree = Tree::from_iter([
                file(SUMS, sums.as_bytes()),
                file(MADE, made.as_bytes()),
                file("components/prebuilt/a.wasm.zz", &packed),
            ]);
            prebuilt(&tree).len()
        };
        let sums = format!("{}  a.wasm.zz\n", sha256(&packed));
        let made = format!("a: {}\n", sha256(b"component"));
        assert_eq!(with(&sums, &made), 0);
        assert_eq!(with(&sums, ""), 1);
        assert_eq!(with(&sums.replace('a', "b"), &made), 2);
        assert_eq!(prebuilt(&Tree::of([("README.md", "")])).len(), 0);
    }
}
