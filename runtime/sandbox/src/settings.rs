//! The engine's settings, in one table: what configures it is what names its
//! compiled code.

use sha2::{Digest as _, Sha256};
use wasmtime::{Config, OperatorCost, WasmFeatures};

use crate::engine::Profile;

/// The engine's version, which compiled code belongs to. A test holds it to
/// `Cargo.lock`.
const ENGINE_VERSION: &str = "48.0.8";

/// The guest's stack, in bytes. Deeper recursion ends as `component/stack`.
const MAX_WASM_STACK: usize = 512 << 10;

/// The native stack that a call runs on: the guest's, and room for the host's
/// functions below it.
const NATIVE_STACK: usize = 2 << 20;

/// What differs from one engine of ours to another in compiled code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tunables {
    pub(crate) profile: Profile,
    /// Address space for each linear memory, in bytes.
    pub(crate) memory_reservation: u64,
    /// The guard behind it, in bytes.
    pub(crate) memory_guard: u64,
}

#[cfg(test)]
impl Tunables {
    /// Those of a machine with address space to spare.
    pub(crate) const fn wide(profile: Profile) -> Self {
        Self {
            profile,
            memory_reservation: 4 << 30,
            memory_guard: 32 << 20,
        }
    }
}

/// The engine's configuration, without an allocator of its own: which one
/// instances come from is nothing to compiled code.
pub(crate) fn config(tunables: &Tunables) -> Config {
    let mut config = Config::new();
    for setting in settings(tunables) {
        setting.apply(&mut config);
    }
    config
}

/// What compiled code fits: an engine of this version with these settings, on
/// a machine of this kind. The same in a build without a compiler.
///
/// The engine has a fingerprint too, but only together with a compiler.
pub(crate) fn fingerprint(tunables: &Tunables) -> [u8; 32] {
    fingerprint_of(&settings(tunables), &cpu_features())
}

fn fingerprint_of(settings: &[Setting], cpu_features: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for line in lines_of(settings, cpu_features) {
        hash.update(line);
        // No line has a line's end inside.
        hash.update(b"\n");
    }
    hash.finalize().into()
}

/// All that the fingerprint is made of, a line each: kept with the code, so that
/// who cannot run it can be told why.
pub(crate) fn lines(tunables: &Tunables) -> Vec<String> {
    lines_of(&settings(tunables), &cpu_features())
}

fn lines_of(settings: &[Setting], cpu_features: &[&str]) -> Vec<String> {
    let engine = [
        "patinox engine 2".to_owned(),
        format!("wasmtime {ENGINE_VERSION}"),
        format!("target {}", target_lexicon::HOST),
    ];
    let features = cpu_features.iter().map(|feature| format!("cpu {feature}"));
    let settings = settings.iter().map(|setting| format!("{setting:?}"));
    engine.into_iter().chain(features).chain(settings).collect()
}

/// A setting that differs from the engine's own default, or must stay what it
/// is. The whole of it is the name and value that the fingerprint holds.
#[derive(Clone, Copy, Debug)]
enum Setting {
    Cranelift,
    OptimiseForSpeed,
    ConsumeFuel(bool),
    /// Fuel for each page that a memory grows by; the rest of the table of
    /// costs is the engine's own.
    MemoryGrowCost(u8),
    EpochInterruption(bool),
    ConcurrencySupport(bool),
    MaxWasmStack(usize),
    AsyncStackSize(usize),
    MemoryReservation(u64),
    MemoryGuardSize(u64),
    MemoryMayMove(bool),
    MemoryReservationForGrowth(u64),
    Backtrace(bool),
    TailCall(bool),
    FunctionReferences(bool),
    Gc(bool),
    RelaxedSimd(bool),
    Memory64(bool),
    CustomPageSizes(bool),
    WideArithmetic(bool),
}

