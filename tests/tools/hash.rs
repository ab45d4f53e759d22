//! `hash`, in C.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};

use super::Shipped;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text_of(length: usize) -> String {
    let letters = ('a'..='z').cycle().take(length);
    letters.collect()
}

/// FIPS 180-4's own example, and the check value of CRC-32.
#[tokio::test]
async fn known_digests() {
    let Some(hash) = Shipped::new("hash").await else {
        return;
    };
    let known = [
        (
            "sha256",
            "abc",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        ("sha1", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("crc32", "123456789", "cbf43926"),
        (
            "sha512",
            "abc",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        ("sha1", "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("crc32", "", "00000000"),
    ];
    for (algorithm, text, digest) in known {
        let arguments = json!({ "text": text, "algorithm": algorithm });
        assert_eq!(hash.answer("text", arguments).await, digest, "{algorithm}");
    }
}

/// Around the borders of blocks and of the padding.
#[tokio::test]
async fn every_length_near_a_border_is_right() {
    let Some(hash) = Shipped::new("hash").await else {
        return;
    };
    for length in (0..4)
        .chain(50..70)
        .chain(105..135)
        .chain([255, 256, 100_003])
    {
        let text = text_of(length);
        let sha256 = hash.answer("text", json!({ "text": text })).await;
        assert_eq!(sha256, hex(&Sha256::digest(&text)), "{length}");
        let arguments = json!({ "text": text, "algorithm": "sha512" });
        let sha512 = hash.answer("text", arguments).await;
        assert_eq!(sha512, hex(&Sha512::digest(&text)), "{length}");
    }
}

#[tokio::test]
async fn chunks_count_as_one() {
    let Some(hash) = Shipped::new("hash").await else {
        return;
    };
    let bytes: Vec<u8> = (0..=255).cycle().take(1_000).collect();
    for algorithm in ["sha256", "sha512", "sha1", "crc32"] {
        let arguments = json!({ "bytes": STANDARD.encode(&bytes), "algorithm": algorithm });
        let whole = hash.answer("bytes", arguments).await;
        for size in [1, 63, 64, 65, 127, 129, 1_000] {
            let chunks: Vec<Value> = bytes
                .chunks(size)
                .chain([&[][..]])
                .map(|chunk| json!(STANDARD.encode(chunk)))
                .collect();
            let arguments = json!({ "chunks": chunks, "algorithm": algorithm });
            assert_eq!(
                hash.answer("chunks", arguments).await,
                whole,
                "{algorithm} by {size}"
            );
        }
    }
}

#[tokio::test]
async fn a_megabyte_is_far_from_every_limit() {
    let Some(hash) = Shipped::new("hash").await else {
        return;
    };
    let text = text_of(1 << 20);
    let digest = hash.typical("text", json!({ "text": text })).await;
    assert_eq!(digest, hex(&Sha256::digest(&text)));
}

#[tokio::test]
async fn it_imports_nothing_and_says_what_it_does() {
    let Some(hash) = Shipped::new("hash").await else {
        return;
    };
    assert_eq!(
        hash.component.component().expect("a component").imports(),
        [] as [String; 0]
    );
    let tools: Vec<_> = hash.component.tools().iter().collect();
    let names: Vec<_> = tools.iter().map(|tool| tool.spec().name.as_str()).collect();
    assert_eq!(names, ["text", "bytes", "chunks"]);
    for tool in tools {
        assert!(
            tool.spec().description.starts_with("The digest of"),
            "{tool:?}"
        );
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_before_it_runs() {
    let Some(hash) = Shipped::new("hash").await else {
        return;
    };
    let arguments = json!({ "text": "a", "algorithm": "md5" });
    insta::assert_snapshot!(hash.error("text", arguments).await, @"caller/invalid-arguments: argument `algorithm` must be one of `sha256`, `sha512`, `sha1`, `crc32`, not the string `md5`");
}
