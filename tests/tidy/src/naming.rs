//! What may be named only somewhere, and what nowhere.

use crate::source::{code, code_and_literals, line_of, without_tests, words};
use crate::{File, Finding, Tree, length};

/// What may be named only where a path begins so, and what to do instead.
const ONLY_IN: [Place; 7] = [
    Place {
        what: &["SystemTime::now"],
        places: &["runtime/telemetry/src/clock.rs"],
        fix: "take the time from `patinox_telemetry::Clock`",
        is_literal: false,
    },
    Place {
        // Also behind a `use` of `std::{env, …}`.
        what: &["env::"],
        places: &[
            "runtime/main.rs",
            // The arguments, for a program that is its own compile worker.
            "runtime/lib.rs",
            "runtime/examples/",
            "runtime/config/",
            "runtime/toolchain/",
            "runtime/cli/",
            // Where a status socket lies: whoever reads it has no settings of the
            // host to go by.
            "runtime/host/src/status/environment.rs",
            "xtask/",
            "tests/artifacts/",
            // Their arguments.
            "benches/latency.rs",
            "benches/limits.rs",
            // The temporary folder.
            "benches/resources.rs",
            "benches/soak.rs",
            "benches/tools.rs",
            "benches/tools/",
        ],
        fix: "read it in `config` and pass it down",
        is_literal: false,
    },
    Place {
        what: &["\"/proc", "\"/sys/"],
        places: &[
            "runtime/resources/src/detector.rs",
            "runtime/resources/src/detector/",
            "runtime/sandbox/src/artifact.rs",
            // A process that limits itself looks at itself.
            "runtime/sandbox/src/compile/cage.rs",
            // It measures itself.
            "benches/latency.rs",
            // And the programs that it starts.
            "benches/tools/service.rs",
        ],
        fix: "ask `resources::Detector`",
        is_literal: true,
    },
    Place {
        what: &["wasmtime"],
        places: &[
            "runtime/sandbox/",
            "xtask/",
            "benches/call/floor.rs",
            "benches/call/imports.rs",
            "benches/files/floor.rs",
        ],
        fix: "say it with the types of `patinox_sandbox`",
        is_literal: false,
    },
    Place {
        what: &[
            "TcpListener",
            "TcpStream",
            "UdpSocket",
            "UnixListener",
            "UnixStream",
            "tokio::net",
        ],
        places: &[
            "runtime/egress/",
            "runtime/server/",
            // A socket of this machine's own, and who reads it.
            "runtime/host/src/status.rs",
            "runtime/host/src/status/",
            "runtime/cli/src/commands/top/feed.rs",
            "runtime/cli/src/demo/site.rs",
            // Services of the embedder's own.
            "runtime/examples/axum_service.rs",
            "runtime/examples/monitored_service.rs",
            "benches/tools/service.rs",
        ],
        fix: "go through `egress::Gate`",
        is_literal: false,
    },
    Place {
        what: &["rusqlite"],
        places: &["runtime/host/src/store.rs", "runtime/host/src/store/"],
        fix: "use `host::Store`",
        is_literal: false,
    },
    Place {
        what: &["clap", "anstream", "anyhow"],
        places: &["runtime/cli/", "xtask/"],
        fix: "return a value or an error of your crate, and let `cli` show it",
        is_literal: false,
    },
];

/// What stands nowhere, tests included.
const NOWHERE: [(&str, &str); 6] = [
    ("#[ignore", "make the test hold, or delete it"),
    ("todo!", "build it, or leave it out"),
    ("unimplemented!", "build it, or leave it out"),
    ("dbg!", "delete it"),
    ("thread::sleep", "wait for the event, with a deadline"),
    ("unbounded_channel", "give the queue a bound"),
];

/// Guests whose work it is to misbehave.
const HOSTILE: [&str; 2] = ["components/hostile/", "components/fixtures/"];

/// Words that say nothing of what a type keeps or does.
const EMPTY_WORDS: [&str; 5] = ["Manager", "Helper", "Util", "Utils", "Common"];

/// Folders of one machine. In halves, so that this file passes its own rule.
const MACHINE_FOLDERS: [&str; 3] = [
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/ho", "me/"),
];

/// Whose home an example may name: nobody's.
const EXAMPLE_USER: &str = "ada";

struct Place {
    what: &'static [&'static str],
    places: &'static [&'static str],
    fix: &'static str,
    /// It stands in a string, not in code.
    is_literal: bool,
}

/// What has one place is named only there. Tests may do as they like.
#[must_use]
pub fn places(tree: &Tree) -> Vec<Finding> {
    let host = length::rust_files(tree).filter(|file| !file.path.starts_with("components/"));
    let host = host.filter(|file| !file.path.starts_with("tests/tidy/"));
    host.flat_map(|file| {
        let code = without_tests(&code(file.text()));
        let literals = without_tests(&code_and_literals(file.text()));
        let found = ONLY_IN.iter().flat_map(|place| {
            let text = if place.is_literal { &literals } else { &code };
            misplaced(file, text, place)
        });
        found.collect::<Vec<_>>()
    })
    .collect()
}

fn misplaced(file: &File, code: &str, place: &Place) -> Vec<Finding> {
    if place.places.iter().any(|path| file.path.starts_with(path)) {
        return Vec::new();
    }
    let found = place.what.iter().flat_map(|what| {
        words(code, what).map(move |at| {
            let rule = format!("`{what}` only in {}", place.places.join(", "));
            file.finding(line_of(code, at), rule, place.fix)
        })
    });
    found.collect()
}

