//! The least grants that a call needed.

use patinox_host::Called;
use patinox_policy::{Denial, Grant, Policy};
use serde::Serialize;

use crate::again::quote;
use crate::grants::Grants;

/// A grant that a call needed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Needed {
    grant: String,
    /// Whether the call had it.
    granted: bool,
    /// Whether something may be changed by it.
    writes: bool,
    /// Whether it stands for more than one thing.
    wildcard: bool,
}

/// What a call used, and what it was denied.
pub(crate) fn of(policy: &Policy, called: &Called) -> Vec<Needed> {
    let needed = |granted| {
        move |grant: Grant| Needed {
            grant: grant.to_string(),
            granted,
            writes: grant.may_write(),
            wildcard: grant.has_wildcard(),
        }
    };
    let used = policy.least_grants(&called.uses).into_iter();
    let denied: Vec<_> = called.denials.iter().filter_map(Denial::allowing).collect();
    let denied = denied.into_iter().map(needed(false));
    used.map(needed(true)).chain(denied).collect()
}

/// The same, as it would be typed.
pub(crate) fn as_typed(needed: &[Needed], grants: &Grants) -> Vec<Needed> {
    let typed = needed.iter().map(|needed| Needed {
        grant: grants.as_typed(needed.grant.clone()),
        ..needed.clone()
    });
    typed.collect()
}

/// A line each.
pub(crate) fn text(needed: &[Needed]) -> String {
    let lines = needed.iter().map(|needed| {
        let marks = [
            (!needed.granted, "was not granted"),
            (needed.writes, "may change things"),
            (needed.wildcard, "stands for more than one thing"),
        ];
        let marks = marks.into_iter().filter(|(is_so, _)| *is_so);
        let marks: Vec<_> = marks.map(|(_, mark)| mark).collect();
        let marks = match marks.as_slice() {
            [] => String::new(),
            marks => format!("  ({})", marks.join("; ")),
        };
        format!("needed: --allow {}{marks}", quote(&needed.grant))
    });
    match needed.is_empty() {
        true => "needed: no grant".to_owned(),
        false => lines.collect::<Vec<_>>().join("\n"),
    }
}
