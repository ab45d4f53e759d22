//! What `wit/schema.wit` says, as Rust.
#![expect(unsafe_code, reason = "what `wit_bindgen` writes")]

use crate::Schema;

wit_bindgen::generate!({
    path: ["../../../wit", "wit"],
    world: "patinox:schema/schema",
    generate_all,
});

export!(Schema);
