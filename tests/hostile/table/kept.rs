//! O26: what floods the storage, or reaches for what others keep.

use patinox::Fault;
use serde_json::json;

use super::row::Row;

const FULL: (Fault, &[&str]) = (Fault::Limit, &["limit/kv-bytes"]);
const AT_ONCE: (Fault, &[&str]) = (Fault::Limit, &["limit/memory", "limit/hostcall-bytes"]);
const DENIED: (Fault, &[&str]) = (Fault::Policy, &["policy/denied"]);
const FAILED: (Fault, &[&str]) = (Fault::Component, &["component/error"]);

pub(super) fn rows() -> Vec<Row> {
    let keep = |n: u64, bytes: u64| json!({ "n": n, "bytes": bytes });
    let pry = |namespace: &str, key: &str| json!({ "namespace": namespace, "key": key });
    let few = (keep(3, 10), json!(3));
    let own = (pry("attack", "nothing"), json!(0));
    vec![
        Row::hostile(
            "O26 a million keys",
            ("keep-much", keep(1_000_000, 0)),
            FULL,
            few.clone(),
        )
        .within(|limits| limits.kv_bytes = 1 << 20),
        Row::hostile(
            "O26 a thousand large values",
            ("keep-much", keep(1_000, 1 << 20)),
            FULL,
            few.clone(),
        )
        .within(|limits| limits.kv_bytes = 8 << 20),
        Row::hostile(
            "O26 a value of 100 MiB",
            ("keep-much", keep(1, 100 << 20)),
            AT_ONCE,
            few,
        ),
        Row::hostile(
            "O26 the namespace of others",
            ("pry", pry("other", "key")),
            DENIED,
            own.clone(),
        ),
        Row::hostile(
            "O26 a namespace that begins the same",
            ("pry", pry("attack2", "key")),
            DENIED,
            own.clone(),
        ),
        Row::hostile(
            "O26 a way out of a namespace",
            ("pry", pry("attack/../other", "key")),
            FAILED,
            own.clone(),
        ),
        Row::hostile(
            "O26 a name that ends early",
            ("pry", pry("attack\0", "key")),
            FAILED,
            own.clone(),
        ),
        Row::hostile(
            "O26 a key of a megabyte",
            ("pry", pry("attack", &"k".repeat(1 << 20))),
            FAILED,
            own,
        ),
    ]
}
