//! What a component may do is what it was granted, at the moment in which it does it.

use std::time::{Duration, Instant};

use patinox::{Capability, Failure as _, Grant, Host, LoadRequest, Loaded, Request};
use patinox_policy::{Limits, LoadLimits, Policy};
use patinox_sandbox::{Component, Engine, EngineConfig, Run, Sandbox};
use patinox_telemetry::{CallId, Clock};
use serde_json::{Value, json};

use crate::support::{self, code, guests};

/// A host that has two variables to hand on.
fn host() -> Host {
    let variables = [("TZ", "Europe/Zurich"), ("SECRET", "s3cr3t")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Host::new(patinox::Config {
        variables: variables.into_iter().collect(),
        ..support::config()
    })
    .expect("a host")
}

async fn probe(host: &Host, grants: &[&str], denied: &[&str]) -> Option<Loaded> {
    let request = LoadRequest::bytes(guests::built("fixture-probe")?);
    let parsed = |text: &&str| text.parse::<Grant>().expect("a grant");
    let request = grants.iter().map(parsed).fold(request, LoadRequest::grant);
    let request = denied.iter().map(parsed).fold(request, LoadRequest::deny);
    Some(host.load(request).await.expect("a component"))
}

#[tokio::test]
async fn the_environment_has_what_is_granted_and_set() {
    let host = host();
    for (grants, denied, seen) in [
        (
            &["env=MODE=fast"] as &[_],
            &[] as &[_],
            json!([["MODE", "fast"]]),
        ),
        (
            &["env=TZ", "env=MODE=a%20b", "env=NOBODY_SET_IT"],
            &[],
            json!([["MODE", "a b"], ["TZ", "Europe/Zurich"]]),
        ),
        (&["env=TZ", "env=TZ"], &["env=TZ"], json!([])),
        (&["config=TZ=a"], &[], json!([])),
    ] {
        let Some(probe) = probe(&host, grants, denied).await else {
            return;
        };
        let called = support::call(&host, &probe, "environment", json!({})).await;
        assert_eq!(called.denials, []);
        assert_eq!(called.result.expect("an answer"), seen, "{grants:?}");
    }
}

#[tokio::test]
async fn a_setting_that_is_not_granted_is_told_with_what_would_allow_it() {
    let host = host();
    let Some(probe) = probe(&host, &["config=units=metric"], &["config=door=open"]).await else {
        return;
    };
    let ask =
        async |key: &str| support::call(&host, &probe, "setting", json!({ "key": key })).await;
    let called = ask("units").await;
    assert_eq!(called.result.expect("an answer"), "metric");
    let called = support::call(&host, &probe, "settings", json!({})).await;
    assert_eq!(
        called.result.expect("an answer"),
        json!([["units", "metric"]])
    );

    let called = ask("city").await;
    let [denial] = called.denials.as_slice() else {
        panic!("{called:?}");
    };
    assert_eq!(denial.to_string(), "the setting `city` is not granted");
    let error = called.result.expect_err("a refusal");
    assert_eq!(error.code().as_str(), "policy/denied");
    let text = "the setting `city` is not granted, and then the tool failed: it needs the setting \
                `city`";
    assert_eq!(error.to_string(), text);
    let hint = error.hint().expect("a hint");
    assert_eq!(hint, "allow it with --allow 'config=city='");

    let error = ask("door").await.result.expect_err("a refusal");
    let text = error.to_string();
    assert!(
        text.starts_with("the setting `door` is denied: the program"),
        "{text}"
    );
    assert_eq!(error.hint(), None);

    // What is no name of a setting is there for nobody, and told as the tool tells it.
    let called = ask("").await;
    assert_eq!(code(&called), "component/error", "{called:?}");
}

#[tokio::test]
async fn a_clock_is_fine_where_that_is_granted() {
    let host = host();
    let Some(probe) = probe(&host, &["clock=fine"], &[]).await else {
        return;
    };
    let mut is_fine = false;
    for clock in ["wall", "monotonic"] {
        for _ in 0..20 {
            let called = support::call(&host, &probe, clock, json!({})).await;
            let reading = called.result.expect("a reading");
            assert_eq!(reading["resolution-ns"], 1);
            let now = match &reading["now-ns"] {
                Value::String(text) => text.parse().expect("a number"),
                number => number.as_u64().expect("a number"),
            };
            is_fine |= now % 1_000_000 != 0;
        }
        assert!(is_fine, "{clock}");
    }
}

/// The same call draws the same again; the host's randomness is for who was granted it.
#[tokio::test]
async fn random_bytes_are_those_of_the_call_unless_the_hosts_are_granted() {
    let Some(bytes) = guests::built("fixture-probe") else {
        return;
    };
    let engine = Engine::new(EngineConfig::default());
    let component = Component::new(&engine, &bytes, &LoadLimits::default()).expect("a component");
    let mut of_host = Policy::default();
    let grant = "random=host".parse().expect("a grant");
    of_host.allow(grant).expect("a policy");
    let id = || CallId::new(Clock::system().wall());
    let (one, other) = (id(), id());
    for (policy, is_the_same) in [(Policy::default(), true), (of_host, false)] {
        let sandbox = Sandbox::new(component.clone(), policy).expect("a sandbox");
        let draw = async |id| {
            let mut exports = component.exports().iter();
            let export = exports.find(|export| export.name == "random-bytes");
            let export = export.expect("an export");
            let ty = export.ty.as_ref().expect("a type");
            let arguments = ty.decode(&json!({ "n": 32 })).expect("arguments");
            let run = Run {
                id,
                ..Run::new(Limits::default())
            };
            let called = sandbox.call(export, &arguments, &run).await;
            called.result.expect("bytes")
        };
        assert_eq!(draw(one).await == draw(one).await, is_the_same);
        assert_ne!(draw(one).await, draw(other).await);
    }
}

#[tokio::test]
async fn what_has_ended_is_granted_no_more() {
    let host = host();
    let Some(bytes) = guests::built("fixture-probe") else {
        return;
    };
    let soon = Clock::system().wall() + Duration::from_millis(1_500);
    let grant = |text: &str| text.parse::<Grant>().expect("a grant").until(soon);
    let request = LoadRequest::bytes(bytes);
    let request = request.grant(grant("config=a=1")).grant(grant("env=TZ"));
    let probe = host.load(request).await.expect("a component");
    let ask = async |tool: &str, arguments: Value| {
        host.call(&probe, Request::new(tool, arguments))
            .await
            .result
    };
    let started = Instant::now();
    let mut refused = ask("setting", json!({ "key": "a" })).await.err();
    while refused.is_none() && started.elapsed() < support::SOON {
        refused = ask("setting", json!({ "key": "a" })).await.err();
    }
    let error = refused.expect("an end");
    assert_eq!(error.code().as_str(), "policy/expired");
    let text = error.to_string();
    assert!(
        text.starts_with("the setting `a` is no longer granted: "),
        "{text}"
    );
    assert_eq!(
        ask("environment", json!({})).await.expect("a list"),
        json!([])
    );
}

#[tokio::test]
async fn what_nothing_would_enforce_is_refused() {
    let host = host();
    let Some(bytes) = guests::built("fixture-probe") else {
        return;
    };
    for capability in Capability::ALL {
        let grant: Grant = capability.example().parse().expect("a grant");
        let loaded = host
            .load(LoadRequest::bytes(bytes.clone()).grant(grant))
            .await;
        match capability {
            // That one is there in `files.rs`.
            Capability::Filesystem => drop(loaded.expect_err("no such folder")),
            Capability::Http | Capability::Model | Capability::Tool => {
                let error = loaded.expect_err("a refusal");
                assert_eq!(error.code().as_str(), "caller/invalid-config");
                assert!(
                    error.to_string().contains("cannot be granted yet"),
                    "{error}"
                );
            }
            Capability::Environment
            | Capability::Config
            | Capability::KeyValue
            | Capability::Clock
            | Capability::Random
            | Capability::Import => drop(loaded.expect("a component")),
        }
    }
    let conflict = |text: &str| text.parse::<Grant>().expect("a grant");
    let request = LoadRequest::bytes(bytes)
        .grant(conflict("env=A=1"))
        .grant(conflict("env=A=2"));
    let error = host.load(request).await.expect_err("a refusal");
    assert!(
        error.to_string().contains("gives to something else"),
        "{error}"
    );
}
