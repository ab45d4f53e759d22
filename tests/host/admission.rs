//! More calls than may run: who runs, who waits, who is turned away.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use patinox::{
    Admission, Called, CancellationToken, Code, Config, Detector, Failure as _, Fault, Host,
    LimitName, Limits, Loaded, Principal, Priority, RecoveryStrategy, Request,
};
use serde_json::json;

use crate::support::{self, Neighbour, code, guests, soon};

type Call<'a> = Pin<Box<dyn Future<Output = Called> + 'a>>;

/// A host of these ceilings, and a component in it.
struct Scene {
    host: Host,
    hostile: Loaded,
}

impl Scene {
    async fn new(concurrency: u64, queue: u64) -> Self {
        let ceilings = Admission {
            concurrency,
            queue,
            ..Admission::default()
        };
        Self::of(ceilings).await
    }

    async fn of(admission: Admission) -> Self {
        let host = Host::new(Config {
            admission,
            ..Config::default()
        });
        let host = host.unwrap();
        Self {
            hostile: support::load(&host, &guests::prebuilt_hostile()).await,
            host,
        }
    }

    fn call(&self, request: Request) -> Call<'_> {
        Box::pin(self.host.call(&self.hostile, request))
    }

    /// A call that has begun, or waits; it has not ended.
    async fn going(&self, request: Request) -> Call<'_> {
        let mut call = self.call(request);
        assert!(poll_once(&mut call).await.is_pending());
        call
    }

    /// A call that ends at once, one way or the other.
    async fn now(&self) -> &'static str {
        let mut call = self.call(light());
        match poll_once(&mut call).await {
            Poll::Ready(called) => code(&called),
            Poll::Pending => "waits or runs",
        }
    }
}

async fn poll_once(call: &mut Call<'_>) -> Poll<Called> {
    poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await
}

/// It takes a while, and no computing.
fn sleep(ms: u64) -> Request {
    Request::new("sleep", json!({ "ms": ms }))
}

/// Nothing here waits so long.
fn long() -> Request {
    sleep(9_000)
}

/// It takes no time.
fn light() -> Request {
    Request::new("swallow", json!({ "text": "to be" }))
}

#[tokio::test]
async fn one_runs_one_waits_and_the_third_is_told_when_to_come_back() {
    let scene = Scene::new(1, 1).await;
    let neighbour = Neighbour::of(&scene.host).await;
    let running = scene.going(sleep(20)).await;
    let waiting = scene.going(light()).await;
    let waits_since = Instant::now();
    let third = soon(scene.call(light())).await;
    let error = third.result.as_ref().unwrap_err();
    assert_eq!(error.code(), Code::Busy, "{third:?}");
    assert_eq!(error.code().as_str(), "limit/busy");
    assert_eq!(error.fault(), Fault::Limit);
    let RecoveryStrategy::Retry { after: Some(after) } = error.recovery() else {
        panic!("{:?}", error.recovery());
    };
    let sane = Duration::from_millis(10)..=Duration::from_secs(60);
    assert!(sane.contains(&after), "{after:?}");
    assert_eq!(
        error.to_string(),
        "the component is busy: limits `concurrency` of 1 and `queue` of 1 reached"
    );
    let hint = error.hint().unwrap();
    let said = format!("try again in {}ms; ", after.as_millis());
    assert!(hint.starts_with(&said), "{hint}");
    assert_eq!(third.usage.fuel, 0, "{third:?}");
    // Another component has permits of its own.
    neighbour.still_answers(10).await;
    // Until here nobody has asked the first one, so it cannot have ended.
    let waited = waits_since.elapsed();
    let (running, waiting) = tokio::join!(soon(running), soon(waiting));
    assert_eq!((code(&running), code(&waiting)), ("ok", "ok"));
    assert!(waited < waiting.usage.wall, "{waiting:?}");
    assert_eq!(code(&soon(scene.call(light())).await), "ok");
}

#[tokio::test]
async fn a_call_that_waits_ends_by_its_token() {
    let scene = Scene::new(1, 1).await;
    let running = scene.going(long()).await;
    let token = CancellationToken::new();
    let waiting = scene.going(light().cancel(token.clone())).await;
    assert_eq!(scene.now().await, "limit/busy");
    token.cancel();
    let called = soon(waiting).await;
    assert_eq!(code(&called), "cancelled");
    assert_eq!(called.usage.fuel, 0);
    assert_eq!(scene.now().await, "waits or runs");
    drop(running);
    assert_eq!(code(&soon(scene.call(light())).await), "ok");
}

