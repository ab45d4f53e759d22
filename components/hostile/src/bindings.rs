//! What `wit/hostile.wit` says, as Rust.
#![expect(unsafe_code, reason = "the exports that `wit_bindgen` writes")]

use crate::Hostile;

wit_bindgen::generate!({
    path: ["../../wit/deps/logging.wit", "wit"],
    world: "patinox:hostile/hostile",
    generate_all,
});

export!(Hostile);
