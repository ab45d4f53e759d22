//! The ceilings of a call, by name.

use std::fmt;

use crate::{Code, Failure, Quantity, RecoveryStrategy, Unit, cut, escape_line};

/// The longest piece of a caller's own text that a message repeats, in bytes.
const MAX_ECHO_BYTES: usize = 80;

/// The ceilings of one call.
///
/// All fields are public and the struct is deliberately exhaustive: a test
/// takes it apart without `..`, so a limit without an attack does not compile.
/// The name of a field is the name of its limit with the unit behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `fuel`: computation, in the engine's unit.
    pub fuel: u64,
    /// `wall`: from admission to the encoded result, host waits included.
    pub wall_ms: u64,
    /// `memory`: all linear memories together.
    pub memory_bytes: u64,
    /// `arguments`: the arguments as JSON.
    pub arguments_bytes: u64,
    /// `result`: the result as JSON.
    pub result_bytes: u64,
    /// `error-text`: an error's text; cut with a mark.
    pub error_text_bytes: u64,
    /// `stdout`: standard output; cut with a mark.
    pub stdout_bytes: u64,
    /// `stderr`: standard error; cut with a mark.
    pub stderr_bytes: u64,
    /// `log`: log lines; cut with a mark.
    pub log_bytes: u64,
}

/// The ceilings of loading a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadLimits {
    /// `file`: the component's bytes.
    pub file_bytes: u64,
    /// `functions`: functions of all its modules together.
    pub functions: u64,
    /// `nesting`: components and modules inside one another.
    pub nesting: u64,
    /// `all-instances`: core instances that instantiating it makes, counted
    /// through every component inside it.
    pub all_instances: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 50_000_000_000,
            wall_ms: 10_000,
            memory_bytes: 64 << 20,
            arguments_bytes: 4 << 20,
            result_bytes: 1 << 20,
            error_text_bytes: 4 << 10,
            stdout_bytes: 64 << 10,
            stderr_bytes: 64 << 10,
            log_bytes: 64 << 10,
        }
    }
}

impl Default for LoadLimits {
    fn default() -> Self {
        Self {
            file_bytes: 64 << 20,
            functions: 100_000,
            nesting: 16,
            all_instances: 200,
        }
    }
}

/// The name of a limit: the key of `--limit`, of the configuration file, and
/// of the code `limit/NAME`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "the fields of `Limits` and `LoadLimits` say what each is"
)]
pub enum LimitName {
    Fuel,
    Wall,
    Memory,
    Arguments,
    Result,
    ErrorText,
    Stdout,
    Stderr,
    Log,
    File,
    Functions,
    Nesting,
    AllInstances,
}

