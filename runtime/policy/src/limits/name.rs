//! The names of the limits, each with its code, unit and range.

use std::fmt;

use super::error::{LimitError, echo};
use crate::{Quantity, Unit};

/// What a limit holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitScope {
    /// One call: a field of [`Limits`](crate::Limits).
    Call,
    /// Loading a component: a field of [`LoadLimits`](crate::LoadLimits).
    Load,
    /// How many calls there are at once: a field of
    /// [`Admission`](crate::Admission).
    Admission,
}

impl LimitScope {
    /// The section of the configuration file that its limits stand in.
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            Self::Call => "limits",
            Self::Load => "load",
            Self::Admission => "admission",
        }
    }
}

impl fmt::Display for LimitScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Call => "a call",
            Self::Load => "loading",
            Self::Admission => "admission",
        })
    }
}

/// The name of a limit: the key of `--limit`, of the configuration file, and
/// of the code `limit/NAME`. Those of admission share the code `limit/busy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "the fields of `Limits`, `LoadLimits` and `Admission` say what each is"
)]
pub enum LimitName {
    Fuel,
    Wall,
    Memory,
    TableElements,
    Tables,
    Memories,
    CoreInstances,
    Handles,
    HostResources,
    HostcallBytes,
    HostCalls,
    Pollables,
    Random,
    Arguments,
    Result,
    ErrorText,
    Stdout,
    Stderr,
    Log,
    FsBytes,
    FsFiles,
    FsOpen,
    KvBytes,
    File,
    Functions,
    Nesting,
    AllInstances,
    CompileWall,
    CompileCpu,
    CompileMemory,
    Concurrency,
    ToolConcurrency,
    PrincipalConcurrency,
    Queue,
    QueueWall,
}

/// What is fixed about a limit.
struct Rule {
    /// `limit/` and the name.
    code: &'static str,
    scope: LimitScope,
    unit: Unit,
    /// The least leaves room for the smallest guest; the greatest is what the
    /// engine and the host can hold to.
    range: (u64, u64),
}

const fn call(code: &'static str, unit: Unit, range: (u64, u64)) -> Rule {
    Rule {
        code,
        scope: LimitScope::Call,
        unit,
        range,
    }
}

const fn load(code: &'static str, unit: Unit, range: (u64, u64)) -> Rule {
    Rule {
        code,
        scope: LimitScope::Load,
        unit,
        range,
    }
}

const fn admission(code: &'static str, unit: Unit, range: (u64, u64)) -> Rule {
    Rule {
        code,
        scope: LimitScope::Admission,
        unit,
        range,
    }
}

/// A million of something.
const MILLION: u64 = 1_000_000;

impl LimitName {
    /// Every limit, in the order of the table in the README.
    pub const ALL: [Self; 35] = [
        Self::Fuel,
        Self::Wall,
        Self::Memory,
        Self::TableElements,
        Self::Tables,
        Self::Memories,
        Self::CoreInstances,
        Self::Handles,
        Self::HostResources,
        Self::HostcallBytes,
        Self::HostCalls,
        Self::Pollables,
        Self::Random,
        Self::Arguments,
        Self::Result,
        Self::ErrorText,
        Self::Stdout,
        Self::Stderr,
        Self::Log,
        Self::FsBytes,
        Self::FsFiles,
        Self::FsOpen,
        Self::KvBytes,
        Self::File,
        Self::Functions,
        Self::Nesting,
        Self::AllInstances,
        Self::CompileWall,
        Self::CompileCpu,
        Self::CompileMemory,
        Self::Concurrency,
        Self::ToolConcurrency,
        Self::PrincipalConcurrency,
        Self::Queue,
        Self::QueueWall,
    ];

