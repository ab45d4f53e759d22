//! The closed list of error codes.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::{Fault, LimitName, LimitScope};

/// What went wrong, for a program to match on.
///
/// The list is closed: a code is added here, with its test, or it does not
/// exist. `limit/NAME` carries the name that `--limit` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// `limit/NAME`: that limit stopped the call. None of admission: those are
    /// [`Busy`](Self::Busy).
    Limit(LimitName),
    /// `limit/busy`: too many calls run and wait; come back later.
    Busy,
    /// `component/trap`: the guest trapped.
    Trap,
    /// `component/stack`: the guest's stack overflowed.
    Stack,
    /// `component/error`: the tool answered with its error.
    ToolError,
    /// `component/invalid-output`: the guest broke the contract.
    InvalidOutput,
    /// `component/malformed`: the bytes are not a component.
    Malformed,
    /// `component/missing-imports`: it imports what this host does not offer.
    MissingImports,
    /// `component/unsupported`: a component, but with nothing that can be called.
    Unsupported,
    /// `component/exit`: the guest ended itself.
    Exit,
    /// `caller/not-precompiled`: the host has no compiler, and the artifact store
    /// no code for it.
    NotPrecompiled,
    /// `policy/denied`: it needs what has not been granted.
    Denied,
    /// `policy/validator`: a validator refused it, or could not judge it.
    Validator,
    /// `policy/expired`: what had been granted has ended.
    Expired,
    /// `policy/untrusted`: it is not what a person decided to have.
    Untrusted,
    /// `caller/not-found`: no such file.
    NotFound,
    /// `caller/unreadable`: a file that cannot be read.
    Unreadable,
    /// `caller/unsupported-source`: a form of component reference not built yet.
    UnsupportedSource,
    /// `caller/unknown-tool`: the component has no such tool.
    UnknownTool,
    /// `caller/tool-required`: the component has several tools and none was named.
    ToolRequired,
    /// `caller/invalid-json`: the text is not the JSON that we accept.
    InvalidJson,
    /// `caller/invalid-arguments`: an argument is missing, unknown or of the wrong type.
    InvalidArguments,
    /// `caller/mistyped`: the answer is not of the Rust type that the program asked
    /// for.
    Mistyped,
    /// `caller/invalid-limit`: no such limit, or not such a value.
    InvalidLimit,
    /// `caller/invalid-config`: a configuration file or variable that we refuse.
    InvalidConfig,
    /// `caller/missing-toolchain`: a guest toolchain is not on this machine.
    MissingToolchain,
    /// `caller/build-failed`: a guest toolchain refused the source.
    BuildFailed,
    /// `caller/usage`: the command line is off.
    Usage,
    /// `cancelled`: somebody cancelled the call.
    Cancelled,
    /// `host/internal`: a fault of ours; the reason is in the log.
    Internal,
}

impl Code {
    /// Every code, in the order of the list.
    pub fn all() -> impl Iterator<Item = Self> {
        let limits = LimitName::ALL.into_iter();
        let limits = limits.filter(|name| name.scope() != LimitScope::Admission);
        limits.map(Self::Limit).chain([
            Self::Busy,
            Self::Trap,
            Self::Stack,
            Self::ToolError,
            Self::InvalidOutput,
            Self::Malformed,
            Self::MissingImports,
            Self::Unsupported,
            Self::Exit,
            Self::Denied,
            Self::Validator,
            Self::Expired,
            Self::Untrusted,
            Self::NotPrecompiled,
            Self::NotFound,
            Self::Unreadable,
            Self::UnsupportedSource,
            Self::UnknownTool,
            Self::ToolRequired,
            Self::InvalidJson,
            Self::InvalidArguments,
            Self::Mistyped,
            Self::InvalidLimit,
            Self::InvalidConfig,
            Self::MissingToolchain,
            Self::BuildFailed,
            Self::Usage,
            Self::Cancelled,
            Self::Internal,
        ])
    }

