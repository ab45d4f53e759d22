//! What judges a call, by the command line and by files.

use std::fs;

use patinox_host::digest;
use serde_json::{Value, json};

use super::shell::{Ended, Shell};
use crate::support::guests;

/// A folder with the validators and a tool; `None` where they cannot be built.
fn shell() -> Option<Shell> {
    let shell = Shell::new();
    for (file, package) in [("secrets", "secrets"), ("judge", "fixture-judge")] {
        let bytes = guests::built(package)?;
        fs::write(shell.path().join(file).with_extension("wasm"), bytes).expect("a file");
    }
    fs::write(shell.path().join("text.wasm"), guests::prebuilt_text()).expect("a file");
    Some(shell)
}

fn run(shell: &Shell, line: &str) -> Ended {
    let ended = shell.end(shell.line(line));
    ended.assert_no_crash(shell);
    ended
}

/// The exit code and what a person reads, without what the call cost.
fn told(ended: &Ended) -> String {
    let lines = ended.stderr.lines();
    let lines: Vec<_> = lines.filter(|line| !line.starts_with("(fuel")).collect();
    format!("exit {}\n{}", ended.code.expect("a code"), lines.join("\n"))
}

/// Taken apart, so that no scanner takes this file for a leak.
const TOKEN: &str = concat!("ghp", "_abcdefghijklmnopqrstuvwxyz0123456789");

fn configure(shell: &Shell, text: &str) {
    let folder = shell.path().join(".config/patinox");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("config.toml"), text).expect("a file");
}

fn digest_of(shell: &Shell, file: &str) -> String {
    digest(&fs::read(shell.path().join(file)).expect("a file"))
}

#[test]
fn a_token_is_redacted_before_the_tool_and_what_judged_is_told() {
    let Some(shell) = shell() else { return };
    let extract = format!("patinox call text.wasm#extract 'text=a {TOKEN}' 'pattern=.+'");
    let open = run(&shell, &extract);
    assert!(open.stdout.contains(TOKEN));
    let judged = run(&shell, &format!("{extract} --validator secrets.wasm"));
    assert_eq!(judged.code, Some(0));
    assert!(!judged.stdout.contains(TOKEN) && judged.stdout.contains("[redacted: github-token]"));
    assert_eq!(
        told(&judged),
        "exit 0\nvalidator secrets, tool-call: replaced it"
    );
    assert!(judged.stderr.contains("; judged: 2 verdicts, fuel "));
    let quiet = run(&shell, &format!("{extract} -q --validator secrets.wasm"));
    assert_eq!(quiet.stderr, "");
    let document = run(
        &shell,
        &format!("{extract} -o json --validator after:secrets.wasm"),
    );
    let document = document.document();
    assert!(
        document["result"]
            .to_string()
            .contains("[redacted: github-token]")
    );
    let judgements = document["validators"].as_array().expect("verdicts");
    let [judgement] = judgements.as_slice() else {
        panic!("{judgements:?}");
    };
    assert_eq!(judgement["validator"], "secrets");
    assert_eq!(judgement["component"], digest_of(&shell, "secrets.wasm"));
    assert_eq!(
        (&judgement["stage"], &judgement["verdict"]),
        (&json!("tool-result"), &json!("replace"))
    );
    assert!(0 < judgement["fuel"].as_u64().expect("fuel"));
}

