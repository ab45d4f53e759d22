//! What judges calls: before a tool, after it, and before anybody sees anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use patinox::{
    Called, Code, Failure as _, Fault, Host, Limits, LoadRequest, Loaded, NativeTool,
    NativeValidator, Position, Request, Ruling, Subject, ToolAnnotations, ToolSpec,
    ValidationStage as Stage, Validator, Validators, Verdict, validator_limits,
};
use serde_json::json;

use crate::support::{self, code, guests};

/// The tool `text`, judged by the fixture, which does as these settings say.
async fn judged(host: &Host, settings: &[&str]) -> Option<Loaded> {
    let judge = judge(host, settings, validator_limits()).await?;
    Some(
        text(host)
            .await
            .judged_by(&Validators::default().and(Position::Both, judge)),
    )
}

async fn judge(host: &Host, settings: &[&str], limits: Limits) -> Option<Arc<dyn Validator>> {
    let request = LoadRequest::bytes(guests::built("fixture-judge")?);
    let request = settings.iter().fold(request, |request, setting| {
        request.grant(setting.parse().expect("a grant"))
    });
    let judge = host.load(request).await.expect("a component");
    Some(Arc::new(
        judge.validator("judge", limits).expect("a validator"),
    ))
}

async fn text(host: &Host) -> Loaded {
    let text = LoadRequest::bytes(guests::prebuilt_text());
    host.load(text).await.expect("a component")
}

fn count(text: &str) -> Request {
    Request::new("count", json!({ "text": text }))
}

fn words(called: &Called) -> Option<u64> {
    called.result.as_ref().ok()?["words"].as_u64()
}

fn rulings(called: &Called) -> Vec<(Stage, &str)> {
    let each = called.judgements.iter();
    each.map(|one| (one.stage, one.ruling.as_str())).collect()
}

fn message(called: &Called) -> String {
    called.result.as_ref().expect_err("no result").to_string()
}

/// One in this program, which says the same of everything.
fn native(
    name: &str,
    verdict: impl Fn(Subject) -> Verdict + Send + Sync + 'static,
) -> Arc<dyn Validator> {
    let code = move |subject| std::future::ready(verdict(subject));
    Arc::new(NativeValidator::new(name, code).expect("a name"))
}

#[tokio::test]
async fn what_is_allowed_passes_and_what_it_cost_is_told() {
    let host = support::host();
    let Some(judged) = judged(&host, &[]).await else {
        return;
    };
    let called = host.call(&judged, count("to be or not to be")).await;
    assert_eq!(words(&called), Some(6));
    let expected = [(Stage::ToolCall, "allow"), (Stage::ToolResult, "allow")];
    assert_eq!(rulings(&called), expected);
    for judgement in &called.judgements {
        assert!(0 < judgement.usage.fuel && !judgement.usage.wall.is_zero());
        assert_eq!(&*judgement.validator, "judge");
        assert!(
            judgement
                .component
                .as_deref()
                .expect("a digest")
                .starts_with("sha256:")
        );
    }
    // None of it is the tool's.
    let alone = host
        .call(&text(&host).await, count("to be or not to be"))
        .await;
    // How it hashes differs from call to call.
    assert!(called.usage.fuel.abs_diff(alone.usage.fuel) < 1_000);
}

