//! What `wit/secrets.wit` says, as Rust.
#![expect(unsafe_code, reason = "what `wit_bindgen` writes")]

use crate::Secrets;

wit_bindgen::generate!({
    path: ["../../../wit", "wit"],
    world: "patinox:secrets/secrets",
    generate_all,
});

export!(Secrets);
