//! The contract: every item has its docs and its gate, and the copies of
//! others' packages are what they were.

use crate::tree::sha256;
use crate::{File, Finding, Tree};

/// What stands above an item.
#[derive(Default)]
struct Above {
    docs: bool,
    gate: bool,
}

/// What an item must carry.
struct Needs {
    docs: bool,
    gate: bool,
}

/// Every item of our package has docs, and a gate where it can have one.
#[must_use]
pub fn items(tree: &Tree) -> Vec<Finding> {
    let ours = tree
        .files("wit/", ".wit")
        .filter(|file| !file.path.starts_with("wit/deps/"));
    let findings: Vec<_> = ours.flat_map(file_items).collect();
    if tree.has("wit/world.wit") {
        return findings;
    }
    tree.need("wit/world.wit").err().into_iter().collect()
}

fn file_items(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut above = Above::default();
    // Parentheses that are open: their lines continue an item.
    let mut open = 0_usize;
    for (line, text) in file.lines() {
        let text = text.trim();
        if text.starts_with("///") {
            above.docs = true;
        } else if text.starts_with("@since(") || text.starts_with("@unstable(") {
            above.gate = true;
        } else if !text.is_empty() && !text.starts_with("//") {
            if open == 0 {
                findings.extend(item(file, line, text, &above));
            }
            open = (open + text.matches('(').count()).saturating_sub(text.matches(')').count());
            above = Above::default();
        }
    }
    findings
}

fn item(file: &File, line: usize, text: &str, above: &Above) -> Option<Finding> {
    let needs = needs(text)?;
    let text = text.trim_end_matches(['{', ',', ';', ' ']);
    if text.contains('{') && text.contains(',') && !text.starts_with("use ") {
        let rule = format!("`{text}` holds several items");
        return Some(file.finding(line, rule, "give each a line and docs of its own"));
    }
    if needs.docs && !above.docs {
        let fix = "say above it who calls it, how often, what survives, units";
        return Some(file.finding(line, format!("`{text}` has no docs"), fix));
    }
    let fix = "write `@unstable(feature = …)` or `@since(version = …)` right above it";
    (needs.gate && !above.gate).then(|| file.finding(line, format!("`{text}` has no gate"), fix))
}

/// What the item that begins on this line must carry; `None` if none does.
fn needs(text: &str) -> Option<Needs> {
    let word = text.split([' ', ':', '(', ',', ';', '{']).next()?;
    let is_function = text.contains(": func(") || text.contains(": async func(");
    let needs = match word {
        "" | "}" | "package" => return None,
        // What it brings in has its docs where it is defined.
        "use" => Needs {
            docs: false,
            gate: true,
        },
        "import" | "export" | "include" | "interface" | "world" | "record" | "variant" | "enum"
        | "flags" | "type" | "resource" | "constructor" => Needs {
            docs: true,
            gate: true,
        },
        _ => Needs {
            docs: true,
            gate: is_function,
        },
    };
    (!text.starts_with('}')).then_some(needs)
}

/// The copies in `wit/deps` have the digests that `wit/README.md` gives.
#[must_use]
pub fn dependencies(tree: &Tree) -> Vec<Finding> {
    let readme = match tree.need("wit/README.md") {
        Ok(readme) => readme,
        Err(missing) => return vec![missing],
    };
    let unlisted = tree.files("wit/deps/", "").filter_map(|file| {
        let name = file.path.strip_prefix("wit/")?;
        let row = readme
            .text()
            .lines()
            .find(|line| line.contains(&format!("`{name}`")));
        let digest = sha256(&file.bytes);
        if row.is_some_and(|row| row.contains(&digest)) {
            return None;
        }
        let rule = "its digest is not in `wit/README.md`";
        let fix = format!("restore the copy, or write `{digest}` into its row");
        Some(file.finding(1, rule, fix))
    });
    let gone = readme.lines().filter_map(|(line, text)| {
        let (_, name) = text.split_once("| `deps/")?;
        let path = format!("wit/deps/{}", name.split_once('`')?.0);
        (!tree.has(&path)).then(|| {
            readme.finding(
                line,
                format!("`{path}` is not there"),
                "copy it, or drop its row",
            )
        })
    });
    unlisted.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found = items(&Tree::of([("wit/world.wit", text)]));
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn docs_and_gates() {
        check(
            "package a:b@0.1.0;\n\n/// X.\n@since(version = 0.1.0)\ninterface x {\n}\n",
            &[],
        );
        check(
            "@since(version = 0.1.0)\ninterface x {\n}\n",
            &["wit:2: `interface x` has no docs"],
        );
        check(
            "/// X.\nworld x {\n  /// Y.\n  import y;\n}\n",
            &["x` has no gate", "y` has no gate"],
        );
        check(
            "/// X.\n@since(version = 1)\nf: func(\n  a: u8,\n) -> u8;\n",
            &[],
        );
        check("/// X.\nf: async func(a: u8) -> u8;\n", &["has no gate"]);
        check("/// X.\nfield: u8,\n case-a,\n", &["`case-a` has no docs"]);
        check(
            "/// X.\n@since(version = 1)\nenum e { a, b }\n",
            &["holds several items"],
        );
        check("@since(version = 1)\nuse a.{b, c};\n", &[]);
    }

    #[test]
    fn digests() {
        let row = format!("| `deps/a.wit` | `a:b` | `{}` |\n", sha256(b"x"));
        let good = Tree::of([("wit/README.md", row.as_str()), ("wit/deps/a.wit", "x")]);
        assert_eq!(dependencies(&good).len(), 0);
        let bad = Tree::of([("wit/README.md", row.as_str()), ("wit/deps/b.wit", "x")]);
        assert_eq!(dependencies(&bad).len(), 2);
    }
}