/// What the fixture is told to say, how many words there are then or why none, and what
/// the judgement tells.
const VERDICTS: &[(&str, Result<u64, &str>, &str)] = &[
    ("config=tool-call=allow", Ok(6), ""),
    ("config=tool-call=warn:a%20remark", Ok(6), "a remark"),
    (
        "config=tool-call=deny:too%20much",
        Err("the validator `judge` refuses the arguments: too much"),
        "too much",
    ),
    (
        "config=tool-call=deny:",
        Err("the arguments: it gave no reason"),
        "",
    ),
    // A text that a terminal must not see as it is.
    (
        "config=tool-call=deny:%E2%80%AEx",
        Err("the arguments: \\u{202e}x"),
        "\\u{202e}x",
    ),
    (
        r#"config=tool-call=replace:{"text":"two%20words"}"#,
        Ok(2),
        "",
    ),
    (
        r#"config=tool-call=replace:{"txt":"two%20words"}"#,
        Err("could not judge the arguments, which refuses it: it gave something else"),
        "it gave something else",
    ),
    (
        "config=tool-call=replace:[",
        Err("it gave something else: not valid JSON"),
        "",
    ),
    (
        r#"config=tool-call=replace:{"text":"","text":"a"}"#,
        Err("the key `text` stands twice"),
        "",
    ),
    (
        "config=tool-result=deny:no",
        Err("the validator `judge` refuses the result: no"),
        "no",
    ),
    (
        r#"config=tool-result=replace:{"bytes":"x"}"#,
        Err("could not judge the result, which refuses it: it gave something else"),
        "",
    ),
    ("config=tool-call=spin", Err("reached"), ""),
    (
        "config=tool-call=grow",
        Err("could not judge the arguments"),
        "",
    ),
    (
        "config=tool-call=trap",
        Err("could not judge the arguments"),
        "",
    ),
    (
        "config=tool-result=trap",
        Err("could not judge the result"),
        "",
    ),
    (
        "config=tool-call=exit",
        Err("could not judge the arguments"),
        "",
    ),
    ("config=tool-call=long:5000000", Err("limit `result`"), ""),
];

#[tokio::test]
async fn each_verdict_does_what_the_contract_says() {
    let host = support::host();
    for (setting, expected, reason) in VERDICTS {
        let Some(text) = judged(&host, &[setting]).await else {
            return;
        };
        let called = host.call(&text, count("to be or not to be")).await;
        match expected {
            Ok(expected) => assert_eq!(words(&called), Some(*expected), "{setting}"),
            Err(expected) => {
                let error = called.result.as_ref().expect_err(setting);
                assert_eq!(
                    (error.fault(), error.code()),
                    (Fault::Policy, Code::Validator)
                );
                assert!(error.to_string().contains(expected), "{setting}: {error}");
            }
        }
        let told = called.judgements.iter().filter_map(|one| one.ruling.text());
        assert!(told.collect::<String>().contains(reason), "{setting}");
    }
}

#[tokio::test]
async fn what_takes_the_place_of_a_result_is_one_of_that_tool() {
    let host = support::host();
    let plain = text(&host).await;
    let answer = host
        .call(&plain, count("a b"))
        .await
        .result
        .expect("a result");
    let mut other = answer.clone();
    other["words"] = json!(77);
    for (given, expected) in [
        (other.to_string(), Some(77)),
        (json!({ "words": 1 }).to_string(), None),
        (json!({ "words": -1 }).to_string(), None),
        ("null".to_owned(), None),
        (format!("\"{}\"", "x".repeat(1 << 20)), None),
    ] {
        let judge = native("n", move |subject| match subject {
            Subject::ToolResult(_) => Verdict::Replace(given.clone()),
            _ => Verdict::Allow,
        });
        let text = plain.judged_by(&Validators::default().and(Position::After, judge));
        let called = host.call(&text, count("a b")).await;
        assert_eq!(words(&called), expected);
        assert_eq!(called.result.is_ok(), expected.is_some());
    }
}

