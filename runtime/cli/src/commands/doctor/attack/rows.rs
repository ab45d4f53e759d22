//! The attacks that are calls. Each has one limit lowered, so that it ends
//! soon; without that limit it would take far more.

use patinox_policy::{Code, LimitName};

use crate::demo::rows::{LIFTED, Row};

/// What is granted to those that write.
const FOLDER: &str = "fs=scratch@/scratch";

/// What is granted to those that keep something.
const NAMESPACE: &str = "kv=attack:rw";

/// Attacks that a limit stops, or the engine.
pub(super) const STOPPED: [Row; 27] = [
    Row {
        limits: &["fuel=50M"],
        ..stopped("computes for ever", "demo:hostile#spin", LimitName::Fuel)
    },
    Row {
        arguments: &["ms=60000"],
        limits: &["wall=200ms"],
        ..stopped("sleeps", "demo:hostile#sleep", LimitName::Wall)
    },
    Row {
        arguments: &["bytes=1000000000"],
        limits: &["memory=8MiB"],
        ..stopped("eats memory", "demo:hostile#hoard", LimitName::Memory)
    },
    made_of(
        "has a large table",
        &["table-elements=1"],
        LimitName::TableElements,
    ),
    made_of("has several tables", &["tables=1"], LimitName::Tables),
    made_of(
        "has a memory too many",
        &["memories=0"],
        LimitName::Memories,
    ),
    made_of(
        "is made of many parts",
        &["core-instances=1"],
        LimitName::CoreInstances,
    ),
    Row {
        arguments: &["n=900"],
        limits: &["handles=50"],
        ..stopped(
            "collects handles",
            "demo:hostile#hold-streams",
            LimitName::Handles,
        )
    },
    Row {
        arguments: &["n=900"],
        limits: &["host-resources=50"],
        ..stopped(
            "collects the host's streams",
            "demo:hostile#hold-streams",
            LimitName::HostResources,
        )
    },
    Row {
        arguments: &["n=200"],
        limits: &["pollables=20"],
        ..stopped(
            "collects timers",
            "demo:hostile#hold-pollables",
            LimitName::Pollables,
        )
    },
    Row {
        arguments: &["n=200"],
        limits: &["pollables=20"],
        ..stopped(
            "waits for many at once",
            "demo:hostile#wait-for-many",
            LimitName::Pollables,
        )
    },
    Row {
        arguments: &["bytes=1000000"],
        limits: &["hostcall-bytes=128KiB"],
        ..stopped(
            "hands over much at once",
            "demo:hostile#log-at-once",
            LimitName::HostcallBytes,
        )
    },
    Row {
        arguments: &["n=1000000000"],
        limits: &["host-calls=2k"],
        ..stopped(
            "calls the host for ever",
            "demo:hostile#rounds-of-calls",
            LimitName::HostCalls,
        )
    },
    Row {
        arguments: &["bytes=60000"],
        limits: &["random=8KiB"],
        ..stopped("draws random bytes", "demo:hostile#draw", LimitName::Random)
    },
    Row {
        arguments: &["bytes=60000"],
        limits: &["random=8KiB"],
        ..stopped(
            "draws them all at once",
            "demo:hostile#draw-at-once",
            LimitName::Random,
        )
    },
    Row {
        arguments: &["text=@demo:license"],
        limits: &["arguments=4KiB"],
        ..stopped(
            "is given too much",
            "demo:hostile#swallow",
            LimitName::Arguments,
        )
    },
    Row {
        arguments: &["bytes=200000"],
        limits: &["result=16KiB"],
        ..stopped(
            "answers too much",
            "demo:hostile#flood-result",
            LimitName::Result,
        )
    },
    Row {
        arguments: &["bytes=1000000000"],
        limits: &["fs-bytes=1MiB"],
        ..writing("fills a disk", "demo:hostile#fill-file", LimitName::FsBytes)
    },
    Row {
        arguments: &["bytes=1000000000000"],
        limits: &["fs-bytes=1MiB"],
        ..writing(
            "makes a file of a terabyte",
            "demo:hostile#stretch-file",
            LimitName::FsBytes,
        )
    },
    Row {
        arguments: &["n=100000"],
        limits: &["fs-files=50"],
        ..writing(
            "makes many files",
            "demo:hostile#make-files",
            LimitName::FsFiles,
        )
    },
    Row {
        arguments: &["n=1000"],
        limits: &["fs-open=20"],
        ..writing(
            "opens many files",
            "demo:hostile#open-files",
            LimitName::FsOpen,
        )
    },
    Row {
        arguments: &["n=1000000", "bytes=0"],
        limits: &["kv-bytes=1MiB"],
        ..keeping("keeps many entries", LimitName::KvBytes)
    },
    Row {
        arguments: &["n=1000", "bytes=1000000"],
        limits: &["kv-bytes=4MiB"],
        ..keeping("keeps large values", LimitName::KvBytes)
    },
    Row {
        arguments: &["namespace=attack2", "key=../attack/last"],
        allow: &[NAMESPACE],
        ..row(
            "reads what others keep",
            "demo:hostile#pry",
            Some(Code::Denied),
        )
    },
    row("crashes", "demo:hostile#trap", Some(Code::Trap)),
    row(
        "overflows its stack",
        "demo:hostile#recurse",
        Some(Code::Stack),
    ),
    Row {
        arguments: &["code=3"],
        ..row(
            "ends the program",
            "demo:hostile#exit-with",
            Some(Code::Exit),
        )
    },
];

