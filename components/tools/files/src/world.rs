//! What `wit/files.wit` says, as Rust.
#![expect(unsafe_code, reason = "the exports that `wit_bindgen` writes")]

use crate::Files;

wit_bindgen::generate!({
    path: [
        "../../../wit/deps/io.wit",
        "../../../wit/deps/clocks.wit",
        "../../../wit/deps/filesystem.wit",
        "wit",
    ],
    world: "patinox:files/files",
    generate_all,
});

export!(Files);
