use super::*;

#[tokio::test(start_paused = true)]
async fn a_shutdown_cleans_everything_up_in_order() {
    let registry = Registry::new();
    let cleaner = Cleaner::start(&registry, one_at_once()).unwrap();
    let seen = Seen::default();
    for _ in 0..100 {
        drop(counted(&registry, &seen));
    }
    let begun = Instant::now();
    let leaked = cleaner.shutdown(LONG).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert!(leaked.is_empty(), "{leaked}");
    assert_eq!(leaked.to_string(), "nothing is left");
    assert_eq!(seen.get(), [100, 100]);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_what_others_clean_up_and_for_what_that_drops() {
    let registry = Registry::new();
    let cleaner = Cleaner::start(&registry, one_at_once()).unwrap();
    let seen = Seen::default();
    let inner = counted(&registry, &seen);
    let entry = registry.register(Kind::Task, Owner::NONE, 1);
    let guard = AsyncGuard::new(entry, inner, async |inner| {
        sleep(Duration::from_secs(2)).await;
        drop(inner);
        Ok(())
    });
    let clean = tokio::spawn(guard.clean());
    tokio::task::yield_now().await;
    let leaked = cleaner.shutdown(LONG).await;
    assert!(leaked.is_empty(), "{leaked}");
    assert_eq!(seen.get(), [1, 1]);
    clean.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_tells_what_is_left_at_its_deadline() {
    let registry = Registry::new();
    let cleaner = Cleaner::start(&registry, one_at_once()).unwrap();
    let held = registry.register(Kind::Artifact, Owner::new("echo"), 7);
    tokio::time::advance(Duration::from_secs(1)).await;
    let seen = Seen::default();
    drop(hanging(&registry).with_limit(Duration::from_secs(3600)));
    drop(counted(&registry, &seen));
    let begun = Instant::now();
    let leaked = cleaner.shutdown(Duration::from_secs(3)).await;
    assert_eq!(begun.elapsed().as_secs(), 3);
    assert_eq!(
        leaked.to_string(),
        "left: 1 held, 1 not cleaned up, 1 being cleaned up, 0 failed to be"
    );
    let left = leaked.held().next().unwrap();
    assert_eq!((left.kind, left.size_bytes), (Kind::Artifact, 7));
    assert_eq!(left.owner.name(), Some("echo"));
    assert_eq!(left.age.as_secs(), 4);
    assert_eq!(leaked.entries[0], *left);
    assert_eq!(leaked.not_run().next().unwrap().kind, Kind::Task);
    assert_eq!(leaked.not_ended().next().unwrap().kind, Kind::Process);
    drop(held);
}

#[test]
fn what_a_shutdown_left_still_runs_once() {
    let registry = Registry::new();
    let runtime = current();
    let seen = Seen::default();
    let (go, gone) = oneshot::channel::<()>();
    let leaked = runtime.block_on(async {
        let cleaner = Cleaner::start(&registry, one_at_once()).unwrap();
        let entry = registry.register(Kind::Task, Owner::NONE, 1);
        drop(AsyncGuard::new(entry, seen.clone(), async |seen: Seen| {
            seen.begin();
            gone.await?;
            seen.end();
            Ok(())
        }));
        drop(counted(&registry, &seen));
        cleaner.shutdown(Duration::ZERO).await
    });
    assert_eq!(leaked.entries.len(), 2);
    go.send(()).unwrap();
    drop(runtime);
    settle(&registry);
    assert_eq!(seen.get(), [2, 2]);
    check_clean(&registry);
}

#[tokio::test]
async fn what_a_shutdown_left_goes_on_and_what_waited_moves_to_a_thread() {
    let registry = Registry::new();
    let cleaner = Cleaner::start(&registry, one_at_once()).unwrap();
    let (go, gone) = oneshot::channel::<()>();
    let (tell_first, first) = oneshot::channel();
    let (tell_second, second) = oneshot::channel();
    let entry = registry.register(Kind::Task, Owner::NONE, 1);
    drop(AsyncGuard::new(
        entry,
        tell_first,
        async |tell: oneshot::Sender<_>| {
            gone.await?;
            tell.send(thread::current().id())
                .map_err(|_| "nobody".into())
        },
    ));
    let entry = registry.register(Kind::Task, Owner::NONE, 1);
    drop(AsyncGuard::new(
        entry,
        tell_second,
        async |tell: oneshot::Sender<_>| {
            tell.send(thread::current().id())
                .map_err(|_| "nobody".into())
        },
    ));
    let leaked = cleaner.shutdown(Duration::ZERO).await;
    assert_eq!(
        (leaked.not_ended().count(), leaked.not_run().count()),
        (1, 1)
    );
    let here = thread::current().id();
    assert_ne!(timeout(LONG, second).await.unwrap().unwrap(), here);
    go.send(()).unwrap();
    assert_eq!(timeout(LONG, first).await.unwrap().unwrap(), here);
    registry.settled().await;
    check_clean(&registry);
}

#[test]
fn a_thread_ends_when_there_is_nothing_to_do() {
    struct Ends(mpsc::Sender<()>);
    impl Drop for Ends {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    thread_local! {
        static ENDS: std::cell::RefCell<Option<Ends>> = const { std::cell::RefCell::new(None) };
    }
    let registry = Registry::new();
    let (tell, ended) = mpsc::channel();
    let entry = registry.register(Kind::Task, Owner::NONE, 1);
    drop(AsyncGuard::new(entry, Ends(tell), async |ends| {
        ENDS.set(Some(ends));
        Ok(())
    }));
    ended.recv_timeout(LONG).unwrap();
}

#[tokio::test]
async fn a_failure_is_part_of_what_is_left() {
    let registry = Registry::new();
    let cleaner = Cleaner::start(&registry, one_at_once()).unwrap();
    drop(hanging(&registry).with_limit(Duration::ZERO));
    let leaked = cleaner.shutdown(LONG).await;
    assert_eq!(leaked.failed().count(), 1);
    assert_eq!(leaked.entries.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn there_is_one_cleaner_and_then_another() {
    let registry = Registry::new();
    let cleaner = Cleaner::start(&registry, one_at_once()).unwrap();
    let second = Cleaner::start(&registry, one_at_once());
    assert_eq!(second.unwrap_err(), StartError::Taken);
    cleaner.shutdown(LONG).await;
    let third = Cleaner::start(&registry, one_at_once()).unwrap();
    let seen = Seen::default();
    drop(counted(&registry, &seen));
    // Dropped, it does what it was given.
    drop(third);
    registry.settled().await;
    assert_eq!(seen.get(), [1, 1]);
}

#[test]
fn a_cleaner_needs_a_runtime_with_timers() {
    let registry = Registry::new();
    let start = || Cleaner::start(&registry, one_at_once()).unwrap_err();
    assert_eq!(start(), StartError::NoRuntime);
    let bare = runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(bare.block_on(async { start() }), StartError::NoRuntime);
}

#[test]
fn a_guard_after_the_cleaner_is_cleaned_up_on_a_thread() {
    let registry = Registry::new();
    let runtime = current();
    let seen = Seen::default();
    runtime.block_on(async {
        let cleaner = Cleaner::start(&registry, one_at_once()).unwrap();
        cleaner.shutdown(LONG).await;
    });
    drop(counted(&registry, &seen));
    settle(&registry);
    drop(runtime);
    drop(counted(&registry, &seen));
    settle(&registry);
    assert_eq!(seen.get(), [2, 2]);
    check_clean(&registry);
}

#[test]
fn a_cleaner_that_starts_late_shares_the_work_of_the_thread() {
    let registry = Registry::new();
    let barrier = Arc::new(Barrier::new(2));
    let meets = |registry: &Registry| {
        let entry = registry.register(Kind::Task, Owner::NONE, 1);
        let guard = AsyncGuard::new(
            entry,
            Arc::clone(&barrier),
            async |barrier: Arc<Barrier>| {
                barrier.wait().await;
                Ok(())
            },
        );
        guard.with_limit(LONG)
    };
    drop(meets(&registry));
    let runtime = current();
    runtime.block_on(async {
        let cleaner = Cleaner::start(&registry, one_at_once()).unwrap();
        drop(meets(&registry));
        let leaked = cleaner.shutdown(LONG).await;
        assert!(leaked.is_empty(), "{leaked}");
    });
    check_clean(&registry);
}
