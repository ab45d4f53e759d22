use super::*;

use std::collections::HashMap;
use std::thread;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn an_entry_says_what_is_known() {
    let registry = Registry::new();
    let held = registry.register(Kind::Process, Owner::new("call 7"), 10);
    tokio::time::advance(SECOND).await;
    held.set_state(State::Idle);
    held.set_size_bytes(20);
    tokio::time::advance(SECOND).await;
    held.set_state(State::Idle);
    tokio::time::advance(SECOND).await;
    held.touch();
    tokio::time::advance(SECOND).await;
    let expected = Entry {
        id: held.id(),
        kind: Kind::Process,
        owner: Owner::new("call 7"),
        state: State::Idle,
        size_bytes: 20,
        age: 4 * SECOND,
        in_state: 3 * SECOND,
        untouched: SECOND,
    };
    let all = vec![expected.clone()];
    assert_eq!(registry.entries(), all);
    assert_eq!(registry.of(Kind::Process), all);
    assert_eq!(registry.of(Kind::Task), []);
    assert_eq!(held.entry(), Some(expected.clone()));
    let id = held.id();
    assert_eq!(registry.entry(EntryId::from(id.as_u64())), Some(expected));
    drop(held);
    assert_eq!(registry.entry(id), None);
    assert_eq!(registry.entries(), []);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_state_is_a_touch() {
    let registry = Registry::new();
    let held = registry.register(Kind::Lease, Owner::NONE, 0);
    tokio::time::advance(SECOND).await;
    assert_eq!(held.entry().unwrap().untouched, SECOND);
    held.set_state(State::Idle);
    assert_eq!(held.entry().unwrap().untouched, Duration::ZERO);
}

#[test]
fn sums_are_exact_and_what_is_shown_saturates() {
    let registry = Registry::new();
    let first = registry.register(Kind::Artifact, Owner::NONE, u64::MAX);
    let second = registry.register(Kind::Artifact, Owner::NONE, u64::MAX);
    let third = registry.register(Kind::Folder, Owner::NONE, 7);
    assert_eq!(registry.counts().total().size_bytes, u64::MAX);
    drop(first);
    second.set_size_bytes(3);
    let counts = registry.counts();
    assert_eq!(counts.total().size_bytes, 10);
    assert_eq!(counts.of(Kind::Artifact).size_bytes, 3);
    drop((second, third));
    assert_eq!(registry.counts(), EntryCounts::default());
    // All that ever were.
    let made = [Kind::Artifact, Kind::Folder, Kind::Task].map(|kind| registry.made().of(kind));
    assert_eq!(made.map(|count| count.entries), [2, 1, 0]);
    assert_eq!(registry.made().total().size_bytes, 0);
}

#[test]
fn any_number_is_no_panic() {
    let registry = Registry::new();
    let held = registry.register(Kind::Task, Owner::NONE, 1);
    for number in [0, 1 << 60, u64::MAX, held.id().as_u64() + 1] {
        assert_eq!(registry.entry(EntryId::from(number)), None);
    }
}

#[test]
fn a_long_name_is_cut() {
    let owner = Owner::new(&"ü".repeat(200));
    assert_eq!(owner.name().unwrap(), "ü".repeat(64));
    assert_eq!(Owner::NONE.to_string(), "nobody");
}

#[test]
fn names_are_shown() {
    let names = Kind::ALL.map(|kind| kind.to_string());
    let distinct: std::collections::HashSet<&String> = names.iter().collect();
    assert_eq!(distinct.len(), 7);
    assert_eq!(EntryId::from(0xab).to_string(), "00000000000000ab");
}

#[test]
fn what_many_threads_hold_and_drop_elsewhere_is_counted() {
    const THREADS: usize = 24;
    const EACH: usize = 2000;
    let registry = Registry::new();
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let registry = registry.clone();
            thread::spawn(move || {
                let owner = Owner::new("thread");
                let mut held = Vec::new();
                for size_bytes in 1.. {
                    let entry = registry.register(Kind::Lease, owner.clone(), size_bytes);
                    if size_bytes % 2 == 0 {
                        held.push(entry);
                    }
                    if held.len() == EACH {
                        return held;
                    }
                }
                held
            })
        })
        .collect();
    let held: Vec<_> = threads.into_iter().map(|it| it.join().unwrap()).collect();
    let total = registry.counts().total();
    assert_eq!(total.entries, THREADS * EACH);
    assert_eq!(total.size_bytes, 24 * 2 * (2000 * 2001 / 2));
    let entries = registry.entries();
    let ids: std::collections::HashSet<EntryId> = entries.iter().map(|it| it.id).collect();
    assert_eq!(ids.len(), THREADS * EACH);
    drop(held);
    assert_eq!(registry.counts(), EntryCounts::default());
}

