//! What `wit/hostile.wit` says, as Rust.
#![expect(unsafe_code, reason = "the exports that `wit_bindgen` writes")]

use crate::Hostile;

wit_bindgen::generate!({
    path: [
        "../../wit/deps/io.wit",
        "../../wit/deps/clocks.wit",
        "../../wit/deps/random.wit",
        "../../wit/deps/filesystem.wit",
        "../../wit/deps/sockets.wit",
        "../../wit/deps/cli.wit",
        "../../wit/deps/logging.wit",
        "../../wit/deps/keyvalue.wit",
        "wit",
    ],
    world: "patinox:hostile/hostile",
    generate_all,
});

export!(Hostile);
