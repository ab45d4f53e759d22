use std::path::{Path, PathBuf};
use std::sync::Arc;

use insta::assert_snapshot;
use patinox_host::status::Status;
use patinox_policy::is_unsafe_char;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use serde_json::{Value, json};

use super::super::feed::Heard;
use super::super::model::Sort;
use super::*;

const PLAIN: Palette = Palette { is_coloured: false };

fn buffer(
    (width, height): (u16, u16),
    palette: Palette,
    shown: (&[View], &[Trouble]),
    state: &State,
) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    let drawn = terminal.draw(|frame| {
        draw(frame, palette, shown, state);
    });
    drawn.expect("a frame").buffer.clone()
}

/// What a person sees, without the spaces at the ends of lines.
fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width).max(1);
    let lines = buffer.content.chunks(width).map(|cells| {
        let line: String = cells.iter().map(|cell| cell.symbol()).collect();
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn screen(size: (u16, u16), views: &[View], state: &State) -> String {
    text(&buffer(size, PLAIN, (views, &[]), state))
}

fn view(path: &str, lines: [&Value; 2]) -> View {
    let [before, last] = lines.map(|line| {
        let status = Status::parse(line.to_string().as_bytes());
        Some(Arc::new(status.expect("a status")))
    });
    let heard = Heard {
        before,
        last,
        ..Heard::default()
    };
    View::of(Path::new(path), heard).expect("a line")
}

fn tool(name: &str, ok: u64, errors: &[(&str, u64)], place: usize) -> Value {
    let mut outcomes = vec![json!({ "code": "ok", "calls": ok })];
    let mut all = ok;
    for (code, calls) in errors {
        outcomes.push(json!({ "code": code, "calls": calls }));
        all += calls;
    }
    let mut counts = vec![0; 13];
    counts[place] = all;
    json!({
        "component": "sha256:24d1f07ab9c3",
        "tool": name,
        "outcomes": outcomes,
        "duration_counts": counts,
        "fuel": all * 1_250_000,
        "memory_peak_bytes": all * 1_114_112,
    })
}

/// A host at work, after so many seconds.
fn status(pid: u32, program: &str, seconds: u64) -> Value {
    let tools = [
        tool("count", 600 * seconds, &[("limit/busy", 12)], 2),
        tool("extract", 40 * seconds, &[("limit/wall", 3 * seconds)], 6),
        tool("fetch", 7, &[("policy/denied", 2), ("limit/busy", 3)], 4),
        tool("spin", 0, &[("limit/fuel", 5)], 12),
    ];
    json!({
        "version": 1,
        "host": {
            "pid": pid, "program": program, "patinox": "0.1.0", "uptime_ms": 1_000 * seconds,
        },
        "condition": "degraded",
        "calls": {
            "running": 12, "waiting": 3, "ended": 643 * seconds + 29, "failed": 3 * seconds + 22,
        },
        "duration_bounds": [
            0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0,
        ],
        "tools": tools,
        "pools": [
            { "profile": "lean", "slots": 64, "free": 0, "waiting": 3 },
            { "profile": "strict", "slots": 32, "free": 32 },
        ],
        "resources": [
            { "kind": "instance", "entries": 12, "bytes": 12 << 20 },
            { "kind": "task", "entries": 3, "bytes": 0 },
            { "kind": "folder", "entries": 0, "bytes": 0 },
        ],
        "machine": {
            "cores": 4, "cpu_ratio": 0.372, "load": 1.2, "memory_bytes": 16_u64 << 30,
            "memory_available_bytes": 3_u64 << 30, "process_cpu_ratio": 1.25,
            "process_memory_bytes": 210 << 20, "process_descriptors": 34,
        },
        "pressure": [
            { "resource": "memory", "level": "elevated" },
            { "resource": "swap", "level": "normal" },
            { "resource": "descriptors", "level": "critical" },
        ],
        "health": [
            { "name": "resources", "condition": "degraded", "reason": "memory: 81 % are used" },
            { "name": "pool", "condition": "healthy", "reason": "12 of 64 lean slots are used" },
            { "name": "impact", "condition": "healthy", "reason": "this process takes 1.25 cores" },
            { "name": "cleanup", "condition": "unhealthy", "reason": "3 clean-ups failed" },
        ],
        "alerts": [
            { "rule": "calls-refused", "severity": "warning", "state": "firing",
              "message": "patinox_calls grew by 15 within 5m, told when at least 1" },
            { "rule": "cleanup-unhealthy", "severity": "critical", "state": "firing",
              "message": "cleanup is unhealthy: 3 clean-ups failed" },
        ],
    })
}

fn views() -> [View; 2] {
    let view = |path: &str, pid, program: &str| {
        let [before, last] = [191, 192].map(|seconds| status(pid, program, seconds));
        view(path, [&before, &last])
    };
    [
        view("4121.sock", 4121, "axum_service"),
        view("4130.sock", 4130, "soak"),
    ]
}

#[test]
fn a_terminal_of_24_lines() {
    assert_snapshot!(screen((80, 24), &views(), &State::default()), @"
    patinox top   axum_service 4121   soak 4130
    host      degraded, Patinox 0.1.0, up 3 min 12 s
    calls     12 running, 3 waiting; 123.4k ended (643/s), 598 failed (3.0/s)
    refused   limit/busy 15 (count 12, fetch 3); policy/… 2 (fetch 2)
    machine   37 % of 4 cores busy, load 1.20; 3 GiB of 16 GiB memory available
    process   1.25 cores, 210 MiB, 34 descriptors; holds 12 × instance (12 MiB), 3…
    pressure  descriptors critical, memory elevated
    pools     lean 64 of 64 slots used and 3 waiting, strict 0 of 32 slots used
    tools 1-4 of 4 by calls
    TOOL               COMPONENT     CALLS CALLS/S ERRORS      P95   FUEL    MEMORY
    count              24d1f07ab9c3 115.2k     600     12  0.96 ms   1.2M     1 MiB
    extract            24d1f07ab9c3   8.2k      43    576    96 ms   1.2M     1 MiB
    fetch              24d1f07ab9c3     12     0.0      5  9.65 ms   1.6M   1.4 MiB
    spin               24d1f07ab9c3      5     0.0      5  >60.0 s   1.2M     1 MiB


    alerts and health
    firing alert   critical cleanup-unhealthy: cleanup is unhealthy: 3 clean-ups f…
    firing alert   warning calls-refused: patinox_calls grew by 15 within 5m, told…
    cleanup        unhealthy: 3 clean-ups failed
    resources      degraded: memory: 81 % are used
    pool           healthy: 12 of 64 lean slots are used
    impact         healthy: this process takes 1.25 cores
    q leave  Tab host  / filter  sort: c s e p f m n  r reverse  Up Down
    ");
}

#[test]
fn a_terminal_of_40_lines() {
    assert_snapshot!(screen((120, 40), &views(), &State::default()), @"
    patinox top   axum_service 4121   soak 4130
    host      degraded, Patinox 0.1.0, up 3 min 12 s
    calls     12 running, 3 waiting; 123.4k ended (643/s), 598 failed (3.0/s)
    refused   limit/busy 15 (count 12, fetch 3); policy/… 2 (fetch 2)
    machine   37 % of 4 cores busy, load 1.20; 3 GiB of 16 GiB memory available
    process   1.25 cores, 210 MiB, 34 descriptors; holds 12 × instance (12 MiB), 3 × task
    pressure  descriptors critical, memory elevated
    pools     lean 64 of 64 slots used and 3 waiting, strict 0 of 32 slots used
    tools 1-4 of 4 by calls
    TOOL                                COMPONENT     CALLS CALLS/S ERRORS   BUSY POLICY      P50      P95   FUEL    MEMORY
    count                               24d1f07ab9c3 115.2k     600     12     12      0  0.65 ms  0.96 ms   1.2M     1 MiB
    extract                             24d1f07ab9c3   8.2k      43    576      0      0    65 ms    96 ms   1.2M     1 MiB
    fetch                               24d1f07ab9c3     12     0.0      5      3      2  6.50 ms  9.65 ms   1.6M   1.4 MiB
    spin                                24d1f07ab9c3      5     0.0      5      0      0  >60.0 s  >60.0 s   1.2M     1 MiB


















    alerts and health
    firing alert   critical cleanup-unhealthy: cleanup is unhealthy: 3 clean-ups failed
    firing alert   warning calls-refused: patinox_calls grew by 15 within 5m, told when at least 1
    cleanup        unhealthy: 3 clean-ups failed
    resources      degraded: memory: 81 % are used
    pool           healthy: 12 of 64 lean slots are used
    impact         healthy: this process takes 1.25 cores
    q leave  Tab host  / filter  sort: c s e p f m n  r reverse  Up Down
    ");
}

#[test]
fn the_other_host_by_p95_reversed_and_filtered() {
    let state = State {
        host: Some(PathBuf::from("4130.sock")),
        sort: Sort {
            key: Key::P95,
            is_reversed: true,
        },
        filter: "T".to_owned(),
        is_typing: true,
        ..State::default()
    };
    assert_snapshot!(screen((60, 18), &views(), &state), @"
    patinox top   axum_service 4121   soak 4130
    host      degraded, Patinox 0.1.0, up 3 min 12 s
    calls     12 running, 3 waiting; 123.4k ended (643/s), 598…
    refused   limit/busy 15 (count 12, fetch 3); policy/… 2 (f…
    machine   37 % of 4 cores busy, load 1.20; 3 GiB of 16 GiB…
    process   1.25 cores, 210 MiB, 34 descriptors; holds 12 × …
    pressure  descriptors critical, memory elevated
    pools     lean 64 of 64 slots used and 3 waiting, strict 0…
    tools 1-3 of 3 by p95, reversed, filtered by T
    TOOL                   CALLS CALLS/S ERRORS      P95   FUEL
    count                 115.2k     600     12  0.96 ms   1.2M
    fetch                     12     0.0      5  9.65 ms   1.6M
    extract                 8.2k      43    576    96 ms   1.2M

    alerts and health
    firing alert   critical cleanup-unhealthy: cleanup is unhe…
    and 5 more
    filter: T_   Enter keep  Esc put away
    ");
}

#[test]
fn no_host_and_what_is_in_the_way() {
    let troubles = [Trouble {
        path: PathBuf::from("run/7.sock"),
        why: "it refused: 8 read already".to_owned(),
    }];
    let seen = buffer((80, 6), PLAIN, (&[], &troubles), &State::default());
    assert_snapshot!(text(&seen), @"
    patinox top
    no host can be watched now; the next one is shown when it comes
    7.sock         it refused: 8 read already


    q leave  Tab host  / filter  sort: c s e p f m n  r reverse  Up Down
    ");
}

/// Nothing is drawn beside the terminal, however small it is, and nothing panics.
#[test]
fn every_size_is_drawn() {
    let (views, mut state) = (views(), State::default());
    for first in [0, usize::MAX] {
        state.first = first;
        for width in (0..30).chain([79, 200]) {
            for height in 0..30 {
                let _ = screen((width, height), &views, &state);
                let _ = screen((width, height), &[], &state);
            }
        }
    }
}

#[test]
fn the_tools_are_moved_along_to_the_last() {
    let state = State {
        first: 1_000,
        ..State::default()
    };
    let seen = screen((80, 14), &views(), &state);
    assert!(seen.contains(" tools 4-4 of 4 by calls"), "{seen}");
    assert!(seen.contains(" spin "), "{seen}");
}

/// Colours tell nothing that words do not, and there are none where nobody wants
/// them.
#[test]
fn colours_can_be_left_out() {
    let coloured = Palette { is_coloured: true };
    let views = views();
    let [plain, coloured] = [PLAIN, coloured]
        .map(|palette| buffer((80, 24), palette, (&views, &[]), &State::default()));
    let colours = |buffer: &Buffer| {
        let cells = buffer.content.iter();
        cells
            .filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
            .count()
    };
    assert_eq!(colours(&plain), 0);
    assert!(100 < colours(&coloured));
    assert_eq!(text(&plain), text(&coloured));
}

/// Every text of the document steers a terminal, and every number is out of bounds.
#[test]
fn a_hostile_host_steers_nothing() {
    fn hostile(value: &mut Value) {
        match value {
            Value::String(text) => *text = format!("\u{1b}[2J\u{202e}{text}\n\u{9b}\\").repeat(50),
            Value::Number(number) if number.is_u64() => *value = json!(u64::MAX),
            Value::Number(_) => *value = json!(f64::MAX),
            Value::Array(items) => items.iter_mut().for_each(hostile),
            Value::Object(fields) => fields.values_mut().for_each(hostile),
            Value::Null | Value::Bool(_) => {}
        }
    }
    let mut last = status(7, "x", 60);
    hostile(&mut last);
    last["version"] = json!(1);
    last["host"]["pid"] = json!(7);
    let mut before = last.clone();
    before["host"]["uptime_ms"] = json!(0);
    let view = view("7.sock", [&before, &last]);
    for size in [(80, 24), (120, 40), (20, 10)] {
        let views = [view.clone()];
        let seen = screen(size, &views, &State::default());
        assert!(!seen.replace('\n', "").contains(is_unsafe_char), "{seen:?}");
        assert!(seen.contains("\\u{1b}[2J") || size.0 < 80, "{seen}");
    }
}
