//! Who has his turn when: fair between principals, by priority, by memory.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn principal(name: &str) -> Principal {
    Principal::named(name).unwrap()
}

fn of(name: &str) -> Asked {
    Asked {
        principal: principal(name),
        ..request("c", LONG)
    }
}

fn wanted(priority: Priority) -> Asked {
    Asked {
        priority,
        ..request("c", LONG)
    }
}

fn with_memory(mib: u64) -> Asked {
    Asked {
        memory_class: MemoryClass::Large(mib << 20),
        ..request("c", LONG)
    }
}

/// Has one after the other go, and tells in which order those that wait had their
/// turn.
fn order<T: Copy>(mut permit: Permit, mut waiting: Vec<(T, Caller)>) -> Vec<T> {
    let mut order = Vec::new();
    while !waiting.is_empty() {
        drop(permit);
        let mut next = None;
        for (index, (_, caller)) in waiting.iter_mut().enumerate() {
            if let Some(admitted) = poll(caller) {
                assert!(next.is_none(), "two at once");
                next = Some((index, admitted.unwrap()));
            }
        }
        let (index, admitted) = next.expect("somebody has his turn");
        order.push(waiting.remove(index).0);
        permit = admitted;
    }
    order
}

#[test]
fn principals_have_their_turn_one_after_the_other() {
    let runtime = runtime();
    let _context = runtime.enter();
    let gate = gate(1, 100);
    let permit = at_once(&gate, of("greedy"));
    let mut waiting = Vec::new();
    for (name, times) in [("greedy", 6), ("ada", 2), ("bob", 3)] {
        waiting.extend((0..times).map(|_| (name, waits_for(&gate, of(name)))));
    }
    let expected = [
        "greedy", "ada", "bob", "greedy", "ada", "bob", "greedy", "bob", "greedy", "greedy",
        "greedy",
    ];
    assert_eq!(order(permit, waiting), expected);
    assert!(gate.lanes().is_empty());
}

#[test]
fn whoever_has_not_come_for_long_is_owed_nothing_for_it() {
    let runtime = runtime();
    let _context = runtime.enter();
    let gate = gate(1, 100);
    let mut permit = at_once(&gate, of("ada"));
    for _ in 0..20 {
        let mut next = waits_for(&gate, of("ada"));
        drop(permit);
        permit = his_turn(&mut next);
    }
    // Twenty turns of hers do not mean twenty of his now.
    let mut waiting: Vec<_> = (0..3)
        .map(|_| ("bob", waits_for(&gate, of("bob"))))
        .collect();
    waiting.extend((0..3).map(|_| ("ada", waits_for(&gate, of("ada")))));
    let expected = ["bob", "ada", "bob", "ada", "bob", "ada"];
    assert_eq!(order(permit, waiting), expected);
}

#[test]
fn what_somebody_waits_for_comes_first_and_nobody_starves() {
    use Priority::{Background, Interactive, Normal};
    let runtime = runtime();
    let _context = runtime.enter();
    let gate = gate(1, 100);
    let permit = admitted(&gate, "c");
    let mut waiting = Vec::new();
    for (priority, times) in [(Background, 2), (Normal, 3), (Interactive, 12)] {
        waiting.extend((0..times).map(|_| (priority, waits_for(&gate, wanted(priority)))));
    }
    let order = order(permit, waiting);
    let shown: String = order
        .iter()
        .map(|priority| format!("{priority:?}"))
        .collect();
    let shown: String = shown.chars().filter(char::is_ascii_uppercase).collect();
    // The eighth turn is the last ones', the sixteenth that of those between.
    assert_eq!(shown, "IIIIIIIBIIIIINNNB");
}

/// However many are wanted sooner, and however many later.
#[test]
fn those_between_do_not_starve_either() {
    use Priority::{Background, Interactive, Normal};
    let runtime = runtime();
    let _context = runtime.enter();
    let gate = gate(1, 100);
    let permit = admitted(&gate, "c");
    let mut waiting = Vec::new();
    for (priority, times) in [(Background, 30), (Normal, 2), (Interactive, 40)] {
        waiting.extend((0..times).map(|_| (priority, waits_for(&gate, wanted(priority)))));
    }
    let order = order(permit, waiting);
    let normal = order.iter().enumerate();
    let normal = normal.filter(|(_, priority)| **priority == Normal);
    let places: Vec<_> = normal.map(|(place, _)| place).collect();
    assert_eq!(places, [15, 31]);
}

