//! What `wit/notes.wit` says, as Rust.
#![expect(unsafe_code, reason = "the exports that `wit_bindgen` writes")]

use crate::Notes;

wit_bindgen::generate!({
    path: ["../../../wit/deps/keyvalue.wit", "wit"],
    world: "patinox:notes/notes",
    generate_all,
});

export!(Notes);