impl LimitName {
    /// Every limit, in the order of the table in the README.
    pub const ALL: [Self; 13] = [
        Self::Fuel,
        Self::Wall,
        Self::Memory,
        Self::Arguments,
        Self::Result,
        Self::ErrorText,
        Self::Stdout,
        Self::Stderr,
        Self::Log,
        Self::File,
        Self::Functions,
        Self::Nesting,
        Self::AllInstances,
    ];

    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.code().trim_start_matches("limit/")
    }

    /// The code of the error when this limit stops a call.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Fuel => "limit/fuel",
            Self::Wall => "limit/wall",
            Self::Memory => "limit/memory",
            Self::Arguments => "limit/arguments",
            Self::Result => "limit/result",
            Self::ErrorText => "limit/error-text",
            Self::Stdout => "limit/stdout",
            Self::Stderr => "limit/stderr",
            Self::Log => "limit/log",
            Self::File => "limit/file",
            Self::Functions => "limit/functions",
            Self::Nesting => "limit/nesting",
            Self::AllInstances => "limit/all-instances",
        }
    }

    /// What it counts.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Fuel | Self::Functions | Self::Nesting | Self::AllInstances => Unit::Count,
            Self::Wall => Unit::Milliseconds,
            Self::Memory
            | Self::Arguments
            | Self::Result
            | Self::ErrorText
            | Self::Stdout
            | Self::Stderr
            | Self::Log
            | Self::File => Unit::Bytes,
        }
    }

    /// The least and the greatest value it takes.
    ///
    /// The least leaves room for the smallest guest; the greatest is what the
    /// engine and the host can hold to.
    #[must_use]
    pub const fn range(self) -> (u64, u64) {
        match self {
            // Above this the engine's signed fuel counter would wrap.
            Self::Fuel => (1, u64::MAX >> 1),
            Self::Wall => (1, 24 * 3_600_000),
            // One page to all that 32 bits address.
            Self::Memory => (64 << 10, 4 << 30),
            Self::Arguments | Self::Result | Self::File => (1, 1 << 30),
            // What the engine itself takes in one module.
            Self::Functions => (1, 1_000_000),
            // What parses a component recurses at each level.
            Self::Nesting => (1, 64),
            Self::AllInstances => (1, 10_000),
            // A cut text keeps room for its mark.
            Self::ErrorText => (64, 4 << 10),
            Self::Stdout | Self::Stderr | Self::Log => (64, 64 << 20),
        }
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

impl Limits {
    /// The value of a limit; `None` for one that does not belong to a call.
    #[must_use]
    pub fn get(&self, name: LimitName) -> Option<u64> {
        let mut copy = *self;
        copy.field(name).copied()
    }

    /// Sets a limit by name, from a text with a unit.
    ///
    /// # Errors
    ///
    /// If there is no such limit of a call, or the value breaks its rule.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), LimitError> {
        let name: LimitName = name.parse()?;
        let field = self.field(name);
        assign(field.ok_or(LimitError::NotOfACall { name }), name, value)
    }

    const fn field(&mut self, name: LimitName) -> Option<&mut u64> {
        match name {
            LimitName::Fuel => Some(&mut self.fuel),
            LimitName::Wall => Some(&mut self.wall_ms),
            LimitName::Memory => Some(&mut self.memory_bytes),
            LimitName::Arguments => Some(&mut self.arguments_bytes),
            LimitName::Result => Some(&mut self.result_bytes),
            LimitName::ErrorText => Some(&mut self.error_text_bytes),
            LimitName::Stdout => Some(&mut self.stdout_bytes),
            LimitName::Stderr => Some(&mut self.stderr_bytes),
            LimitName::Log => Some(&mut self.log_bytes),
            LimitName::File
            | LimitName::Functions
            | LimitName::Nesting
            | LimitName::AllInstances => None,
        }
    }
}

impl LoadLimits {
    /// The value of a limit; `None` for one that does not belong to loading.
    #[must_use]
    pub fn get(&self, name: LimitName) -> Option<u64> {
        let mut copy = *self;
        copy.field(name).copied()
    }

    /// Sets a limit by name, from a text with a unit.
    ///
    /// # Errors
    ///
    /// If there is no such limit of loading, or the value breaks its rule.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), LimitError> {
        let name: LimitName = name.parse()?;
        let field = self.field(name);
        assign(field.ok_or(LimitError::NotOfLoading { name }), name, value)
    }

    const fn field(&mut self, name: LimitName) -> Option<&mut u64> {
        match name {
            LimitName::File => Some(&mut self.file_bytes),
            LimitName::Functions => Some(&mut self.functions),
            LimitName::Nesting => Some(&mut self.nesting),
            LimitName::AllInstances => Some(&mut self.all_instances),
            LimitName::Fuel
            | LimitName::Wall
            | LimitName::Memory
            | LimitName::Arguments
            | LimitName::Result
            | LimitName::ErrorText
            | LimitName::Stdout
            | LimitName::Stderr
            | LimitName::Log => None,
        }
    }
}

/// Reads a value for a limit into its field.
fn assign(
    field: Result<&mut u64, LimitError>,
    name: LimitName,
    value: &str,
) -> Result<(), LimitError> {
    let value = name.parse_value(value)?;
    *field? = value;
    Ok(())
}

