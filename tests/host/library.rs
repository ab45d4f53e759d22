//! The library as an embedder uses it: builder, streams, typed calls, a
//! catalog, events, and an end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use patinox::telemetry::{Event, Outcome};
use patinox::{
    Failure as _, Host, Limits, LoadLimits, LoadRequest, Loaded, NativeTool, PatinoxError, Request,
    Tool, ToolAnnotations, ToolSpec,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, ReadBuf};

use crate::support::{self, code, forge, guests, soon};

#[derive(Serialize)]
struct Count<'a> {
    text: &'a str,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Counted {
    words: u64,
    bytes: u64,
}

#[tokio::test]
async fn a_typed_call_takes_and_gives_rust_values() {
    let host = support::host();
    let text = support::load(&host, &guests::prebuilt_text()).await;
    let count = Count { text: "to be or" };
    let counted: Counted = host.call_typed(&text, "count", count).await.unwrap();
    assert_eq!(counted, Counted { words: 3, bytes: 8 });

    // Under limits of its own, and with what was spent.
    let limits = Limits {
        fuel: 1,
        ..Limits::default()
    };
    let request = Request::typed("count", Count { text: "a" }).unwrap();
    let called = soon(host.call(&text, request.limits(limits))).await;
    assert_eq!(code(&called), "limit/fuel");

    let wrong = host.call_typed::<_, Vec<u8>>(&text, "count", Count { text: "a" });
    let error = wrong.await.unwrap_err();
    assert_eq!(error.code().as_str(), "caller/mistyped");
    let said = error.to_string();
    let rule = "the answer does not fit the Rust type that was asked for: invalid type: ";
    assert!(said.starts_with(rule), "{said}");
    // What `main` shows of it.
    let shown = format!("{error:?}");
    assert!(
        shown.starts_with(rule) && shown.contains(" (caller/mistyped)\nhint: write the type"),
        "{shown}"
    );
    let error = host
        .call_typed::<_, Counted>(&text, "count", ())
        .await
        .unwrap_err();
    assert_eq!(error.code().as_str(), "caller/invalid-arguments");
}

/// What JSON writes otherwise is what it was in Rust again.
#[tokio::test]
async fn bytes_and_large_numbers_are_themselves_in_a_typed_call() {
    let Some(bytes) = guests::built("fixture-types") else {
        return;
    };
    let host = support::host();
    let types = support::load(&host, &bytes).await;
    #[derive(Serialize)]
    struct Of<T> {
        value: T,
    }
    let of = Of {
        value: vec![0_u8, 255, 7],
    };
    let echoed: Vec<u8> = host.call_typed(&types, "same-bytes", of).await.unwrap();
    assert_eq!(echoed, [0, 255, 7]);
    let of = Of { value: u64::MAX };
    let echoed: u64 = host.call_typed(&types, "same-u64", of).await.unwrap();
    assert_eq!(echoed, u64::MAX);
}

#[tokio::test]
async fn a_component_comes_from_a_stream() {
    let host = support::host();
    let bytes = guests::prebuilt_text();
    let stream = std::io::Cursor::new(bytes.clone());
    let loaded = host.load(LoadRequest::stream(stream)).await.unwrap();
    assert!(loaded.tools().get("count").is_ok());

    let tight = |load| Host::builder().load_limits(load).build().unwrap();
    let host = tight(LoadLimits {
        file_bytes: 1_000,
        ..LoadLimits::default()
    });
    let long = LoadRequest::stream(tokio::io::repeat(0));
    let error = soon(host.load(long)).await.unwrap_err();
    assert_eq!(error.code().as_str(), "limit/file");

    let host = tight(LoadLimits {
        compile_wall_ms: 50,
        ..LoadLimits::default()
    });
    let error = soon(host.load(LoadRequest::stream(Silent)))
        .await
        .unwrap_err();
    assert_eq!(error.code().as_str(), "limit/compile-wall");
    let error = soon(host.load(LoadRequest::stream(Broken)))
        .await
        .unwrap_err();
    assert_eq!(error.code().as_str(), "caller/unreadable");
}

/// Never gives a byte.
struct Silent;

impl AsyncRead for Silent {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Pending
    }
}

struct Broken;

impl AsyncRead for Broken {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Ready(Err(std::io::ErrorKind::ConnectionReset.into()))
    }
}

/// What runs goes on with what it began with.
#[tokio::test]
async fn the_catalog_changes_while_calls_run() {
    let host = support::host();
    let text = support::load(&host, &guests::prebuilt_text()).await;
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let catalog = host.catalog();
    catalog.add("tool", hostile).unwrap();
    let taken = PatinoxError::from(catalog.add("tool", text.clone()).unwrap_err());
    assert_eq!(taken.to_string(), "there is a `tool` already");
    assert!(catalog.add("no name!", text.clone()).is_err());

    let running = {
        let (host, tool) = (host.clone(), catalog.get("tool").unwrap());
        let sleep = Request::new("sleep", json!({ "ms": 200 }));
        tokio::spawn(async move { host.call(&tool, sleep).await })
    };
    tokio::task::yield_now().await;
    let before = catalog.replace("tool", text).unwrap().unwrap();
    assert!(before.tools().get("sleep").is_ok());
    drop(before);
    let names = |host: &Host| -> Vec<String> {
        let all = host.catalog().list().into_iter();
        all.map(|(name, loaded)| format!("{name} {}", loaded.tools().iter().len()))
            .collect()
    };
    assert_eq!(names(&host), ["tool 3"]);
    let tool = catalog.get("tool").unwrap();
    let counted = support::call(&host, &tool, "count", json!({ "text": "a b" })).await;
    assert_eq!(counted.result.unwrap()["words"], 2);
    assert!(catalog.remove("tool").is_some());
    assert!(catalog.remove("tool").is_none());
    assert_eq!(names(&host), [] as [&str; 0]);
    assert_eq!(code(&soon(running).await.unwrap()), "ok");
}

