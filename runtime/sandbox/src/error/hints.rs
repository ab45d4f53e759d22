//! What would help.

use std::io;

use patinox_policy::{Denial, Grant, LimitName, LimitScope};
use rustix::io::Errno;

use super::MAX_NAMES;
use crate::screen::NotAComponent;

pub(super) const MISSING_HINT: &str = "build it against WASI 0.2 alone, or let a program of your own offer \
    the rest: `Host::builder().import(…)`";

pub(super) const NOT_A_VALIDATOR_HINT: &str = "name one that is built for the world `validator` of \
    `patinox:tool`; what has tools is called, not asked for verdicts";

pub(super) const MISMATCHED_HINT: &str = "build it against the WIT of what it imports: that of WASI 0.2, or \
    the one that `Import::new` was given";

/// Only interfaces can be offered.
pub(super) const MISSING_FUNCTION_HINT: &str = "build it against WASI 0.2 alone: what it imports must be \
    functions of interfaces for a program to offer them";

/// An embedder's way to load what is larger.
pub(super) const NO_WORKER_HINT: &str = "name a program as `compile_worker` that calls \
    `patinox::compile_worker` first: it takes what is four times larger";

pub(super) const NO_ROOM_HINT: &str = "give the host more room by `ulimit -v` or \
    `sysctl vm.max_map_count`, or call again when fewer calls run";

pub(super) const MEMORY_HERE_HINT: &str = "start the host with more address space: with \
    `ulimit -v 5000000` each memory has 256 MiB";

pub(super) const MEMORIES_HERE_HINT: &str = "start the host with more slots, where it was told \
    their number, or with more address space: `ulimit -v`";

pub(super) const NOT_A_WORKER_HINT: &str = "the program that `compile_worker` names must call \
    `patinox::compile_worker` before anything else, and start no thread before";

/// The most grants that a hint lists.
pub(super) const MAX_ALLOWS: usize = 4;

pub(super) fn folder_hint(source: &io::Error) -> &'static str {
    match (
        source.kind(),
        source.raw_os_error().map(Errno::from_raw_os_error),
    ) {
        (_, Some(Errno::NOSYS)) => "folders need Linux 5.6 or newer, for its `openat2`",
        (io::ErrorKind::NotFound, _) => "make it, or name another one: `fs=./data:ro@/data`",
        (io::ErrorKind::NotADirectory, _) => "name the folder that it lies in",
        (io::ErrorKind::PermissionDenied, _) => {
            "check who may read it; `/proc` and `/sys` are granted to nobody"
        }
        (io::ErrorKind::ResourceBusy, _) => "name a folder beside it, or one further down",
        _ => "name another folder",
    }
}

/// What was denied, the last first: that is nearest to the failure.
pub(super) fn denied(denials: &[Denial]) -> String {
    let last = denials.last().map_or_else(String::new, ToString::to_string);
    match apart(denials).len().saturating_sub(1) {
        0 => last,
        more => format!("{last} (nor {more} more that it asked for)"),
    }
}

/// The least grants that would allow it, as whoever calls gives them.
pub(super) fn allow_hint(denials: &[Denial]) -> Option<String> {
    let grants = apart(denials).into_iter().flatten().take(MAX_ALLOWS);
    let grants: Vec<_> = grants.map(|grant| format!("--allow '{grant}'")).collect();
    (!grants.is_empty()).then(|| format!("allow it with {}", grants.join(" ")))
}

/// What would allow each, the last first, but for what another of them allows as well:
/// who may write a folder may read it.
fn apart(denials: &[Denial]) -> Vec<Option<Grant>> {
    let all: Vec<_> = denials.iter().rev().map(Denial::allowing).collect();
    let mut apart: Vec<Option<Grant>> = Vec::new();
    for (place, grant) in all.iter().enumerate() {
        let is_covered = grant.as_ref().is_some_and(|grant| {
            let others = all.iter().enumerate().filter(|(other, _)| *other != place);
            let mut others = others.filter_map(|(other, wider)| Some((other, wider.as_ref()?)));
            // Of two that are the same, the one that stands first.
            others.any(|(other, wider)| {
                wider.covers(grant) && (other < place || !grant.covers(wider))
            })
        });
        if !is_covered {
            apart.push(grant.clone());
        }
    }
    apart
}

/// The grants that would allow it.
pub(super) fn grant_hint(names: &[String]) -> Option<String> {
    let interfaces = names.iter().take(MAX_NAMES).map(|name| {
        let interface = name.split(['@', '#']).next().unwrap_or_default();
        Grant::import(interface).map(|grant| format!("`{grant}`"))
    });
    let grants: Vec<_> = interfaces.collect::<Result<_, _>>().ok()?;
    Some(format!("grant it when it is loaded: {}", grants.join(", ")))
}

pub(super) const fn not_a_component_hint(kind: &NotAComponent) -> &'static str {
    match kind {
        NotAComponent::CoreModule => {
            "make a component of it: `wasm-tools component new`, or build for `wasm32-wasip2`"
        }
        NotAComponent::Text => "turn it into binary: `wasm-tools parse`",
        NotAComponent::Precompiled => {
            "give the component itself; machine code from elsewhere is never run"
        }
        NotAComponent::Asynchronous => {
            "build it for WASI 0.2, without `async`: `componentize-qjs --sync`, \
             `jco componentize --backend-qjs-disable-async`"
        }
        NotAComponent::CutShort | NotAComponent::Empty => "get the file again",
        NotAComponent::UnknownVersion => "build it with current tools",
        NotAComponent::TooLarge { .. } => "build it smaller, or in several components",
        NotAComponent::Unknown | NotAComponent::Invalid { .. } => {
            "get the file again, or build it for `wasm32-wasip2`"
        }
    }
}

/// Where a limit is set that is none of a call.
pub(super) fn setting_hint(name: LimitName) -> String {
    let section = name.scope().section();
    let variable = format!("PATINOX_{section}__{name}").replace('-', "_");
    let variable = variable.to_ascii_uppercase();
    format!(
        "set `{name}` under `[{section}]` in the configuration file, or `{variable}`; \
         an embedder by `HostBuilder::{}`",
        match name.scope() {
            LimitScope::Load => "load_limits",
            LimitScope::Call => "limits",
            LimitScope::Admission => "admission",
        }
    )
}

/// Names the flag with a value that lets this call pass, or else double.
pub(super) fn limit_hint(name: LimitName, allowed: u64, spent: Option<u64>) -> Option<String> {
    if name.scope() != LimitScope::Call {
        return Some(setting_hint(name));
    }
    let (_, greatest) = name.range();
    let wanted = spent
        .unwrap_or_default()
        .max(allowed.saturating_mul(2))
        .min(greatest);
    let wanted = name.quantity(wanted);
    (allowed < greatest).then(|| format!("raise it with `--limit {name}={wanted}`"))
}
