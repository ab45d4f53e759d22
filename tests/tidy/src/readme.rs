//! What the pages promise is there: commands, files, links.

use crate::source::{code, code_and_literals, words};
use crate::{File, Finding, Tree};

/// What Cargo itself, or a tool that set-up installs, understands.
const CARGO_VERBS: [&str; 16] = [
    "add",
    "bench",
    "build",
    "check",
    "clippy",
    "component",
    "deny",
    "doc",
    "fmt",
    "install",
    "llvm-cov",
    "nextest",
    "run",
    "test",
    "uninstall",
    "update",
];

/// A line of a fenced block.
struct BlockLine<'t> {
    language: &'t str,
    line: usize,
    text: &'t str,
}

/// The files that a newcomer looks for are there.
#[must_use]
pub fn expected_files(tree: &Tree) -> Vec<Finding> {
    let expected = [
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "SECURITY.md",
        "deny.toml",
        "rust-toolchain.toml",
        "Cargo.lock",
        "runtime/README.md",
        "wit/README.md",
    ];
    expected
        .iter()
        .filter_map(|path| tree.need(path).err())
        .collect()
}

/// Every command in a shell block of a page names a verb that exists.
#[must_use]
pub fn commands(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files("", ".md") {
        for line in block_lines(file) {
            let found = line_commands(&line)
                .into_iter()
                .filter_map(|words| unknown(tree, &words));
            findings.extend(found.map(|what| {
                file.finding(
                    line.line,
                    format!("there is no {what}"),
                    "build it, or name one that is",
                )
            }));
        }
    }
    findings
}

/// The commands of a line, each as its words, without variables before it.
fn line_commands<'t>(line: &BlockLine<'t>) -> Vec<Vec<&'t str>> {
    let text = match (line.text.strip_prefix("$ "), line.language) {
        (Some(command), _) => command,
        (None, "sh" | "bash" | "shell") => line.text,
        (None, _) => "",
    };
    // A comment is a word of its own; a `#` inside a word is a tool's name.
    let text = text.split_once(" #").map_or(text, |(command, _)| command);
    let commands = text.split(['|', ';', '&']).map(|command| {
        let words = command.split_whitespace();
        words.skip_while(|word| word.contains('=')).collect()
    });
    commands.collect()
}

/// What a command names that does not exist.
fn unknown(tree: &Tree, command: &[&str]) -> Option<String> {
    let (program, rest) = command.split_first()?;
    if *program == "patinox" || program.ends_with("/patinox") {
        return unknown_verb(tree, rest);
    }
    if *program != "cargo" {
        return None;
    }
    let mut rest = rest.iter().filter(|word| !word.starts_with('+'));
    match *rest.next()? {
        "xtask" => unknown_task(tree, rest.next()?),
        "run" if command.contains(&"--example") => unknown_example(tree, command),
        "run" => {
            let rest: Vec<_> = rest
                .skip_while(|word| **word != "--")
                .skip(1)
                .copied()
                .collect();
            unknown_verb(tree, &rest)
        }
        verb if CARGO_VERBS.contains(&verb) => None,
        verb => Some(format!("`cargo {verb}`")),
    }
}

fn unknown_verb(tree: &Tree, words_of_command: &[&str]) -> Option<String> {
    let verb = words_of_command
        .iter()
        .find(|word| !word.starts_with('-'))?;
    let variant = pascal_case(verb);
    let exists = tree.has(&format!("runtime/cli/src/commands/{verb}.rs"))
        || tree
            .files("runtime/cli/src/", ".rs")
            .any(|file| words(&code(file.text()), &variant).next().is_some());
    (!exists).then(|| format!("`patinox {verb}`"))
}

fn unknown_example(tree: &Tree, command: &[&str]) -> Option<String> {
    let name = command
        .iter()
        .skip_while(|word| **word != "--example")
        .nth(1)?;
    let exists = tree.has(&format!("runtime/examples/{name}.rs"));
    (!exists).then(|| format!("example `{name}`"))
}