#[tokio::test]
async fn later_ones_see_what_earlier_ones_gave_and_nothing_else() {
    let host = support::host();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let first = native("first", |subject| match subject {
        Subject::ToolCall(_) => Verdict::Replace(r#"{"text":"one two three"}"#.to_owned()),
        Subject::ToolResult(call) => {
            let result = call.outcome.expect("a result");
            Verdict::Replace(result.replace("\"words\":3", "\"words\":4"))
        }
        _ => Verdict::Allow,
    });
    let keeps = Arc::clone(&seen);
    let second = native("second", move |subject| {
        keeps.lock().expect("a lock").push(subject);
        Verdict::Allow
    });
    let never = native("never", |_| Verdict::Deny("it is for results".to_owned()));
    let counted = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&counted);
    let before = native("before", move |_| {
        counts.fetch_add(1, Ordering::Relaxed);
        Verdict::Allow
    });
    let all = Validators::default()
        .and(Position::Both, first)
        .and(Position::Both, second)
        .and(Position::Before, before);
    let judged = text(&host).await.judged_by(&all);
    let called = host.call(&judged, count("secret words")).await;
    assert_eq!(words(&called), Some(4));
    assert_eq!(counted.load(Ordering::Relaxed), 1);
    let seen = std::mem::take(&mut *seen.lock().expect("a lock"));
    assert!(!format!("{seen:?}").contains("secret words"));
    let [Subject::ToolCall(call), Subject::ToolResult(result)] = seen.as_slice() else {
        panic!("{seen:?}");
    };
    assert_eq!(
        (&*call.tool.name, &*call.tool.component),
        ("count", judged.digest())
    );
    assert_eq!(&*call.arguments, r#"{"text":"one two three"}"#);
    assert_eq!(call.arguments, result.arguments);
    assert!(
        result
            .outcome
            .as_ref()
            .expect("a result")
            .contains("\"words\":4")
    );

    // One that refuses ends it: nobody is asked after it.
    let refuses = Validators::default()
        .and(Position::After, never)
        .and_all(&all);
    let judged = text(&host).await.judged_by(&refuses);
    let called = host.call(&judged, count("x")).await;
    assert_eq!(code(&called), "policy/validator");
    let last = called.judgements.last().expect("a judgement");
    assert_eq!((&*last.validator, last.stage), ("never", Stage::ToolResult));
    assert_eq!(called.judgements.len(), 4);
}

/// A handler's tools: progress, errors of its own, an answer that breaks its promise.
#[tokio::test]
async fn nobody_sees_what_is_not_judged() {
    let Some(bytes) = guests::built("fixture-handler") else {
        return;
    };
    let host = support::host();
    let handler = host.load(bytes).await.expect("a component");
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let about = || {
        let told = Arc::clone(&told);
        let sink = move |progress| told.lock().expect("a lock").push(progress);
        Request::new("about", json!({})).progress(Arc::new(sink))
    };
    let stage = |stage: &'static str, verdict: Verdict| {
        native("n", move |subject| match (&subject, stage) {
            (Subject::Diagnostics(_), "diagnostics") | (Subject::ToolResult(_), "result") => {
                verdict.clone()
            }
            _ => Verdict::Allow,
        })
    };
    let judged = |judge| handler.judged_by(&Validators::default().and(Position::After, judge));
    // Allowed: as it was, once it is over.
    let called = host
        .call(&judged(stage("none", Verdict::Allow)), about())
        .await;
    assert!(called.result.is_ok());
    assert!(!told.lock().expect("a lock").is_empty());
    assert!(rulings(&called).contains(&(Stage::Diagnostics, "allow")));
    told.lock().expect("a lock").clear();
    // Replaced: the text alone is left.
    let replace = stage("diagnostics", Verdict::Replace("(not told)".to_owned()));
    let called = host.call(&judged(replace), about()).await;
    assert!(called.result.is_ok());
    assert_eq!(called.output.stderr, "(not told)");
    assert!(told.lock().expect("a lock").is_empty());
    // Refused, the result or what else it leaves: nothing is left.
    for at in ["diagnostics", "result"] {
        let deny = stage(at, Verdict::Deny("no".to_owned()));
        let called = host.call(&judged(deny), about()).await;
        assert_eq!(code(&called), "policy/validator");
        assert_eq!(called.output, Default::default());
        assert!(told.lock().expect("a lock").is_empty());
    }
    // A tool's own error is judged as its caller would see it, and nothing takes its place.
    let fail = || Request::new("fail", json!({ "kind": "failed", "text": "the text" }));
    let seen = host.call(&handler, fail()).await;
    assert_eq!(code(&seen), "component/error", "{:?}", seen.result);
    let seen = message(&seen);
    let judge = native("n", move |subject| match subject {
        Subject::ToolResult(call) => Verdict::Warn(call.outcome.expect_err("an error").to_string()),
        _ => Verdict::Allow,
    });
    let called = host.call(&judged(judge), fail()).await;
    assert_eq!(code(&called), "component/error");
    assert_eq!(called.judgements[0].ruling, Ruling::Warned(seen));
    let replace = stage("result", Verdict::Replace("{}".to_owned()));
    let called = host.call(&judged(replace), fail()).await;
    assert!(message(&called).contains("own error cannot be replaced"));
}

