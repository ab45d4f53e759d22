//! What a machine had too little of to load a component.

use std::time::Duration;

use patinox_policy::LimitName;

use super::hints::setting_hint;

/// What there was too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Starved {
    /// Time to read it: a stream was slow, or a disk.
    Reading,
    /// A compiler: others compiled until the time was over.
    Waiting,
    /// Processors: it was not compiled when the time was over, and its compiler
    /// had not had all of it.
    Compiling {
        /// What the compiler computed, where that is known, of all its threads
        /// together.
        computed: Option<Duration>,
        /// Whether others computed meanwhile what it wanted to.
        is_busy: bool,
    },
    /// Memory: the system had none left for the compiler.
    Memory,
}

impl Starved {
    pub(crate) const fn limit(self) -> LimitName {
        match self {
            Self::Reading | Self::Waiting | Self::Compiling { .. } => LimitName::CompileWall,
            Self::Memory => LimitName::CompileMemory,
        }
    }

    pub(super) fn message(self, allowed: u64) -> String {
        let reached = |why: &str| {
            let name = self.limit();
            let allowed = name.quantity(allowed);
            format!("limit `{name}` of {allowed} reached {why}")
        };
        match self {
            Self::Reading => reached("before the component was read"),
            Self::Waiting => reached("before a compiler was free"),
            Self::Compiling { computed, is_busy } => {
                let when = match is_busy {
                    true => "while the machine was busy",
                    false => "before the component was compiled",
                };
                let computed = computed.map(|computed| {
                    let seconds = computed.as_secs_f64();
                    format!(": its compiler has computed for {seconds:.1} s")
                });
                reached(&format!("{when}{}", computed.unwrap_or_default()))
            }
            Self::Memory => "the system has too little memory to compile the component".to_owned(),
        }
    }

    pub(super) fn hint(self) -> String {
        let again = "load it again when less runs here";
        match self {
            Self::Memory => again.to_owned(),
            Self::Reading | Self::Waiting | Self::Compiling { .. } => {
                format!(
                    "{again}, or give it more time: {}",
                    setting_hint(self.limit())
                )
            }
        }
    }
}
