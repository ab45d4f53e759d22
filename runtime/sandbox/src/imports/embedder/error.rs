//! What is wrong with an interface of the embedder's own.

use std::fmt;

use patinox_policy::{Code, Failure, RecoveryStrategy, debug_failure};

/// Why an interface of the embedder's own cannot be offered.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The text is not WIT.
    #[error("the WIT of `{interface}` cannot be read: {reason}")]
    Wit {
        /// The interface that was wanted.
        interface: String,
        /// The parser's word for it.
        reason: String,
    },
    /// The package has no such interface.
    #[error("there is no `{interface}` in the WIT, which has {found}")]
    NoSuchInterface {
        /// The interface that was wanted.
        interface: String,
        /// Those that are there.
        found: String,
    },
    /// A function takes or returns what has no form in JSON, or is none of the
    /// interface alone.
    #[error("`{interface}#{function}` cannot be offered: {reason}")]
    Unsupported {
        /// The interface.
        interface: String,
        /// The function.
        function: String,
        /// Why.
        reason: String,
    },
    /// The interface has no such function.
    #[error("`{interface}` has no function `{function}`")]
    NoSuchFunction {
        /// The interface.
        interface: String,
        /// The function that was named.
        function: String,
    },
    /// A function of the interface has been given no code.
    #[error("`{interface}#{function}` has no code: give it some by `Import::function`")]
    NoCode {
        /// The interface.
        interface: String,
        /// The function.
        function: String,
    },
    /// Another interface has the name already, or the host has one of its own.
    #[error("there is an interface `{interface}` already")]
    Taken {
        /// The name.
        interface: String,
    },
}

impl Failure for ImportError {
    fn code(&self) -> Code {
        Code::InvalidConfig
    }

    fn recovery(&self) -> RecoveryStrategy {
        RecoveryStrategy::Fail
    }
}

impl fmt::Debug for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_failure(self, f)
    }
}
