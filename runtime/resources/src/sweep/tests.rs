use super::*;
use crate::registry::{EntryId, Registry};

const SECOND: Duration = Duration::from_secs(1);

fn entry(state: State) -> Entry {
    Entry {
        id: EntryId::from(1),
        kind: Kind::Lease,
        owner: Owner::new("call 7"),
        state,
        size_bytes: 100,
        age: 30 * SECOND,
        in_state: 20 * SECOND,
        untouched: 10 * SECOND,
    }
}

/// Each is just met by the entry.
fn met() -> SweepLimits {
    SweepLimits {
        cleaning: 20 * SECOND,
        idle: 10 * SECOND,
        active: 20 * SECOND,
        size_bytes: 100,
    }
}

fn check(state: State, thresholds: SweepLimits, expected: &[Problem]) {
    let entry = entry(state);
    let findings = sweep(std::slice::from_ref(&entry), |_| thresholds, |_| false);
    let problems: Vec<Problem> = findings.iter().map(|finding| finding.problem).collect();
    assert_eq!(problems, expected, "{state}");
    assert!(findings.iter().all(|finding| finding.entry == entry));
}

const ALL: [State; 5] = [
    State::Active,
    State::Idle,
    State::Waiting,
    State::Cleaning,
    State::Failed,
];

#[test]
fn what_is_just_at_a_threshold_is_not_found() {
    for state in ALL {
        check(state, met(), &[]);
    }
}

#[test]
fn what_is_cleaned_up_for_too_long_has_leaked() {
    let cleaning = 20 * SECOND - Duration::from_nanos(1);
    let thresholds = SweepLimits { cleaning, ..met() };
    for state in [State::Waiting, State::Cleaning, State::Failed] {
        check(state, thresholds, &[Problem::Leaked]);
    }
    for state in [State::Active, State::Idle] {
        check(state, thresholds, &[]);
    }
}

#[test]
fn what_is_not_touched_for_too_long_is_idle() {
    let idle = 10 * SECOND - Duration::from_nanos(1);
    let thresholds = SweepLimits { idle, ..met() };
    for state in [State::Active, State::Idle] {
        check(state, thresholds, &[Problem::Idle]);
    }
    for state in [State::Waiting, State::Cleaning, State::Failed] {
        check(state, thresholds, &[]);
    }
}

#[test]
fn what_is_active_for_too_long_is_stuck() {
    let active = 20 * SECOND - Duration::from_nanos(1);
    let thresholds = SweepLimits { active, ..met() };
    check(State::Active, thresholds, &[Problem::Stuck]);
    for state in [State::Idle, State::Waiting, State::Cleaning, State::Failed] {
        check(state, thresholds, &[]);
    }
}

#[test]
fn what_takes_up_too_much_is_oversized() {
    let thresholds = SweepLimits {
        size_bytes: 99,
        ..met()
    };
    for state in ALL {
        check(state, thresholds, &[Problem::Oversized]);
    }
}

#[test]
fn an_entry_may_have_several_problems() {
    let none = SweepLimits {
        cleaning: Duration::ZERO,
        idle: Duration::ZERO,
        active: Duration::ZERO,
        size_bytes: 0,
    };
    let expected = [Problem::Idle, Problem::Stuck, Problem::Oversized];
    check(State::Active, none, &expected);
}

#[test]
fn what_outlives_its_owner_has_leaked() {
    let gone = entry(State::Active);
    let [here, nobodys] = [Owner::new("call 8"), Owner::NONE].map(|owner| Entry {
        owner,
        ..entry(State::Active)
    });
    let entries = [here, gone.clone(), nobodys];
    let findings = sweep(&entries, |_| met(), |owner| owner.name() != Some("call 8"));
    let expected = Finding {
        problem: Problem::Leaked,
        entry: gone,
    };
    assert_eq!(findings, [expected]);
}

#[test]
fn each_kind_has_its_thresholds() {
    let lease = entry(State::Active);
    let task = Entry {
        kind: Kind::Task,
        ..lease.clone()
    };
    let thresholds = |kind| SweepLimits {
        size_bytes: if kind == Kind::Task { 1 } else { 1000 },
        ..met()
    };
    let findings = sweep(&[lease, task], thresholds, |_| false);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].entry.kind, Kind::Task);
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_left_alone_is_found() {
    let registry = Registry::new();
    let entries = Kind::ALL.map(|kind| registry.register(kind, Owner::NONE, 0));
    let look = || sweep(&registry.entries(), |_| SweepLimits::default(), |_| true);
    assert_eq!(look(), []);
    tokio::time::advance(601 * SECOND).await;
    assert!(
        look()
            .iter()
            .all(|finding| finding.problem == Problem::Idle)
    );
    assert_eq!(look().len(), 7);
    for entry in &entries {
        entry.touch();
    }
    assert_eq!(look(), []);
}
