//! The components that the program carries.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use patinox_toolchain::{Toolchain, versions};
use sha2::{Digest as _, Sha256};

use crate::shell::root;
use crate::steps::Steps;
use crate::{explained, setup, test};

/// Which guests the demo and `doctor --attack` need, and a validator for everybody.
const NAMES: [&str; 5] = ["files", "hostile", "notes", "secrets", "text"];

/// What they may take together, compressed: they are in the repository and in
/// the program.
const MAX_BYTES: usize = 400_000;

/// The best that the compressor can; it runs once, unpacking each start.
const LEVEL: u8 = 10;

/// Builds, compresses and writes them with their digests and what made them.
pub(crate) fn run(steps: &mut Steps) -> anyhow::Result<()> {
    setup::run(steps)?;
    let built = test::guests(steps)?;
    let folder = root().join("components/prebuilt");
    let mut sums = String::new();
    let mut made = made_by()?;
    let mut total = 0;
    for name in NAMES {
        let built = built.iter().find(|built| built.guest.name == name);
        let built = built.with_context(|| format!("no component `{name}` was built"))?;
        let component = explained(built.component())?;
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(&component, LEVEL);
        let file = format!("{name}.wasm.zz");
        write(&folder.join(&file), &packed)?;
        writeln!(sums, "{}  {file}", digest(&packed))?;
        let (digest, bytes) = (digest(&component), component.len());
        writeln!(made, "{name}.wasm: sha256:{digest}, {bytes} bytes")?;
        total += packed.len();
    }
    ensure!(total <= MAX_BYTES, "{total} bytes; at most {MAX_BYTES}");
    write(&folder.join("SHA256SUMS"), sums.as_bytes())?;
    write(&folder.join("toolchain.txt"), made.as_bytes())?;
    println!("{total} bytes of at most {MAX_BYTES} in components/prebuilt");
    Ok(())
}

fn made_by() -> anyhow::Result<String> {
    let toolchain = explained(Toolchain::find(&root().join("components")))?;
    let (way, release) = (toolchain.way(), toolchain.release());
    let target = versions::TARGET;
    Ok(format!("target: {target}\nrustc: {release}\nstd: {way}\n"))
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write `{}`", path.display()))
}

fn digest(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_digest_is_what_sha256sum_prints() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(super::digest(b"abc"), expected);
    }
}
