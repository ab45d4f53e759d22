//! Every limit stops its attack by its own code; raised, and nothing else
//! raised, it lets the same attack complete.

use patinox::{Called, Code, Failure as _, Fault, LimitName, Limits, PatinoxError, Usage};
use patinox_policy::{CUT_MARK, escape_line, is_unsafe_char};
use serde_json::{Value, json};

use super::{Arena, spun};
use crate::support::{self, call_within, code, forge};

/// A limit and the attack on it.
struct Attack {
    limit: LimitName,
    /// A component made by hand; `None` for the hostile one.
    forged: Option<&'static str>,
    /// The function of the component, and its arguments.
    call: (&'static str, Value),
    /// A value that stops it.
    stops: u64,
    /// A value that does not. All other limits are the defaults both times.
    lifted: u64,
    ends: Ends,
}

/// How an attack ends.
enum Ends {
    /// By the limit's code; with the limit lifted, with this answer.
    Stopped(Value),
    /// With a text that is cut; with the limit lifted, with this text.
    Cut(fn(&Called) -> &str, String),
}

/// One attack for each limit of a call. A limit that has none does not
/// compile: it is missing in the pattern, or unused.
fn attacks(defaults: Limits) -> Vec<Attack> {
    let Limits {
        fuel,
        wall_ms,
        memory_bytes,
        table_elements,
        tables,
        memories,
        core_instances,
        handles,
        host_resources,
        hostcall_bytes,
        host_calls,
        pollables,
        random_bytes,
        arguments_bytes,
        result_bytes,
        error_text_bytes,
        stdout_bytes,
        stderr_bytes,
        log_bytes,
        fs_bytes,
        fs_files,
        fs_open,
        kv_bytes,
    } = defaults;
    let mut all = computing(fuel, wall_ms, memory_bytes);
    all.extend([
        forged(LimitName::TableElements, table_elements, 20_000),
        forged(LimitName::Tables, tables, 128),
        forged(LimitName::Memories, memories, 16),
        forged(LimitName::CoreInstances, core_instances, 128),
        forged(LimitName::Handles, handles, 20_000),
    ]);
    all.extend(asking(
        host_resources,
        hostcall_bytes,
        host_calls,
        pollables,
        random_bytes,
    ));
    all.extend(values(arguments_bytes, result_bytes));
    all.extend(texts(
        error_text_bytes,
        stdout_bytes,
        stderr_bytes,
        log_bytes,
    ));
    all.extend(files(fs_bytes, fs_files, fs_open));
    all.push(keeping(kv_bytes));
    all
}

fn computing(fuel: u64, wall_ms: u64, memory_bytes: u64) -> Vec<Attack> {
    vec![
        attack(
            LimitName::Fuel,
            ("spin", json!({ "rounds": SPIN_ROUNDS })),
            (SPIN_ROUNDS * 4, fuel),
            Ends::Stopped(spun(SPIN_ROUNDS)),
        ),
        attack(
            LimitName::Wall,
            ("sleep", json!({ "ms": 400 })),
            (200, wall_ms),
            Ends::Stopped(json!(400)),
        ),
        attack(
            LimitName::Memory,
            ("hoard", json!({ "bytes": 2 * memory_bytes })),
            (memory_bytes, 3 * memory_bytes),
            Ends::Stopped(json!(2 * memory_bytes)),
        ),
    ]
}

/// Asks much of the host.
fn asking(
    host_resources: u64,
    hostcall_bytes: u64,
    host_calls: u64,
    pollables: u64,
    random_bytes: u64,
) -> Vec<Attack> {
    vec![
        attack(
            LimitName::HostResources,
            ("hold-streams", json!({ "n": 2 * host_resources })),
            (host_resources, 3 * host_resources),
            Ends::Stopped(json!(2 * host_resources)),
        ),
        // The guest's memory has to hold it too.
        attack(
            LimitName::HostcallBytes,
            ("log-at-once", json!({ "bytes": hostcall_bytes / 4 })),
            (hostcall_bytes / 8, hostcall_bytes),
            Ends::Stopped(json!(hostcall_bytes / 4)),
        ),
        attack(
            LimitName::HostCalls,
            ("rounds-of-calls", json!({ "n": 2 * host_calls })),
            (host_calls, 3 * host_calls),
            Ends::Stopped(json!(2 * host_calls)),
        ),
        // Each holds two resources of the host.
        attack(
            LimitName::Pollables,
            ("hold-pollables", json!({ "n": pollables })),
            (pollables / 2, 2 * pollables),
            Ends::Stopped(json!(pollables)),
        ),
        attack(
            LimitName::Random,
            ("draw", json!({ "bytes": 2 * random_bytes })),
            (random_bytes, 3 * random_bytes),
            Ends::Stopped(json!(2 * random_bytes)),
        ),
    ]
}

fn values(arguments_bytes: u64, result_bytes: u64) -> Vec<Attack> {
    vec![
        attack(
            LimitName::Arguments,
            ("swallow", json!({ "text": xs(2 * arguments_bytes) })),
            (arguments_bytes, 3 * arguments_bytes),
            Ends::Stopped(json!(2 * arguments_bytes)),
        ),
        attack(
            LimitName::Result,
            ("flood-result", json!({ "bytes": 2 * result_bytes })),
            (result_bytes, 3 * result_bytes),
            Ends::Stopped(json!(xs(2 * result_bytes))),
        ),
    ]
}

fn texts(
    error_text_bytes: u64,
    stdout_bytes: u64,
    stderr_bytes: u64,
    log_bytes: u64,
) -> Vec<Attack> {
    vec![
        // The default is the most that this limit takes.
        attack(
            LimitName::ErrorText,
            ("fail", json!({ "bytes": error_text_bytes / 4 })),
            (error_text_bytes / 8, error_text_bytes),
            Ends::Cut(error_text, failure(error_text_bytes / 4)),
        ),
        flood(
            (LimitName::Stdout, "flood-stdout", stdout_bytes),
            |called| &called.output.stdout,
            xs(2 * stdout_bytes),
        ),
        flood(
            (LimitName::Stderr, "flood-stderr", stderr_bytes),
            |called| &called.output.stderr,
            xs(2 * stderr_bytes),
        ),
        flood(
            (LimitName::Log, "flood-log", log_bytes),
            |called| &called.output.log,
            log_lines(2 * log_bytes),
        ),
    ]
}

/// Takes much of the folders that were granted.
fn files(fs_bytes: u64, fs_files: u64, fs_open: u64) -> Vec<Attack> {
    vec![
        attack(
            LimitName::FsBytes,
            ("fill-file", json!({ "bytes": 2 * fs_bytes })),
            (fs_bytes, 3 * fs_bytes),
            Ends::Stopped(json!(2 * fs_bytes)),
        ),
        attack(
            LimitName::FsFiles,
            ("make-files", json!({ "n": 2 * fs_files })),
            (fs_files, 3 * fs_files),
            Ends::Stopped(json!(2 * fs_files)),
        ),
        attack(
            LimitName::FsOpen,
            ("open-files", json!({ "n": 2 * fs_open })),
            (fs_open, 3 * fs_open),
            Ends::Stopped(json!(2 * fs_open)),
        ),
    ]
}

/// Keeps much in the storage.
fn keeping(kv_bytes: u64) -> Attack {
    let n = 2 * kv_bytes / (1 << 20);
    attack(
        LimitName::KvBytes,
        ("keep-much", json!({ "n": n, "bytes": 1 << 20 })),
        (kv_bytes, 3 * kv_bytes),
        Ends::Stopped(json!(n)),
    )
}

/// An attack, with the value that stops it and the one that does not.
fn attack(
    limit: LimitName,
    call: (&'static str, Value),
    (stops, lifted): (u64, u64),
    ends: Ends,
) -> Attack {
    Attack {
        limit,
        forged: None,
        call,
        stops,
        lifted,
        ends,
    }
}

/// A component of its own, `components/hostile/forged`: no compiler makes one
/// with so much of something. It answers with how much it has.
fn forged(limit: LimitName, stops: u64, has: u64) -> Attack {
    let text = match limit {
        LimitName::TableElements => FORGED_TABLE_ELEMENTS,
        LimitName::Tables => FORGED_TABLES,
        LimitName::Memories => FORGED_MEMORIES,
        LimitName::CoreInstances => FORGED_CORE_INSTANCES,
        LimitName::Handles => FORGED_HANDLES,
        other => unreachable!("`{other}` has none"),
    };
    Attack {
        forged: Some(text),
        ..attack(
            limit,
            ("run", json!({})),
            (stops, 3 * stops),
            Ends::Stopped(json!(has)),
        )
    }
}

const FORGED_TABLE_ELEMENTS: &str =
    include_str!("../../components/hostile/forged/table_elements.wat");
const FORGED_TABLES: &str = include_str!("../../components/hostile/forged/tables.wat");
const FORGED_MEMORIES: &str = include_str!("../../components/hostile/forged/memories.wat");
const FORGED_CORE_INSTANCES: &str =
    include_str!("../../components/hostile/forged/core_instances.wat");
const FORGED_HANDLES: &str = include_str!("../../components/hostile/forged/handles.wat");

/// A flood of twice what a limit lets through.
fn flood(
    (limit, function, stops): (LimitName, &'static str, u64),
    text: fn(&Called) -> &str,
    whole: String,
) -> Attack {
    Attack {
        limit,
        forged: None,
        call: (function, json!({ "bytes": 2 * stops })),
        stops,
        lifted: 3 * stops,
        ends: Ends::Cut(text, whole),
    }
}

/// Enough to take a while, little enough to end within the default.
const SPIN_ROUNDS: u64 = 5_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_limit_stops_its_attack_and_only_that_limit_does() {
    let arena = Arena::new().await;
    let attacks = attacks(Limits::default());
    let attacked: Vec<_> = attacks.iter().map(|attack| attack.limit).collect();
    let of_a_call = LimitName::ALL.into_iter();
    let of_a_call: Vec<_> = of_a_call
        .filter(|name| Limits::default().get(*name).is_some())
        .collect();
    assert_eq!(attacked, of_a_call);

    for attack in attacks {
        let neighbour = tokio::spawn(arena.neighbour.still_answers(2_000));
        check(&arena, &attack).await;
        neighbour.await.expect("the neighbour beside the attack");
        arena.neighbour.still_answers(2).await;
    }
}

async fn check(arena: &Arena, attack: &Attack) {
    let Attack { limit, call, .. } = attack;
    let forged = match attack.forged {
        Some(text) => Some(support::load(&arena.host, &forge::component(text)).await),
        None => None,
    };
    let component = forged.as_ref().unwrap_or(&arena.hostile);
    let with = |value: u64| {
        let mut limits = Limits::default();
        let value = limit.quantity(value).to_string();
        limits.set(limit.as_str(), &value).expect("a value");
        limits
    };
    let run = |value| call_within(&arena.host, component, call.clone(), with(value));
    let (stopped, completed) = (run(attack.stops).await, run(attack.lifted).await);
    match &attack.ends {
        Ends::Stopped(answer) => {
            assert_stopped(&stopped, attack);
            let got = completed.result.as_ref().unwrap();
            // Not `assert_eq`: some answers are megabytes.
            assert!(got == answer, "{limit} lifted: another answer");
        }
        Ends::Cut(text, whole) => {
            assert_cut(text(&stopped), attack);
            assert_eq!(code(&completed), code(&stopped), "{limit}");
            assert!(text(&completed) == whole, "{limit} lifted: another text");
        }
    }
    plausible(*limit, attack.stops, &stopped.usage);
    plausible_in_full(*limit, attack, &completed.usage);
}

fn assert_stopped(called: &Called, attack: &Attack) {
    let limit = attack.limit;
    let error = called.result.as_ref().unwrap_err();
    assert_eq!(error.code(), Code::Limit(limit), "{limit}: {error}");
    assert_eq!(error.fault(), Fault::Limit, "{limit}");
    let text = error.to_string();
    let allowed = limit.quantity(attack.stops);
    let said = format!("limit `{limit}` of {allowed} reached");
    assert!(text.starts_with(&said), "{limit}: {text}");
    let hint = error.hint().unwrap();
    assert!(hint.contains(&format!("--limit {limit}=")), "{hint}");
}

fn assert_cut(text: &str, attack: &Attack) {
    let limit = attack.limit;
    let len = u64::try_from(text.len()).unwrap();
    assert!(len <= attack.stops, "{limit}: {len} bytes");
    // Cut no shorter than it must be.
    assert!(attack.stops < len + 16, "{limit}: {len} bytes");
    assert!(text.ends_with(CUT_MARK), "{limit}: {text}");
    if limit == LimitName::ErrorText {
        assert!(!text.contains(is_unsafe_char), "{text:?}");
    }
}

/// What a stopped attack has spent.
fn plausible(limit: LimitName, stops: u64, usage: &Usage) {
    let wall_ms = u64::try_from(usage.wall.as_millis()).unwrap();
    let instantiated = !matches!(
        limit,
        LimitName::Arguments | LimitName::Tables | LimitName::Memories | LimitName::CoreInstances
    );
    assert_eq!(0 < usage.fuel, instantiated, "{limit}: {usage:?}");
    if attack_has_memory(limit) {
        assert!(0 < usage.memory_bytes_peak, "{limit}: {usage:?}");
    }
    assert!(!usage.wall.is_zero(), "{limit}: {usage:?}");
    match limit {
        LimitName::Fuel => assert_eq!(usage.fuel, stops),
        LimitName::Wall => assert!((stops..stops + 10_000).contains(&wall_ms), "{usage:?}"),
        LimitName::Memory => {
            let peak = stops / 2..=stops;
            assert!(peak.contains(&usage.memory_bytes_peak), "{usage:?}");
        }
        LimitName::Arguments => assert!(stops < usage.arguments_bytes, "{usage:?}"),
        LimitName::HostCalls => assert_eq!(usage.host_calls, stops + 1),
        // Counted beyond what is kept.
        LimitName::Stdout => assert_eq!(usage.stdout_bytes, 2 * stops),
        LimitName::Stderr => assert_eq!(usage.stderr_bytes, 2 * stops),
        LimitName::Log => assert!(2 * stops < usage.log_bytes, "{usage:?}"),
        // Nothing of these is told beyond the error.
        _ => {}
    }
}

/// Whether the guest of an attack came so far as to have memory.
fn attack_has_memory(limit: LimitName) -> bool {
    !matches!(
        limit,
        LimitName::Arguments
            | LimitName::TableElements
            | LimitName::Tables
            | LimitName::Memories
            | LimitName::CoreInstances
            | LimitName::Handles
    )
}

/// What an attack has spent that nothing stopped: more than what stops it.
fn plausible_in_full(limit: LimitName, attack: &Attack, usage: &Usage) {
    let spent = match limit {
        LimitName::Fuel => usage.fuel,
        LimitName::Wall => u64::try_from(usage.wall.as_millis()).unwrap(),
        LimitName::Memory => usage.memory_bytes_peak,
        LimitName::Arguments => usage.arguments_bytes,
        LimitName::Result => usage.result_bytes,
        LimitName::Stdout => usage.stdout_bytes,
        LimitName::Stderr => usage.stderr_bytes,
        LimitName::Log => usage.log_bytes,
        LimitName::HostCalls => usage.host_calls,
        _ => return,
    };
    let range = attack.stops + 1..=attack.lifted;
    assert!(range.contains(&spent), "{limit}: {usage:?}");
}

fn error_text(called: &Called) -> &str {
    use patinox_sandbox::Error as Sandbox;
    use patinox_tools::Error as Tools;
    match &called.result {
        Err(PatinoxError::Tools(Tools::Sandbox(Sandbox::ToolError { text }))) => text,
        other => panic!("it did not fail by itself: {other:?}"),
    }
}

/// The text that `fail` fails with, as a caller sees it.
fn failure(bytes: u64) -> String {
    let nasty = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{1b}[31mred\r\n\u{202e}desrever\u{0}\u{9b}31m";
    let rest = bytes - u64::try_from(nasty.len()).unwrap();
    escape_line(&format!("{nasty}{}", xs(rest))).into_owned()
}

/// The lines that `flood-log` logs.
fn log_lines(bytes: u64) -> String {
    format!("info flood: {}\n", xs(1024)).repeat(usize::try_from(bytes / 1024).unwrap())
}

fn xs(count: u64) -> String {
    "x".repeat(usize::try_from(count).unwrap())
}
