//! What is held, and what there is to hold it: knows nothing of Wasm.
//!
//! **Owns** the facts of the machine as this process meets them: cores and how
//! busy they are, memory, swap, disks, address space, descriptors and processes,
//! with the control groups around it counted in; what may be held by that, and
//! how hard pressed it is.
//!
//! **Owns** the [`Registry`], which knows every resource that is held: its kind,
//! its owner, its age, its size and its state. [`sweep`] finds in it what should
//! not be there any more. An [`AsyncGuard`] cleans up what it holds once it is
//! dropped, wherever that is, exactly once and within a limit; what fails is kept,
//! counted and told.
//!
//! **Never** knows what uses a resource, changes anything of the machine, or
//! takes a file that is missing or nonsense for an error: the fact is then absent.
//!
//! ```
//! use patinox_resources::{Detector, Swap};
//!
//! let machine = Detector::new().detect();
//! println!("{} cores, says {}", machine.cores.value, machine.cores.origin);
//! if machine.swap.value == Swap::Present {
//!     println!("memory may be written to a disk, says {}", machine.swap.origin);
//! }
//! # assert!(machine.swap.origin.to_string().starts_with('/'));
//! ```
//!
//! Read `detector`, then below it `groups` and `swap`; `constraints`, what that
//! bears; `pressure`, how much of it is taken; `shared`, for what many read and few
//! replace; `pool` and `lease`, for what is dear to make; `registry`, then `guard`
//! with `cleaner`, `work`, `hand_over` and `underway` below it; `sweep`; `reclaimer`,
//! which lets go of things in order.

#![forbid(unsafe_code)]

mod constraints;
mod detector;
mod guard;
mod lease;
mod pool;
mod pressure;
mod private;
mod reclaimer;
mod registry;
mod shared;
mod sweep;
mod sync;
mod text;

pub use constraints::Constraints;
pub use detector::{
    AddressSpace, Detector, Figure, FolderSpace, Held, Hundredths, Load, Machine, NotHundredths,
    Origin, ProcessTime, Sampler, Stall, StallAverages, Stalls, Swap, SwapWatch,
};
pub use guard::{
    AsyncGuard, Cleaner, CleanerConfig, CleanupError, CleanupFailure, FailureCounts, Leaked,
    Listening, OnFailure, Priority, Reason, StartError,
};
pub use lease::Lease;
pub use pool::{Maker, Pool, PoolConfig, PoolCounts, PoolError, PoolTotals, Reuse};
pub use pressure::{
    Changes, Level, Pressed, Pressure, PressureWatch, Reading, Resource, Threshold, ThresholdError,
    Thresholds,
};
pub use private::private_folder;
pub use reclaimer::{
    Cause, Demand, EvictIdle, Freed, Reclaim, Reclaimer, ShrinkPool, Stage, StageTotals, Step,
};
pub use registry::{Count, Entry, EntryCounts, EntryId, Kind, Owner, Registered, Registry, State};
pub use shared::{Shared, Watch};
pub use sweep::{Finding, Problem, SweepLimits, sweep};
