//! One attack: what it is, how it ends, and what works after it.

use patinox::{Fault, Limits};
use serde_json::Value;

use crate::support::forge;

/// What a call may take at most: its guest's memory, the host's for values,
/// and some room.
pub(super) const PEAK_BYTES: u64 = (64 + 64 + 16) << 20;

/// An attack, and how it ends.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) attack: Attack,
    /// Who is to blame; nobody where it ends well and has done no harm.
    pub(super) fault: Option<Fault>,
    pub(super) codes: &'static [&'static str],
    /// How much more memory this process may have while it runs.
    pub(super) peak_bytes: u64,
}

/// What an attack is.
pub(super) enum Attack {
    /// A binary, which must not load.
    Binary(Vec<u8>),
    /// A call of a tool.
    Call(Box<Call>),
}

/// A call of a tool that attacks.
pub(super) struct Call {
    /// A component of its own; `None` for the hostile one.
    pub(super) component: Option<Vec<u8>>,
    pub(super) tool: &'static str,
    pub(super) arguments: Value,
    pub(super) limits: Limits,
    pub(super) honest: Honest,
}

/// A call of the same tool that works; `None` where the component attacks
/// before any function of it runs.
pub(super) type Honest = Option<(Value, Value)>;

/// What stops an attack that computes, and only that: it takes some 20 ms.
pub(super) fn limits() -> Limits {
    Limits {
        fuel: 50_000_000,
        wall_ms: 60_000,
        ..Limits::default()
    }
}

impl Row {
    /// A binary that is refused.
    pub(super) fn binary(
        name: &'static str,
        bytes: Vec<u8>,
        code: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            attack: Attack::Binary(bytes),
            fault: Some(Fault::Component),
            codes: code,
            peak_bytes: PEAK_BYTES,
        }
    }

    /// A function of the hostile component.
    pub(super) fn hostile(
        name: &'static str,
        (tool, arguments): (&'static str, Value),
        (fault, code): (Fault, &'static [&'static str]),
        (honest, answer): (Value, Value),
    ) -> Self {
        Self {
            name,
            attack: Attack::Call(Box::new(Call {
                component: None,
                tool,
                arguments,
                limits: limits(),
                honest: Some((honest, answer)),
            })),
            fault: Some(fault),
            codes: code,
            peak_bytes: PEAK_BYTES,
        }
    }

    /// The function `run` of a component made by hand.
    pub(super) fn forged(
        name: &'static str,
        (text, arguments): (&str, Value),
        (fault, code): (Fault, &'static [&'static str]),
        honest: Honest,
    ) -> Self {
        Self {
            name,
            attack: Attack::Call(Box::new(Call {
                component: Some(forge::component(text)),
                tool: "run",
                arguments,
                limits: limits(),
                honest,
            })),
            fault: Some(fault),
            codes: code,
            peak_bytes: PEAK_BYTES,
        }
    }

    /// With another honest call.
    pub(super) fn honest(mut self, arguments: Value, answer: Value) -> Self {
        if let Attack::Call(call) = &mut self.attack {
            call.honest = Some((arguments, answer));
        }
        self
    }

    /// Where the tool has no honest use.
    pub(super) fn never_honest(mut self) -> Self {
        if let Attack::Call(call) = &mut self.attack {
            call.honest = None;
        }
        self
    }

    /// Another function of it.
    pub(super) fn tool(mut self, name: &'static str) -> Self {
        if let Attack::Call(call) = &mut self.attack {
            call.tool = name;
        }
        self
    }

    /// Under other limits.
    pub(super) fn within(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        if let Attack::Call(call) = &mut self.attack {
            change(&mut call.limits);
        }
        self
    }

    /// It ends well, and has done no harm.
    pub(super) fn harmless(mut self) -> Self {
        (self.fault, self.codes) = (None, &["ok"]);
        self
    }

    /// With less memory than others.
    pub(super) const fn peak(mut self, bytes: u64) -> Self {
        self.peak_bytes = bytes;
        self
    }
}
