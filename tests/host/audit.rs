//! What was called, granted and denied is written down, and no secret of it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use patinox::{
    Answer, AuditLog, CancellationToken, Config, Failure as _, GrantStore, Host, Limits,
    LoadRequest, Loaded, Request,
};
use serde_json::{Value, json};

use super::files::Place;
use super::prompts::Person;
use crate::support::{self, code, guests};

struct Setting {
    place: Place,
    log: AuditLog,
    host: Host,
}

impl Setting {
    fn new() -> Self {
        let place = Place::new();
        let log = AuditLog::in_folder(place.path().join("state/audit"));
        let store = GrantStore::in_folder(place.path().join("state/grants"));
        let host = Host::new(Config {
            audit: Some(log.clone()),
            grants: Some(store.audited(log.clone())),
            ..support::config()
        });
        let host = host.expect("a host");
        Self { place, log, host }
    }

    fn file(&self) -> PathBuf {
        self.place.path().join("state/audit/audit.jsonl")
    }

    fn records(&self) -> Vec<Value> {
        let (records, damaged) = self.log.last(1_000, |_| true).expect("a log");
        assert_eq!(damaged, 0);
        records
    }

    /// What was written down of each call, in order.
    fn calls(&self) -> Vec<String> {
        let of_calls = self
            .records()
            .into_iter()
            .filter(|record| record["tool"].is_string());
        of_calls.map(|record| said(&record["event"])).collect()
    }

    async fn text(&self) -> Loaded {
        let text = LoadRequest::bytes(guests::prebuilt_text());
        self.host.load(text).await.expect("a component")
    }

    async fn probe(&self, grant: &str) -> Option<Loaded> {
        let probe = LoadRequest::bytes(guests::built("fixture-probe")?);
        let probe = probe.grant(grant.parse().expect("a grant"));
        Some(self.host.load(probe).await.expect("a component"))
    }
}

