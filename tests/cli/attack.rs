//! `doctor --attack`: the table holds, by itself and under settings that would
//! be in its way, and says so where it does not.

use std::time::Duration;

use patinox_policy::{LimitName, LimitScope};
use serde_json::{Value, json};

use super::shell::{Ended, Shell, keys};

/// What it may take in a build for development, ten times: a guard, not a
/// measure.
const AT_MOST: Duration = Duration::from_secs(10 * 10);

const MAX_COLUMNS: usize = 80;

#[track_caller]
fn attack(shell: &Shell) -> Value {
    let ended = shell.run(&["doctor", "--attack", "-o", "json"]);
    assert_held(&ended);
    let document = ended.document();
    assert_eq!(keys(&document), ["ok", "result"]);
    assert_eq!(document["ok"], true);
    document["result"].clone()
}

#[track_caller]
fn assert_held(ended: &Ended) {
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    assert!(ended.took < AT_MOST, "{ended:?}");
}

fn rows(result: &Value) -> &[Value] {
    result["rows"].as_array().expect("rows")
}

#[test]
fn it_fits_on_a_terminal() {
    let shell = Shell::new();
    let ended = shell.run(&["doctor", "--attack"]);
    assert_held(&ended);
    for line in ended.stdout.lines() {
        assert!(line.chars().count() <= MAX_COLUMNS, "{line}");
    }
    insta::with_settings!({ filters => [
        (r" +[0-9.]+ m?s   held", " [time] held"),
        (r"\d+ calls, all answers right; the slowest took [0-9.]+ m?s", "[calls], all answers right"),
        (r"[0-9.]+ [MG]iB before, [0-9.]+ [MG]iB after", "[memory]"),
        (r"(?:from a pool of \d+|on demand: .*)", "[instances]"),
        (r"time        [0-9.]+ m?s", "time        [time]"),
    ] }, {
        insta::assert_snapshot!(ended.stdout, @"
        attacks on this program, on a host as a server has it, beside a tool at work

         1. computes for ever               limit/fuel [time] held
         2. sleeps                          limit/wall [time] held
         3. eats memory                     limit/memory [time] held
         4. has a large table               limit/table-elements [time] held
         5. has several tables              limit/tables [time] held
         6. has a memory too many           limit/memories [time] held
         7. is made of many parts           limit/core-instances [time] held
         8. collects handles                limit/handles [time] held
         9. collects the host's streams     limit/host-resources [time] held
        10. collects timers                 limit/pollables [time] held
        11. waits for many at once          limit/pollables [time] held
        12. hands over much at once         limit/hostcall-bytes [time] held
        13. calls the host for ever         limit/host-calls [time] held
        14. draws random bytes              limit/random [time] held
        15. draws them all at once          limit/random [time] held
        16. is given too much               limit/arguments [time] held
        17. answers too much                limit/result [time] held
        18. fills a disk                    limit/fs-bytes [time] held
        19. makes a file of a terabyte      limit/fs-bytes [time] held
        20. makes many files                limit/fs-files [time] held
        21. opens many files                limit/fs-open [time] held
        22. keeps many entries              limit/kv-bytes [time] held
        23. keeps large values              limit/kv-bytes [time] held
        24. reads what others keep          policy/denied [time] held
        25. crashes                         component/trap [time] held
        26. overflows its stack             component/stack [time] held
        27. ends the program                component/exit [time] held
        28. floods its output               cut, stdout=1KiB [time] held
        29. floods its error output         cut, stderr=1KiB [time] held
        30. floods the log                  cut, log=1KiB [time] held
        31. fails with escape sequences     cut, error-text=256B [time] held
        32. keeps a secret for the next     gone [time] held
        33. is busy when it is cancelled    cancelled [time] held
        34. a core module                   component/malformed [time] held
        35. code compiled beforehand        component/malformed [time] held
        36. a component cut in half         component/malformed [time] held
        37. a component with a flipped bit  component/malformed [time] held
        38. a text                          component/malformed [time] held
        39. all that were stopped, at once  27 by their codes [time] held
        40. then does an honest job         a result [time] held

        held        40 of 40
        neighbour   [calls], all answers right
        memory      [memory]
        instances   [instances]
        time        [time]

        next: repeat one by hand; the document has the command of each
           $ patinox call 'demo:hostile#spin' --limit fuel=50M
           $ patinox doctor --attack -o json
        ");
    });
}

#[test]
fn every_attack_is_in_the_document() {
    let result = attack(&Shell::new());
    assert_eq!(
        keys(&result),
        [
            "rows",
            "held",
            "all",
            "neighbour",
            "memory_bytes",
            "pool_slots",
            "set_aside",
            "wall_ms"
        ]
    );
    let rows = rows(&result);
    for row in rows {
        assert_eq!(
            keys(row),
            ["what", "command", "should", "ended", "held", "wall_ms"]
        );
        assert_eq!(
            (&row["held"], &row["ended"]),
            (&json!(true), &row["should"])
        );
    }
    assert_eq!(
        (&result["held"], &result["all"]),
        (&json!(rows.len()), &json!(rows.len()))
    );
    let neighbour = &result["neighbour"];
    assert_eq!(keys(neighbour), ["calls", "wrong", "slowest_ms"]);
    assert_eq!(neighbour["wrong"], 0);
    assert!(neighbour["calls"].as_u64().is_some_and(|calls| 10 < calls));
    assert_eq!(keys(&result["memory_bytes"]), ["before", "after"]);
    assert!(result["memory_bytes"]["after"].is_u64(), "{result}");
    assert_eq!(result["set_aside"], json!([]));
}

/// Each limit of a call stops or cuts one of them, by its own name.
#[test]
fn each_limit_of_a_call_is_seen_to_hold() {
    let result = attack(&Shell::new());
    let of_a_call = LimitName::ALL.into_iter();
    for name in of_a_call.filter(|name| name.scope() == LimitScope::Call) {
        let (code, cut) = (format!("limit/{name}"), format!("cut, {name}="));
        let is_seen = |row: &Value| {
            let ended = row["ended"].as_str().expect("an end");
            ended == code || ended.starts_with(&cut)
        };
        assert!(rows(&result).iter().any(is_seen), "{name}: {result}");
    }
}

/// What a row shows is no other attack than its command.
#[test]
fn a_command_repeats_its_row() {
    let shell = Shell::new();
    let result = attack(&shell);
    for row in rows(&result) {
        let Some(command) = row["command"].as_str() else {
            continue;
        };
        let again = shell.end(shell.line(&format!("{command} -o json")));
        let error = &again.document()["error"]["code"];
        let ended = row["ended"].as_str().expect("an end");
        match ended.contains('/') {
            true => assert_eq!(error, ended, "{command}"),
            // A text that was cut, or a result: no code tells of it.
            false => assert!(error.is_null() || error == "component/error", "{command}"),
        }
    }
}

/// Settings that would stop an attack before its own limit does.
#[test]
fn settings_in_its_way_are_set_aside_and_named() {
    let file = "[limits]\nfuel = '1k'\nwall = '1h'\nmemory = '128MiB'\n\
                [load]\nfile = '1KiB'\n[admission]\nconcurrency = 1\nqueue = 0\n";
    let shell = Shell::new().file("own.toml", file);
    let options = ["--config", "own.toml", "doctor", "--attack"];
    let text = shell.run(&options);
    assert_held(&text);
    let ended = shell.run(&[&options[..], &["-o", "json"]].concat());
    assert_held(&ended);
    let names = ["fuel", "wall", "file", "concurrency", "queue"];
    assert_eq!(ended.document()["result"]["set_aside"], json!(names));
    let (_, settings) = text.stdout.split_once("\nsettings ").expect("a word");
    for name in names {
        assert!(settings.contains(&format!("`{name}`")), "{}", text.stdout);
    }
    for line in text.stdout.lines().filter(|line| !line.contains('$')) {
        assert!(line.chars().count() <= MAX_COLUMNS, "{line}");
    }
}