fn unknown_task(tree: &Tree, task: &str) -> Option<String> {
    let alias = tree.file(".cargo/config.toml");
    if !alias.is_some_and(|file| file.text().contains("xtask =")) {
        return Some("alias `xtask` in `.cargo/config.toml`".to_owned());
    }
    let literal = format!("\"{task}\"");
    let exists = tree
        .files("xtask/src/", ".rs")
        .any(|file| code_and_literals(file.text()).contains(&literal));
    (!exists).then(|| format!("`cargo xtask {task}`"))
}

fn pascal_case(verb: &str) -> String {
    let words = verb.split(['-', '_']);
    words
        .flat_map(|word| {
            let mut chars = word.chars();
            chars
                .next()
                .map(|c| c.to_ascii_uppercase())
                .into_iter()
                .chain(chars)
        })
        .collect()
}

/// The tree in `runtime/README.md` names what is there, and every crate.
#[must_use]
pub fn source_tree(tree: &Tree) -> Vec<Finding> {
    let file = match tree.need("runtime/README.md") {
        Ok(file) => file,
        Err(missing) => return vec![missing],
    };
    let crates = tree.folders("runtime/");
    let crates: Vec<_> = crates
        .into_iter()
        .filter(|name| tree.has(&format!("runtime/{name}/Cargo.toml")))
        .collect();
    let unnamed = crates
        .iter()
        .filter(|name| !file.text().contains(&format!("{name}/")))
        .map(|name| {
            file.finding(
                1,
                format!("it does not name the crate `{name}/`"),
                "put it into the tree",
            )
        });
    let mut findings: Vec<_> = unnamed.collect();
    // The crate that the lines of the tree are in.
    let mut below = String::new();
    for line in block_lines(file).filter(|line| line.language == "text") {
        for path in line
            .text
            .split([' ', '(', ')', ','])
            .filter(|word| is_path(word))
        {
            let first = path.split('/').next().unwrap_or_default();
            if path.contains('/') && crates.contains(&first) {
                below = format!("runtime/{first}/");
            }
            findings.extend(absent(tree, &below, path).then(|| {
                let rule = format!("`{path}` is not in `{below}`");
                file.finding(line.line, rule, "name the file as it is, or drop it")
            }));
        }
    }
    findings
}

/// Whether a word of a tree names a file or a folder of sources.
fn is_path(word: &str) -> bool {
    let plain = word
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    let ends = [".rs", ".wit", ".toml", "/"]
        .iter()
        .any(|end| word.ends_with(end));
    plain && ends && word.contains(|c: char| c.is_ascii_alphanumeric())
}

fn absent(tree: &Tree, below: &str, path: &str) -> bool {
    let inner = format!("/{}", path.trim_end_matches('/'));
    let found = tree.files("", "").any(|file| {
        let in_crate = file.path.starts_with(below) || file.path == path;
        in_crate
            && (format!("/{}", file.path).contains(&format!("{inner}/"))
                || format!("/{}", file.path).ends_with(&inner))
    });
    !found
}

/// Every relative link of a Markdown file leads to a file, and one with a `#` to a
/// heading of it.
#[must_use]
pub fn links(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files("", ".md") {
        for (line, text) in file.lines() {
            let broken = link_targets(text).filter(|target| leads_nowhere(tree, file, target));
            findings.extend(broken.map(|target| {
                file.finding(
                    line,
                    format!("the link `{target}` leads nowhere"),
                    "correct it",
                )
            }));
        }
    }
    findings
}

fn leads_nowhere(tree: &Tree, file: &File, target: &str) -> bool {
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let path = match path {
        "" => file.path.clone(),
        path => joined(folder, path),
    };
    let page = tree.file(&path).filter(|_| !heading.is_empty());
    let has = |page: &File| {
        page.lines()
            .any(|(_, line)| anchor(line).as_deref() == Some(heading))
    };
    !tree.has(&path) || page.is_some_and(|page| !has(page))
}

