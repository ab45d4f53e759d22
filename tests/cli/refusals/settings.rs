//! Limits, configuration files and variables that are not right.

use insta::assert_snapshot;

use super::refused;
use crate::cli::shell::Shell;

/// A component that is not there: what is wrong is told before it is missed.
const CALL: [&str; 2] = ["call", "none.wasm"];

fn limited(limit: &str) -> String {
    let words = [&CALL[..], &["--limit", limit]].concat();
    refused(&Shell::new(), &words)
}

#[test]
fn a_wrong_limit() {
    assert_snapshot!(limited("wall=-1s"), @"
    exit 2, caller/invalid-limit
    error: limit `wall` must not be negative, not `-1s`
    hint: write it like `wall=2s`
    ");
    assert_snapshot!(limited("wal=1s"), @"
    exit 2, caller/invalid-limit
    error: there is no limit `wal`
    hint: did you mean `wall`?
    ");
    assert_snapshot!(limited("wall=1"), @"
    exit 2, caller/invalid-limit
    error: limit `wall` needs a unit, not `1`
    hint: write it like `wall=2s`
    ");
    assert_snapshot!(limited("wall"), @"
    exit 2, caller/invalid-limit
    error: limit `wall` needs a value
    hint: write it like `wall=2s`
    ");
    assert_snapshot!(limited("wall="), @"
    exit 2, caller/invalid-limit
    error: limit `wall` needs a value
    hint: write it like `wall=2s`
    ");
    assert_snapshot!(limited("memory=5GiB"), @"
    exit 2, caller/invalid-limit
    error: limit `memory` must be from 64KiB to 4GiB, not `5GiB`
    hint: write it like `memory=64MiB`
    ");
    assert_snapshot!(limited("fuel=1MiB"), @"
    exit 2, caller/invalid-limit
    error: limit `fuel` must be a number, or one in `k`, `M`, `G` or `T`, not `1MiB`
    hint: write it like `fuel=5G`
    ");
    assert_snapshot!(limited("file=1MiB"), @"
    exit 2, caller/invalid-limit
    error: limit `file` is one of loading, not of a call
    hint: set `file` under `[load]` in the configuration file
    ");
    assert_snapshot!(limited(""), @"
    exit 2, caller/invalid-limit
    error: there is no limit ``
    hint: the limits are fuel, wall, memory, table-elements, tables, memories, core-instances, handles, host-resources, hostcall-bytes, host-calls, pollables, random, arguments, result, error-text, stdout, stderr, log, fs-bytes, fs-files, fs-open, kv-bytes, file, functions, nesting, all-instances, compile-wall, compile-cpu, compile-memory, concurrency, tool-concurrency, principal-concurrency, queue, queue-wall
    ");
}

/// Where the user's own file lies.
const OWN: &str = ".config/patinox/config.toml";

fn configured(text: &str) -> String {
    refused(&Shell::new().file(OWN, text), &CALL)
}

#[test]
fn a_wrong_configuration_file() {
    assert_snapshot!(configured("[limits]\nwal = '2s'\n"), @"
    exit 2, caller/invalid-config
    error: there is no key `limits.wal`, at `~/.config/patinox/config.toml:2:1`
    hint: did you mean `wall`?
    ");
    assert_snapshot!(configured("[limits]\nwall = 2\n"), @r#"
    exit 2, caller/invalid-config
    error: `limits.wall` at `~/.config/patinox/config.toml:2:8` needs a unit, not `2`
    hint: write it like `wall = "10s"` under `[limits]`
    "#);
    assert_snapshot!(configured("[grants]\n"), @"
    exit 2, caller/invalid-config
    error: there is no key `grants`, at `~/.config/patinox/config.toml:1:2`
    hint: the sections are limits, load, admission, log, output, alerts, ceiling, components
    ");
    assert_snapshot!(configured("[limits\n"), @r#"
    exit 2, caller/invalid-config
    error: configuration file `~/.config/patinox/config.toml:1:8` is not TOML: unclosed table, expected `]`
    hint: write every key once, and text in quotes, like `wall = "10s"`
    "#);
    assert_snapshot!(configured("[log]\nlevel = '==='\n"), @r#"
    exit 2, caller/invalid-config
    error: `log.level` at `~/.config/patinox/config.toml:2:9` must be `off`, `error`, `warn`, `info`, `debug` or `trace`, or a list of `TARGET=LEVEL` or `TARGET[SPAN]=LEVEL`, not `===`
    hint: write it like `level = "error"` under `[log]`
    "#);
}

#[test]
fn a_configuration_file_that_others_can_write() {
    let shell = Shell::new().file(OWN, "").mode(OWN, 0o666);
    assert_snapshot!(refused(&shell, &CALL), @"
    exit 2, caller/invalid-config
    error: configuration file `~/.config/patinox/config.toml` must not be writable by others, as its mode `0666` says
    hint: chmod go-w ~/.config/patinox/config.toml
    ");
}

/// Root reads whatever its mode is, so this runs as somebody else.
#[test]
fn a_configuration_file_that_cannot_be_read() {
    let shell = Shell::new().file("own.toml", "").mode("own.toml", 0);
    let shell = shell.unprivileged();
    let words = [&CALL[..], &["--config", "own.toml"]].concat();
    assert_snapshot!(refused(&shell, &words), @"
    exit 2, caller/unreadable
    error: configuration file `own.toml` cannot be read: Permission denied (os error 13)
    hint: look at it: ls -l own.toml
    ");
}

#[test]
fn a_configuration_file_that_is_named_and_is_none() {
    let named = |name| refused(&Shell::new(), &[&CALL[..], &["--config", name]].concat());
    assert_snapshot!(named("none.toml"), @"
    exit 2, caller/not-found
    error: there is no configuration file `none.toml`
    hint: check the path that `--config` gives
    ");
    assert_snapshot!(named("."), @"
    exit 2, caller/unreadable
    error: configuration file `.` must be a file, not a folder
    hint: name a file in TOML, like `config.toml`
    ");
    let shell = Shell::new().variable("PATINOX_CONFIG", "none.toml");
    assert_snapshot!(refused(&shell, &CALL), @"
    exit 2, caller/not-found
    error: there is no configuration file `none.toml`
    hint: check the path that `PATINOX_CONFIG` gives
    ");
}

fn with_variable(name: &'static str, value: &str) -> String {
    refused(&Shell::new().variable(name, value), &CALL)
}

#[test]
fn a_wrong_variable() {
    assert_snapshot!(with_variable("PATINOX_LIMITS__WAL", "1s"), @"
    exit 2, caller/invalid-config
    error: there is no variable `PATINOX_LIMITS__WAL`
    hint: did you mean `PATINOX_LIMITS__WALL`?
    ");
    assert_snapshot!(with_variable("PATINOX_LIMITS__WALL", "1"), @"
    exit 2, caller/invalid-config
    error: `PATINOX_LIMITS__WALL` needs a unit, not `1`
    hint: write it like `PATINOX_LIMITS__WALL=10s`
    ");
    assert_snapshot!(with_variable("RUST_LOG", "==="), @"
    exit 2, caller/invalid-config
    error: `RUST_LOG` must be a log filter, not `===`
    hint: write it like `RUST_LOG=error`
    ");
}