/// Attacks by text, which ends cut, each by the limit that it has.
pub(super) const CUT: [Row; 4] = [
    Row {
        arguments: &["bytes=60000"],
        limits: &["stdout=1KiB"],
        ..row("floods its output", "demo:hostile#flood-stdout", None)
    },
    Row {
        arguments: &["bytes=60000"],
        limits: &["stderr=1KiB"],
        ..row("floods its error output", "demo:hostile#flood-stderr", None)
    },
    Row {
        arguments: &["bytes=60000"],
        limits: &["log=1KiB"],
        ..row("floods the log", "demo:hostile#flood-log", None)
    },
    Row {
        arguments: &["bytes=4000"],
        limits: &["error-text=256B"],
        ..row(
            "fails with escape sequences",
            "demo:hostile#fail",
            Some(Code::ToolError),
        )
    },
];

/// What it keeps must be gone when it is called again.
pub(super) const KEEPS: Row = Row {
    arguments: &["text=a secret"],
    ..row("keeps a secret for the next", "demo:hostile#remember", None)
};

/// The attacker again, for an honest job.
pub(super) const HONEST: Row = Row {
    arguments: &["rounds=1000"],
    ..row("then does an honest job", "demo:hostile#spin", None)
};

/// What the neighbour does.
pub(super) const NEIGHBOUR: Row = Row {
    arguments: &["text=@demo:license"],
    ..row("a tool at work", "demo:text#count", None)
};

const fn stopped(what: &'static str, target: &'static str, limit: LimitName) -> Row {
    row(what, target, Some(Code::Limit(limit)))
}

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Row> {
    const OTHERS: &[Row] = &[KEEPS, HONEST, NEIGHBOUR, LIFTED];
    STOPPED.iter().chain(&CUT).chain(OTHERS)
}

/// An attack on a folder of the call.
const fn writing(what: &'static str, target: &'static str, limit: LimitName) -> Row {
    Row {
        allow: &[FOLDER],
        ..stopped(what, target, limit)
    }
}

/// An attack on the storage.
const fn keeping(what: &'static str, limit: LimitName) -> Row {
    Row {
        allow: &[NAMESPACE],
        ..stopped(what, "demo:hostile#keep-much", limit)
    }
}

/// An attack by what the component is made of: it ends before it begins.
const fn made_of(what: &'static str, limits: &'static [&'static str], limit: LimitName) -> Row {
    Row {
        limits,
        arguments: HONEST.arguments,
        ..stopped(what, "demo:hostile#spin", limit)
    }
}

const fn row(what: &'static str, target: &'static str, ends_in: Option<Code>) -> Row {
    Row {
        what,
        target,
        arguments: &[],
        limits: &[],
        allow: &[],
        ends_in,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use patinox_policy::Limits;

    /// A limit of a call that nothing attacks would be one that nobody sees
    /// hold.
    #[test]
    fn each_limit_of_a_call_has_an_attack() {
        let lowered: Vec<_> = STOPPED
            .iter()
            .chain(&CUT)
            .flat_map(|row| row.limits)
            .filter_map(|limit| limit.split_once('='))
            .collect();
        let mut limits = Limits::default();
        for (name, value) in &lowered {
            limits.set(name, value).expect("a limit of a call");
        }
        for name in LimitName::ALL {
            let attacked = lowered.iter().any(|(lowered, _)| *lowered == name.as_str());
            assert_eq!(attacked, limits.get(name).is_some(), "{name}");
            // Whoever reads the table does not wait for a default.
            assert!(
                !attacked || limits.get(name) < Limits::default().get(name),
                "{name}"
            );
        }
    }
}