/// What is served on another component takes nobody's place here.
#[test]
fn each_component_has_turns_of_its_own() {
    let runtime = runtime();
    let _context = runtime.enter();
    let gate = gate(1, 200);
    let slow = at_once(&gate, of("greedy"));
    let mut waiting: Vec<_> = (0..50)
        .map(|_| ("greedy", waits_for(&gate, of("greedy"))))
        .collect();
    let fast = |name| Asked {
        component: "fast".into(),
        ..of(name)
    };
    let mut permit = at_once(&gate, fast("greedy"));
    for _ in 0..50 {
        let mut next = waits_for(&gate, fast("greedy"));
        drop(permit);
        permit = his_turn(&mut next);
    }
    waiting.push(("ada", waits_for(&gate, of("ada"))));
    let order = order(slow, waiting);
    assert_eq!(order.iter().position(|name| *name == "ada"), Some(1));
    drop(permit);
    assert!(gate.lanes().is_empty());
}

/// Whoever held up others for want of memory holds them up no longer once he has
/// lost his place.
#[test]
fn whoever_takes_the_place_of_one_who_waits_for_memory_has_his_turn() {
    let runtime = runtime();
    let _context = runtime.enter();
    let admission = Admission {
        queue: 1,
        ..Admission::default()
    };
    let gate = gate_of(admission, 256 << 20);
    let _held = at_once(&gate, with_memory(200));
    let large = Asked {
        priority: Priority::Background,
        ..with_memory(200)
    };
    let mut large = waits_for(&gate, large);
    let small = Asked {
        priority: Priority::Interactive,
        ..with_memory(50)
    };
    let _small = at_once(&gate, small);
    assert!(matches!(poll(&mut large), Some(Err(NotAdmitted::Busy(_)))));
}

#[test]
fn a_full_queue_has_room_for_those_of_whom_few_wait() {
    let runtime = runtime();
    let _context = runtime.enter();
    let gate = gate(1, 4);
    let permit = at_once(&gate, of("greedy"));
    let mut greedy: Vec<_> = (0..4).map(|_| waits_for(&gate, of("greedy"))).collect();
    // He himself has no more.
    let busy = refused(&gate, of("greedy"));
    assert!(matches!(busy.reason, BusyReason::Full { .. }), "{busy:?}");
    let ada = waits_for(&gate, of("ada"));
    let displaced = poll(&mut greedy.pop().unwrap()).unwrap().unwrap_err();
    let NotAdmitted::Busy(busy) = displaced else {
        panic!("{displaced:?}");
    };
    assert!(matches!(busy.reason, BusyReason::Displaced(_)), "{busy:?}");
    assert_eq!(counts(&gate), (1, 4, 1));
    let _bob = waits_for(&gate, of("bob"));
    // One more of the others would have as many as he has.
    assert_eq!(counts(&gate), (1, 4, 1));
    refused(&gate, of("ada"));
    refused(&gate, of("greedy"));
    let _cai = refused(&gate, of("greedy"));
    // Whoever is displaced and has not heard of it takes nothing with him.
    drop(greedy.pop());
    assert_eq!(counts(&gate), (1, 4, 1));
    drop(greedy);
    drop(ada);
    drop(permit);
}

#[test]
fn one_principal_gives_way_to_his_own_that_are_wanted_sooner() {
    let runtime = runtime();
    let _context = runtime.enter();
    let gate = gate(1, 2);
    let _permit = admitted(&gate, "c");
    let mut late = waits_for(&gate, wanted(Priority::Background));
    let _normal = waits_for(&gate, wanted(Priority::Normal));
    refused(&gate, wanted(Priority::Background));
    let _soon = waits_for(&gate, wanted(Priority::Interactive));
    assert!(matches!(poll(&mut late), Some(Err(NotAdmitted::Busy(_)))));
    let _sooner = waits_for(&gate, wanted(Priority::Interactive));
    refused(&gate, wanted(Priority::Interactive));
}