#[tokio::test]
async fn a_call_that_waits_ends_when_it_is_dropped() {
    let scene = Scene::new(1, 1).await;
    let running = scene.going(long()).await;
    let waiting = scene.going(light()).await;
    assert_eq!(scene.now().await, "limit/busy");
    drop(waiting);
    let next = scene.going(light()).await;
    // It is his turn as soon as the other one is gone.
    drop(running);
    assert_eq!(code(&soon(next).await), "ok");
    assert_eq!(code(&soon(scene.call(light())).await), "ok");
}

#[tokio::test]
async fn a_call_that_waits_ends_at_its_wall() {
    let scene = Scene::new(1, 1).await;
    let running = scene.going(long()).await;
    let limits = Limits {
        wall_ms: 50,
        ..Limits::default()
    };
    let called = soon(scene.call(light().limits(limits))).await;
    let error = called.result.as_ref().unwrap_err();
    assert_eq!(error.code(), Code::Limit(LimitName::Wall), "{called:?}");
    let said = "limit `wall` of 50ms reached, ";
    assert!(error.to_string().starts_with(said), "{error}");
    assert!(error.hint().unwrap().contains("--limit wall="));
    assert!(Duration::from_millis(50) <= called.usage.wall, "{called:?}");
    assert_eq!(called.usage.fuel, 0);
    assert_eq!(scene.now().await, "waits or runs");
    drop(running);
    assert_eq!(code(&soon(scene.call(light())).await), "ok");
}

/// A call that fails leaves its permit as one that answers does.
#[tokio::test]
async fn however_a_call_ends_its_permit_comes_back() {
    let scene = Scene::new(1, 0).await;
    let short = Limits {
        fuel: 1_000_000,
        ..Limits::default()
    };
    for (tool, arguments, ends) in [
        ("swallow", json!({ "text": "" }), "ok"),
        ("trap", json!({}), "component/trap"),
        ("spin", json!({}), "limit/fuel"),
        ("exit-with", json!({ "code": 0 }), "component/exit"),
        ("swallow", json!({ "text": 7 }), "caller/invalid-arguments"),
        ("no-such-tool", json!({}), "caller/unknown-tool"),
    ] {
        let request = Request::new(tool, arguments).limits(short);
        let request = request.principal(Principal::named("user:ada").unwrap());
        let called = soon(scene.call(request.priority(Priority::Background))).await;
        assert_eq!(code(&called), ends, "{tool}: {called:?}");
    }
    assert_eq!(code(&soon(scene.call(light())).await), "ok");
}

/// The crowd that each limit of admission stops, and that completes when that
/// limit alone is raised.
#[tokio::test]
async fn a_crowd_is_turned_away_and_with_that_limit_raised_it_is_not() {
    const CROWD: u64 = 6;
    let roomy = Admission {
        concurrency: CROWD,
        tool_concurrency: CROWD,
        principal_concurrency: CROWD,
        queue: 1,
        queue_wall_ms: 10_000,
    };
    // A limit without a row here does not compile.
    let Admission {
        concurrency: _,
        tool_concurrency: _,
        principal_concurrency: _,
        queue: _,
        queue_wall_ms: _,
    } = roomy;
    let one_at_once = Admission {
        concurrency: 1,
        ..roomy
    };
    let one_of_a_tool = Admission {
        tool_concurrency: 1,
        ..roomy
    };
    let one_of_a_principal = Admission {
        principal_concurrency: 1,
        ..roomy
    };
    let no_wait = Admission {
        queue: CROWD,
        queue_wall_ms: 0,
        ..one_at_once
    };
    // One runs and one waits, or nobody does.
    let rows = [
        (LimitName::Concurrency, "6", one_at_once, 2),
        (LimitName::ToolConcurrency, "6", one_of_a_tool, 2),
        (LimitName::PrincipalConcurrency, "6", one_of_a_principal, 2),
        (LimitName::Queue, "6", one_at_once, 2),
        (LimitName::QueueWall, "10s", no_wait, 1),
    ];
    for (limit, raised, stopped, answered) in rows {
        assert_eq!(crowd(CROWD, stopped).await, answered, "{limit}");
        let mut ceilings = stopped;
        ceilings.set(limit.as_str(), raised).expect("a value");
        assert_ne!(ceilings, stopped);
        assert_eq!(crowd(CROWD, ceilings).await, CROWD, "{limit} raised");
    }
}

/// How many of a crowd of calls answer; the rest is busy, and a neighbour never
/// notices.
async fn crowd(size: u64, ceilings: Admission) -> u64 {
    let scene = Scene::of(ceilings).await;
    let neighbour = Neighbour::of(&scene.host).await;
    let mut calls = Vec::new();
    let mut ends = Vec::new();
    let principal = Principal::named("crowd").unwrap();
    for _ in 0..size {
        let mut call = scene.call(sleep(20).principal(principal.clone()));
        match poll_once(&mut call).await {
            Poll::Ready(called) => ends.push(code(&called)),
            Poll::Pending => calls.push(call),
        }
    }
    neighbour.still_answers(2).await;
    // All of them are asked, so that each sees how long it has waited.
    ends.extend(soon(all(calls)).await);
    neighbour.still_answers(2).await;
    let answered = ends.iter().filter(|end| **end == "ok").count();
    let busy = ends.iter().filter(|end| **end == "limit/busy").count();
    assert_eq!(answered + busy, ends.len(), "{ends:?}");
    u64::try_from(answered).unwrap()
}