/// What stands nowhere does not.
#[must_use]
pub fn nowhere(tree: &Tree) -> Vec<Finding> {
    let files = tree
        .files("", ".rs")
        .filter(|file| !HOSTILE.iter().any(|path| file.path.starts_with(path)));
    files
        .flat_map(|file| {
            let code = code(file.text());
            let found = NOWHERE.iter().flat_map(|(what, fix)| {
                let code = &code;
                words(code, what)
                    .map(move |at| file.finding(line_of(code, at), format!("no `{what}`"), *fix))
            });
            found.collect::<Vec<_>>()
        })
        .collect()
}

/// No public type has a name that says nothing.
#[must_use]
pub fn type_names(tree: &Tree) -> Vec<Finding> {
    length::rust_files(tree)
        .flat_map(|file| {
            file.lines()
                .filter_map(|(line, text)| empty_name(file, line, text))
        })
        .collect()
}

fn empty_name(file: &File, line: usize, text: &str) -> Option<Finding> {
    let item = text.trim_start().strip_prefix("pub ")?;
    let (_, name) = ["struct ", "enum ", "trait ", "type ", "union "]
        .iter()
        .find_map(|kind| item.split_once(kind))?;
    let name: String = name
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    let word = humps(&name)
        .into_iter()
        .find(|hump| EMPTY_WORDS.contains(&hump.as_str()))?;
    let rule = format!("`{name}`: `{word}` says nothing");
    Some(file.finding(line, rule, "name it after what it keeps or does"))
}

/// The words of a camel-case name.
fn humps(name: &str) -> Vec<String> {
    let mut humps = Vec::<String>::new();
    for c in name.chars() {
        match humps.last_mut() {
            Some(hump) if !c.is_ascii_uppercase() => hump.push(c),
            _ => humps.push(c.to_string()),
        }
    }
    humps
}

/// Nothing names a folder of somebody's machine.
#[must_use]
pub fn machine_paths(tree: &Tree) -> Vec<Finding> {
    tree.files("", "")
        .flat_map(|file| {
            file.lines()
                .filter_map(|(line, text)| machine_path(file, line, text))
        })
        .collect()
}

fn machine_path(file: &File, line: usize, text: &str) -> Option<Finding> {
    let folder = MACHINE_FOLDERS.iter().find(|folder| {
        text.match_indices(**folder).any(|(at, _)| {
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let after = text.get(at + folder.len()..).unwrap_or_default();
            // Behind a name it is a part of some longer path.
            !before.is_some_and(|c| c.is_ascii_alphanumeric() || ".-_~*)}]>".contains(c))
                && !after.starts_with(EXAMPLE_USER)
        })
    })?;
    let rule = format!("`{folder}` is a folder of one machine");
    Some(file.finding(
        line,
        rule,
        "name it from the repository's root, or from `~`; the user of an example is `ada`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: fn(&Tree) -> Vec<Finding>, path: &str, text: &str, expected: usize) {
        let found = rule(&Tree::of([(path, text)]));
        assert_eq!(found.len(), expected, "{text}: {found:?}");
    }

    #[test]
    fn what_has_one_place_is_found_elsewhere() {
        let tools = "runtime/tools/src/a.rs";
        check(places, tools, "let now = SystemTime::now();", 1);
        check(places, tools, "// SystemTime::now();", 0);
        check(
            places,
            tools,
            "#[cfg(test)]\nmod tests { fn f() { SystemTime::now(); } }",
            0,
        );
        check(
            places,
            "runtime/telemetry/src/clock.rs",
            "SystemTime::now()",
            0,
        );
        check(
            places,
            tools,
            "use std::{env, fs};\nlet p = env::var(\"X\"); std::env::args(); env!(\"X\");",
            2,
        );
        check(places, tools, "File::open(\"/proc/self\")", 1);
        check(places, tools, "use wasmtime::Engine;", 1);
    }

    #[test]
    fn what_stands_nowhere_is_found_in_tests_too() {
        let test = "tests/host/a.rs";
        check(
            nowhere,
            test,
            "#[ignore = \"flaky\"]\nfn f() { todo!() }",
            2,
        );
        check(nowhere, test, "std::thread::sleep(d); // dbg!(d)", 1);
        check(
            nowhere,
            "components/hostile/src/wall.rs",
            "std::thread::sleep(d);",
            0,
        );
    }

    #[test]
    fn a_name_that_says_nothing_is_found() {
        let path = "runtime/tools/src/a.rs";
        check(type_names, path, "pub struct ToolManager;", 1);
        check(type_names, path, "    pub(crate) struct ToolManager;", 0);
        check(
            type_names,
            path,
            "pub enum Utilization {}\npub trait CommonThing {}",
            1,
        );
    }

    #[test]
    fn a_folder_of_a_machine_is_found() {
        let [_, work, home] = MACHINE_FOLDERS;
        check(machine_paths, "README.md", &format!("see {work}main"), 1);
        check(machine_paths, "README.md", &format!("\"{home}me/x\""), 1);
        let others = [
            format!("https://example.com{home}x"),
            format!("{home}ada/x"),
        ];
        check(machine_paths, "README.md", &others.join("\n"), 0);
    }
}
