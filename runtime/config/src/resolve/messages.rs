//! Every text about a value, as a person reads it.

use super::tests::{environment, file, flag, limit_flag, refusal};
use super::*;

#[test]
fn an_unknown_variable_names_the_nearest() {
    let texts = [
        refusal(&environment(&[("PATINOX_LIMITS_WALL", "1s")])),
        refusal(&environment(&[("PATINOX_WALL", "1s")])),
        refusal(&environment(&[("PATINOX_CONFG", "x")])),
        refusal(&environment(&[("PATINOX_HOME", "x")])),
        refusal(&environment(&[("PATINOX_", "x")])),
    ];
    insta::assert_snapshot!(texts.join("\n"), @"
    caller/invalid-config: there is no variable `PATINOX_LIMITS_WALL`
    hint: did you mean `PATINOX_LIMITS__WALL`?
    caller/invalid-config: there is no variable `PATINOX_WALL`
    hint: did you mean `PATINOX_LIMITS__WALL`?
    caller/invalid-config: there is no variable `PATINOX_CONFG`
    hint: did you mean `PATINOX_CONFIG`?
    caller/invalid-config: there is no variable `PATINOX_HOME`
    hint: the variables are PATINOX_LIMITS__FUEL, PATINOX_LIMITS__WALL, PATINOX_LIMITS__MEMORY, PATINOX_LIMITS__TABLE_ELEMENTS, PATINOX_LIMITS__TABLES, PATINOX_LIMITS__MEMORIES, PATINOX_LIMITS__CORE_INSTANCES, PATINOX_LIMITS__HANDLES, PATINOX_LIMITS__HOST_RESOURCES, PATINOX_LIMITS__HOSTCALL_BYTES, PATINOX_LIMITS__HOST_CALLS, PATINOX_LIMITS__POLLABLES, PATINOX_LIMITS__RANDOM, PATINOX_LIMITS__ARGUMENTS, PATINOX_LIMITS__RESULT, PATINOX_LIMITS__ERROR_TEXT, PATINOX_LIMITS__STDOUT, PATINOX_LIMITS__STDERR, PATINOX_LIMITS__LOG, PATINOX_LIMITS__FS_BYTES, PATINOX_LIMITS__FS_FILES, PATINOX_LIMITS__FS_OPEN, PATINOX_LIMITS__KV_BYTES, PATINOX_LOAD__FILE, PATINOX_LOAD__FUNCTIONS, PATINOX_LOAD__NESTING, PATINOX_LOAD__ALL_INSTANCES, PATINOX_LOAD__COMPILE_WALL, PATINOX_LOAD__COMPILE_CPU, PATINOX_LOAD__COMPILE_MEMORY, PATINOX_ADMISSION__CONCURRENCY, PATINOX_ADMISSION__TOOL_CONCURRENCY, PATINOX_ADMISSION__PRINCIPAL_CONCURRENCY, PATINOX_ADMISSION__QUEUE, PATINOX_ADMISSION__QUEUE_WALL, PATINOX_LOG__LEVEL, PATINOX_LOG__FORMAT, PATINOX_OUTPUT__FORMAT, PATINOX_CONFIG
    caller/invalid-config: there is no variable `PATINOX_`
    hint: the variables are PATINOX_LIMITS__FUEL, PATINOX_LIMITS__WALL, PATINOX_LIMITS__MEMORY, PATINOX_LIMITS__TABLE_ELEMENTS, PATINOX_LIMITS__TABLES, PATINOX_LIMITS__MEMORIES, PATINOX_LIMITS__CORE_INSTANCES, PATINOX_LIMITS__HANDLES, PATINOX_LIMITS__HOST_RESOURCES, PATINOX_LIMITS__HOSTCALL_BYTES, PATINOX_LIMITS__HOST_CALLS, PATINOX_LIMITS__POLLABLES, PATINOX_LIMITS__RANDOM, PATINOX_LIMITS__ARGUMENTS, PATINOX_LIMITS__RESULT, PATINOX_LIMITS__ERROR_TEXT, PATINOX_LIMITS__STDOUT, PATINOX_LIMITS__STDERR, PATINOX_LIMITS__LOG, PATINOX_LIMITS__FS_BYTES, PATINOX_LIMITS__FS_FILES, PATINOX_LIMITS__FS_OPEN, PATINOX_LIMITS__KV_BYTES, PATINOX_LOAD__FILE, PATINOX_LOAD__FUNCTIONS, PATINOX_LOAD__NESTING, PATINOX_LOAD__ALL_INSTANCES, PATINOX_LOAD__COMPILE_WALL, PATINOX_LOAD__COMPILE_CPU, PATINOX_LOAD__COMPILE_MEMORY, PATINOX_ADMISSION__CONCURRENCY, PATINOX_ADMISSION__TOOL_CONCURRENCY, PATINOX_ADMISSION__PRINCIPAL_CONCURRENCY, PATINOX_ADMISSION__QUEUE, PATINOX_ADMISSION__QUEUE_WALL, PATINOX_LOG__LEVEL, PATINOX_LOG__FORMAT, PATINOX_OUTPUT__FORMAT, PATINOX_CONFIG
    ");
}

#[test]
fn a_wrong_variable_says_the_rule() {
    let texts = [
        refusal(&environment(&[("PATINOX_LIMITS__WALL", "2")])),
        refusal(&environment(&[("PATINOX_LIMITS__WALL", "")])),
        refusal(&environment(&[("PATINOX_LIMITS__MEMORY", "9TiB")])),
        refusal(&environment(&[("PATINOX_LIMITS__ERROR_TEXT", "1MiB")])),
        refusal(&environment(&[("PATINOX_LOAD__FILE", "0B")])),
        refusal(&environment(&[("PATINOX_LOG__FORMAT", "JSON")])),
        refusal(&environment(&[("PATINOX_LOG__LEVEL", "")])),
        refusal(&environment(&[("PATINOX_LOG__LEVEL", "warning")])),
        refusal(&environment(&[("PATINOX_ALERTS__REPEAT", "1h")])),
        refusal(&environment(&[("RUST_LOG", &"x".repeat(5_000))])),
    ];
    insta::assert_snapshot!(texts.join("\n"), @"
    caller/invalid-config: `PATINOX_LIMITS__WALL` needs a unit, not `2`
    hint: write it like `PATINOX_LIMITS__WALL=10s`
    caller/invalid-config: `PATINOX_LIMITS__WALL` must start with a number, not ``
    hint: write it like `PATINOX_LIMITS__WALL=10s`
    caller/invalid-config: `PATINOX_LIMITS__MEMORY` must be in `B`, `KiB`, `MiB`, `GiB`, `KB`, `MB` or `GB`, not `9TiB`
    hint: write it like `PATINOX_LIMITS__MEMORY=64MiB`
    caller/invalid-config: `PATINOX_LIMITS__ERROR_TEXT` must be from 64B to 4KiB, not `1MiB`
    hint: write it like `PATINOX_LIMITS__ERROR_TEXT=4KiB`
    caller/invalid-config: `PATINOX_LOAD__FILE` must be from 1B to 1GiB, not `0B`
    hint: write it like `PATINOX_LOAD__FILE=64MiB`
    caller/invalid-config: `PATINOX_LOG__FORMAT` must be `text` or `json`, not `JSON`
    hint: write it like `PATINOX_LOG__FORMAT=text`
    caller/invalid-config: `PATINOX_LOG__LEVEL` must be `off`, `error`, `warn`, `info`, `debug` or `trace`, or a list of `TARGET=LEVEL` or `TARGET[SPAN]=LEVEL`, not ``
    hint: write it like `PATINOX_LOG__LEVEL=error`
    caller/invalid-config: `PATINOX_LOG__LEVEL` must be `off`, `error`, `warn`, `info`, `debug` or `trace`, or a list of `TARGET=LEVEL` or `TARGET[SPAN]=LEVEL`, not `warning`
    hint: write it like `PATINOX_LOG__LEVEL=error`
    caller/invalid-config: there is no variable `PATINOX_ALERTS__REPEAT`
    hint: alerts are set in the configuration file alone, under `[alerts]`
    caller/invalid-config: `RUST_LOG` must have at most 4096 bytes, not `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… [cut]`
    hint: write it like `RUST_LOG=error`
    ");
}

#[test]
fn a_variable_that_is_not_utf8_is_refused() {
    use std::os::unix::ffi::OsStringExt as _;
    let value = std::ffi::OsString::from_vec(b"2\xffs".to_vec());
    let inputs = Inputs {
        environment: [("PATINOX_LIMITS__WALL", value)].into_iter().collect(),
        ..Inputs::default()
    };
    insta::assert_snapshot!(refusal(&inputs), @"
    caller/invalid-config: `PATINOX_LIMITS__WALL` must be UTF-8, not `2�s`
    hint: write it like `PATINOX_LIMITS__WALL=10s`
    ");
}

#[test]
fn a_wrong_flag_says_the_rule() {
    let texts = [
        refusal(&limit_flag("wall", "2")),
        refusal(&limit_flag("speed", "2s")),
        refusal(&limit_flag("file", "2MiB")),
        refusal(&limit_flag("queue", "2")),
    ];
    insta::assert_snapshot!(texts.join("\n"), @"
    caller/invalid-limit: limit `wall` needs a unit, not `2`
    hint: write it like `wall=2s`
    caller/invalid-limit: there is no limit `speed`
    hint: the limits are fuel, wall, memory, table-elements, tables, memories, core-instances, handles, host-resources, hostcall-bytes, host-calls, pollables, random, arguments, result, error-text, stdout, stderr, log, fs-bytes, fs-files, fs-open, kv-bytes, file, functions, nesting, all-instances, compile-wall, compile-cpu, compile-memory, concurrency, tool-concurrency, principal-concurrency, queue, queue-wall
    caller/invalid-limit: limit `file` is one of loading, not of a call
    hint: set `file` under `[load]` in the configuration file
    caller/invalid-limit: limit `queue` is one of admission, not of a call
    hint: set `queue` under `[admission]` in the configuration file
    ");
    let inputs = Inputs {
        flags: vec![flag(Key::LogFormat, "--log-format", "xml")],
        ..Inputs::default()
    };
    insta::assert_snapshot!(refusal(&inputs), @"
    caller/usage: `--log-format` must be `text` or `json`, not `xml`
    hint: write it like `--log-format text`
    ");
}

#[test]
fn an_unknown_key_names_the_nearest() {
    let texts = [
        file("[limits]\nwal = '2s'"),
        file("[limits]\ncpu = '2s'"),
        file("[limits]\nfile = '2MiB'"),
        file("wall = '2s'"),
        file("[limit]\nwall = '2s'"),
        file("# ü\n[grants]\n"),
        file("\"a\\nb\\u001b\" = 1"),
    ];
    insta::assert_snapshot!(texts.join("\n"), @r"
    caller/invalid-config: there is no key `limits.wal`, at `c.toml:2:1`
    hint: did you mean `wall`?
    caller/invalid-config: there is no key `limits.cpu`, at `c.toml:2:1`
    hint: the keys of `[limits]` are fuel, wall, memory, table-elements, tables, memories, core-instances, handles, host-resources, hostcall-bytes, host-calls, pollables, random, arguments, result, error-text, stdout, stderr, log, fs-bytes, fs-files, fs-open, kv-bytes
    caller/invalid-config: there is no key `limits.file`, at `c.toml:2:1`
    hint: did you mean `file` under `[load]`?
    caller/invalid-config: there is no key `wall`, at `c.toml:1:1`
    hint: did you mean `wall` under `[limits]`?
    caller/invalid-config: there is no key `limit`, at `c.toml:1:2`
    hint: did you mean `[limits]`?
    caller/invalid-config: there is no key `grants`, at `c.toml:2:2`
    hint: the sections are limits, load, admission, log, output, alerts, ceiling, components
    caller/invalid-config: there is no key `a\nb\u{1b}`, at `c.toml:1:1`
    hint: the sections are limits, load, admission, log, output, alerts, ceiling, components
    ");
}

#[test]
fn a_wrong_value_says_the_rule_and_the_place() {
    let texts = [
        file("[limits]\nwall = 2"),
        file("[limits]\nwall = '-2s'"),
        file("[limits]\n  memory = '5 GiB'"),
        file("[limits]\nfuel = -1"),
        file("[limits]\nfuel = 0x8000_0000_0000_0000"),
        file("[limits]\nwall = 2.5"),
        file("[limits]\nwall = true"),
        file("[limits]\nwall = ['2s']"),
        file("[limits.wall]\nvalue = '2s'"),
        file("[log]\nlevel = 3"),
        file("[output]\nformat = 1979-05-27"),
        file("limits = 3"),
        file("[[limits]]\nwall = '2s'"),
    ];
    insta::assert_snapshot!(texts.join("\n"), @r#"
    caller/invalid-config: `limits.wall` at `c.toml:2:8` needs a unit, not `2`
    hint: write it like `wall = "10s"` under `[limits]`
    caller/invalid-config: `limits.wall` at `c.toml:2:8` must not be negative, not `-2s`
    hint: write it like `wall = "10s"` under `[limits]`
    caller/invalid-config: `limits.memory` at `c.toml:2:12` must be from 64KiB to 4GiB, not `5 GiB`
    hint: write it like `memory = "64MiB"` under `[limits]`
    caller/invalid-config: `limits.fuel` at `c.toml:2:8` must not be negative, not `-1`
    hint: write it like `fuel = "50G"` under `[limits]`
    caller/invalid-config: `limits.fuel` at `c.toml:2:8` must be from 1 to 9223372036854775807, not `9223372036854775808`
    hint: write it like `fuel = "50G"` under `[limits]`
    caller/invalid-config: `limits.wall` at `c.toml:2:8` must be text, a number with its unit, not the number `2.5`
    hint: write it like `wall = "10s"` under `[limits]`
    caller/invalid-config: `limits.wall` at `c.toml:2:8` must be text, a number with its unit, not `true`
    hint: write it like `wall = "10s"` under `[limits]`
    caller/invalid-config: `limits.wall` at `c.toml:2:8` must be text, a number with its unit, not an array
    hint: write it like `wall = "10s"` under `[limits]`
    caller/invalid-config: `limits.wall` at `c.toml:1:1` must be text, a number with its unit, not a table
    hint: write it like `wall = "10s"` under `[limits]`
    caller/invalid-config: `log.level` at `c.toml:2:9` must be `off`, `error`, `warn`, `info`, `debug` or `trace`, or a list of `TARGET=LEVEL` or `TARGET[SPAN]=LEVEL`, not `3`
    hint: write it like `level = "error"` under `[log]`
    caller/invalid-config: `output.format` at `c.toml:2:10` must be `text` or `json`, not a date or time
    hint: write it like `format = "text"` under `[output]`
    caller/invalid-config: `limits` at `c.toml:1:1` must be a table
    hint: write `[limits]` and its keys below it
    caller/invalid-config: `limits` at `c.toml:1:3` must be a table
    hint: write `[limits]` and its keys below it
    "#);
}

#[test]
fn what_is_not_toml_says_where() {
    let texts = [
        file("[limits]\nwall = 2s"),
        file("[limits]\nwall = '1s'\nwall = '2s'"),
        file("[log]\n[log]\n"),
        file("{\"limits\": {}}"),
        file(&format!("a = {}", "[".repeat(1_000))),
    ];
    insta::assert_snapshot!(texts.join("\n"), @r#"
    caller/invalid-config: configuration file `c.toml:2:8` is not TOML: string values must be quoted, expected literal string
    hint: write every key once, and text in quotes, like `wall = "10s"`
    caller/invalid-config: configuration file `c.toml:3:1` is not TOML: duplicate key
    hint: write every key once, and text in quotes, like `wall = "10s"`
    caller/invalid-config: configuration file `c.toml:2:2` is not TOML: duplicate key
    hint: write every key once, and text in quotes, like `wall = "10s"`
    caller/invalid-config: configuration file `c.toml:1:1` is not TOML: invalid key-value pair, expected key
    hint: write every key once, and text in quotes, like `wall = "10s"`
    caller/invalid-config: configuration file `c.toml:1:85` is not TOML: cannot recurse further; max recursion depth met
    hint: write every key once, and text in quotes, like `wall = "10s"`
    "#);
}

#[test]
fn a_file_that_a_variable_names_must_be_there() {
    let inputs = environment(&[("HOME", "/"), ("PATINOX_CONFIG", "/no/such.toml")]);
    insta::assert_snapshot!(refusal(&inputs), @"
    caller/not-found: there is no configuration file `/no/such.toml`
    hint: check the path that `PATINOX_CONFIG` gives
    ");
    let empty = environment(&[("PATINOX_CONFIG", "")]);
    insta::assert_snapshot!(refusal(&empty), @"
    caller/not-found: there is no configuration file ``
    hint: check the path that `PATINOX_CONFIG` gives
    ");
}
