//! One event a load, one event a call, however it ended.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use patinox::telemetry::{Event, Outcome, Recorder, Sink};
use patinox::{Called, Config, Failure as _, Fault, Host, Limits, Request};
use serde_json::json;

use crate::support::{self, guests, soon};

/// Keeps every event.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<Event>>>);

impl Sink for Page {
    fn record(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Page {
    /// A host that writes to this page.
    fn host(&self) -> Host {
        let sink: Box<dyn Sink> = Box::new(self.clone());
        let recorder = Recorder::new([sink]);
        Host::new(Config {
            recorder,
            ..support::config()
        })
        .unwrap()
    }

    /// Takes what was written.
    fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Checks that a call left exactly its event.
#[track_caller]
fn check(page: &Page, called: &Called, tool: &str, digest: &str) {
    let events = page.take();
    let [Event::CallEnded(ended)] = events.as_slice() else {
        panic!("not one end of a call: {events:?}");
    };
    assert_eq!(ended.call, called.id);
    assert_eq!(ended.component, digest);
    assert_eq!(ended.tool, tool);
    assert_eq!(ended.usage, called.usage);
    match (&called.result, &ended.outcome) {
        (Ok(_), Outcome::Ok) => {}
        (Err(error), Outcome::Failed { code, message }) => {
            assert_eq!(*code, error.code());
            assert!(message.starts_with(&error.to_string()), "{message}");
        }
        (result, outcome) => panic!("{result:?}, but {outcome:?}"),
    }
}

#[tokio::test]
async fn a_load_is_one_event_and_a_refused_one_none() {
    let page = Page::default();
    let host = page.host();
    let bytes = guests::prebuilt_text();
    let component = support::load(&host, &bytes).await;
    let events = page.take();
    let [Event::ComponentLoaded(loaded)] = events.as_slice() else {
        panic!("not one load: {events:?}");
    };
    assert_eq!(
        loaded.component,
        component.component().expect("a component").digest()
    );
    assert_eq!(loaded.bytes, u64::try_from(bytes.len()).unwrap());
    assert!(Duration::ZERO < loaded.compile);
    host.load(b"(component)".to_vec()).await.unwrap_err();
    assert!(page.take().is_empty());
}

#[tokio::test]
async fn a_call_is_one_event_however_it_ends() {
    let page = Page::default();
    let host = page.host();
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let digest = hostile.component().expect("a component").digest();
    page.take();
    let short = Limits {
        fuel: 1_000_000,
        wall_ms: 5_000,
        ..Limits::default()
    };
    for (tool, arguments, fault) in [
        ("swallow", json!({ "text": "all of it" }), None),
        ("fail", json!({ "bytes": 100 }), Some(Fault::Component)),
        ("trap", json!({}), Some(Fault::Component)),
        ("exit-with", json!({ "code": 0 }), Some(Fault::Component)),
        ("spin", json!({}), Some(Fault::Limit)),
        ("swallow", json!({ "text": 7 }), Some(Fault::Caller)),
        ("no\nsuch-tool", json!({}), Some(Fault::Caller)),
    ] {
        let request = Request::new(tool, arguments).limits(short);
        let called = soon(host.call(&hostile, request)).await;
        let ended = called.result.as_ref().err().map(|error| error.fault());
        assert_eq!(ended, fault, "{tool}: {called:?}");
        check(&page, &called, tool, digest);
    }
}

/// Nobody is left to tell what came of it.
#[tokio::test]
async fn a_dropped_call_leaves_no_event() {
    let page = Page::default();
    let host = page.host();
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    page.take();
    let call = host.call(&hostile, Request::new("spin", json!({})));
    let dropped = tokio::time::timeout(Duration::from_millis(20), call).await;
    assert!(dropped.is_err(), "it ended by itself");
    assert!(page.take().is_empty());
}

/// Every id is another one.
#[tokio::test]
async fn every_call_has_its_own_id() {
    let host = support::host();
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let mut ids = std::collections::HashSet::new();
    for _ in 0..50 {
        let called = support::call(&host, &hostile, "remember", json!({ "text": "" })).await;
        assert!(ids.insert(called.id.to_string()));
    }
}
