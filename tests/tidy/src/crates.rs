//! Which crate may depend on what.

use toml::{Table, Value};

use crate::source::{code, words};
use crate::{File, Finding, Tree};

/// The rows, lowest first. A crate depends only on rows below its own;
/// neighbours in a row do not know each other.
const ROWS: [&[&str]; 12] = [
    &["policy"],
    &["telemetry", "toolchain"],
    &["resources"],
    &["egress"],
    &["sandbox", "providers"],
    &["tools"],
    &["host"],
    &["agent"],
    &["server"],
    &["config"],
    &["authoring"],
    &["cli"],
];

/// What of ours a package outside the rows may depend on. What builds or checks
/// must not wait for the engine to be built.
const OUTSIDE: [(&str, &[&str]); 3] = [
    ("artifacts", &["toolchain", "policy"]),
    ("xtask", &["toolchain", "policy"]),
    ("tidy", &[]),
];

/// What only these packages may depend on. A trailing `*` stands for any end.
const ONLY_IN: [(&str, &[&str]); 29] = [
    ("wasmtime*", &["sandbox"]),
    ("cranelift*", &["sandbox"]),
    ("landlock", &["sandbox"]),
    ("libc", &["sandbox"]),
    ("nix", &["sandbox"]),
    ("rayon*", &["sandbox"]),
    ("seccompiler", &["sandbox"]),
    ("reqwest", &["egress"]),
    ("ureq", &["egress"]),
    ("hyper*", &["egress", "server"]),
    ("rustls*", &["egress", "server"]),
    ("axum*", &["server"]),
    ("rmcp*", &["server"]),
    ("rusqlite", &["host"]),
    ("secrecy", &["policy"]),
    (
        "toml*",
        &["config", "toolchain", "authoring", "tools", "tidy"],
    ),
    ("etcetera", &["config"]),
    ("clap*", &["cli"]),
    ("anyhow", &["cli", "xtask"]),
    ("tracing-subscriber", &["cli"]),
    ("anstream", &["cli"]),
    ("anstyle*", &["cli"]),
    ("colored", &["cli"]),
    ("console", &["cli"]),
    ("crossterm", &["cli"]),
    ("dialoguer", &["cli"]),
    ("owo-colors", &["cli"]),
    ("ratatui", &["cli"]),
    ("rustyline", &["cli"]),
];

/// The tables of a manifest that the built program takes part of.
const BUILT_IN: [&str; 2] = ["dependencies", "build-dependencies"];

/// Every dependency goes down the rows, and stands where it may.
#[must_use]
pub fn dependencies(tree: &Tree) -> Vec<Finding> {
    let manifests = tree.files("", "Cargo.toml").filter(|m| is_member(m));
    manifests.flat_map(manifest_dependencies).collect()
}

fn manifest_dependencies(file: &File) -> Vec<Finding> {
    let package = short_name(file);
    let row = row_of(package);
    if file.path.starts_with("runtime/") && row.is_none() {
        let rule = format!("the crate `{package}` has no row");
        return vec![file.finding(1, rule, "give it one in `tests/tidy/src/crates.rs`")];
    }
    let manifest = parse(file);
    let names = BUILT_IN.iter().flat_map(|table| keys(&manifest, table));
    names
        .filter_map(|name| {
            let below = name.strip_prefix("patinox-");
            let rule = match (below, row) {
                (Some(below), Some(row)) => not_below(package, row, below)?,
                (Some(below), None) => not_outside(package, below)?,
                (None, _) => not_here(package, &name)?,
            };
            let fix = "move what needs it, or state a trait that a higher crate fills in";
            Some(file.finding(line_of_key(file, &name), rule, fix))
        })
        .collect()
}

fn not_below(package: &str, row: usize, dependency: &str) -> Option<String> {
    let below = row_of(dependency).is_some_and(|other| other < row);
    (!below).then(|| format!("`{package}` may not depend on `{dependency}`: no row below its own"))
}

fn not_outside(package: &str, dependency: &str) -> Option<String> {
    let (_, allowed) = OUTSIDE.iter().find(|(name, _)| *name == package)?;
    (!allowed.contains(&dependency))
        .then(|| format!("`{package}` may not depend on `{dependency}`: it waits for its build"))
}

