//! What judging a call adds to it, and what a validator costs beside the engine alone.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patinox::telemetry::CallId;
use patinox::{
    FinishedCall, Host, Judging, LoadRequest, LoadedValidator, Position, Request, Subject, ToolRef,
    Validator, Validators, validator_limits,
};
use serde_json::json;
use tokio::runtime::Runtime;

use super::floor::{Floor, Val};
use super::{Rounds, host, median, runtime, told};

/// The function that a validator exports.
const CHECK: &[&str] = &["patinox:tool/validation@0.1.0", "check"];

/// Text of 1 KB.
fn kilobyte() -> String {
    "The quick brown fox jumps over the dog. ".repeat(25)
}

pub(super) fn measure(rounds: Rounds) {
    let (runtime, host) = (runtime(), host().make());
    for (name, path) in [
        ("rust/secrets", patinox_artifacts::component("secrets")),
        (
            "javascript/injection",
            patinox_artifacts::component("injection"),
        ),
    ] {
        let Some(path) = path else {
            println!("{name:<28} left out: nothing built it");
            continue;
        };
        let loaded = runtime.block_on(host.load(LoadRequest::file(path)));
        let loaded = loaded.expect("a component");
        let validator = loaded.validator("judge", validator_limits());
        let validator = validator.expect("a validator");
        alone((&runtime, rounds), name, (path, &validator));
        added((&runtime, rounds), &host, name, validator);
    }
}

/// One judgement of a result of 1 KB, beside the engine alone on the same component.
fn alone(
    (runtime, rounds): (&Runtime, Rounds),
    name: &str,
    (path, validator): (&Path, &LoadedValidator),
) {
    let (arguments, result) = (json!({ "text": "a" }), json!({ "text": kilobyte() }));
    let (arguments, result) = (arguments.to_string(), result.to_string());
    let floor = Floor::pooled(&std::fs::read(path).expect("a component"), CHECK);
    let field = |name: &str, value| (name.to_owned(), value);
    let text = |text: &str| Val::String(text.to_owned());
    let tool = Val::Record(vec![
        field("name", text("count")),
        field("component", text("")),
    ]);
    let call = Val::Record(vec![
        field("tool", tool),
        field("arguments", text(&arguments)),
        field("outcome", Val::Result(Ok(Some(Box::new(text(&result)))))),
    ]);
    let params = [Val::Variant("tool-result".to_owned(), Some(Box::new(call)))];
    let subject = Subject::ToolResult(FinishedCall {
        tool: ToolRef {
            name: "count".into(),
            component: "".into(),
        },
        arguments: arguments.into(),
        outcome: Ok(result.into()),
    });
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds.turns {
        runtime.block_on(async {
            for _ in 0..rounds.calls {
                theirs.push(floor.time(&params).await);
            }
            for _ in 0..rounds.calls {
                let started = Instant::now();
                let judged = validator.check(&subject, &judging()).await;
                ours.push(started.elapsed());
                judged.verdict.expect("a verdict");
            }
        });
    }
    told(&format!("validators/{name}"), median(ours), median(theirs));
}

fn judging() -> Judging {
    Judging {
        call: CallId::new(std::time::SystemTime::UNIX_EPOCH),
        until: Instant::now() + Duration::from_secs(10),
        most_bytes: 4 << 20,
        cancel: patinox::CancellationToken::new(),
    }
}

/// A call with 1 KB, judged and not.
fn added(
    (runtime, rounds): (&Runtime, Rounds),
    host: &Host,
    name: &str,
    validator: LoadedValidator,
) {
    let text = LoadRequest::file(patinox_artifacts::prebuilt::text());
    let plain = runtime.block_on(host.load(text)).expect("a component");
    let validator: Arc<dyn Validator> = Arc::new(validator);
    let all = |position| Validators::default().and(position, Arc::clone(&validator));
    let tools = [
        plain.clone(),
        plain.judged_by(&all(Position::Before)),
        plain.judged_by(&all(Position::Both)),
    ];
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..rounds.turns {
        for (tool, times) in tools.iter().zip(&mut times) {
            runtime.block_on(async {
                for _ in 0..rounds.calls {
                    let request = Request::new("count", json!({ "text": kilobyte() }));
                    let started = Instant::now();
                    let called = host.call(tool, request).await;
                    times.push(started.elapsed());
                    called.result.expect("an answer");
                }
            });
        }
    }
    let [plain, before, both] = times.map(median);
    let (once, twice) = (before.saturating_sub(plain), both.saturating_sub(plain));
    println!(
        "validators/{name:<17} call {plain:.1?}  before adds {once:.1?}  both add {twice:.1?}"
    );
}
