//! The page of types names what the crates export.

use std::collections::BTreeSet;

use crate::source::{code, without_tests};
use crate::{File, Finding, Tree};

const PAGE: &str = "docs/types.md";
const FACADE: &str = "runtime/lib.rs";

/// A row of a table: line, type, and its name in the facade.
struct Row<'t> {
    line: usize,
    section: &'t str,
    name: &'t str,
    facade: Option<&'t str>,
}

/// Every type that a crate or the facade exports has a row, in its crate's
/// section, and no row names what there is not.
///
/// A section is `` ## `crate` ``, a row `` | `Type` | `facade::Type` | … ``, with
/// another mark than a name where the facade does not have it.
#[must_use]
pub fn page(tree: &Tree) -> Vec<Finding> {
    let (page, facade) = match (tree.need(PAGE), tree.need(FACADE)) {
        (Ok(page), Ok(facade)) => (page, facade),
        (page, facade) => return [page.err(), facade.err()].into_iter().flatten().collect(),
    };
    let rows = rows(page);
    let mut findings = of_facade(page, &rows, &exported(facade, &[]));
    for name in tree.folders("runtime/") {
        if let Some(lib) = tree.file(&format!("runtime/{name}/src/lib.rs")) {
            findings.extend(of_crate(tree, page, &rows, (name, lib)));
        }
    }
    findings
}

fn of_crate(
    tree: &Tree,
    page: &File,
    rows: &[Row<'_>],
    (name, lib): (&str, &File),
) -> Vec<Finding> {
    // What is only passed on stands with the crate that owns it.
    let folder = format!("runtime/{name}/src/");
    let passed_on: BTreeSet<_> = tree
        .files(&folder, ".rs")
        .flat_map(|file| &exported(file, &[]) - &exported(file, &["patinox_"]))
        .collect();
    let mut expected = &types(exported(lib, &["patinox_"])) - &passed_on;
    for module in modules(lib) {
        let file = tree.file(&format!("runtime/{name}/src/{module}.rs"));
        let inside = file.map(|file| {
            let mut all = types(exported(file, &["patinox_"]));
            all.extend(declared(file));
            all
        });
        let inside = inside.into_iter().flatten();
        // One that the crate exports itself has one name too many already.
        let inside: Vec<_> = inside.filter(|name| !expected.contains(name)).collect();
        expected.extend(inside.into_iter().map(|name| format!("{module}::{name}")));
    }
    compared(
        page,
        rows.iter().filter(|row| row.section == name),
        &expected,
        |row| Some(row.name),
    )
}

fn of_facade(page: &File, rows: &[Row<'_>], exported: &BTreeSet<String>) -> Vec<Finding> {
    let whole = |row: &&Row<'_>| row.facade.is_some_and(|name| !name.contains("::"));
    let mut findings = compared(
        page,
        rows.iter().filter(whole),
        &types(exported.clone()),
        |row| row.facade,
    );
    let below = rows.iter().filter_map(|row| {
        let (module, name) = row.facade?.split_once("::")?;
        let is_same = name.rsplit("::").next() == row.name.rsplit("::").next();
        (!exported.contains(module) || !is_same).then_some(row)
    });
    findings.extend(below.map(|row| {
        let rule = format!("`patinox` does not have `{}` by that name", row.name);
        page.finding(row.line, rule, format!("look at `{FACADE}`"))
    }));
    findings
}

/// What is missing, and what there is not.
fn compared<'t>(
    page: &File,
    rows: impl Iterator<Item = &'t Row<'t>>,
    expected: &BTreeSet<String>,
    name: impl Fn(&'t Row<'t>) -> Option<&'t str>,
) -> Vec<Finding> {
    let mut missing = expected.clone();
    let mut findings = Vec::new();
    for row in rows {
        let name = name(row).unwrap_or_default();
        if !missing.remove(name) {
            let rule = format!("`{name}` is exported once, or not at all");
            findings.push(page.finding(row.line, rule, "drop the row, or put it where it belongs"));
        }
    }
    findings.extend(missing.into_iter().map(|name| {
        page.finding(
            1,
            format!("it has no row for `{name}`"),
            "write it, with what holds of it",
        )
    }));
    findings
}

fn rows(page: &File) -> Vec<Row<'_>> {
    let mut section = "";
    let mut rows = Vec::new();
    for (line, text) in page.lines() {
        if let Some(heading) = text.strip_prefix("## ") {
            section = quoted(heading).unwrap_or_default();
        }
        let mut cells = text.split(" | ");
        let first = cells.next().and_then(|cell| cell.strip_prefix("| "));
        if let (Some(name), false) = (first.and_then(quoted), section.is_empty()) {
            let facade = cells.next().and_then(quoted);
            rows.push(Row {
                line,
                section,
                name,
                facade,
            });
        }
    }
    rows
}