/// Waits for all of them at once; how each ended.
async fn all(mut calls: Vec<Call<'_>>) -> Vec<&'static str> {
    let mut ends = Vec::new();
    let work = poll_fn(|context| {
        calls.retain_mut(|call| match call.as_mut().poll(context) {
            Poll::Ready(called) => {
                ends.push(code(&called));
                false
            }
            Poll::Pending => true,
        });
        if calls.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    });
    work.await;
    ends
}

/// A component that lists its tools itself runs for that, as a call does.
#[tokio::test]
async fn listing_tools_passes_the_gate() {
    let Some(bytes) = guests::built("fixture-handler") else {
        return;
    };
    let host = Host::new(Config {
        admission: Admission {
            concurrency: 1,
            queue: 0,
            ..Admission::default()
        },
        ..Config::default()
    });
    let host = host.unwrap();
    let handler = support::load(&host, &bytes).await;
    // It is in the midst of reading that.
    let request = Request::new("echo", json!({ "text": "x".repeat(1 << 20) }));
    let mut call: Call<'_> = Box::pin(host.call(&handler, request));
    assert!(poll_once(&mut call).await.is_pending());
    let busy = soon(host.load(bytes.clone())).await.unwrap_err();
    assert_eq!(busy.code(), Code::Busy);
    drop(call);
    soon(host.load(bytes)).await.unwrap();
}

/// A tenant that floods the host takes nobody else's turn.
#[tokio::test(flavor = "multi_thread")]
async fn a_principal_who_floods_the_host_holds_up_nobody_else() {
    let scene = Scene::new(2, 8).await;
    let named = |name| Principal::named(name).unwrap();
    let flood: Vec<_> = (0..40)
        .map(|_| {
            let (host, hostile) = (scene.host.clone(), scene.hostile.clone());
            let request = sleep(30).principal(named("flood"));
            tokio::spawn(async move { code(&host.call(&hostile, request).await) })
        })
        .collect();
    // Ten of hers come while his fill all places, one after the other.
    for _ in 0..10 {
        let called = soon(scene.call(sleep(1).principal(named("ada")))).await;
        assert_eq!(code(&called), "ok", "{called:?}");
    }
    let mut ends = Vec::new();
    for call in flood {
        ends.push(soon(call).await.unwrap());
    }
    let count = |end| ends.iter().filter(|one| **one == end).count();
    assert_eq!(count("ok") + count("limit/busy"), 40, "{ends:?}");
    // What he sent at first was admitted all the same.
    assert!(8 <= count("ok"), "{ends:?}");
}

/// On a machine of 1 GiB, half of which is for calls, eight of 64 MiB run at once.
#[tokio::test(flavor = "multi_thread")]
async fn no_more_calls_run_than_the_machine_has_memory_for() {
    let root = tempfile::tempdir().unwrap();
    super::pool::machine(root.path(), "");
    let memory = "MemTotal: 1048576 kB\nMemAvailable: 900000 kB\n";
    std::fs::write(root.path().join("proc/meminfo"), memory).unwrap();
    let host = Host::new(Config {
        detector: Detector::below(root.path()),
        admission: Admission {
            queue: 1,
            ..Admission::default()
        },
        ..Config::default()
    });
    let host = host.unwrap();
    let hostile = support::load(&host, &guests::prebuilt_hostile()).await;
    let call = |memory_bytes| {
        let limits = Limits {
            memory_bytes,
            ..Limits::default()
        };
        let call: Call<'_> = Box::pin(host.call(&hostile, sleep(300).limits(limits)));
        call
    };
    let mut calls = Vec::new();
    for _ in 0..9 {
        let mut next = call(64 << 20);
        assert!(poll_once(&mut next).await.is_pending());
        calls.push(next);
    }
    let busy = soon(call(1 << 20)).await;
    assert_eq!(
        busy.result.unwrap_err().to_string(),
        "the host is busy: its calls may come to take all the memory that there is for calls, \
         and the limit `queue` of 1 is reached"
    );
    assert!(soon(all(calls)).await.iter().all(|end| *end == "ok"));
    // Of 16 MiB four times as many fit, and one of more than there is runs alone.
    let small: Vec<_> = (0..33).map(|_| call(16 << 20)).collect();
    assert!(soon(all(small)).await.iter().all(|end| *end == "ok"));
    assert_eq!(code(&soon(call(2 << 30)).await), "ok");
}
