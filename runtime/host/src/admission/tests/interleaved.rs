//! The gate against a model of it, in any order of coming, asking and going.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const COMPONENTS: [&str; 3] = ["a", "b", "c"];

/// What may happen, by index among the callers there are.
#[derive(Clone, Debug)]
enum Step {
    /// Somebody comes to a component.
    Come(usize),
    /// Somebody asks whether it is his turn.
    Ask(usize),
    /// Somebody goes, whether he waits, runs, or does not know which.
    Go(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..COMPONENTS.len()).prop_map(Step::Come),
        3 => any::<usize>().prop_map(Step::Ask),
        3 => any::<usize>().prop_map(Step::Go),
    ]
}

/// A caller that is let in, or waits as far as he knows.
enum Held {
    Caller(Caller),
    Permit { _held: Permit },
}

struct Somebody {
    id: u64,
    component: usize,
    held: Held,
}

/// What there should be.
#[derive(Default)]
struct Model {
    running: [u64; COMPONENTS.len()],
    waiting: [VecDeque<u64>; COMPONENTS.len()],
}

impl Model {
    fn waits(&self, somebody: &Somebody) -> bool {
        self.waiting[somebody.component].contains(&somebody.id)
    }

    fn counts(&self) -> (u64, u64, usize) {
        let running = self.running.iter().sum();
        let waiting = self.waiting.iter().map(|queue| queue.len() as u64).sum();
        let lanes = self.running.iter().filter(|running| 0 < **running).count();
        (running, waiting, lanes)
    }

    fn go(&mut self, somebody: &Somebody) {
        let queue = &mut self.waiting[somebody.component];
        if let Some(place) = queue.iter().position(|id| *id == somebody.id) {
            queue.remove(place);
        } else if queue.pop_front().is_none() {
            self.running[somebody.component] -= 1;
        }
    }
}

struct Scene {
    gate: Gate,
    ceilings: Admission,
    model: Model,
    here: Vec<Somebody>,
    next_id: u64,
}

impl Scene {
    fn come(&mut self, component: usize) {
        let mut caller = caller(&self.gate, COMPONENTS[component]);
        let (_, waiting, _) = self.model.counts();
        let id = self.next_id;
        self.next_id += 1;
        let held = match poll(&mut caller) {
            Some(Ok(permit)) => {
                self.model.running[component] += 1;
                Held::Permit { _held: permit }
            }
            None => {
                self.model.waiting[component].push_back(id);
                Held::Caller(caller)
            }
            Some(Err(why)) => {
                assert!(matches!(why, NotAdmitted::Busy(_)), "{why:?}");
                assert_eq!(self.model.running[component], self.ceilings.concurrency);
                assert_eq!(waiting, self.ceilings.queue);
                return;
            }
        };
        self.here.push(Somebody {
            id,
            component,
            held,
        });
    }

    fn ask(&mut self, index: usize) {
        let len = self.here.len().max(1);
        let Some(somebody) = self.here.get_mut(index % len) else {
            return;
        };
        let waits = self.model.waits(somebody);
        let Held::Caller(caller) = &mut somebody.held else {
            assert!(!waits);
            return;
        };
        match poll(caller) {
            Some(admitted) => {
                assert!(!waits, "he overtakes");
                somebody.held = Held::Permit {
                    _held: admitted.unwrap(),
                };
            }
            None => assert!(waits, "it is his turn"),
        }
    }

    fn go(&mut self, index: usize) {
        if self.here.is_empty() {
            return;
        }
        let somebody = self.here.remove(index % self.here.len());
        self.model.go(&somebody);
        drop(somebody);
    }

    fn check(&self) {
        assert_eq!(counts(&self.gate), self.model.counts());
        let (_, waiting, _) = self.model.counts();
        assert!(waiting <= self.ceilings.queue);
        for (running, queue) in self.model.running.iter().zip(&self.model.waiting) {
            assert!(*running <= self.ceilings.concurrency);
            // Nobody waits while there are permits.
            assert!(queue.is_empty() || *running == self.ceilings.concurrency);
        }
    }
}

proptest! {
    #[test]
    fn the_gate_does_what_its_model_says(
        concurrency in 1..4_u64,
        queue in 0..5_u64,
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let runtime = runtime();
        let _context = runtime.enter();
        let mut scene = Scene {
            gate: gate(concurrency, queue),
            ceilings: Admission {
                concurrency,
                queue,
                ..Admission::default()
            },
            model: Model::default(),
            here: Vec::new(),
            next_id: 0,
        };
        for step in steps {
            match step {
                Step::Come(component) => scene.come(component),
                Step::Ask(index) => scene.ask(index),
                Step::Go(index) => scene.go(index),
            }
            scene.check();
        }
        scene.here.clear();
        prop_assert_eq!(counts(&scene.gate), (0, 0, 0));
    }
}
