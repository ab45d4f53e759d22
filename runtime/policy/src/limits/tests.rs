use super::*;
use crate::Failure as _;
use proptest::prelude::*;

#[test]
fn every_default_lies_in_its_range_and_reads_back() {
    for name in LimitName::ALL {
        let value = Limits::default().get(name);
        let value = value.or_else(|| LoadLimits::default().get(name));
        let value = value.or_else(|| Admission::default().get(name));
        let value = value.unwrap_or_else(|| panic!("`{name}` has no default"));
        assert_eq!(
            name.parse_value(&name.quantity(value).to_string()),
            Ok(value)
        );
    }
}

#[test]
fn each_limit_belongs_where_its_scope_says() {
    for name in LimitName::ALL {
        let (call, load, admission) = <(Limits, LoadLimits, Admission)>::default();
        let homes = [
            (LimitScope::Call, call.get(name)),
            (LimitScope::Load, load.get(name)),
            (LimitScope::Admission, admission.get(name)),
        ];
        for (scope, value) in homes {
            assert_eq!(value.is_some(), scope == name.scope(), "{name}");
        }
    }
}

#[track_caller]
fn check(name: &str, value: &str, expected: &str) {
    let error = Limits::default().set(name, value).unwrap_err();
    let text = format!("{error} | {}", error.hint().unwrap_or_default());
    assert_eq!(text, expected);
}

#[test]
fn a_wrong_limit_says_why() {
    check(
        "wall",
        "-2s",
        "limit `wall` must not be negative, not `-2s` | write it like `wall=2s`",
    );
    check(
        "wall",
        "2",
        "limit `wall` needs a unit, not `2` | write it like `wall=2s`",
    );
    check(
        "fuel",
        "0",
        "limit `fuel` must be from 1 to 9223372036854775807, not `0` | write it like `fuel=5G`",
    );
    check(
        "memory",
        "5GiB",
        "limit `memory` must be from 64KiB to 4GiB, not `5GiB` | write it like `memory=64MiB`",
    );
    check(
        "speed",
        "1s",
        "there is no limit `speed` | the limits are fuel, wall, memory, table-elements, tables, memories, core-instances, handles, host-resources, hostcall-bytes, host-calls, pollables, random, arguments, result, error-text, stdout, stderr, log, fs-bytes, fs-files, fs-open, kv-bytes, file, functions, nesting, all-instances, compile-wall, compile-cpu, compile-memory, concurrency, tool-concurrency, principal-concurrency, queue, queue-wall",
    );
    check(
        "file",
        "1MiB",
        "limit `file` is one of loading, not of a call | set `file` under `[load]` in the configuration file",
    );
    check(
        "queue",
        "1",
        "limit `queue` is one of admission, not of a call | set `queue` under `[admission]` in the configuration file",
    );
}

#[test]
fn a_limit_is_set_where_it_belongs_alone() {
    let misplaced = |name, asked| Err(LimitError::Misplaced { name, asked });
    let (mut load, mut admission) = <(LoadLimits, Admission)>::default();
    assert_eq!(
        load.set("fuel", "1"),
        misplaced(LimitName::Fuel, LimitScope::Load)
    );
    assert_eq!(
        admission.set("wall", "1s"),
        misplaced(LimitName::Wall, LimitScope::Admission)
    );
    assert_eq!(admission, Admission::default());
    admission.set("concurrency", "2k").unwrap();
    admission.set("queue", "0").unwrap();
    admission.set("tool-concurrency", "3").unwrap();
    admission.set("principal-concurrency", "4").unwrap();
    admission.set("queue-wall", "5s").unwrap();
    let expected = Admission {
        concurrency: 2_000,
        tool_concurrency: 3,
        principal_concurrency: 4,
        queue: 0,
        queue_wall_ms: 5_000,
    };
    assert_eq!(admission, expected);
    assert!(admission.set("concurrency", "0").is_err());
}

proptest! {
    #[test]
    fn no_text_panics_or_grows(name: String, value: String) {
        for name in [name.as_str(), "fuel", "wall", "memory", "file"] {
            if let Err(error) = Limits::default().set(name, &value) {
                let report = crate::Report::of(&error);
                prop_assert!(report.message.len() <= crate::MAX_MESSAGE_BYTES);
                let _ = (error.fault(), error.recovery());
                prop_assert!(serde_json::to_string(&report).is_ok());
            }
        }
    }
}
