//! The calls of the demo. Each is read from the words that its command shows,
//! so the command that is printed is the command that ran.

use patinox_policy::{Code, LimitName};

use crate::again::Again;

/// One call, as it would be typed.
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) target: &'static str,
    pub(crate) arguments: &'static [&'static str],
    pub(crate) limits: &'static [&'static str],
    pub(crate) allow: &'static [&'static str],
    /// What should come of it: a result, or this code.
    pub(crate) ends_in: Option<Code>,
}

/// The calls, in order.
pub(crate) const ROWS: [Row; 6] = [
    Row {
        what: "a tool at work",
        target: "demo:text#count",
        arguments: &["text=@demo:license", r#"options:={"top":1,"shortest":6}"#],
        limits: &[],
        allow: &[],
        ends_in: None,
    },
    Row {
        what: "one that loops for ever",
        target: "demo:hostile#spin",
        arguments: &[],
        limits: &["fuel=200M"],
        allow: &[],
        ends_in: Some(Code::Limit(LimitName::Fuel)),
    },
    Row {
        ends_in: Some(Code::Denied),
        ..FILE
    },
    Row {
        what: "the same, with a folder",
        allow: &["fs=scratch@/notes"],
        ..FILE
    },
    Row {
        ends_in: Some(Code::Denied),
        ..NOTE
    },
    Row {
        what: "the same, remembering",
        allow: &["kv=notes:rw"],
        ..NOTE
    },
];

const NOTE: Row = Row {
    what: "one that remembers",
    target: "demo:notes#add",
    arguments: &["text=buy milk"],
    limits: &[],
    allow: &[],
    ends_in: None,
};

const FILE: Row = Row {
    what: "one that writes a file",
    target: "demo:files#write",
    arguments: &["path=/notes/today.txt", "text=hello"],
    limits: &[],
    allow: &[],
    ends_in: None,
};

/// The second call without its limit: as much as the flag takes, and more time
/// than the demo gives it.
pub(crate) const LIFTED: Row = Row {
    what: "the loop, its limit lifted",
    target: "demo:hostile#spin",
    arguments: &[],
    limits: &["fuel=9000000T", "wall=1h"],
    allow: &[],
    ends_in: Some(Code::Cancelled),
};

impl Row {
    /// The command that repeats the call.
    pub(crate) fn command(&self, again: &Again) -> String {
        let limits = self.limits.iter().flat_map(|limit| ["--limit", limit]);
        let allow = self.allow.iter().flat_map(|grant| ["--allow", grant]);
        let words = ["call", self.target].into_iter();
        let words = words.chain(self.arguments.iter().copied());
        again.command(words.chain(limits).chain(allow))
    }
}