#[test]
fn a_tool_and_a_principal_have_ceilings_of_their_own() {
    let runtime = runtime();
    let _context = runtime.enter();
    let admission = Admission {
        concurrency: 4,
        tool_concurrency: 1,
        principal_concurrency: 2,
        queue: 8,
        ..Admission::default()
    };
    let gate = gate_of(admission, u64::MAX);
    let asked = |tool, name| Asked { tool, ..of(name) };
    let first = at_once(&gate, asked("a", "ada"));
    let mut same_tool = waits_for(&gate, asked("a", "bob"));
    let second = at_once(&gate, asked("b", "ada"));
    // Her share is used up, though there is room for the tool.
    let mut her_third = waits_for(&gate, asked("d", "ada"));
    // And she holds up nobody who comes after her.
    let bobs = at_once(&gate, asked("e", "bob"));
    let waits_too = waits_for(&gate, asked("b", "cai"));
    assert_eq!(counts(&gate), (3, 3, 1));
    drop(first);
    // That was room for both that could not go before.
    let (third, same_tool) = (his_turn(&mut her_third), his_turn(&mut same_tool));
    assert_eq!(counts(&gate), (4, 1, 1));
    let mut full = Vec::new();
    for lack in [Lack::Component, Lack::Tool] {
        drop(full);
        let tool = if lack == Lack::Tool { "b" } else { "f" };
        full = (0..7)
            .map(|_| waits_for(&gate, asked(tool, "dee")))
            .collect();
        let busy = refused(&gate, asked(tool, "dee"));
        let BusyReason::Full { lack: found, .. } = busy.reason else {
            panic!("{busy:?}");
        };
        // All four run, so it is the component whichever tool it is.
        assert_eq!(found, Lack::Component);
    }
    drop((full, second, third, same_tool, bobs, waits_too));
    assert!(gate.lanes().is_empty());
}

#[test]
fn each_lack_is_told() {
    let runtime = runtime();
    let _context = runtime.enter();
    let none = Admission {
        concurrency: 9,
        queue: 0,
        ..Admission::default()
    };
    let lack = |admission: Admission, memory_bytes: u64| {
        let gate = gate_of(admission, memory_bytes);
        let _permit = admitted(&gate, "c");
        match turned_away(&gate, "c").reason {
            BusyReason::Full { lack, .. } => lack,
            other => panic!("{other:?}"),
        }
    };
    let component = Admission {
        concurrency: 1,
        ..none
    };
    assert_eq!(lack(component, u64::MAX), Lack::Component);
    let tool = Admission {
        tool_concurrency: 1,
        ..none
    };
    assert_eq!(lack(tool, u64::MAX), Lack::Tool);
    let principal = Admission {
        principal_concurrency: 1,
        ..none
    };
    assert_eq!(lack(principal, u64::MAX), Lack::Principal);
    assert_eq!(lack(none, 100 << 20), Lack::Memory);
}

/// Many that need little do not keep one that needs much waiting for ever, and one
/// that needs more than there is runs alone.
#[test]
fn memory_is_waited_for_in_order() {
    let runtime = runtime();
    let _context = runtime.enter();
    let gate = gate_of(Admission::default(), 256 << 20);
    let small: Vec<_> = (0..3).map(|_| at_once(&gate, with_memory(64))).collect();
    let mut large = waits_for(&gate, with_memory(200));
    // There is room for it, and yet it waits behind the large one.
    let mut late = waits_for(&gate, with_memory(64));
    let mut other = waits_for(
        &gate,
        Asked {
            component: "other".into(),
            ..with_memory(16)
        },
    );
    let mut small = small.into_iter();
    drop(small.next());
    drop(small.next());
    assert!(poll(&mut large).is_none() && poll(&mut late).is_none());
    drop(small.next());
    let large = his_turn(&mut large);
    assert!(poll(&mut late).is_none() && poll(&mut other).is_none());
    drop(large);
    let rest = [his_turn(&mut late), his_turn(&mut other)];
    let mut huge = waits_for(&gate, with_memory(4_096));
    drop(rest);
    let huge = his_turn(&mut huge);
    let mut next = waits_for(&gate, with_memory(1));
    drop(huge);
    drop(his_turn(&mut next));
    // Whoever holds others up lets them go when he stops waiting.
    let held = at_once(&gate, with_memory(200));
    let large = waits_for(&gate, with_memory(100));
    let mut small = waits_for(&gate, with_memory(50));
    drop(large);
    drop(his_turn(&mut small));
    drop(held);
    assert!(gate.lanes().is_empty());
}

