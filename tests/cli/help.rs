//! Help, completions, and what `doctor` finds.

use serde_json::{Value, json};

use super::shell::{Shell, keys};

const VERBS: [&str; 17] = [
    "demo",
    "call",
    "inspect",
    "explain",
    "install",
    "ls",
    "show",
    "rm",
    "verify",
    "grant",
    "audit",
    "trust",
    "precompile",
    "cache",
    "doctor",
    "top",
    "completions",
];

/// The verbs of verbs, in words.
const OF_VERBS: [&str; 7] = [
    "cache ls",
    "cache clear",
    "audit ls",
    "audit show",
    "grant add",
    "grant ls",
    "grant revoke",
];

/// Verbs of the plan that are not built: nothing may promise them.
const NOT_BUILT: [&str; 11] = [
    "check", "test", "new", "build", "dev", "update", "push", "serve", "mcp", "agent", "secret",
];

/// Every text of help: of the program, and of each verb.
fn all() -> impl Iterator<Item = (Option<&'static str>, String)> {
    let verbs = VERBS.into_iter().chain(OF_VERBS).map(Some);
    [None]
        .into_iter()
        .chain(verbs)
        .map(|verb| (verb, help(verb)))
}

fn help(verb: Option<&str>) -> String {
    let verb = verb.unwrap_or_default().split_whitespace();
    let words: Vec<_> = verb.chain(["--help"]).collect();
    let ended = Shell::new().run(&words);
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    ended.stdout
}

#[test]
fn help_names_only_what_is_built() {
    for (_, help) in all() {
        for other in NOT_BUILT {
            assert!(!help.contains(&format!("patinox {other}")), "{help}");
            assert!(!help.contains(&format!("\n  {other} ")), "{help}");
        }
    }
    let help = help(None);
    for verb in VERBS {
        assert!(help.contains(&format!("\n  {verb} ")), "{verb}: {help}");
    }
}

#[test]
fn every_help_has_examples_that_are_read() {
    for (_, help) in all() {
        let (_, examples) = help.split_once("Examples:\n").expect("examples");
        let examples: Vec<_> = examples.lines().map(str::trim).collect();
        assert!(!examples.is_empty(), "{help}");
        for example in examples {
            let (_, words) = example.split_once("patinox ").expect("a command");
            let named = VERBS.iter().any(|verb| words.starts_with(verb));
            assert!(named, "{example}");
        }
    }
}

/// The examples on embedded components run as they stand.
#[test]
fn the_examples_of_call_work() {
    let shell = Shell::new();
    let help = help(Some("call"));
    let (_, examples) = help.split_once("Examples:\n").expect("examples");
    let codes: Vec<_> = examples
        .lines()
        .map(|line| shell.end(shell.line(line)).code)
        .collect();
    assert_eq!(codes, [Some(0), Some(0), Some(0), Some(4)]);
}

#[test]
fn help_fits_a_terminal() {
    for (_, help) in all() {
        for line in help.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
}

#[test]
fn a_program_gets_help_as_a_document_too() {
    for words in [&["--help", "-o", "json"][..], &["-o", "json", "--version"]] {
        let document = Shell::new().run(words).document();
        assert_eq!(keys(&document), ["ok", "result"]);
        assert!(
            document["result"]
                .as_str()
                .is_some_and(|text| text.contains("patinox") || text.contains("Patinox"))
        );
    }
}

#[test]
fn each_shell_gets_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = Shell::new().run(&["completions", shell]);
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(0), ""),
            "{ended:?}"
        );
        for verb in VERBS {
            assert!(ended.stdout.contains(verb), "{shell} misses {verb}");
        }
    }
    // What a shell reads at its start does not depend on a setting.
    let odd = Shell::new().variable("PATINOX_NOPE", "1");
    assert_eq!(odd.run(&["completions", "bash"]).code, Some(0));
    let bash = Shell::new().run(&["completions", "bash"]);
    let shell = Shell::new().file("completions.sh", bash.stdout);
    let read = shell.end(shell.line("bash -n completions.sh"));
    assert_eq!((read.code, read.stderr.as_str()), (Some(0), ""));
}

#[test]
fn doctor_tells_of_the_machine_and_how_busy_it_is() {
    let document = Shell::new().run(&["doctor", "-o", "json"]).document();
    let machine = &document["result"]["machine"];
    for name in [
        "memory_bytes_total",
        "memory_bytes_available",
        "load",
        "descriptors",
    ] {
        assert!(machine[name].is_object(), "{name}: {machine}");
    }
    // Both looks are of this command.
    let busy = machine["cpu_percent"]["value"].as_f64();
    assert!(
        busy.is_some_and(|busy| (0.0..=110.0).contains(&busy)),
        "{machine}"
    );
    let folders = machine["folders"].as_array().map(Vec::len);
    assert_eq!(folders, Some(2), "{machine}");
}

#[test]
fn doctor_tells_what_there_is() {
    let shell = Shell::new();
    let text = shell.run(&["doctor"]);
    assert_eq!((text.code, text.stderr.as_str()), (Some(0), ""), "{text:?}");
    for what in ["patinox", "platform", "machine", "engine", "rust"] {
        assert!(
            text.stdout.lines().any(|line| line.starts_with(what)),
            "{text:?}"
        );
    }
    let document = shell.run(&["doctor", "-o", "json"]).document();
    assert_eq!(keys(&document), ["ok", "result"]);
    let result = &document["result"];
    assert_eq!(
        keys(result),
        [
            "version",
            "platform",
            "machine",
            "pressure",
            "engine",
            "store",
            "toolchains"
        ]
    );
    assert_eq!(
        keys(&result["engine"]),
        [
            "pool_slots",
            "on_demand_slots",
            "memory_reservation_bytes",
            "pagemap_scan"
        ]
    );
    let cores = result["machine"]["cores"]["value"].as_u64();
    assert!(cores.is_some_and(|cores| 0 < cores), "{result}");
    assert_eq!(result["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(keys(&result["platform"]), ["os", "arch", "tested"]);
    assert_eq!(
        keys(&result["toolchains"]["rust"]),
        ["target", "way", "rustc", "missing", "packages", "command"]
    );
    let others = ["c", "javascript", "python"];
    assert_eq!(keys(&result["toolchains"])[1..], others);
    for name in others {
        let status = &result["toolchains"][name];
        let fields = ["language", "programs", "missing", "command", "outside"];
        assert_eq!(keys(status), fields);
        let is_missing = status["missing"]
            .as_array()
            .is_some_and(|all| !all.is_empty());
        assert_eq!(status["command"].is_string(), is_missing, "{status}");
        assert_eq!(status["programs"] == json!([]), is_missing, "{status}");
    }
    // Either there is a way, or it is said what is missing.
    let rust = &result["toolchains"]["rust"];
    let is_missing = rust["missing"]
        .as_array()
        .is_some_and(|all| !all.is_empty());
    assert_eq!(rust["way"] == Value::Null, is_missing, "{rust}");
}
