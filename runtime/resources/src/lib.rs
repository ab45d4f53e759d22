//! What is held, and what there is to hold it: knows nothing of Wasm.
//!
//! **Owns** the facts of the machine as this process meets them: cores and how
//! busy they are, memory, swap, disks, address space, descriptors and processes,
//! with the control groups around it counted in; what may be held by that, and
//! how hard pressed it is.
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
//! bears; `pressure`, how much of it is taken;
//! `shared`, for what many read and few replace; `pool` and `lease`, for what is
//! dear to make.

#![forbid(unsafe_code)]

mod constraints;
mod detector;
mod lease;
mod pool;
mod pressure;
mod shared;
mod sync;

pub use constraints::Constraints;
pub use detector::{
    AddressSpace, Detector, Figure, FolderSpace, Held, Hundredths, Load, Machine, NotHundredths,
    Origin, Sampler, Stall, StallAverages, Stalls, Swap, SwapWatch,
};
pub use lease::Lease;
pub use pool::{Maker, Pool, PoolConfig, PoolCounts, PoolError, PoolTotals, Reuse};
pub use pressure::{
    Changes, Level, Pressed, Pressure, PressureWatch, Reading, Resource, Threshold, ThresholdError,
    Thresholds,
};
pub use shared::{Shared, Watch};