#[tokio::test]
async fn a_validator_in_the_program_is_in_time_and_its_panic_is_a_refusal() {
    let host = support::host();
    let text = text(&host).await;
    let panics = native("panics", |_| panic!("out of order"));
    let hangs = NativeValidator::new("hangs", |_| std::future::pending()).expect("a name");
    for judge in [panics, Arc::new(hangs)] {
        let began = Instant::now();
        let text = text.judged_by(&Validators::default().and(Position::Before, judge));
        let called = host.call(&text, count("x")).await;
        assert_eq!(code(&called), "policy/validator");
        assert_eq!(called.usage.fuel, 0);
        assert!(began.elapsed() < Duration::from_secs(5));
    }
    assert!(NativeValidator::new("a name", |_| std::future::pending()).is_err());
}

#[tokio::test]
async fn its_budget_is_its_own() {
    let host = support::host();
    let limits = Limits {
        wall_ms: 200,
        ..validator_limits()
    };
    let Some(spins) = judge(&host, &["config=tool-call=spin"], limits).await else {
        return;
    };
    let all = Validators::default().and(Position::Before, spins);
    let began = Instant::now();
    let called = host
        .call(&text(&host).await.judged_by(&all), count("x"))
        .await;
    assert!(
        message(&called).contains("limit `wall` of 200ms"),
        "{}",
        message(&called)
    );
    assert!(began.elapsed() < Duration::from_secs(2));
    // A tool that has little time is not charged for who judges it.
    let slow = native("slow", |_| {
        std::thread::park_timeout(Duration::from_millis(120));
        Verdict::Allow
    });
    let all = Validators::default().and(Position::Before, slow);
    let limits = Limits {
        wall_ms: 100,
        ..Limits::default()
    };
    let called = host
        .call(
            &text(&host).await.judged_by(&all),
            count("x").limits(limits),
        )
        .await;
    assert!(called.result.is_ok(), "{:?}", called.result);
    assert!(called.usage.wall < Duration::from_millis(100));
}

#[tokio::test]
async fn a_tool_of_the_program_is_judged_as_well() {
    let spec = ToolSpec {
        name: "double".to_owned(),
        title: None,
        description: "Twice a number.".to_owned(),
        input_schema: json!({ "type": "object", "properties": { "n": { "type": "integer" } } }),
        output_schema: Some(json!({ "type": "integer" })),
        annotations: ToolAnnotations::derived(),
    };
    let double = NativeTool::new(spec, |call| async move {
        Ok::<_, String>(json!(call.arguments["n"].as_i64().unwrap_or_default() * 2))
    });
    let host = support::host();
    let tools = Loaded::native("mine", vec![Arc::new(double.expect("a tool"))]).expect("tools");
    let call = |given: &'static str| {
        let judge = native("n", move |subject| match subject {
            Subject::ToolCall(call) if call.tool.component.is_empty() => {
                Verdict::Replace(r#"{"n":5}"#.to_owned())
            }
            Subject::ToolResult(_) if !given.is_empty() => Verdict::Replace(given.to_owned()),
            _ => Verdict::Allow,
        });
        let tools = tools.judged_by(&Validators::default().and(Position::Both, judge));
        let host = host.clone();
        async move {
            host.call(&tools, Request::new("double", json!({ "n": 1 })))
                .await
        }
    };
    assert_eq!(call("").await.result.expect("a result"), json!(10));
    assert_eq!(call("7").await.result.expect("a result"), json!(7));
    assert_eq!(code(&call("\"x\"").await), "policy/validator");
}