fn not_here(package: &str, name: &str) -> Option<String> {
    let (_, allowed) = ONLY_IN.iter().find(|(pattern, _)| matches(pattern, name))?;
    (!allowed.contains(&package)).then(|| {
        format!(
            "`{package}` may not depend on `{name}`: only in {}",
            allowed.join(", ")
        )
    })
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

/// The one file with unsafe code, and how many lines it may have: what is in it
/// is read whole.
const UNSAFE: &str = "runtime/sandbox/src/artifact.rs";
const UNSAFE_LINES_MAX: usize = 100;

/// Crates forbid `unsafe` themselves; `sandbox` alone has the one exception.
#[must_use]
pub fn forbid_unsafe(tree: &Tree) -> Vec<Finding> {
    let roots = tree
        .files("", ".rs")
        .filter(|file| is_crate_root(&file.path));
    roots
        .filter(|file| {
            !file.path.starts_with("runtime/sandbox/")
                && !code(file.text()).contains("#![forbid(unsafe_code)]")
        })
        .map(|file| {
            file.finding(
                1,
                "a crate forbids unsafe code",
                "write `#![forbid(unsafe_code)]`",
            )
        })
        .collect()
}

fn is_crate_root(path: &str) -> bool {
    let folder = ["/src/lib.rs", "/src/main.rs"]
        .iter()
        .find_map(|end| path.strip_suffix(end));
    let member = folder.is_some_and(|folder| {
        // Guests cannot: the code that `wit-bindgen` generates is unsafe.
        !folder.starts_with("components/")
    });
    member || matches!(path, "runtime/lib.rs" | "runtime/main.rs")
}

/// `unsafe` stands in one short file alone.
#[must_use]
pub fn unsafe_blocks(tree: &Tree) -> Vec<Finding> {
    let files = tree.files("", ".rs");
    files
        .flat_map(|file| {
            let code = code(file.text());
            if file.path == UNSAFE {
                return too_long_to_trust(file, &code).into_iter().collect();
            }
            let lines = words(&code, "unsafe").map(|at| crate::source::line_of(&code, at));
            let rule = format!("no `unsafe` outside `{UNSAFE}`");
            lines
                .map(|line| file.finding(line, rule.clone(), "find the safe crate for it"))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn too_long_to_trust(file: &File, code: &str) -> Option<Finding> {
    let lines = crate::source::code_lines(code);
    (UNSAFE_LINES_MAX < lines).then(|| {
        let rule = format!("{lines} lines around `unsafe`, at most {UNSAFE_LINES_MAX}");
        file.finding(1, rule, "move out what does not need it")
    })
}

/// Every member takes the workspace's lints, licence and versions.
#[must_use]
pub fn inherited(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files("", "Cargo.toml") {
        let manifest = parse(file);
        if manifest.get("package").is_none() {
            continue;
        }
        if !inherits(manifest.get("lints")) {
            let fix = "write `[lints]` with `workspace = true`";
            findings.push(file.finding(1, "a package takes the workspace's lints", fix));
        }
        let package = manifest.get("package");
        for key in ["license", "rust-version", "edition", "publish"] {
            if !inherits(package.and_then(|package| package.get(key))) {
                let rule = format!("a package takes the workspace's `{key}`");
                findings.push(file.finding(1, rule, format!("write `{key}.workspace = true`")));
            }
        }
    }
    findings
}

fn inherits(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")) == Some(&Value::Boolean(true))
}

/// A package of the host's workspace. The root one stands above every row.
fn is_member(file: &File) -> bool {
    !file.path.starts_with("components/")
}

fn short_name(file: &File) -> &str {
    let folder = file
        .path
        .trim_end_matches("Cargo.toml")
        .trim_end_matches('/');
    folder.rsplit('/').next().unwrap_or(folder)
}

fn row_of(package: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&package))
}

fn parse(file: &File) -> Table {
    // Cargo itself says what is wrong with a manifest that does not parse.
    file.text().parse().unwrap_or_default()
}

/// The keys of a table, also of the one for some targets only.
fn keys(manifest: &Table, table: &str) -> Vec<String> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let tables = targets
        .into_iter()
        .flat_map(|targets| targets.values().filter_map(|target| target.get(table)))
        .chain(manifest.get(table));
    tables
        .filter_map(Value::as_table)
        .flat_map(|table| table.keys().cloned())
        .collect()
}

fn line_of_key(file: &File, key: &str) -> usize {
    file.lines()
        .find(|(_, line)| {
            let rest = line.trim_start().strip_prefix(key);
            rest.is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
        })
        .map_or(1, |(line, _)| line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, dependency: &str, expected: &[&str]) {
        let manifest = format!("[package]\n[dependencies]\n{dependency}.workspace = true\n");
        let found: Vec<_> = dependencies(&Tree::of([(path, &manifest)]))
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn a_dependency_goes_down_the_rows() {
        check("runtime/tools/Cargo.toml", "patinox-policy", &[]);
        check(
            "runtime/policy/Cargo.toml",
            "patinox-tools",
            &["Cargo.toml:3: `policy`"],
        );
        check(
            "runtime/toolchain/Cargo.toml",
            "patinox-telemetry",
            &["no row below"],
        );
        check("runtime/new/Cargo.toml", "serde", &["`new` has no row"]);
        check("Cargo.toml", "patinox-host", &[]);
        check("tests/tidy/Cargo.toml", "patinox-policy", &["it waits"]);
    }

    #[test]
    fn some_crates_stand_in_one_place() {
        check("runtime/sandbox/Cargo.toml", "wasmtime", &[]);
        check(
            "runtime/tools/Cargo.toml",
            "wasmtime-wasi-io",
            &["only in sandbox"],
        );
        check("xtask/Cargo.toml", "anyhow", &[]);
        check("runtime/host/Cargo.toml", "anyhow", &["only in cli, xtask"]);
        check("Cargo.toml", "clap", &["only in cli"]);
    }

    #[test]
    fn a_package_takes_what_the_workspace_says() {
        let bare = Tree::of([(
            "runtime/tools/Cargo.toml",
            "[package]\nedition = \"2021\"\n",
        )]);
        assert_eq!(inherited(&bare).len(), 5);
    }

    #[test]
    fn unsafe_code_is_forbidden_and_absent() {
        let tree = Tree::of([
            (
                "runtime/tools/src/lib.rs",
                "//! #![forbid(unsafe_code)]\nunsafe fn f() {}",
            ),
            ("runtime/sandbox/src/lib.rs", "unsafe fn f() {}"),
            (UNSAFE, "unsafe fn f() {}"),
        ]);
        assert_eq!(forbid_unsafe(&tree).len(), 1);
        assert_eq!(unsafe_blocks(&tree).len(), 2);
        let long = "unsafe fn f() {}\n".repeat(UNSAFE_LINES_MAX + 1);
        assert_eq!(unsafe_blocks(&Tree::of([(UNSAFE, long.as_str())])).len(), 1);
    }
}
