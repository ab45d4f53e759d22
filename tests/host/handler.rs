//! A component that lists its tools itself.

use std::sync::{Arc, Mutex};

use patinox::{Called, Failure as _, Host, Limits, Loaded, Request};
use serde_json::{Value, json};

use crate::support::{self, Neighbour, code, guests, soon};

async fn handler() -> Option<(Host, Loaded)> {
    let bytes = guests::built("fixture-handler")?;
    let host = support::host();
    let component = support::load(&host, &bytes).await;
    Some((host, component))
}

#[tokio::test]
async fn it_lists_its_tools() {
    let Some((_, handler)) = handler().await else {
        return;
    };
    let tools: Vec<_> = handler.tools().iter().collect();
    let lines: Vec<_> = tools.iter().map(|tool| tool.signature()).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    echo(text: string)
    add(a: integer, b: integer)
    fail(kind?: any, text?: string)
    about()
    ");
    let echo = serde_json::to_string(tools[0].spec()).unwrap();
    insta::assert_snapshot!(echo, @r#"{"name":"echo","title":"Echo","description":"Answers with the text that it is given.","inputSchema":{"additionalProperties":false,"properties":{"text":{"description":"What to answer.","type":"string"}},"required":["text"],"type":"object"},"annotations":{"readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":false}}"#);
    assert_eq!(handler.tools().left_out(), []);
}

#[tokio::test]
async fn its_tools_answer() {
    let Some((host, handler)) = handler().await else {
        return;
    };
    let echo = json!({ "text": "gr\u{fc}\u{df}e \u{1b}[2J" });
    for (tool, arguments, answer) in [
        ("echo", echo.clone(), echo["text"].clone()),
        ("add", json!({ "a": 2, "b": -3 }), json!({ "sum": -1 })),
        (
            "add",
            json!({ "a": i64::MAX, "b": 0 }),
            json!({ "sum": i64::MAX }),
        ),
    ] {
        let called = support::call(&host, &handler, tool, arguments.clone()).await;
        assert_eq!(called.result.as_ref().ok(), Some(&answer), "{called:?}");
        let len = |json: &Value| u64::try_from(json.to_string().len()).unwrap();
        assert_eq!(called.usage.arguments_bytes, len(&arguments));
        assert_eq!(called.usage.result_bytes, len(&answer));
    }
}

#[tokio::test]
async fn its_errors_say_what_kind_they_are() {
    let Some((host, handler)) = handler().await else {
        return;
    };
    let mut told = Vec::new();
    for kind in ["unknown-tool", "invalid-arguments", "unavailable", "failed"] {
        let arguments = json!({ "kind": kind, "text": "not\ntoday" });
        let called = support::call(&host, &handler, "fail", arguments).await;
        assert_eq!(code(&called), "component/error", "{kind}");
        assert!(0 < called.usage.fuel);
        told.push(called.result.unwrap_err().to_string());
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    the tool failed: unknown tool
    the tool failed: invalid arguments: not\ntoday
    the tool failed: unavailable: not\ntoday
    the tool failed: not\ntoday
    ");
}

#[tokio::test]
async fn wrong_arguments_are_refused_before_an_instance_is_made() {
    let Some((host, handler)) = handler().await else {
        return;
    };
    let mut told = Vec::new();
    for (tool, arguments) in [
        ("echo", json!({})),
        ("echo", json!({ "text": 7 })),
        ("echo", json!({ "text": "a", "more": true })),
        ("add", json!({ "a": 1 })),
        ("add", json!({ "a": 1, "b": 2.5 })),
        ("fail", json!({ "kind": "other" })),
        ("echo", json!(["a"])),
    ] {
        let called = support::call(&host, &handler, tool, arguments).await;
        assert_eq!(code(&called), "caller/invalid-arguments");
        assert_eq!(called.usage.fuel, 0);
        assert_eq!(called.usage.memory_bytes_peak, 0);
        told.push(called.result.unwrap_err().to_string());
    }
    insta::assert_snapshot!(told.join("\n"), @"
    argument `text` must be given, not left out
    argument `text` must be of type string, not `7`
    argument `more` must be left out: the schema has no such name
    argument `b` must be given, not left out
    argument `b` must be of type integer, not `2.5`
    argument `kind` must be one of `unknown-tool`, `invalid-arguments`, `unavailable`, `failed`, not the string `other`
    the arguments must be of type object, not an array of 1
    ");
}

/// Calls `about` with a sink for its progress.
async fn about(host: &Host, handler: &Loaded, sink: patinox_sandbox::ProgressSink) -> Called {
    let request = Request::new("about", json!({})).progress(sink);
    soon(host.call(handler, request)).await
}

#[tokio::test]
async fn a_guest_knows_its_call_and_what_is_left_of_it() {
    let Some((host, handler)) = handler().await else {
        return;
    };
    let reports = Arc::new(Mutex::new(Vec::new()));
    let page = Arc::clone(&reports);
    let sink = Arc::new(move |progress| page.lock().unwrap().push(progress));
    let called = about(&host, &handler, sink).await;
    let told = called.result.unwrap();
    assert_eq!(told["call-id"], json!(called.id.to_string()));
    let left = |when: &str, what: &str| told[when][what].as_u64().unwrap();
    let limits = Limits::default();
    assert!(left("remaining", "fuel") < limits.fuel, "{told}");
    assert!(left("remaining-later", "fuel") < left("remaining", "fuel"));
    assert!(left("remaining", "wall-ms") <= limits.wall_ms, "{told}");
    assert!(left("remaining-later", "wall-ms") <= left("remaining", "wall-ms"));
    // What is left and what is spent are one account.
    assert!(limits.fuel - left("remaining-later", "fuel") <= called.usage.fuel);
    let reports = reports.lock().unwrap();
    let half = reports[0].message.as_deref();
    assert_eq!(
        (reports[0].done, reports[0].total, half),
        (1, Some(2), Some("half"))
    );
    assert_eq!((reports[1].done, reports[1].total), (2, Some(2)));
    assert_eq!(reports.len(), 2);
}

#[tokio::test]
async fn a_sink_that_panics_ends_its_own_call_alone() {
    let Some((host, handler)) = handler().await else {
        return;
    };
    let neighbour = Neighbour::of(&host).await;
    let sink = Arc::new(|_| panic!("the sink is broken, on purpose"));
    let called = about(&host, &handler, sink).await;
    let error = called.result.unwrap_err();
    assert_eq!(error.code().as_str(), "host/internal");
    // The caller learns nothing of it; the log, by the cause, all.
    assert_eq!(error.to_string(), "the host failed");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    let function = "patinox:tool/context@0.1.0#report-progress";
    assert_eq!(cause, format!("{function}: the sink is broken, on purpose"));
    assert!(0 < called.usage.fuel);
    neighbour.still_answers(10).await;
    let again = about(&host, &handler, Arc::new(|_| {})).await;
    assert_eq!(code(&again), "ok");
}

/// A tool that is there only for the guest to deny.
#[tokio::test]
async fn a_tool_that_is_not_listed_is_not_called() {
    let Some((host, handler)) = handler().await else {
        return;
    };
    let called = support::call(&host, &handler, "list-tools", json!({})).await;
    assert_eq!(code(&called), "caller/unknown-tool");
    assert_eq!(called.usage.fuel, 0);
}