/// Two places for instances, many callers, each judged twice: an instance is taken one
/// after the other, so that nobody waits for what he holds himself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_are_judged_where_few_can_run() {
    let host = Host::new(patinox::Config {
        allocation: patinox::Allocation::Pool { slots: Some(2) },
        ..support::config()
    });
    let host = host.expect("a host");
    let (Some(one), Some(two)) = (
        judge(&host, &[], validator_limits()).await,
        judge(&host, &[], validator_limits()).await,
    ) else {
        return;
    };
    let all = Validators::default()
        .and(Position::Both, one)
        .and(Position::Both, two);
    let text = text(&host).await.judged_by(&all);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (host, text) = (host.clone(), text.clone());
        calls.spawn(async move { host.call(&text, count("a b c")).await });
    }
    for called in calls.join_all().await {
        assert_eq!(words(&called), Some(3), "{:?}", called.result);
        assert_eq!(called.judgements.len(), 4);
    }
}

#[tokio::test]
async fn what_judges_is_no_tool_and_a_tool_judges_nothing() {
    let host = support::host();
    let Some(judge) = guests::built("fixture-judge") else {
        return;
    };
    let judge = host.load(judge).await.expect("a component");
    assert_eq!(judge.tools().iter().len(), 0);
    for request in [count("x"), Request::only(json!({}))] {
        let called = host.call(&judge, request).await;
        assert_eq!(
            message(&called),
            "the component is a validator and has no tools"
        );
        let hint = called.result.expect_err("no tools").hint();
        assert!(hint.expect("a hint").contains("--validator"));
    }
    assert!(judge.validator("a b", validator_limits()).is_err());
    assert!(judge.validator("a@1.2.0", validator_limits()).is_ok());
    let error = text(&host).await.validator("text", validator_limits());
    assert_eq!(error.expect_err("no validator").code(), Code::Unsupported);
}

#[tokio::test]
async fn a_cancel_ends_who_judges() {
    let host = support::host();
    let Some(text) = judged(&host, &["config=tool-call=spin"]).await else {
        return;
    };
    let stop = patinox::CancellationToken::new();
    let request = count("x").cancel(stop.clone());
    let (called, ()) = tokio::join!(host.call(&text, request), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.cancel();
    });
    assert_eq!(code(&called), "cancelled");
}

/// What a tool asked for and used is told too, so it is judged too.
#[tokio::test]
async fn what_was_used_and_denied_is_judged() {
    let Some(bytes) = guests::built("fixture-probe") else {
        return;
    };
    let host = support::host();
    let request = LoadRequest::bytes(bytes).grant("config=given=x".parse().expect("a grant"));
    let probe = host.load(request).await.expect("a component");
    let ask = |key: &str| Request::new("setting", json!({ "key": key })).observe();
    let seen = Arc::new(std::sync::Mutex::new(String::new()));
    let keeps = Arc::clone(&seen);
    let judge = native("n", move |subject| match subject {
        Subject::Diagnostics(text) => {
            *keeps.lock().expect("a lock") = text.to_string();
            Verdict::Replace("(not told)".to_owned())
        }
        _ => Verdict::Allow,
    });
    let judged = probe.judged_by(&Validators::default().and(Position::After, judge));
    for (key, expected) in [
        ("given", "used:\nthe setting `given`"),
        ("withheld", "denied:\nthe setting `withheld` is not granted"),
    ] {
        let plain = host.call(&probe, ask(key)).await;
        assert!(!plain.uses.is_empty() || !plain.denials.is_empty());
        let called = host.call(&judged, ask(key)).await;
        assert!(seen.lock().expect("a lock").contains(expected), "{seen:?}");
        assert!(called.uses.is_empty() && called.denials.is_empty());
        assert_eq!(called.output.stderr, "(not told)");
        // Nor does the error say any more what was denied.
        if let Err(error) = called.result {
            assert_eq!(error.code(), Code::ToolError);
            assert!(error.hint().is_none());
        }
    }
    // As much as the outputs may have, and no more.
    let long = native("n", |subject| match subject {
        Subject::Diagnostics(_) => Verdict::Replace("x".repeat(1 << 20)),
        _ => Verdict::Allow,
    });
    let judged = probe.judged_by(&Validators::default().and(Position::After, long));
    let called = host.call(&judged, ask("given")).await;
    assert!(message(&called).contains("it has 1048576 bytes, of at most 262144"));
}
