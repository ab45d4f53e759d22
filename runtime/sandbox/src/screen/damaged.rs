//! Components that are cut or changed somewhere, through the screen, and
//! through validation what passes it: refused or taken, never a panic.
//!
//! Nothing is compiled here, so that there can be many; `tests/host/flips`
//! compiles some and calls them.

use wasmparser::Validator;

use super::{Digest, Screened};
use patinox_policy::LoadLimits;

use crate::imports::Imports;

/// A generator of numbers that are the same on every run.
struct Seeded(u64);

impl Seeded {
    const fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }
}

/// How many were refused, and by whom.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    screened_out: usize,
    invalid: usize,
    valid: usize,
}

impl Tally {
    fn count(&mut self, bytes: &[u8]) {
        // The digest plays no part, and would take most of the time.
        let screened = Screened::with_digest(bytes, Digest([0; 32]), &LoadLimits::default());
        let screened = screened.and_then(|screened| screened.with_imports(&Imports::default()));
        let counter = match screened {
            Err(_) => &mut self.screened_out,
            Ok(_) => match Validator::new().validate_all(bytes) {
                Err(_) => &mut self.invalid,
                Ok(_) => &mut self.valid,
            },
        };
        *counter += 1;
    }
}

fn prefixes(whole: &[u8], lengths: impl Iterator<Item = usize>) -> Tally {
    let mut tally = Tally::default();
    for len in lengths {
        tally.count(&whole[..len]);
    }
    tally
}

/// Every prefix: few end where a section ends, and fewer of those are valid.
#[track_caller]
fn every_prefix(whole: &[u8]) {
    assert!(whole.len() < 64 << 10, "{} bytes", whole.len());
    let tally = prefixes(whole, 0..whole.len());
    let known = tally.screened_out + tally.invalid + tally.valid;
    assert_eq!(known, whole.len());
    assert!(tally.valid < 200, "{tally:?}");
    assert!(whole.len() - 200 < tally.screened_out, "{tally:?}");
}

/// Flips one bit to four in so many copies.
#[track_caller]
fn flips(whole: &[u8], copies: usize) {
    let mut random = Seeded::new();
    let mut tally = Tally::default();
    let mut bytes = whole.to_vec();
    for _ in 0..copies {
        let flips: Vec<_> = (0..=random.below(4))
            .map(|_| (random.below(bytes.len()), 1 << random.below(8)))
            .collect();
        for (at, bit) in &flips {
            bytes[*at] ^= bit;
        }
        tally.count(&bytes);
        for (at, bit) in &flips {
            bytes[*at] ^= bit;
        }
    }
    assert_eq!(bytes, whole);
    // All three happen, or the flips test nothing.
    let all = [tally.screened_out, tally.invalid, tally.valid];
    assert!(all.iter().all(|count| 0 < *count), "{tally:?}");
    eprintln!("{} bytes: {tally:?}", whole.len());
}

const IMPORTS: &str =
    include_str!("../../../../components/hostile/forged/state/canary_imports.wat");
const CANARY: &str = include_str!("../../../../components/hostile/forged/state/canary.wat");

/// Components made by hand: much of the format in little room.
fn forged() -> [Vec<u8>; 3] {
    let inner = format!("{IMPORTS} {CANARY}");
    let nested = r#"(component
            (component $c (component $inner
                (core module $m (memory 1) (func (export "run") (result i32) (i32.const 7)))
                (core instance $i (instantiate $m))
                (func (export "run") (result u32) (canon lift (core func $i "run"))))
                (instance $i (instantiate $inner))
                (export "run" (func $i "run")))
            (instance $i (instantiate $c))
            (export "run" (func $i "run")))"#;
    let handles = include_str!("../../../../components/hostile/forged/table/bad_handle.wat");
    [&format!("(component {inner})"), nested, handles]
        .map(|text| wat::parse_str(text).expect("text that is a component"))
}

/// What a toolchain built; `None` where there is none.
fn built(path: Option<&std::path::Path>) -> Option<Vec<u8>> {
    path.map(|path| std::fs::read(path).expect("a component"))
}

#[test]
fn every_prefix_of_components_made_by_hand() {
    for whole in forged() {
        every_prefix(&whole);
    }
}

#[test]
fn every_prefix_of_the_smallest_that_is_built() {
    if let Some(whole) = built(patinox_artifacts::fixture_resource()) {
        every_prefix(&whole);
    }
}

#[test]
fn ten_thousand_prefixes_of_the_largest() {
    // Python's, of 21 MB; the other is always there.
    let whole = built(patinox_artifacts::eval())
        .or_else(|| built(Some(patinox_artifacts::prebuilt::text())))
        .expect("one of them");
    let mut random = Seeded::new();
    let tally = prefixes(&whole, (0..10_000).map(|_| random.below(whole.len())));
    assert!(9_900 < tally.screened_out, "{tally:?}");
}

#[test]
fn flips_in_one_that_writes_everywhere() {
    let [canary, _, _] = forged();
    flips(&canary, 40_000);
}

#[test]
fn flips_in_one_with_others_inside() {
    let [_, nested, _] = forged();
    flips(&nested, 30_000);
}

#[test]
fn flips_in_one_with_handles() {
    let [_, _, handles] = forged();
    flips(&handles, 26_000);
}

#[test]
fn flips_in_one_that_is_built() {
    let hostile = built(Some(patinox_artifacts::prebuilt::hostile())).expect("always there");
    flips(&hostile, 4_000);
}