#[test]
fn a_refusal_is_one_line_and_exit_code_3() {
    let Some(shell) = shell() else { return };
    configure(
        &shell,
        &format!(
            "[[components]]\npath = \"../../secrets.wasm\"\ndigest = \"{}\"\n\
             allow = [\"config=on-find=deny\"]\n",
            digest_of(&shell, "secrets.wasm")
        ),
    );
    let count = format!("patinox call text.wasm#count 'text=a {TOKEN}' --validator secrets.wasm");
    insta::assert_snapshot!(told(&run(&shell, &count)), @"
    exit 3
    error: the validator `secrets` refuses the arguments: it holds a secret: github-token
    ");
    // Of other bytes nothing is believed, and so nothing passes.
    let file = shell.path().join(".config/patinox/config.toml");
    let text = fs::read_to_string(&file).expect("a file");
    let digits = digest_of(&shell, "secrets.wasm");
    fs::write(
        &file,
        text.replace(&digits, &digest_of(&shell, "judge.wasm")),
    )
    .expect("a file");
    let stale = run(&shell, &count);
    assert_eq!(stale.code, Some(3));
    assert!(
        stale.stderr.contains("has other bytes than"),
        "{}",
        stale.stderr
    );
    fs::write(&file, text).expect("a file");
    // Without that setting it redacts.
    let project = count.replace("patinox", "HOME=/nowhere patinox");
    assert_eq!(run(&shell, &project).code, Some(0));
}

#[test]
fn files_name_validators_and_a_ceiling_requires_them() {
    let Some(shell) = shell() else { return };
    let installed = run(&shell, "patinox install ./secrets.wasm && patinox ls");
    assert_eq!(installed.code, Some(0), "{}", installed.stderr);
    let secrets = digest_of(&shell, "secrets.wasm");
    let with = |digest: &str| {
        format!(
            "[ceiling]\nvalidators = [{{ name = \"secrets@0.1.0\", digest = \"{secrets}\" }}]\n\
             [[components]]\npath = \"../../text.wasm\"\nlimits = {{ stdout = \"1KiB\" }}\n\
             validators = [{{ path = \"../../judge.wasm\", digest = \"{digest}\", at = \"before\" }}]\n"
        )
    };
    configure(&shell, &with(&digest_of(&shell, "judge.wasm")));
    let call = "patinox call text.wasm#count text=a -o json --validator before:judge.wasm";
    let document = run(&shell, call).document();
    let verdicts = document["validators"].as_array().expect("verdicts").iter();
    let named = |one: &Value| format!("{} {}", one["validator"], one["stage"]);
    let stages: Vec<_> = verdicts.map(named).collect();
    assert_eq!(
        stages,
        [
            r#""judge" "tool-call""#,
            r#""judge" "tool-call""#,
            r#""secrets@0.1.0" "tool-call""#,
            r#""secrets@0.1.0" "tool-result""#,
        ]
    );
    // What is carried by the program is called under a ceiling as well.
    let document = run(&shell, "patinox call demo:text#count text=a -o json").document();
    assert_eq!(
        document["validators"].as_array().expect("verdicts").len(),
        2
    );
    let explained = run(&shell, "patinox explain text.wasm");
    let (_, judged) = explained
        .stdout
        .split_once("ITS CALLS ")
        .expect("who judges");
    insta::assert_snapshot!(judged, @"
    ARE JUDGED BY

      `judge.wasm`, before, by `~/.config/patinox/config.toml:6:15`
      `secrets@0.1.0`, before and after, by `~/.config/patinox/config.toml:2:15`
    ");
    assert!(
        explained
            .stdout
            .contains("\n  stdout 1KiB, which is not the default\n")
    );
    // One that is another, or gone, lets nothing pass.
    configure(&shell, &with(&format!("sha256:{}", "0".repeat(64))));
    let other = run(&shell, "patinox call text.wasm#count text=a");
    let told_of_it = told(&other).replace(&digest_of(&shell, "judge.wasm"), "DIGEST");
    insta::assert_snapshot!(told_of_it, @"
    exit 3
    error: the validator `judge` has other bytes than `~/.config/patinox/config.toml:6:15` says: `DIGEST`
    hint: find out who changed it; write the digest there if you accept these bytes
    ");
    let gone = run(
        &shell,
        "patinox rm secrets@0.1.0 && patinox call demo:text#count text=a",
    );
    insta::assert_snapshot!(told(&gone), @"
    exit 3
    error: a validator cannot be loaded, so nothing passes: `secrets@0.1.0` is not installed, by `~/.config/patinox/config.toml:2:15`
    hint: give the path of a component, like `./secrets.wasm`; `patinox ls` shows what is installed
    ");
}

#[test]
fn a_validator_has_no_tools_and_a_tool_judges_nothing() {
    let Some(shell) = shell() else { return };
    insta::assert_snapshot!(told(&run(&shell, "patinox call secrets.wasm")), @"
    exit 5
    error: the component is a validator and has no tools
    hint: name it with `--validator` where a tool is called
    ");
    let text = run(
        &shell,
        "patinox call text.wasm#count text=a --validator text.wasm",
    );
    insta::assert_snapshot!(told(&text), @"
    exit 5
    error: `text`: the component is no validator: it does not export `patinox:tool/validation`
    hint: name one that is built for the world `validator` of `patinox:tool`; what has tools is called, not asked for verdicts
    ");
    let inspected = run(&shell, "patinox inspect secrets.wasm");
    assert!(
        inspected
            .stdout
            .contains("kind     validator: it judges the calls of others")
    );
    assert!(inspected.stdout.contains("\nTOOLS\n  none\n"));
    let none = run(
        &shell,
        "patinox call text.wasm#count text=a --validator nope.wasm",
    );
    assert_eq!(none.code, Some(2));
}

/// Whoever calls cannot have a ceiling's validator let more pass: not by a project, by
/// other settings, by a grant, or by another component of its name.
#[test]
fn what_a_ceiling_requires_is_whole_where_it_stands() {
    let Some(shell) = shell() else { return };
    let installed = run(&shell, "patinox install ./secrets.wasm");
    assert_eq!(installed.code, Some(0), "{}", installed.stderr);
    let secrets = digest_of(&shell, "secrets.wasm");
    let ceiling = format!(
        "[ceiling]\nvalidators = [{{ name = \"secrets@0.1.0\", digest = \"{secrets}\", \
         allow = [\"config=on-find=deny\"] }}]\n"
    );
    configure(&shell, &ceiling);
    let project = shell.path().join("project");
    fs::create_dir(&project).expect("a folder");
    fs::copy(
        shell.path().join("secrets.wasm"),
        project.join("secrets.wasm"),
    )
    .expect("a copy");
    let weaker = "[[components]]\nname = \"secrets@0.1.0\"\ndeny = [\"config=on-find=deny\"]\n\
                  [[components]]\npath = \"secrets.wasm\"\ndeny = [\"config=on-find=deny\"]\n\
                  limits = { fuel = \"1M\" }\n";
    fs::write(project.join("patinox.toml"), weaker).expect("a file");
    fs::write(shell.path().join("empty.toml"), "").expect("a file");
    let other = format!(
        "[[components]]\nname = \"secrets@0.1.0\"\ndigest = \"{secrets}\"\n\
         allow = [\"config=on-find=warn\"]\n"
    );
    fs::write(shell.path().join("other.toml"), other).expect("a file");
    let call = format!("patinox call demo:text#count 'text=a {TOKEN}'");
    let refused = |line: &str| {
        let ended = run(&shell, line);
        let what = "error: the validator `secrets@0.1.0` refuses the arguments: it holds a secret";
        assert!(ended.stderr.starts_with(what), "{line}: {}", ended.stderr);
        assert_eq!(ended.code, Some(3));
    };
    refused(&call);
    refused(&format!("cd project && {call}"));
    refused(&format!("{call} --config empty.toml"));
    refused(&format!("{call} --config other.toml"));
    // One that a person names himself is not weakened by a folder either.
    let mine = format!(
        "cd project && patinox call demo:text#count 'text=a {TOKEN}' \
         --validator secrets.wasm -o json"
    );
    configure(&shell, "");
    let document = run(&shell, &mine).document();
    assert_eq!(document["validators"][0]["verdict"], "replace");
    configure(&shell, &ceiling);
    let granted = run(
        &shell,
        "patinox grant add secrets@0.1.0 config=on-find=warn",
    );
    assert_eq!(granted.code, Some(0), "{}", granted.stderr);
    refused(&call);
    // Another component of that name lets nothing pass.
    let line = format!(
        "patinox rm secrets@0.1.0 && patinox install judge.wasm --as secrets@0.1.0 && {call}"
    );
    let other = run(&shell, &line);
    assert_eq!(other.code, Some(3));
    assert!(
        other
            .stderr
            .contains("the validator `secrets@0.1.0` has other bytes than"),
        "{}",
        other.stderr
    );
}
