//! Nothing of one call is seen by the next, however the first one ended and
//! wherever its memory came from.
//!
//! The first call writes to all that it can: memory, also what it grew by,
//! globals, a table, handles of its own and of the host, output and log. The
//! next has its very slot, as there is no other, and looks for any of it.

use std::sync::Arc;

use patinox::{
    Allocation, CancellationToken, Config, Detector, Host, Limits, Loaded, Profile, Request,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;

use super::pool::machine;
use crate::support::{self, call, code, forge, soon};

/// How the first call ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Well,
    Trap,
    Fuel,
    Memory,
    Token,
    Drop,
}

const ENDS: [End; 6] = [
    End::Well,
    End::Trap,
    End::Fuel,
    End::Memory,
    End::Token,
    End::Drop,
];

impl End {
    /// What `leave` is told.
    fn how(self) -> u32 {
        match self {
            Self::Well => 0,
            Self::Trap => 1,
            Self::Fuel | Self::Token | Self::Drop => 2,
            Self::Memory => 3,
        }
    }
}

/// Where instances get their memory, from one slot alone.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// A pool that asks the kernel what was written.
    Scanned,
    /// A pool that does not, as there is swap.
    Copied,
    OnDemand,
}

impl Place {
    fn host(self) -> (Host, TempDir) {
        let root = tempfile::tempdir().expect("a folder");
        let swap = "/swapfile file 65532 0 -2\n";
        machine(
            root.path(),
            if matches!(self, Self::Copied) {
                swap
            } else {
                ""
            },
        );
        let one = Some(1);
        let config = Config {
            allocation: match self {
                Self::Scanned | Self::Copied => Allocation::Pool { slots: one },
                Self::OnDemand => Allocation::OnDemand { slots: one },
            },
            detector: Detector::below(root.path()),
            limits: Limits {
                fuel: 200_000_000,
                ..Limits::default()
            },
            ..support::config()
        };
        (Host::new(config).expect("a host"), root)
    }

    #[track_caller]
    fn assert_is_that_of(self, host: &Host, profile: Profile) {
        let allocated = host.allocated(profile).expect("an engine");
        let pool = match self {
            Self::Scanned | Self::Copied => Some(1),
            Self::OnDemand => None,
        };
        assert_eq!(allocated.pool_slots, pool, "{self:?}");
        let scans = matches!(self, Self::Scanned);
        assert_eq!(allocated.pagemap_scan, scans, "{self:?}");
    }
}

const IMPORTS: &str = include_str!("../../components/hostile/forged/state/canary_imports.wat");
const CANARY: &str = include_str!("../../components/hostile/forged/state/canary.wat");

/// The component, alone or inside another; a twin has another digest.
pub(super) fn canary(profile: Profile, twin: &str) -> Vec<u8> {
    let own = format!(r#"(@custom "twin" "{twin}")"#);
    let text = match profile {
        Profile::Lean => format!("(component {own} {IMPORTS} {CANARY})"),
        Profile::Strict => format!(
            r#"(component {own} {IMPORTS}
                (component $inner {IMPORTS} {CANARY})
                (instance $inner (instantiate $inner
                    (with "patinox:tool/context@0.1.0" (instance $context))
                    (with "wasi:io/error@0.2.0" (instance $error))
                    (with "wasi:io/streams@0.2.0" (instance $streams))
                    (with "wasi:cli/stdout@0.2.0" (instance $stdout))
                    (with "wasi:logging/logging@0.1.0-draft" (instance $logging))
                    (with "wasi:random/random@0.2.0" (instance $random))
                    (with "wasi:random/insecure-seed@0.2.0" (instance $seed))))
                (export "leave" (func $inner "leave"))
                (export "look" (func $inner "look")))"#
        ),
    };
    forge::component(&text)
}

/// Leaves something everywhere, and ends.
async fn leave(host: &Host, component: &Loaded, end: End) {
    let written = Arc::new(Notify::new());
    let told = Arc::clone(&written);
    let token = CancellationToken::new();
    let request = Request::new("leave", json!({ "how": end.how() }))
        .cancel(token.clone())
        .progress(Arc::new(move |_| told.notify_one()));
    let request = match end {
        End::Token | End::Drop => request.limits(Limits {
            fuel: u64::MAX >> 1,
            ..*host.limits()
        }),
        _ => request,
    };
    let call = host.call(component, request);
    tokio::pin!(call);
    if matches!(end, End::Token | End::Drop) {
        let early = tokio::select! {
            called = &mut call => Some(called),
            () = soon(written.notified()) => None,
        };
        assert!(early.is_none(), "{end:?}: {early:?}");
    }
    match end {
        End::Drop => return,
        End::Token => token.cancel(),
        _ => {}
    }
    let called = soon(call).await;
    let expected = match end {
        End::Well => "ok",
        End::Trap => "component/trap",
        End::Fuel => "limit/fuel",
        End::Memory => "limit/memory",
        End::Token | End::Drop => "cancelled",
    };
    assert_eq!(code(&called), expected, "{end:?}: {called:?}");
    // It did write.
    let output = (called.output.stdout.as_str(), called.output.log.as_str());
    assert_eq!(output, ("canary", "info canary: canary\n"), "{end:?}");
    assert!(
        5 << 20 < called.usage.memory_bytes_peak,
        "{end:?}: {called:?}"
    );
}

