//! Components with flipped bits: refused by name or loaded, never a panic.

use patinox::{Failure as _, Fault, Host};

use crate::support::{self, forge, guests, soon};

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

/// Loads so many variants, each with a few bits flipped. Tells how many loaded.
async fn flipped(host: &Host, whole: &[u8], count: u32) -> u32 {
    let mut random = Seeded(0x9e37_79b9_7f4a_7c15);
    let mut loaded = 0;
    for n in 0..count {
        let mut bytes = whole.to_vec();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
        match soon(host.load(bytes)).await {
            Ok(_) => loaded += 1,
            Err(error) => {
                assert_eq!(error.fault(), Fault::Component, "variant {n}: {error}");
                assert!(error.to_string().len() <= 4096, "variant {n}");
            }
        }
    }
    loaded
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
