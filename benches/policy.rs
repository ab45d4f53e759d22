//! What it costs to decide whether something may be done, for 100 grants.
//!
//! The floor is a hash of the same question in a set of 100: what a policy of exact
//! names alone would cost. Method and numbers: `benches/README.md`.

#![expect(
    clippy::expect_used,
    reason = "a bench that cannot run has nothing else to say"
)]

use std::collections::HashSet;
use std::hint::black_box;
use std::time::SystemTime;

use criterion::{Criterion, criterion_group, criterion_main};
use patinox::{Access, HttpAccess, Mode, Policy};

const NOW: SystemTime = SystemTime::UNIX_EPOCH;

/// How many grants there are.
const GRANTS: usize = 100;

fn policy(allow: impl Iterator<Item = String>, deny: impl Iterator<Item = String>) -> Policy {
    let mut policy = Policy::default();
    for text in allow {
        let grant = text.parse().expect("a grant");
        policy.allow(grant).expect("room");
    }
    for text in deny {
        let grant = text.parse().expect("a grant");
        policy.deny(grant).expect("room");
    }
    policy
}

fn request(host: &str, path: &str) -> Access {
    let access = HttpAccess::new("GET", "https", host, path).expect("a request");
    Access::http(access)
}

/// As many of each kind: what a component has that does a lot.
fn mixed() -> Policy {
    let grants = (0..GRANTS).map(|number| match number % 5 {
        0 => format!("http=https://api{number}.example.com/v1/**"),
        1 => format!("fs=/srv/{number}:ro@/data/{number}"),
        2 => format!("env=NAME_{number}"),
        3 => format!("kv=notes-{number}:rw"),
        _ => format!("tool=text.tool-{number}"),
    });
    policy(grants, std::iter::empty())
}

/// All paths of one host, so that each has to be compared.
fn one_host() -> Policy {
    let grants =
        (0..GRANTS).map(|number| format!("http=https://api.example.com/v1/part-{number}/**"));
    policy(grants, std::iter::empty())
}

/// The same, but half of them denials, with a wildcard in the middle.
fn denials() -> Policy {
    let half = GRANTS / 2;
    let allow = (0..half).map(|number| format!("http=https://api.example.com/v1/*/{number}/**"));
    let deny =
        (0..half).map(|number| format!("http=https://api.example.com/v1/secret-{number}/**"));
    policy(allow, deny)
}

fn decide(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("policy/decide");
    let folder = |path| Access::folder(path, Mode::Read).expect("a path");
    for (name, policy, access) in [
        (
            "mixed/http",
            mixed(),
            request("api95.example.com", "/v1/a/b"),
        ),
        ("mixed/folder", mixed(), folder("/data/96/a/b")),
        (
            "one-host",
            one_host(),
            request("api.example.com", "/v1/part-99/a/b"),
        ),
        (
            "denials",
            denials(),
            request("api.example.com", "/v1/a/49/b"),
        ),
    ] {
        assert!(
            policy.decide(&access, NOW).is_ok(),
            "{name}: the last one allows it"
        );
        assert_eq!(policy.granted().len() + policy.denied().len(), GRANTS);
        group.bench_function(name, |bencher| {
            bencher.iter(|| policy.decide(black_box(&access), NOW).is_ok());
        });
    }
    let (policy, refused) = (one_host(), request("api.example.com", "/v1/part-100/a"));
    assert!(policy.decide(&refused, NOW).is_err(), "nothing allows it");
    group.bench_function("refused", |bencher| {
        bencher.iter(|| policy.decide(black_box(&refused), NOW).is_err());
    });
    group.bench_function("request", |bencher| {
        bencher.iter(|| request(black_box("api.example.com"), black_box("/v1/part-99/a/b")));
    });
    let names: HashSet<_> = (0..GRANTS)
        .map(|number| request(&format!("api{number}.example.com"), "/v1/a/b"))
        .collect();
    let access = request("api95.example.com", "/v1/a/b");
    group.bench_function("floor", |bencher| {
        bencher.iter(|| names.contains(black_box(&access)));
    });
    group.finish();
}

criterion_group!(benches, decide);
criterion_main!(benches);