/// What a call finds: eight numbers, the last three of them random.
async fn look(host: &Host, component: &Loaded) -> ([u64; 5], [u64; 3]) {
    let called = call(host, component, "look", json!({})).await;
    assert_eq!(called.output, patinox_sandbox::GuestOutput::default());
    let found = called.result.expect("what it finds");
    let number = |value: &Value| match value {
        Value::String(text) => text.parse().expect("a number"),
        number => number.as_u64().expect("a number"),
    };
    let found: Vec<u64> = found
        .as_array()
        .expect("a list")
        .iter()
        .map(number)
        .collect();
    let (state, random) = found.split_at(5);
    (
        state.try_into().expect("five"),
        random.try_into().expect("three"),
    )
}

async fn check(place: Place, profile: Profile) {
    let (host, _root) = place.host();
    let component = support::load(&host, &canary(profile, "one")).await;
    let twin = support::load(&host, &canary(profile, "two")).await;
    assert_eq!(
        component.component().expect("a component").profile(),
        profile
    );
    assert_ne!(
        component.component().expect("a component").digest(),
        twin.component().expect("a component").digest()
    );
    place.assert_is_that_of(&host, profile);

    // What there is when nobody has left anything: two words of data, one slot
    // of the table, and the first handles.
    let (fresh, first) = look(&host, &component).await;
    assert_eq!(fresh[..3], [2, 0, 1], "{place:?}");
    let mut random = first.to_vec();
    for end in ENDS {
        for looks in [&component, &twin] {
            leave(&host, &component, end).await;
            let (found, more) = look(&host, looks).await;
            assert_eq!(found, fresh, "{place:?}, {profile:?}, {end:?}");
            random.extend(more);
        }
    }
    // No seed is that of another call.
    let count = random.len();
    random.sort_unstable();
    random.dedup();
    assert_eq!(random.len(), count, "{random:?}");
}

macro_rules! places {
    ($($name:ident: $place:ident, $profile:ident;)*) => {
        $(#[tokio::test]
        async fn $name() {
            check(Place::$place, Profile::$profile).await;
        })*
    };
}

places! {
    in_a_pool_that_scans: Scanned, Lean;
    in_a_pool_that_scans_strictly: Scanned, Strict;
    in_a_pool_that_copies: Copied, Lean;
    in_a_pool_that_copies_strictly: Copied, Strict;
    on_demand: OnDemand, Lean;
    on_demand_strictly: OnDemand, Strict;
}

/// Calls that end while others begin: each slot goes from one to another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn among_many_at_once() {
    for profile in [Profile::Lean, Profile::Strict] {
        let host = Host::new(Config {
            allocation: Allocation::Pool { slots: Some(4) },
            ..support::config()
        });
        let host = host.expect("a host");
        let component = support::load(&host, &canary(profile, "one")).await;
        let (fresh, _) = look(&host, &component).await;
        let mut calls = tokio::task::JoinSet::new();
        for n in 0..30 {
            let (host, component) = (host.clone(), component.clone());
            calls.spawn(async move {
                let how = json!({ "how": n % 2 });
                call(&host, &component, "leave", how).await;
                let (found, _) = look(&host, &component).await;
                assert_eq!(found, fresh, "{profile:?}");
            });
        }
        while let Some(done) = calls.join_next().await {
            done.expect("a call");
        }
    }
}

/// No seed comes twice, whatever ended the call before.
#[tokio::test]
async fn each_call_draws_anew() {
    let seeds = forge::component(include_str!(
        "../../components/hostile/forged/state/seeds.wat"
    ));
    let mut drawn = Vec::new();
    for place in [Place::Scanned, Place::Copied, Place::OnDemand] {
        let (host, _root) = place.host();
        let seeds = support::load(&host, &seeds).await;
        for _ in 0..50 {
            let crashed = call(&host, &seeds, "run", json!({ "crash": true })).await;
            assert_eq!(code(&crashed), "component/trap");
            let drew = call(&host, &seeds, "run", json!({ "crash": false })).await;
            let drew = drew.result.expect("four words");
            drawn.extend(drew.as_array().expect("four words").clone());
        }
    }
    let all = drawn.len();
    assert_eq!(all, 3 * 50 * 4);
    let different: std::collections::HashSet<_> = drawn.iter().map(Value::to_string).collect();
    assert_eq!(different.len(), all);
}
