//! Components with flipped bits: refused by name or loaded, never a panic.

use patinox::{Failure as _, Fault, Host, Limits, PatinoxError, Profile};
use serde_json::json;

use crate::support::{self, Neighbour, call_within, code, forge, guests, soon};

/// A generator of numbers that are the same on every run.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap();
        usize::try_from(self.next() % bound).unwrap()
    }
}

/// A component with a few bits flipped.
fn flip(random: &mut Seeded, whole: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(8);
    }
    bytes
}

/// Loads so many variants. Tells how many loaded.
async fn flipped(host: &Host, whole: &[u8], count: u32) -> u32 {
    let mut random = Seeded(0x9e37_79b9_7f4a_7c15);
    let mut loaded = 0;
    for n in 0..count {
        match soon(host.load(flip(&mut random, whole))).await {
            Ok(_) => loaded += 1,
            Err(error) => assert_refused(n, &error),
        }
    }
    loaded
}

/// It is the component's fault, or it has more of something than a limit.
#[track_caller]
fn assert_refused(variant: u32, error: &PatinoxError) {
    let fault = error.fault();
    let known = matches!(fault, Fault::Component | Fault::Limit);
    assert!(known, "variant {variant}: {error}");
    assert!(error.to_string().len() <= 4096, "variant {variant}");
}

#[tokio::test]
async fn a_component_with_flipped_bits_is_refused_or_loads() {
    let host = support::host();
    let loaded = flipped(&host, &forge::echo(), 2_000).await;
    // Both happen, or the flips test nothing.
    assert!((1..2_000).contains(&loaded), "{loaded}");
}

/// Fewer, as each that is still valid is compiled in full.
#[tokio::test]
async fn a_built_component_with_flipped_bits_is_refused_or_loads() {
    if let Some(smallest) = guests::built("fixture-resource") {
        flipped(&support::host(), &smallest, 40).await;
    }
}

/// Loads variants until so many have loaded, and calls all of their tools.
/// Whatever they are now, they end by themselves or by a limit.
async fn called(whole: &[u8], seed: u64, count: u32) {
    let host = support::host();
    let neighbour = Neighbour::of(&host).await;
    let limits = Limits {
        fuel: 50_000_000,
        wall_ms: 2_000,
        memory_bytes: 16 << 20,
        ..Limits::default()
    };
    let mut random = Seeded(seed);
    let mut loaded = 0;
    for n in 0..20 * count {
        let component = match soon(host.load(flip(&mut random, whole))).await {
            Ok(component) => component,
            Err(error) => {
                assert_refused(n, &error);
                continue;
            }
        };
        for tool in component.tools().iter() {
            for arguments in [json!({}), json!({ "how": 0 }), json!({ "text": "grüße" })] {
                let call = (tool.spec().name.as_str(), arguments);
                let called = call_within(&host, &component, call, limits).await;
                let fault = called.result.as_ref().err().map(PatinoxError::fault);
                let known = [None, Some(Fault::Component), Some(Fault::Limit)];
                // Arguments are refused before anything runs.
                let is_known =
                    known.contains(&fault) || code(&called) == "caller/invalid-arguments";
                assert!(is_known, "variant {n}: {called:?}");
            }
        }
        loaded += 1;
        if loaded == count {
            break;
        }
    }
    assert_eq!(loaded, count);
    neighbour.still_answers(10).await;
}

#[tokio::test]
async fn flipped_texts_are_called() {
    called(&forge::echo(), 1, 125).await;
}

#[tokio::test]
async fn flipped_handles_are_called() {
    called(&forge::component(BAD_HANDLE), 2, 125).await;
}

#[tokio::test]
async fn flipped_canaries_are_called() {
    called(&super::state::canary(Profile::Lean, "flipped"), 3, 125).await;
}

#[tokio::test]
async fn flipped_nests_are_called() {
    called(&super::state::canary(Profile::Strict, "flipped"), 4, 125).await;
}

const BAD_HANDLE: &str = include_str!("../../components/hostile/forged/table/bad_handle.wat");
