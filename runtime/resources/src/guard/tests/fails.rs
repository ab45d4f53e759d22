use super::*;

use std::error::Error;
use std::sync::Mutex;

#[derive(Debug, thiserror::Error)]
#[error("the folder stays")]
struct Stays(#[source] std::io::Error);

fn failing(registry: &Registry) -> AsyncGuard<()> {
    let entry = registry.register(Kind::Folder, Owner::new("call 7"), 9);
    AsyncGuard::new(entry, (), async |()| {
        Err(Stays(std::io::Error::other("disk on fire")).into())
    })
}

/// Panics when it is dropped, also when that is because it panicked.
struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        panic_any(Self);
    }
}

async fn check(guard: impl FnOnce(&Registry) -> AsyncGuard<()>, reason: Reason, chain: &[&str]) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&told);
    let registry = Registry::new();
    let _listening = registry.listen(move |failure: &CleanupFailure| {
        listener.lock().unwrap().push(failure.clone());
    });
    let _cleaner = Cleaner::start(&registry, one_at_once()).unwrap();
    let neighbour = Seen::default();
    drop(guard(&registry));
    drop(counted(&registry, &neighbour));
    registry.settled().await;
    let failures = registry.failures();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].reason, reason);
    assert_eq!(failures[0].chain, chain);
    assert_eq!(*told.lock().unwrap(), failures);
    let counts = registry.failure_counts();
    let expected =
        [Reason::Error, Reason::Panic, Reason::TimeOut].map(|it| u64::from(it == reason));
    assert_eq!([counts.errors, counts.panics, counts.time_outs], expected);
    assert_eq!(counts.total(), 1);
    assert_eq!(neighbour.get(), [1, 1]);
    let entries = registry.entries();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].state, State::Failed);
    registry.forget_failures();
    assert_eq!(registry.counts().total().entries, 0);
    assert_eq!(registry.failures(), []);
}