fn said(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_call_is_written_down_before_and_after() {
    let setting = Setting::new();
    let text = setting.text().await;
    let count = || Request::new("count", json!({ "text": "s3cr3t words" }));
    let first = setting.host.call(&text, count()).await;
    let second = setting.host.call(&text, count()).await;
    let unknown = setting
        .host
        .call(&text, Request::new("cuont", json!({})))
        .await;
    assert_eq!(code(&unknown), "caller/unknown-tool");
    let records = setting.records();
    let events: Vec<_> = records
        .iter()
        .map(|record| said(&record["event"]))
        .collect();
    let call = ["call_begun", "call_ended"];
    assert_eq!(events[0], "component_loaded");
    assert_eq!(events[1..], [call, call, call].concat());
    for (called, at) in [(&first, 1), (&second, 3), (&unknown, 5)] {
        for record in &records[at..at + 2] {
            assert_eq!(record["call"], json!(called.id.to_string()));
            assert_eq!(record["component"], json!(text.digest()));
        }
        assert_eq!(records[at + 1]["usage"]["fuel"], json!(called.usage.fuel));
    }
    // The same has the same digest, and another one another.
    assert_eq!(records[1]["arguments"], records[3]["arguments"]);
    assert_eq!(records[2]["result"], records[4]["result"]);
    assert_ne!(records[1]["arguments"], records[5]["arguments"]);
    assert_eq!(records[6]["code"], "caller/unknown-tool");
    assert_eq!(records[6]["ok"], false);
    let written = fs::read_to_string(setting.file()).expect("a file");
    assert!(!written.contains("s3cr3t"), "{written}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_ends_a_call_it_is_written_down() {
    let setting = Setting::new();
    let hostile = LoadRequest::bytes(guests::prebuilt_hostile());
    let hostile = setting.host.load(hostile).await.expect("a component");
    let limits = Limits {
        wall_ms: 50,
        fuel: u64::MAX / 2,
        ..Limits::default()
    };
    let spin = || Request::new("spin", json!({}));
    let called = setting.host.call(&hostile, spin().limits(limits)).await;
    assert_eq!(code(&called), "limit/wall");
    let trapped = setting
        .host
        .call(&hostile, Request::new("trap", json!({})))
        .await;
    assert_eq!(code(&trapped), "component/trap");
    let cancel = CancellationToken::new();
    cancel.cancel();
    let called = setting.host.call(&hostile, spin().cancel(cancel)).await;
    assert_eq!(code(&called), "cancelled");
    assert_eq!(setting.calls(), ["call_begun", "call_ended"].repeat(3));
    // At whatever moment somebody lets go of it.
    let long = Limits {
        wall_ms: 60_000,
        ..limits
    };
    for micros in (0..40_000).step_by(1_000) {
        let call = setting.host.call(&hostile, spin().limits(long));
        let ended = tokio::time::timeout(Duration::from_micros(micros), call).await;
        assert!(ended.is_err());
    }
    support::soon(async {
        loop {
            let records = setting.records();
            let begun = records.iter().filter(|one| one["event"] == "call_begun");
            let begun: Vec<_> = begun.map(|one| said(&one["call"])).collect();
            if begun.iter().all(|call| is_over(&records, call)) && 3 < begun.len() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Whether its end was written down, once.
fn is_over(records: &[Value], call: &str) -> bool {
    let of_it = records.iter().filter(|one| one["call"] == call);
    of_it.filter(|one| one["event"] != "call_begun").count() == 1
}

#[tokio::test]
async fn what_cannot_be_written_down_does_not_begin() {
    let setting = Setting::new();
    let text = setting.text().await;
    let file = setting.file();
    fs::remove_file(&file).expect("a file");
    fs::create_dir(&file).expect("a folder");
    let count = || Request::new("count", json!({ "text": "a" }));
    let refused = setting.host.call(&text, count()).await;
    assert_eq!(code(&refused), "caller/unreadable");
    assert_eq!(refused.usage.fuel, 0);
    let error = refused.result.expect_err("it is refused");
    assert!(
        error.hint().is_some_and(|hint| hint.contains("`audit`")),
        "{error}"
    );
    let again = setting
        .host
        .load(LoadRequest::bytes(guests::prebuilt_text()))
        .await;
    assert!(again.is_err(), "{again:?}");
    let given = setting
        .host
        .grant(&text, "env=A=1".parse().expect("a grant"))
        .await;
    assert!(given.is_err(), "{given:?}");
    assert_eq!(text.policy().expect("a component").granted(), []);
    fs::remove_dir(&file).expect("a folder");
    assert_eq!(code(&setting.host.call(&text, count()).await), "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grants_and_denials_are_written_down_without_their_values() {
    let setting = Setting::new();
    let Some(probe) = setting.probe("env=TOKEN=s3cr3t").await else {
        return;
    };
    let host = &setting.host;
    let grant = "config=key=s3cr3t".parse().expect("a grant");
    host.grant(&probe, grant).await.expect("a grant");
    let grant = "config=key=s3cr3t".parse().expect("a grant");
    assert_eq!(host.revoke(&probe, &grant), 1);
    let read = |path: &str| Request::new("read-file", json!({ "path": path }));
    let denied = host.call(&probe, read("/data/sub/b.txt")).await;
    assert_eq!(code(&denied), "policy/denied");
    for answer in [Answer::No, Answer::Once, Answer::Always] {
        let person = Person::says(answer, &setting.place);
        let request = read("/data/a.txt").prompt(Arc::clone(&person) as _);
        host.call(&probe, request).await;
        assert_eq!(person.asked().len(), 1);
    }
    let records = setting.records();
    assert_eq!(records[0]["grants"][0]["grant"], "env=TOKEN=…");
    let change = |record: &Value| {
        let grant = said(&record["grant"]["grant"]);
        let grant = grant.replace(&setting.place.path().display().to_string(), ".");
        format!("{} {grant}", said(&record["change"]))
    };
    let changes = records.iter().filter(|record| record["event"] == "grant");
    let data = "fs=./data:ro@/data";
    assert_eq!(
        changes.map(change).collect::<Vec<_>>(),
        [
            "granted config=key=…".to_owned(),
            "revoked config=key=…".to_owned(),
            format!("no {data}"),
            format!("once {data}"),
            format!("always {data}"),
            format!("granted {data}"),
        ]
    );
    let denials: Vec<_> = records
        .iter()
        .flat_map(|record| record["denials"].as_array().cloned().unwrap_or_default())
        .map(|denial| said(&denial["asked"]))
        .collect();
    assert_eq!(denials, ["reading `/data/sub`", "reading `/data`"]);
    let written = fs::read_to_string(setting.file()).expect("a file");
    assert!(!written.contains("s3cr3t"), "{written}");
    // Nobody is granted the log itself.
    let own = format!(
        "fs={}:ro@/log",
        setting.place.path().join("state/audit").display()
    );
    let request = LoadRequest::bytes(guests::prebuilt_text());
    let refused = host
        .load(request.grant(own.parse().expect("a grant")))
        .await;
    assert!(refused.is_err(), "{refused:?}");
}
