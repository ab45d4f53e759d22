use super::*;

use std::sync::Mutex;

type Order = Arc<Mutex<Vec<&'static str>>>;

fn noted(registry: &Registry, order: &Order, name: &'static str) -> AsyncGuard<Order> {
    let entry = registry.register(Kind::Task, Owner::NONE, 1);
    AsyncGuard::new(entry, Arc::clone(order), async move |order: Order| {
        order.lock().unwrap().push(name);
        sleep(Duration::from_secs(1)).await;
        Ok(())
    })
}

#[tokio::test(start_paused = true)]
async fn the_most_urgent_begins_first_then_who_came_first() {
    let registry = Registry::new();
    let order = Order::default();
    let _cleaner = Cleaner::start(&registry, one_at_once()).unwrap();
    let begun = Instant::now();
    for (name, priority) in [
        ("last 1", Priority::Last),
        ("normal 1", Priority::Normal),
        ("first 1", Priority::First),
        ("last 2", Priority::Last),
        ("first 2", Priority::First),
        ("normal 2", Priority::Normal),
    ] {
        drop(noted(&registry, &order, name).with_priority(priority));
    }
    registry.settled().await;
    let expected = [
        "first 1", "first 2", "normal 1", "normal 2", "last 1", "last 2",
    ];
    assert_eq!(*order.lock().unwrap(), expected);
    assert_eq!(begun.elapsed().as_secs(), 6);
}

#[tokio::test(start_paused = true)]
async fn so_many_run_at_once_and_no_more() {
    let registry = Registry::new();
    let at_once = NonZeroUsize::new(3).unwrap();
    let _cleaner = Cleaner::start(&registry, CleanerConfig { at_once }).unwrap();
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    for _ in 0..9 {
        let entry = registry.register(Kind::Task, Owner::NONE, 1);
        let most = Arc::clone(&most);
        drop(AsyncGuard::new(
            entry,
            Arc::clone(&running),
            async move |running: Arc<AtomicUsize>| {
                let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                sleep(Duration::from_secs(1)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            },
        ));
    }
    let begun = Instant::now();
    registry.settled().await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert_eq!(begun.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_hangs_does_not_stop_what_waits() {
    let registry = Registry::new();
    let _cleaner = Cleaner::start(&registry, one_at_once()).unwrap();
    let seen = Seen::default();
    drop(hanging(&registry));
    drop(counted(&registry, &seen));
    let begun = Instant::now();
    registry.settled().await;
    assert_eq!(begun.elapsed().as_secs(), 5);
    assert_eq!(seen.get(), [1, 1]);
    assert_eq!(registry.failure_counts().time_outs, 1);
}