/// The table.
fn settings(tunables: &Tunables) -> [Setting; 20] {
    [
        Setting::Cranelift,
        Setting::OptimiseForSpeed,
        Setting::ConsumeFuel(true),
        Setting::MemoryGrowCost(u8::MAX),
        Setting::EpochInterruption(tunables.profile == Profile::Strict),
        // With it a fresh call costs a third more; nothing we load needs it.
        Setting::ConcurrencySupport(false),
        Setting::MaxWasmStack(MAX_WASM_STACK),
        Setting::AsyncStackSize(NATIVE_STACK),
        Setting::MemoryReservation(tunables.memory_reservation),
        Setting::MemoryGuardSize(tunables.memory_guard),
        Setting::MemoryMayMove(false),
        // A memory that begins beyond its reservation takes that and no more.
        Setting::MemoryReservationForGrowth(0),
        // No frame of a guest's stack is ever shown, so none is collected.
        Setting::Backtrace(false),
        // Proposals that no toolchain we load needs; each is code to attack.
        Setting::TailCall(false),
        Setting::FunctionReferences(false),
        Setting::Gc(false),
        Setting::RelaxedSimd(false),
        Setting::Memory64(false),
        Setting::CustomPageSizes(false),
        Setting::WideArithmetic(false),
    ]
}

impl Setting {
    fn apply(self, config: &mut Config) {
        match self {
            #[cfg(feature = "compile")]
            Self::Cranelift => config.strategy(wasmtime::Strategy::Cranelift),
            #[cfg(feature = "compile")]
            Self::OptimiseForSpeed => config.cranelift_opt_level(wasmtime::OptLevel::Speed),
            // What only a compiler has: its code is what it was made with.
            #[cfg(not(feature = "compile"))]
            Self::Cranelift | Self::OptimiseForSpeed => config,
            Self::ConsumeFuel(on) => config.consume_fuel(on),
            Self::MemoryGrowCost(fuel) => config.operator_cost(operator_cost(fuel)),
            Self::EpochInterruption(on) => config.epoch_interruption(on),
            Self::ConcurrencySupport(on) => config.concurrency_support(on),
            Self::MaxWasmStack(bytes) => config.max_wasm_stack(bytes),
            Self::AsyncStackSize(bytes) => config.async_stack_size(bytes),
            Self::MemoryReservation(bytes) => config.memory_reservation(bytes),
            Self::MemoryGuardSize(bytes) => config.memory_guard_size(bytes),
            Self::MemoryMayMove(on) => config.memory_may_move(on),
            Self::MemoryReservationForGrowth(bytes) => config.memory_reservation_for_growth(bytes),
            Self::Backtrace(false) => config.wasm_backtrace_max_frames(None),
            Self::Backtrace(true) => config,
            Self::TailCall(on) => config.wasm_tail_call(on),
            // There is no method for it in a build without garbage collection.
            Self::FunctionReferences(on) => {
                config.wasm_features(WasmFeatures::FUNCTION_REFERENCES, on)
            }
            Self::Gc(on) => config.wasm_gc(on),
            Self::RelaxedSimd(on) => config.wasm_relaxed_simd(on),
            Self::Memory64(on) => config.wasm_memory64(on),
            Self::CustomPageSizes(on) => config.wasm_custom_page_sizes(on),
            Self::WideArithmetic(on) => config.wasm_wide_arithmetic(on),
        };
    }
}

/// Fuel by operator: the engine's own table, but growing memory costs too.
fn operator_cost(memory_grow_per_page: u8) -> OperatorCost {
    let mut cost = OperatorCost::new();
    cost.variable.memory_grow_per_page = memory_grow_per_page;
    cost
}

