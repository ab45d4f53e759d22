//! What is to be compiled for.

use crate::engine::Profile;
use crate::settings::{self, Tunables};

/// All that decides what code comes of a component, but the component. The
/// child makes the same engine of it as its parent has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) tunables: Tunables,
}

impl Order {
    /// Its length on the wire: profile, reservation, guard.
    pub(super) const BYTES: usize = 17;

    /// An engine that compiles for it. It holds no memory for instances.
    pub(crate) fn engine(&self) -> wasmtime::Result<wasmtime::Engine> {
        wasmtime::Engine::new(&settings::config(&self.tunables))
    }

    pub(super) fn to_bytes(self) -> [u8; Self::BYTES] {
        let Tunables {
            profile,
            memory_reservation,
            memory_guard,
        } = self.tunables;
        let profile = match profile {
            Profile::Lean => 0,
            Profile::Strict => 1,
        };
        let sizes = [memory_reservation, memory_guard].map(u64::to_le_bytes);
        let mut bytes = [profile; Self::BYTES];
        let rest = bytes.iter_mut().skip(1);
        rest.zip(sizes.as_flattened())
            .for_each(|(to, from)| *to = *from);
        bytes
    }

    pub(super) fn from_bytes(bytes: [u8; Self::BYTES]) -> Option<Self> {
        let ([profile], sizes) = bytes.split_first_chunk()?;
        let profile = match profile {
            0 => Profile::Lean,
            1 => Profile::Strict,
            _ => return None,
        };
        let (reservation, guard) = sizes.split_first_chunk()?;
        Some(Self {
            tunables: Tunables {
                profile,
                memory_reservation: u64::from_le_bytes(*reservation),
                memory_guard: u64::from_le_bytes(guard.try_into().ok()?),
            },
        })
    }
}
