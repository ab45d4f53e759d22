//! O11, O12, O18: answers and logs that are too much.

use patinox::Fault;
use serde_json::json;

use super::row::Row;

const COPY: (Fault, &[&str]) = (Fault::Limit, &["limit/hostcall-bytes"]);

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::hostile(
            "O11 a big result",
            ("flood-result", json!({ "bytes": 60 << 20 })),
            COPY,
            (json!({ "bytes": 3 }), json!("xxx")),
        )
        .within(|limits| limits.fuel = 1_000_000_000),
        Row::forged(
            "O12 a million times one text",
            (LIST_ALIAS, json!({ "items": 1_000_000 })),
            COPY,
            Some((json!({ "items": 2 }), json!(["aa", "aa"]))),
        )
        .peak(64 << 20),
        // As many as the host takes before it says no.
        Row::forged(
            "O12 thirty times one text",
            (LIST_ALIAS, json!({ "items": 30 })),
            (Fault::Limit, &["limit/result"]),
            Some((json!({ "items": 1 }), json!(["aa"]))),
        )
        .peak(64 << 20),
        Row::forged(
            "O18 lines that forge lines",
            (LOG_INJECT, json!({ "lines": 1_000_000 })),
            (Fault::Limit, &["limit/host-calls"]),
            Some((json!({ "lines": 1 }), json!(1))),
        )
        .within(|limits| limits.host_calls = 2_000),
        // It is not told that nobody reads on.
        Row::hostile(
            "O18 log flood",
            ("flood-log", json!({ "bytes": 1 << 20 })),
            COPY,
            (json!({ "bytes": 10 }), json!(10)),
        )
        .harmless(),
        Row::hostile(
            "O18 output flood",
            ("flood-stdout", json!({ "bytes": 1 << 20 })),
            COPY,
            (json!({ "bytes": 10 }), json!(10)),
        )
        .harmless(),
        Row::hostile(
            "O18 an error that steers a terminal",
            ("fail", json!({ "bytes": 500_000 })),
            (Fault::Component, &["component/error"]),
            (json!({ "bytes": 0 }), json!(0)),
        ),
    ]
}

const LIST_ALIAS: &str = include_str!("../../../components/hostile/forged/table/list_alias.wat");
const LOG_INJECT: &str = include_str!("../../../components/hostile/forged/table/log_inject.wat");

#[cfg(test)]
mod tests {
    use super::*;
    use patinox_policy::CUT_MARK;

    use crate::support::{self, call, forge};

    /// What was kept of the forged lines: whole records, then the mark.
    #[tokio::test]
    async fn a_forged_line_is_one_line() {
        let host = support::host();
        let component = support::load(&host, &forge::component(LOG_INJECT)).await;
        let log = async |lines: u32| {
            let called = call(&host, &component, "run", json!({ "lines": lines })).await;
            assert_eq!(called.result.ok(), Some(json!(lines)));
            called.output.log
        };
        let three = log(3).await;
        let head = r"info a\r\nerror forged: \u{1b}[2: a\r\nerror forged: \u{1b}[2J";
        assert_eq!(three.lines().count(), 3, "{three}");
        assert!(three.lines().all(|line| line.starts_with(head)), "{three}");
        let many = log(1_000).await;
        assert!(many.len() <= 64 << 10, "{}", many.len());
        assert!(many.ends_with(CUT_MARK), "{many}");
    }
}
