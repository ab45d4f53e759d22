//! O19: what takes the disk, and what the host has open.

use patinox::Fault;
use serde_json::{Value, json};

use super::row::Row;

const BYTES: (Fault, &[&str]) = (Fault::Limit, &["limit/fs-bytes"]);
const FILES: (Fault, &[&str]) = (Fault::Limit, &["limit/fs-files"]);
const OPEN: (Fault, &[&str]) = (Fault::Limit, &["limit/fs-open"]);

pub(super) fn rows() -> Vec<Row> {
    let honest = |name: &str, n: u64| -> (Value, Value) { (json!({ name: n }), json!(n)) };
    vec![
        Row::hostile(
            "O19 fill a disk",
            ("fill-file", json!({ "bytes": 1_u64 << 30 })),
            BYTES,
            honest("bytes", 100),
        )
        .within(|limits| limits.fs_bytes = 1 << 20),
        Row::hostile(
            "O19 a file of 2^60 bytes",
            (
                "stretch-file",
                json!({ "bytes": (1_u64 << 60).to_string() }),
            ),
            BYTES,
            honest("bytes", 100),
        ),
        Row::hostile(
            "O19 a terabyte that is not written",
            ("stretch-file", json!({ "bytes": 1_u64 << 40 })),
            BYTES,
            honest("bytes", 100),
        ),
        Row::hostile(
            "O19 fill a disk with files",
            ("make-files", json!({ "n": 1_000_000 })),
            FILES,
            honest("n", 3),
        ),
        Row::hostile(
            "O19 hoard descriptors",
            ("open-files", json!({ "n": 1_000_000 })),
            OPEN,
            honest("n", 3),
        ),
    ]
}
