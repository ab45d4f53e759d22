//! What the world `tool` of the contract says, as Rust.
#![expect(unsafe_code, reason = "the exports that `wit_bindgen` writes")]

use crate::Units;

wit_bindgen::generate!({
    path: "../../../wit",
    world: "patinox:tool/tool",
});

export!(Units);