/// The embedder's own code is not counted as a guest's memory is.
#[test]
fn code_of_the_embedder_takes_no_memory() {
    let runtime = runtime();
    let _context = runtime.enter();
    let gate = gate_of(Admission::default(), 64 << 20);
    let _guest = at_once(&gate, with_memory(64));
    // Somebody waits for memory, and that holds up nobody who needs none.
    let _waits = waits_for(&gate, with_memory(64));
    let own = Asked {
        memory_class: MemoryClass::None,
        ..request("native:own", LONG)
    };
    let _permits = [at_once(&gate, own.clone()), at_once(&gate, own)];
}

#[test]
fn what_waits_holds_no_more_arguments_than_there_is_room_for() {
    let runtime = runtime();
    let _context = runtime.enter();
    let gate = gate(1, 100);
    let _permit = admitted(&gate, "c");
    let heavy = |bytes| Asked {
        bytes,
        ..request("c", LONG)
    };
    // One alone always may.
    let alone = waits_for(&gate, heavy(2 << 20));
    let busy = refused(&gate, heavy(1));
    let waiting_bytes = 1 << 20;
    assert_eq!(busy.reason, BusyReason::Waiting { waiting_bytes });
    drop(alone);
    let _two = [heavy(1 << 18), heavy(3 << 18)].map(|asked| waits_for(&gate, asked));
    refused(&gate, heavy(1));
    // One of whom fewer wait has the place of the last one, if that is enough.
    let of_ada = |bytes| Asked { bytes, ..of("ada") };
    refused(&gate, of_ada((3 << 18) + 1));
    let _ada = waits_for(&gate, of_ada(3 << 18));
}

#[tokio::test]
async fn whoever_waits_for_too_long_is_told_that_it_is_busy() {
    let admission = Admission {
        concurrency: 1,
        queue_wall_ms: 5,
        ..Admission::default()
    };
    let gate = gate_of(admission, u64::MAX);
    let permit = admitted(&gate, "c");
    let waited = admit(gate.clone(), request("c", LONG)).await.unwrap_err();
    let NotAdmitted::Busy(busy) = waited else {
        panic!("{waited:?}");
    };
    assert_eq!(busy.reason, BusyReason::Waited(admission));
    // His own deadline is another matter.
    let asked = request("c", Duration::from_millis(1));
    let late = admit(gate.clone(), asked).await.unwrap_err();
    assert_eq!(late, NotAdmitted::Late);
    drop(permit);
    assert!(gate.lanes().is_empty());
}

#[test]
fn a_call_that_waits_is_written_down_until_it_has_ended() {
    let runtime = runtime();
    let _context = runtime.enter();
    let registry = Registry::default();
    let ceilings = Ceilings {
        admission: Admission {
            concurrency: 1,
            ..Admission::default()
        },
        memory_bytes: u64::MAX,
        waiting_bytes: u64::MAX,
    };
    let gate = Gate::new(ceilings, None, &registry);
    let seen = || {
        let entries = registry.entries().into_iter();
        let shown = entries.map(|entry| format!("{} {} {}", entry.kind, entry.owner, entry.state));
        shown.collect::<Vec<_>>()
    };
    let permit = at_once(&gate, of("ada"));
    assert_eq!(seen(), [""; 0]);
    let mut waiting = waits_for(&gate, of("bob"));
    assert_eq!(seen(), ["lease bob idle"]);
    drop(permit);
    let permit = his_turn(&mut waiting);
    assert_eq!(seen(), ["lease bob active"]);
    drop(permit);
    assert_eq!(seen(), [""; 0]);
}