#[tokio::test]
async fn events_come_as_a_stream_to_each_who_listens() {
    let host = support::host();
    let mut all = host.events();
    let echo = support::load(&host, &forge::echo()).await;
    let mut late = host.events();
    let called = support::call(&host, &echo, "echo", json!({ "text": "a" })).await;
    assert!(matches!(
        soon(all.next()).await,
        Some(Event::ComponentLoaded(_))
    ));
    for events in [&mut all, &mut late] {
        let Some(Event::CallEnded(ended)) = soon(events.next()).await else {
            panic!("no call");
        };
        assert_eq!((ended.call, ended.outcome), (called.id, Outcome::Ok));
    }
    // One who does not listen holds nobody up, and is told what he lost.
    for _ in 0..1_100 {
        support::call(&host, &echo, "echo", json!({ "text": "a" })).await;
    }
    assert_eq!(late.lost(), 1_100 - 1_024);
    drop((all, host, echo));
    for _ in 0..1_024 {
        assert!(soon(late.next()).await.is_some());
    }
    assert!(soon(late.next()).await.is_none());
}

#[tokio::test]
async fn shutdown_waits_for_what_runs_and_lets_nothing_begin() {
    let host = support::host();
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let sleep = |ms: u64| {
        let (host, hostile) = (host.clone(), hostile.clone());
        let request = Request::new("sleep", json!({ "ms": ms }));
        tokio::spawn(async move { host.call(&hostile, request).await })
    };
    let short = sleep(50);
    tokio::task::yield_now().await;
    let done = soon(host.shutdown(Duration::from_secs(20))).await;
    assert_eq!((done.cancelled, done.stuck), (0, 0));
    assert_eq!(code(&soon(short).await.unwrap()), "ok");

    let refused = support::call(&host, &hostile, "sleep", json!({ "ms": 1 })).await;
    let error = refused.result.unwrap_err();
    assert_eq!(error.code().as_str(), "limit/busy");
    assert_eq!(error.to_string(), "the host is shutting down");
    let error = host.load(forge::echo()).await.unwrap_err();
    assert_eq!(error.code().as_str(), "limit/busy");
}

#[tokio::test]
async fn shutdown_cancels_what_runs_on() {
    let host = support::host();
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let spin = {
        let (host, hostile) = (host.clone(), hostile.clone());
        let request = Request::new("sleep", json!({ "ms": 9_000 }));
        tokio::spawn(async move { host.call(&hostile, request).await })
    };
    tokio::task::yield_now().await;
    let started = Instant::now();
    let done = soon(host.shutdown(Duration::from_millis(20))).await;
    assert_eq!((done.cancelled, done.stuck), (1, 0));
    assert_eq!(code(&soon(spin).await.unwrap()), "cancelled");
    assert!(started.elapsed() < Duration::from_secs(2));
}

fn native(name: &str) -> Arc<dyn Tool> {
    let spec = ToolSpec {
        name: name.to_owned(),
        title: None,
        description: "Waits, and says how long.".to_owned(),
        input_schema: json!({
            "type": "object",
            "properties": { "ms": { "type": "integer", "minimum": 0 } },
            "required": ["ms"],
            "additionalProperties": false,
        }),
        output_schema: None,
        annotations: ToolAnnotations::derived(),
    };
    let tool = NativeTool::new(spec, |call| async move {
        let ms = call.arguments["ms"].as_u64().unwrap_or_default();
        match ms {
            13 => Err("that is unlucky".to_owned()),
            14 => panic!("fourteen, on purpose"),
            ms => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Ok(Value::from(ms))
            }
        }
    });
    Arc::new(tool.expect("a tool"))
}

#[tokio::test]
async fn a_native_tool_is_called_as_a_component_is() {
    let host = support::host();
    let wait = Loaded::native("clock", vec![native("wait")]).unwrap();
    let call = async |ms: Value| support::call(&host, &wait, "wait", json!({ "ms": ms })).await;
    assert_eq!(call(json!(1)).await.result.unwrap(), 1);
    for (ms, expected) in [
        (json!("1"), "caller/invalid-arguments"),
        (json!(13), "component/error"),
        (json!(14), "host/internal"),
    ] {
        assert_eq!(code(&call(ms).await), expected);
    }
    let limits = Limits {
        wall_ms: 20,
        ..Limits::default()
    };
    let late = Request::new("wait", json!({ "ms": 9_000 })).limits(limits);
    assert_eq!(code(&soon(host.call(&wait, late)).await), "limit/wall");
    assert!(wait.component().is_none());
    assert_eq!(wait.digest(), "native:clock");

    let twice = Loaded::native("clock", vec![native("a"), native("a")]);
    assert_eq!(twice.unwrap_err().to_string(), "there is a `a` already");
    assert!(Loaded::native("clock", vec![]).is_err());
}
