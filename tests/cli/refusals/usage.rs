//! Command lines that are not right.

use insta::assert_snapshot;

use super::refused;
use crate::cli::shell::Shell;

fn typed(line: &str) -> String {
    let words: Vec<_> = line.split(' ').collect();
    refused(&Shell::new(), &words)
}

#[test]
fn a_wrong_command_line() {
    assert_snapshot!(typed("frob"), @"
    exit 2, caller/usage
    error: there is no command `frob`
    hint: the commands are `demo`, `call`, `inspect`, `explain`, `install`, `ls`, `show`, `rm`, `verify`, `grant`, `audit`, `trust`, `precompile`, `cache`, `doctor`, `top`, `completions`
    ");
    assert_snapshot!(typed("cal tool.wasm"), @"
    exit 2, caller/usage
    error: there is no command `cal`
    hint: did you mean `call`?
    ");
    assert_snapshot!(typed("call"), @"
    exit 2, caller/usage
    error: `call` needs COMPONENT[#TOOL]
    hint: `patinox call --help` shows what there is
    ");
    assert_snapshot!(typed("call tool.wasm --frob"), @"
    exit 2, caller/usage
    error: there is no option `--frob`
    hint: `patinox call --help` shows what there is
    ");
    assert_snapshot!(typed("call tool.wasm --limt wall=1s"), @"
    exit 2, caller/usage
    error: there is no option `--limt`
    hint: did you mean `--limit`?
    ");
    assert_snapshot!(typed("demo now"), @"
    exit 2, caller/usage
    error: `demo` does not take `now`
    hint: `patinox demo --help` shows what there is
    ");
    assert_snapshot!(typed("doctor -q -v"), @"
    exit 2, caller/usage
    error: `--quiet` and `--verbose` do not go together
    hint: give one of them
    ");
    assert_snapshot!(typed("doctor --log-format xml"), @"
    exit 2, caller/usage
    error: `--log-format` must be one of `text`, `json`, not `xml`
    hint: write it like `--log-format text`
    ");
    assert_snapshot!(typed("completions tcsh"), @"
    exit 2, caller/usage
    error: `SHELL` must be one of `bash`, `elvish`, `fish`, `powershell`, `zsh`, not `tcsh`
    hint: write it like `bash`
    ");
}

/// Without a word a person gets the help, and a program is told what to do.
#[test]
fn nothing_at_all() {
    let shell = Shell::new();
    let ended = shell.run(&[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("Usage: patinox"), "{ended:?}");
    let ended = shell.run(&["-o", "json"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_snapshot!(ended.stdout.trim_end(), @r#"{"ok":false,"error":{"fault":"caller","code":"caller/usage","message":"no command is given","hint":"the commands are `demo`, `call`, `inspect`, `explain`, `install`, `ls`, `show`, `rm`, `verify`, `grant`, `audit`, `trust`, `precompile`, `cache`, `doctor`, `top`, `completions`"}}"#);
}