    const fn rule(self) -> Rule {
        use Unit::{Bytes, Count, Milliseconds};
        match self {
            // Above this the engine's signed fuel counter would wrap.
            Self::Fuel => call("limit/fuel", Count, (1, u64::MAX >> 1)),
            Self::Wall => call("limit/wall", Milliseconds, (1, 24 * 3_600_000)),
            // One page to all that 32 bits address.
            Self::Memory => call("limit/memory", Bytes, (64 << 10, 4 << 30)),
            Self::TableElements => call("limit/table-elements", Count, (0, 10 * MILLION)),
            Self::Tables => call("limit/tables", Count, (0, 10_000)),
            // Each takes gigabytes of address space.
            Self::Memories => call("limit/memories", Count, (0, 100)),
            Self::CoreInstances => call("limit/core-instances", Count, (1, 10_000)),
            Self::Handles => call("limit/handles", Count, (0, 10 * MILLION)),
            Self::HostResources => call("limit/host-resources", Count, (0, MILLION)),
            // WASI's streams pass 64 KiB at once.
            Self::HostcallBytes => call("limit/hostcall-bytes", Bytes, (128 << 10, 1 << 30)),
            Self::HostCalls => call("limit/host-calls", Count, (0, u64::MAX)),
            Self::Pollables => call("limit/pollables", Count, (0, MILLION)),
            Self::Random => call("limit/random", Bytes, (0, 1 << 30)),
            Self::Arguments => call("limit/arguments", Bytes, (1, 1 << 30)),
            Self::Result => call("limit/result", Bytes, (1, 1 << 30)),
            // A cut text keeps room for its mark.
            Self::ErrorText => call("limit/error-text", Bytes, (64, 4 << 10)),
            Self::Stdout => call("limit/stdout", Bytes, (64, 64 << 20)),
            Self::Stderr => call("limit/stderr", Bytes, (64, 64 << 20)),
            Self::Log => call("limit/log", Bytes, (64, 64 << 20)),
            Self::FsBytes => call("limit/fs-bytes", Bytes, (0, 1 << 40)),
            Self::FsFiles => call("limit/fs-files", Count, (0, 100 * MILLION)),
            // Each is a descriptor of the host's.
            Self::FsOpen => call("limit/fs-open", Count, (0, MILLION)),
            Self::KvBytes => call("limit/kv-bytes", Bytes, (0, 1 << 40)),
            Self::File => load("limit/file", Bytes, (1, 1 << 30)),
            // What the engine itself takes in one module.
            Self::Functions => load("limit/functions", Count, (1, MILLION)),
            // What parses a component recurses at each level.
            Self::Nesting => load("limit/nesting", Count, (1, 64)),
            Self::AllInstances => load("limit/all-instances", Count, (1, 10_000)),
            Self::CompileWall => load("limit/compile-wall", Milliseconds, (1, 24 * 3_600_000)),
            // The system counts no less than a second.
            Self::CompileCpu => load("limit/compile-cpu", Milliseconds, (1_000, 24 * 3_600_000)),
            // Below the least even the smallest component has no room; the
            // greatest is what a large machine has.
            Self::CompileMemory => load("limit/compile-memory", Bytes, (64 << 20, 64 << 30)),
            // With none no call would ever begin.
            Self::Concurrency => admission("limit/concurrency", Count, (1, MILLION)),
            Self::ToolConcurrency => admission("limit/tool-concurrency", Count, (1, MILLION)),
            Self::PrincipalConcurrency => {
                admission("limit/principal-concurrency", Count, (1, MILLION))
            }
            Self::Queue => admission("limit/queue", Count, (0, MILLION)),
            Self::QueueWall => admission("limit/queue-wall", Milliseconds, (0, 24 * 3_600_000)),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.rule().code.trim_start_matches("limit/")
    }

    /// The code of the error when this limit stops a call: `limit/NAME`, but
    /// `limit/busy` for the limits of admission, as the answer to either is to
    /// come back later.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self.scope() {
            LimitScope::Call | LimitScope::Load => self.rule().code,
            LimitScope::Admission => "limit/busy",
        }
    }

    /// What it holds.
    #[must_use]
    pub const fn scope(self) -> LimitScope {
        self.rule().scope
    }

    /// What it counts.
    #[must_use]
    pub const fn unit(self) -> Unit {
        self.rule().unit
    }

    /// The least and the greatest value it takes.
    #[must_use]
    pub const fn range(self) -> (u64, u64) {
        self.rule().range
    }

    /// Reads a value for this limit.
    ///
    /// # Errors
    ///
    /// If the text is not a number with a fitting unit in the range.
    pub fn parse_value(self, text: &str) -> Result<u64, LimitError> {
        let invalid = |rule: String| LimitError::Value {
            name: self,
            value: echo(text),
            rule,
        };
        let quantity =
            Quantity::parse(text, self.unit()).map_err(|rule| invalid(rule.to_owned()))?;
        let (least, greatest) = self.range();
        if quantity.value < least || quantity.value > greatest {
            let (least, greatest) = (self.quantity(least), self.quantity(greatest));
            return Err(invalid(format!("must be from {least} to {greatest}")));
        }
        Ok(quantity.value)
    }

    /// A value of this limit with its unit.
    #[must_use]
    pub const fn quantity(self, value: u64) -> Quantity {
        Quantity {
            value,
            unit: self.unit(),
        }
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for LimitName {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|name| name.as_str() == text);
        found.ok_or_else(|| LimitError::Unknown { name: echo(text) })
    }
}