/// Those of the features of this machine's processor that the compiler uses
/// where it finds them.
fn cpu_features() -> Vec<&'static str> {
    let mut found = Vec::new();
    macro_rules! detect {
        ($detected:ident: $($feature:tt)*) => {
            $(if std::arch::$detected!($feature) {
                found.push($feature);
            })*
        };
    }
    #[cfg(target_arch = "x86_64")]
    detect!(is_x86_feature_detected:
        "cmpxchg16b" "sse3" "ssse3" "sse4.1" "sse4.2" "popcnt" "avx" "avx2" "fma" "avxvnni"
        "avx512vnni" "bmi1" "bmi2" "avx512bitalg" "avx512dq" "avx512f" "avx512vl" "avx512vbmi"
        "lzcnt");
    #[cfg(target_arch = "aarch64")]
    detect!(is_aarch64_feature_detected: "lse" "paca" "fp16" "dotprod" "i8mm");
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};

    const PROFILES: [Profile; 2] = [Profile::Lean, Profile::Strict];

    /// All that our engines differ in.
    fn tunables() -> Vec<Tunables> {
        let sizes = [
            (4 << 30, 32 << 20),
            (64 << 20, 32 << 20),
            (4 << 30, 64 << 10),
        ];
        let all = PROFILES.into_iter().flat_map(|profile| {
            sizes.map(|(memory_reservation, memory_guard)| Tunables {
                profile,
                memory_reservation,
                memory_guard,
            })
        });
        all.collect()
    }

    /// What the engine itself takes for compatible.
    fn engines_own(tunables: &Tunables) -> u64 {
        let engine = wasmtime::Engine::new(&config(tunables)).expect("an engine");
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn engines_that_differ_have_fingerprints_that_differ() {
        let all = tunables();
        for (at, one) in all.iter().enumerate() {
            assert_eq!(fingerprint(one), fingerprint(&one.clone()));
            for other in &all[at + 1..] {
                assert_ne!(fingerprint(one), fingerprint(other), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn what_the_engine_tells_apart_we_tell_apart() {
        let all: Vec<_> = tunables()
            .iter()
            .map(|tunables| (engines_own(tunables), fingerprint(tunables)))
            .collect();
        let differ = |of: fn(&(u64, [u8; 32])) -> String| {
            let pairs = all.iter().enumerate();
            let pairs = pairs.flat_map(|(at, one)| all[at + 1..].iter().map(move |two| (one, two)));
            pairs
                .map(|(one, two)| of(one) != of(two))
                .collect::<Vec<_>>()
        };
        let engines = differ(|(engines, _)| engines.to_string());
        let ours = differ(|(_, ours)| format!("{ours:?}"));
        assert!(engines.contains(&true));
        let missed = engines
            .iter()
            .zip(&ours)
            .any(|(engines, ours)| *engines && !ours);
        assert!(!missed, "{engines:?} {ours:?}");
    }

    #[test]
    fn every_setting_counts() {
        let settings = settings(&tunables()[0]);
        let of = |settings: &[Setting]| fingerprint_of(settings, &["avx"]);
        let whole = of(&settings);
        for at in 0..settings.len() {
            let mut fewer = settings.to_vec();
            let left_out = fewer.remove(at);
            assert_ne!(of(&fewer), whole, "{left_out:?}");
        }
        let changed = settings.map(|setting| match setting {
            Setting::MemoryGrowCost(_) => Setting::MemoryGrowCost(1),
            other => other,
        });
        assert_ne!(of(&changed), whole);
    }

    #[test]
    fn the_machine_counts() {
        let settings = settings(&tunables()[0]);
        let of = |features: &[&str]| fingerprint_of(&settings, features);
        assert_ne!(of(&["avx"]), of(&["avx", "avx2"]));
        assert_ne!(of(&["avx"]), of(&[]));
        assert!(cpu_features().len() < 20);
    }

    /// The engine tells its version to nobody.
    #[test]
    fn the_version_is_the_one_that_is_built() {
        let lock = include_str!("../../../Cargo.lock");
        let entry = format!("name = \"wasmtime\"\nversion = \"{ENGINE_VERSION}\"\n");
        assert!(lock.contains(&entry), "not `{ENGINE_VERSION}`");
    }
}