/// A limit that was asked for and cannot be set.
///
/// ```
/// use patinox_policy::{Failure, Limits};
///
/// let error = Limits::default().set("memory", "64").unwrap_err();
/// assert_eq!(error.to_string(), "limit `memory` needs a unit, not `64`");
/// assert_eq!(error.hint().as_deref(), Some("write it like `memory=64MiB`"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// No limit has this name.
    #[error("there is no limit `{name}`")]
    Unknown {
        /// What was asked for, cut and escaped.
        name: String,
    },
    /// The value breaks the limit's rule.
    #[error("limit `{name}` {rule}, not `{value}`")]
    Value {
        /// The limit.
        name: LimitName,
        /// What was given, cut and escaped.
        value: String,
        /// The rule, as a clause.
        rule: String,
    },
    /// The limit exists but is not one of a call.
    #[error("limit `{name}` is one of loading, not of a call")]
    NotOfACall {
        /// The limit.
        name: LimitName,
    },
    /// The limit exists but is not one of loading.
    #[error("limit `{name}` is one of a call, not of loading")]
    NotOfLoading {
        /// The limit.
        name: LimitName,
    },
}

impl Failure for LimitError {
    fn code(&self) -> Code {
        Code::InvalidLimit
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unknown { .. } => {
                let names: Vec<_> = LimitName::ALL.into_iter().map(LimitName::as_str).collect();
                format!("the limits are {}", names.join(", "))
            }
            Self::Value { name, .. } => format!("write it like `{name}={}`", name.unit().example()),
            Self::NotOfACall { name } => {
                format!("set `{name}` under `[load]` in the configuration file")
            }
            Self::NotOfLoading { name } => {
                format!("set `{name}` under `[limits]` in the configuration file")
            }
        })
    }
}

fn echo(text: &str) -> String {
    cut(&escape_line(text), MAX_ECHO_BYTES).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_default_lies_in_its_range_and_reads_back() {
        for name in LimitName::ALL {
            let value = Limits::default().get(name);
            let value = value.or_else(|| LoadLimits::default().get(name));
            let value = value.unwrap_or_else(|| panic!("`{name}` has no default"));
            assert_eq!(
                name.parse_value(&name.quantity(value).to_string()),
                Ok(value)
            );
        }
    }

    #[track_caller]
    fn check(name: &str, value: &str, expected: &str) {
        let error = Limits::default().set(name, value).unwrap_err();
        let text = format!("{error} | {}", error.hint().unwrap_or_default());
        assert_eq!(text, expected);
    }

    #[test]
    fn a_wrong_limit_says_why() {
        check(
            "wall",
            "-2s",
            "limit `wall` must not be negative, not `-2s` | write it like `wall=2s`",
        );
        check(
            "wall",
            "2",
            "limit `wall` needs a unit, not `2` | write it like `wall=2s`",
        );
        check(
            "fuel",
            "0",
            "limit `fuel` must be from 1 to 9223372036854775807, not `0` | write it like `fuel=5G`",
        );
        check(
            "memory",
            "5GiB",
            "limit `memory` must be from 64KiB to 4GiB, not `5GiB` | write it like `memory=64MiB`",
        );
        check(
            "speed",
            "1s",
            "there is no limit `speed` | the limits are fuel, wall, memory, arguments, result, error-text, stdout, stderr, log, file, functions, nesting, all-instances",
        );
        check(
            "file",
            "1MiB",
            "limit `file` is one of loading, not of a call | set `file` under `[load]` in the configuration file",
        );
    }

    proptest! {
        #[test]
        fn no_text_panics_or_grows(name: String, value: String) {
            for name in [name.as_str(), "fuel", "wall", "memory", "file"] {
                if let Err(error) = Limits::default().set(name, &value) {
                    let report = crate::Report::of(&error);
                    prop_assert!(report.message.len() <= crate::MAX_MESSAGE_BYTES);
                    let _ = (error.fault(), error.recovery());
                    prop_assert!(serde_json::to_string(&report).is_ok());
                }
            }
        }
    }
}