    /// The text of the code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Limit(name) => name.code(),
            Self::Busy => "limit/busy",
            Self::Trap => "component/trap",
            Self::Stack => "component/stack",
            Self::ToolError => "component/error",
            Self::InvalidOutput => "component/invalid-output",
            Self::Malformed => "component/malformed",
            Self::MissingImports => "component/missing-imports",
            Self::Unsupported => "component/unsupported",
            Self::Exit => "component/exit",
            Self::Denied => "policy/denied",
            Self::Validator => "policy/validator",
            Self::Expired => "policy/expired",
            Self::Untrusted => "policy/untrusted",
            Self::NotPrecompiled => "caller/not-precompiled",
            Self::NotFound => "caller/not-found",
            Self::Unreadable => "caller/unreadable",
            Self::UnsupportedSource => "caller/unsupported-source",
            Self::UnknownTool => "caller/unknown-tool",
            Self::ToolRequired => "caller/tool-required",
            Self::InvalidJson => "caller/invalid-json",
            Self::InvalidArguments => "caller/invalid-arguments",
            Self::Mistyped => "caller/mistyped",
            Self::InvalidLimit => "caller/invalid-limit",
            Self::InvalidConfig => "caller/invalid-config",
            Self::MissingToolchain => "caller/missing-toolchain",
            Self::BuildFailed => "caller/build-failed",
            Self::Usage => "caller/usage",
            Self::Cancelled => "cancelled",
            Self::Internal => "host/internal",
        }
    }

    /// Who must act.
    #[must_use]
    pub const fn fault(self) -> Fault {
        match self {
            Self::Limit(_) | Self::Busy => Fault::Limit,
            Self::Trap
            | Self::Stack
            | Self::ToolError
            | Self::InvalidOutput
            | Self::Malformed
            | Self::MissingImports
            | Self::Unsupported
            | Self::Exit => Fault::Component,
            Self::Denied | Self::Validator | Self::Expired | Self::Untrusted => Fault::Policy,
            Self::NotPrecompiled
            | Self::NotFound
            | Self::Unreadable
            | Self::UnsupportedSource
            | Self::UnknownTool
            | Self::ToolRequired
            | Self::InvalidJson
            | Self::InvalidArguments
            | Self::Mistyped
            | Self::InvalidLimit
            | Self::InvalidConfig
            | Self::MissingToolchain
            | Self::BuildFailed
            | Self::Usage => Fault::Caller,
            Self::Cancelled => Fault::Cancelled,
            Self::Internal => Fault::Host,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_of_a_code_is_its_fault() {
        for code in Code::all() {
            let prefix = code.as_str().split('/').next();
            assert_eq!(prefix, Some(code.fault().as_str()), "{code}");
        }
    }

    #[test]
    fn a_limit_of_admission_has_the_code_of_what_it_causes() {
        let all = LimitName::ALL.into_iter();
        for name in all.filter(|name| name.scope() == LimitScope::Admission) {
            assert_eq!(Code::Limit(name).as_str(), Code::Busy.as_str());
            assert!(!Code::all().any(|code| code == Code::Limit(name)));
        }
    }

    #[test]
    fn no_two_codes_share_a_text() {
        let mut texts: Vec<_> = Code::all().map(Code::as_str).collect();
        texts.sort_unstable();
        let count = texts.len();
        texts.dedup();
        assert_eq!(texts.len(), count);
    }

    /// `docs/troubleshooting.md` has each code, and none that there is not.
    #[test]
    fn the_page_of_troubles_has_every_code() {
        let page = include_str!("../../../docs/troubleshooting.md");
        let quoted = page.split('`').skip(1).step_by(2);
        let faults = ["limit/", "component/", "policy/", "caller/", "host/"];
        let named = quoted.filter(|text| faults.iter().any(|fault| text.starts_with(fault)));
        let named: std::collections::HashSet<_> = named.collect();
        for code in Code::all()
            .map(Code::as_str)
            .filter(|code| *code != "cancelled")
        {
            assert!(named.contains(code), "`{code}` is not on the page");
        }
        for name in named {
            let is_one = Code::all().any(|code| code.as_str() == name);
            assert!(is_one, "there is no code `{name}`");
        }
    }
}