#[test]
fn threads_use_different_shards() {
    let registry = Registry::new();
    let held: Vec<_> = (0..SHARDS)
        .map(|_| {
            let registry = registry.clone();
            thread::spawn(move || registry.register(Kind::Task, Owner::NONE, 0))
        })
        .map(|thread| thread.join().unwrap())
        .collect();
    let shards: std::collections::HashSet<usize> = held.iter().map(|it| it.id().shard()).collect();
    // Other tests start threads too.
    assert!(4 <= shards.len(), "{shards:?}");
}

#[derive(Clone, Debug)]
enum Step {
    Register(Kind, u8, u64),
    Remove(usize),
    Resize(usize, u64),
    Enter(usize, State),
}

fn step() -> impl Strategy<Value = Step> {
    let states = vec![State::Active, State::Idle, State::Cleaning, State::Failed];
    let kinds = Kind::ALL.to_vec();
    prop_oneof![
        (select(kinds), 0..4_u8, any::<u64>()).prop_map(|(k, o, s)| Step::Register(k, o, s)),
        any::<usize>().prop_map(Step::Remove),
        (any::<usize>(), any::<u64>()).prop_map(|(i, s)| Step::Resize(i, s)),
        (any::<usize>(), select(states)).prop_map(|(i, s)| Step::Enter(i, s)),
    ]
}

/// What the registry is to know of one entry.
type Known = (Kind, Owner, u64, State);

#[derive(Default)]
struct Model {
    held: Vec<(Registered, Known)>,
    gone: Vec<EntryId>,
    most: usize,
}

impl Model {
    fn step(&mut self, registry: &Registry, step: &Step) {
        let place = |index: usize| index.checked_rem(self.held.len());
        match *step {
            Step::Register(kind, owner, size) => {
                let owner = Owner::new(&owner.to_string());
                let entry = registry.register(kind, owner.clone(), size);
                self.held.push((entry, (kind, owner, size, State::Active)));
                self.most = self.most.max(self.held.len());
            }
            Step::Remove(index) => {
                let Some(index) = place(index) else { return };
                let (entry, _) = self.held.swap_remove(index);
                self.gone.push(entry.id());
            }
            Step::Resize(index, size) => {
                let Some(index) = place(index) else { return };
                let (entry, known) = &mut self.held[index];
                entry.set_size_bytes(size);
                known.2 = size;
            }
            Step::Enter(index, state) => {
                let Some(index) = place(index) else { return };
                let (entry, known) = &mut self.held[index];
                entry.set_state(state);
                known.3 = state;
            }
        }
    }

    fn check(&self, registry: &Registry) {
        let known: HashMap<EntryId, Known> = registry
            .entries()
            .into_iter()
            .map(|it| (it.id, (it.kind, it.owner, it.size_bytes, it.state)))
            .collect();
        let held = self.held.iter();
        let expected: HashMap<EntryId, Known> = held
            .map(|(entry, known)| (entry.id(), known.clone()))
            .collect();
        assert_eq!(known, expected);
        for kind in Kind::ALL {
            let sizes = expected.values().filter(|it| it.0 == kind).map(|it| it.2);
            let count = registry.counts().of(kind);
            assert_eq!(count.entries, sizes.clone().count());
            assert_eq!(count.entries, registry.of(kind).len());
            assert_eq!(count.size_bytes, sizes.fold(0, u64::saturating_add));
        }
        for id in &self.gone {
            assert_eq!(registry.entry(*id), None);
        }
        assert!(registry.slots() <= (2 * self.most).max(4));
    }
}

proptest! {
    #[test]
    fn it_knows_what_a_model_knows(steps in vec(step(), 0..200)) {
        let registry = Registry::new();
        let mut model = Model::default();
        for (number, step) in steps.iter().enumerate() {
            model.step(&registry, step);
            if number % 16 == 0 {
                model.check(&registry);
            }
        }
        model.check(&registry);
    }
}

#[test]
fn what_began_earlier_is_as_old_as_that() {
    let registry = Registry::new();
    let earlier = Instant::now();
    while earlier.elapsed() < Duration::from_millis(2) {
        std::hint::spin_loop();
    }
    let owner = Owner::new("call");
    let old = registry.register_since(Kind::Instance, owner.clone(), 1, earlier);
    let new = registry.register(Kind::Instance, owner, 1);
    let age = |entry: &Registered| entry.entry().unwrap().age;
    assert!(Duration::from_millis(2) <= age(&old));
    assert!(age(&new) < age(&old));
    // What began before the registry did is as old as that.
    let before = earlier.checked_sub(Duration::from_secs(60));
    let oldest = registry.register_since(Kind::Instance, Owner::NONE, 1, before.unwrap_or(earlier));
    assert!(age(&oldest) < Duration::from_secs(60));
}
