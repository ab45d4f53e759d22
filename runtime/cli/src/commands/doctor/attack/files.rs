//! Files that are no component, or none any more.

use patinox_host::Host;
use patinox_policy::{Code, Failure as _};

use crate::demo::embedded;
use crate::error::Error;

/// How a file that is none has to be refused.
pub(super) const REFUSED: Code = Code::Malformed;

/// An empty core module.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// How machine code that the engine compiled beforehand begins: as an ELF file.
const COMPILED: &[u8] = b"\x7fELF\x02\x01\x01\xc8";

/// Where the first section of a component begins, with its kind.
const FIRST_SECTION: usize = 8;

/// The files, each with what it is.
pub(super) fn all() -> Result<[(&'static str, Vec<u8>); 5], Error> {
    let component = embedded::component("text")?;
    let mut flipped = component.clone();
    if let Some(byte) = flipped.get_mut(FIRST_SECTION) {
        *byte ^= 0x40;
    }
    let mut cut = component;
    cut.truncate(cut.len() / 2);
    let text = embedded::text("license")?;
    Ok([
        ("a core module", CORE_MODULE.to_vec()),
        ("code compiled beforehand", [COMPILED, &[0; 4_096]].concat()),
        ("a component cut in half", cut),
        ("a component with a flipped bit", flipped),
        ("a text", text.as_bytes().to_vec()),
    ])
}

/// How loading it ended.
pub(super) async fn load(host: &Host, file: Vec<u8>) -> Option<Code> {
    let loaded = host.load(file).await;
    loaded.err().map(|error| error.code())
}