#[derive(Clone, Debug)]
enum Step {
    Come {
        component: usize,
        tool: usize,
        principal: usize,
        mib: u64,
        priority: Priority,
    },
    Ask(usize),
    Go(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let priority = prop_oneof![
        Just(Priority::Interactive),
        Just(Priority::Normal),
        Just(Priority::Background)
    ];
    let come = (0..2_usize, 0..2_usize, 0..3_usize, 1..5_u64, priority);
    prop_oneof![
        5 => come.prop_map(|(component, tool, principal, mib, priority)| Step::Come {
            component, tool, principal, mib: mib * 20, priority,
        }),
        3 => any::<usize>().prop_map(Step::Ask),
        4 => any::<usize>().prop_map(Step::Go),
    ]
}

/// Somebody who waits as far as he knows, or runs.
enum Held {
    Waits(Caller),
    Runs(#[expect(dead_code, reason = "it is held")] Permit),
}

const CEILINGS: Admission = Admission {
    concurrency: 3,
    tool_concurrency: 2,
    principal_concurrency: 3,
    queue: 5,
    queue_wall_ms: 3_600_000,
};

/// What those that run take, by their own word.
#[derive(Default)]
struct Taken {
    components: BTreeMap<String, u64>,
    tools: BTreeMap<String, u64>,
    principals: BTreeMap<String, u64>,
    mib: u64,
    count: usize,
}

impl Taken {
    fn by<'a>(asked: impl Iterator<Item = &'a (Asked, u64)>) -> Self {
        let mut taken = Self::default();
        for (asked, mib) in asked {
            let Asked {
                component, tool, ..
            } = asked;
            *taken.components.entry(component.to_string()).or_default() += 1;
            *taken
                .tools
                .entry(format!("{component} {tool}"))
                .or_default() += 1;
            let principal = asked.principal.to_string();
            *taken.principals.entry(principal).or_default() += 1;
            taken.mib += mib;
            taken.count += 1;
        }
        taken
    }

    fn holds(&self) {
        let most = |counts: &BTreeMap<String, u64>| counts.values().copied().max().unwrap_or(0);
        assert!(most(&self.components) <= CEILINGS.concurrency);
        assert!(most(&self.tools) <= CEILINGS.tool_concurrency);
        assert!(most(&self.principals) <= CEILINGS.principal_concurrency);
        assert!(self.mib <= 150 || self.count == 1, "{}", self.mib);
    }
}

proptest! {
    /// Whoever comes and goes, and whenever: no ceiling is passed, nobody waits for
    /// nothing, and nothing is left.
    #[test]
    fn ceilings_hold_and_all_comes_back(steps in prop::collection::vec(step(), 0..120)) {
        let runtime = runtime();
        let _context = runtime.enter();
        let gate = gate_of(CEILINGS, 150 << 20);
        let mut here: Vec<(Held, (Asked, u64))> = Vec::new();
        for step in steps {
            match step {
                Step::Come { component, tool, principal: who, mib, priority } => {
                    let asked = Asked {
                        component: ["c", "d"][component].into(),
                        tool: ["run", "walk"][tool],
                        principal: principal(["ada", "bob", "cai"][who]),
                        priority,
                        ..with_memory(mib)
                    };
                    let mut caller: Caller = Box::pin(admit(gate.clone(), asked.clone()));
                    match poll(&mut caller) {
                        Some(Ok(permit)) => here.push((Held::Runs(permit), (asked, mib))),
                        Some(Err(why)) => {
                            let is_busy = matches!(why, NotAdmitted::Busy(_));
                            prop_assert!(is_busy, "{:?}", why);
                            prop_assert_eq!(gate.waiting(), CEILINGS.queue);
                        }
                        None => here.push((Held::Waits(caller), (asked, mib))),
                    }
                }
                Step::Ask(index) if !here.is_empty() => {
                    let index = index % here.len();
                    ask(&mut here, index);
                }
                Step::Go(index) if !here.is_empty() => {
                    let index = index % here.len();
                    drop(here.remove(index));
                }
                Step::Ask(_) | Step::Go(_) => {}
            }
            prop_assert!(gate.waiting() <= CEILINGS.queue);
            let running = here.iter().filter(|(held, _)| matches!(held, Held::Runs(_)));
            Taken::by(running.map(|(_, asked)| asked)).holds();
            let (running, waiting, _) = counts(&gate);
            // Nobody waits where nobody runs.
            prop_assert!(0 < running || waiting == 0);
        }
        // All that wait have their turn, or have lost their place, once the others go.
        let mut rounds = 0;
        while !here.is_empty() {
            for index in (0..here.len()).rev() {
                ask(&mut here, index);
            }
            here.retain(|(held, _)| matches!(held, Held::Waits(_)));
            rounds += 1;
            prop_assert!(rounds < 50, "{} wait for nothing", here.len());
        }
        prop_assert!(gate.lanes().is_empty());
    }
}

/// Asks one whether it is his turn; he goes if he has lost his place.
fn ask(here: &mut Vec<(Held, (Asked, u64))>, index: usize) {
    let Held::Waits(caller) = &mut here[index].0 else {
        return;
    };
    match poll(caller) {
        Some(Ok(permit)) => here[index].0 = Held::Runs(permit),
        Some(Err(_)) => drop(here.remove(index)),
        None => {}
    }
}