fn guarded<C>(registry: &Registry, cleanup: impl FnOnce(()) -> C + Send + 'static) -> AsyncGuard<()>
where
    C: Future<Output = Result<(), CleanupError>> + Send + 'static,
{
    let entry = registry.register(Kind::Task, Owner::NONE, 1);
    AsyncGuard::new(entry, (), cleanup)
}

#[tokio::test(start_paused = true)]
async fn an_error_is_kept_with_its_sources() {
    check(
        failing,
        Reason::Error,
        &["the folder stays", "disk on fire"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_hangs_ends_at_its_limit() {
    let guard = |registry: &Registry| hanging(registry).with_limit(Duration::from_secs(2));
    let begun = Instant::now();
    check(guard, Reason::TimeOut, &["it had not ended after 2s"]).await;
    assert_eq!(begun.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_never_stops_to_work_ends_at_its_limit() {
    let guard = |registry: &Registry| {
        guarded(registry, async |()| {
            let (tell, mut told) = tokio::sync::mpsc::channel::<()>(1);
            loop {
                let _ = tell.try_send(());
                told.recv().await;
                tokio::time::advance(Duration::from_millis(1)).await;
            }
        })
    };
    check(guard, Reason::TimeOut, &["it had not ended after 5s"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_kept_as_its_text() {
    let guard = |registry: &Registry| {
        guarded(registry, async |()| {
            tokio::task::yield_now().await;
            panic!("on {}", "purpose")
        })
    };
    check(guard, Reason::Panic, &["on purpose"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_before_there_is_a_future_is_caught() {
    #[expect(clippy::unused_async, reason = "it panics before")]
    async fn never() -> Result<(), CleanupError> {
        Ok(())
    }
    let guard = |registry: &Registry| {
        guarded(registry, |()| {
            assert!(thread::panicking(), "at once");
            never()
        })
    };
    check(guard, Reason::Panic, &["at once"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_payload_that_panics_is_caught() {
    let guard = |registry: &Registry| guarded(registry, async |()| panic_any(Panics));
    check(guard, Reason::Panic, &["a panic without a text"]).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_that_panics_is_caught() {
    let guard = |registry: &Registry| {
        guarded(registry, async |()| {
            let _panics = Panics;
            Ok(())
        })
    };
    check(guard, Reason::Panic, &["a panic without a text"]).await;
    let hangs = |registry: &Registry| {
        guarded(registry, async |()| {
            let _panics = Panics;
            pending().await
        })
    };
    check(hangs, Reason::TimeOut, &["it had not ended after 5s"]).await;
}

#[derive(Debug)]
struct Hostile(Option<Panics>);

impl fmt::Debug for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Panics")
    }
}

impl fmt::Display for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_some() {
            panic!("no text")
        }
        loop {
            f.write_str("on and on ")?;
        }
    }
}

impl Error for Hostile {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self)
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_without_an_end_is_cut() {
    let long = format!("{}on a…", "on and on ".repeat(102));
    let chain = [long.as_str(); 16];
    let guard = |registry: &Registry| guarded(registry, async |()| Err(Hostile(None).into()));
    check(guard, Reason::Error, &chain).await;
}

#[tokio::test(start_paused = true)]
async fn an_error_that_panics_is_caught() {
    // Its text and its end both panic, so the second is in the unwinding of the
    // first: it must not come to that.
    struct Text;
    impl fmt::Debug for Text {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Text")
        }
    }
    impl fmt::Display for Text {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("no text")
        }
    }
    impl Error for Text {}
    let guard = |registry: &Registry| guarded(registry, async |()| Err(Text.into()));
    check(guard, Reason::Panic, &["no text"]).await;
    let both =
        |registry: &Registry| guarded(registry, async |()| Err(Hostile(Some(Panics)).into()));
    check(both, Reason::Panic, &["no text"]).await;
}

#[tokio::test(start_paused = true)]
async fn clean_returns_what_is_also_kept() {
    let registry = Registry::new();
    let guard = failing(&registry);
    tokio::time::advance(Duration::from_secs(3)).await;
    let failure = guard.clean().await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "the clean-up of a folder of call 7 failed: the folder stays: disk on fire"
    );
    assert_eq!(failure.age.as_secs(), 3);
    assert_eq!(registry.failures(), [failure]);
}

#[test]
fn clean_returns_the_error_also_where_there_is_no_runtime() {
    let registry = Registry::new();
    let bare = runtime::Builder::new_current_thread().build().unwrap();
    let failure = bare.block_on(failing(&registry).clean()).unwrap_err();
    assert_eq!(failure.reason, Reason::Error);
    assert_eq!(registry.failures(), [failure]);
}

#[tokio::test(start_paused = true)]
async fn the_last_failures_are_kept_and_their_entries() {
    let registry = Registry::new();
    for number in 0..100 {
        let entry = registry.register(Kind::Task, Owner::new(&number.to_string()), 1);
        let guard = AsyncGuard::new(entry, (), async |()| Err("no".into()));
        guard.clean().await.unwrap_err();
    }
    let failures = registry.failures();
    assert_eq!(failures.len(), 64);
    assert_eq!(failures[0].owner.name(), Some("36"));
    assert_eq!(registry.counts().total().entries, 64);
    assert_eq!(registry.failure_counts().errors, 100);
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_panics_hurts_nobody() {
    let registry = Registry::new();
    let panics = registry.listen(|_: &CleanupFailure| panic_any(Panics));
    let told = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&told);
    let _counts = registry.listen(move |_: &CleanupFailure| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let _cleaner = Cleaner::start(&registry, CleanerConfig::default()).unwrap();
    let seen = Seen::default();
    drop(failing(&registry));
    failing(&registry).clean().await.unwrap_err();
    drop(counted(&registry, &seen));
    registry.settled().await;
    let counts = registry.failure_counts();
    assert_eq!((counts.errors, counts.untold), (2, 2));
    assert_eq!(told.load(Ordering::Relaxed), 2);
    assert_eq!(seen.get(), [1, 1]);
    // Nobody is told any more who does not listen.
    drop(panics);
    drop(failing(&registry));
    registry.settled().await;
    assert_eq!(registry.failure_counts().untold, 2);
    assert_eq!(told.load(Ordering::Relaxed), 3);
}