fn quoted(text: &str) -> Option<&str> {
    text.trim().strip_prefix('`')?.strip_suffix('`')
}

/// What a file re-exports by `pub use`, under the name that it has then, but what
/// comes from a crate whose name begins so.
fn exported(file: &File, but: &[&str]) -> BTreeSet<String> {
    let code = without_tests(&code(file.text()));
    let mut names = BTreeSet::new();
    for item in code.split("pub use ").skip(1) {
        let item = item.split(';').next().unwrap_or_default().trim();
        if but.iter().any(|name| item.starts_with(name)) {
            continue;
        }
        let list = item
            .split_once('{')
            .map_or(item, |(_, list)| list.trim_end_matches('}'));
        let each = list.split(',').filter_map(|name| {
            let name = name.split(" as ").last()?.trim();
            name.rsplit("::").next().filter(|name| !name.is_empty())
        });
        names.extend(each.map(str::to_owned));
    }
    names
}

/// Those that are types by their names: no function, no constant, no module.
fn types(names: BTreeSet<String>) -> BTreeSet<String> {
    let is_type = |name: &String| {
        name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.contains(|c: char| c.is_ascii_lowercase())
    };
    names.into_iter().filter(is_type).collect()
}

/// The public types that a file declares itself.
fn declared(file: &File) -> BTreeSet<String> {
    let code = without_tests(&code(file.text()));
    let kinds = ["struct ", "enum ", "trait ", "type "];
    let names = code.lines().filter_map(|line| {
        let item = line.strip_prefix("pub ")?;
        let name = kinds.iter().find_map(|kind| item.strip_prefix(kind))?;
        name.split(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .map(str::to_owned)
    });
    names.collect()
}

/// The modules that a crate shows.
fn modules(lib: &File) -> Vec<String> {
    let code = code(lib.text());
    let named = code
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    named.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIB: &str = "pub mod json;\npub use host::{Host, MAX, build};\n\
                       pub use patinox_policy::Fault;\n#[cfg(test)]\npub use x::Y;\n\
                       pub use router::Route;\n";
    const ROUTER: &str = "pub use patinox_sandbox::{Route, Target};\n";
    const JSON: &str = "pub struct Text;\nstruct Inner;\n";

    #[track_caller]
    fn check(facade: &str, page_text: &str, expected: &[&str]) {
        let tree = Tree::of([
            (PAGE, page_text),
            (FACADE, facade),
            ("runtime/host/src/lib.rs", LIB),
            ("runtime/host/src/json.rs", JSON),
            ("runtime/host/src/router.rs", ROUTER),
        ]);
        let found: Vec<_> = page(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn a_type_without_a_row_and_a_row_without_a_type_are_found() {
        let whole = "## `host`\n| `Host` | `Machine` | a |\n| `json::Text` | `json::Text` | b |\n";
        check(
            "pub use a::json;\npub use a::Host as Machine;\n",
            whole,
            &[],
        );
        check(
            "pub use a::Host;\n",
            "| `Out` | – | of a section |\n## `host`\n| `Host` | – | a |\n| `Host` | – | a |\n",
            &[
                "no row for `Host`",
                "types.md:4: `Host` is exported once",
                "no row for `json::Text`",
            ],
        );
        check(
            "pub use a::json;\n",
            "## `host`\n| `Host` | `Gone` | a |\n| `json::Text` | `json::Test` | b |\n",
            &[
                "`Gone` is exported once",
                "types.md:3: `patinox` does not have",
            ],
        );
    }
}
