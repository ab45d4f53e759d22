//! What `wit/text.wit` says, as Rust.
#![expect(unsafe_code, reason = "the exports that `wit_bindgen` writes")]

use crate::Text;

wit_bindgen::generate!({
    path: "wit",
    world: "patinox:text/text",
    additional_derives: [PartialEq, Eq],
});

export!(Text);