/// What leads to a heading: its words in small letters, with hyphens between.
fn anchor(line: &str) -> Option<String> {
    let heading = line
        .strip_prefix('#')?
        .trim_start_matches('#')
        .strip_prefix(' ')?;
    let kept = heading.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    Some(kept.collect())
}

fn link_targets(text: &str) -> impl Iterator<Item = &str> {
    let targets = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next());
    targets.filter(|target| !target.is_empty() && !target.contains(':'))
}

fn joined<'p>(folder: &'p str, target: &'p str) -> String {
    let mut parts = Vec::new();
    for part in folder.split('/').chain(target.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn block_lines(file: &File) -> impl Iterator<Item = BlockLine<'_>> {
    let mut language = None;
    file.lines().filter_map(move |(line, text)| {
        if let Some(name) = text.trim_start().strip_prefix("```") {
            language = match language {
                None => Some(name.trim()),
                Some(_) => None,
            };
            return None;
        }
        language.map(|language| BlockLine {
            language,
            line,
            text,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(command: &str, expected: Option<&str>) {
        let readme = format!("# X\n\n```sh\n{command}\n```\n");
        let tree = Tree::of([
            (".cargo/config.toml", "[alias]\nxtask = \"run\""),
            ("README.md", &readme),
            (
                "runtime/cli/src/args.rs",
                "enum Command { Demo, Call(Call) }",
            ),
            ("xtask/src/main.rs", "match verb { \"test\" => {} }"),
        ]);
        let found: Vec<_> = commands(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), usize::from(expected.is_some()), "{found:?}");
        if let Some(expected) = expected {
            assert!(found.concat().contains(expected), "{found:?}");
        }
    }

    #[test]
    fn a_command_that_does_not_exist_is_found() {
        check("cargo run --release --locked -- demo", None);
        check(
            "cargo run --release --locked -- dream",
            Some("README.md:4: there is no `patinox dream`"),
        );
        check(
            "cargo xtask test && cargo xtask rest",
            Some("`cargo xtask rest`"),
        );
        check(
            "RUST_LOG=info patinox call 'demo:text#count' text=x | jq .",
            None,
        );
        check("$ ./target/release/patinox fly # up", Some("`patinox fly`"));
        check("cargo frobnicate", Some("`cargo frobnicate`"));
        check(
            "cargo run --release --example gone -- localhost:80",
            Some("there is no example `gone`"),
        );
        check("patinox --help", None);
    }

    #[test]
    fn a_file_that_is_not_there_is_found() {
        let readme = "```text\npolicy/src/\n├── limits.rs imports/ gone.rs (a word)\n```\n";
        let tree = Tree::of([
            ("runtime/README.md", readme),
            ("runtime/policy/Cargo.toml", ""),
            ("runtime/policy/src/limits.rs", ""),
            ("runtime/policy/src/imports/a.rs", ""),
            ("runtime/tools/Cargo.toml", ""),
            ("runtime/tools/src/gone.rs", ""),
        ]);
        let found: Vec<_> = source_tree(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.concat().contains("the crate `tools/`"), "{found:?}");
        assert!(
            found
                .concat()
                .contains("`gone.rs` is not in `runtime/policy/`"),
            "{found:?}"
        );
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let text = "## To `the` top, now\n[a](../wit/a.wit) [b](b.md#top) [c](https://example.com) \
                    [d](#d) [e](#to-the-top-now) [f](y.md#f) [g](y.md#g)";
        let tree = Tree::of([
            ("docs/x.md", text),
            ("wit/a.wit", ""),
            ("docs/y.md", "# F\n"),
        ]);
        let found: Vec<_> = links(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 3, "{found:?}");
        for (found, target) in found.iter().zip(["b.md#top", "#d", "y.md#g"]) {
            assert!(found.contains(&format!("`{target}`")), "{found}");
        }
    }
}
