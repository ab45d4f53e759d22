//! The components and texts inside the program.

use crate::error::Error;

/// The components, each compressed as zlib has it (RFC 1950).
const COMPONENTS: &[(&str, &[u8])] = &[
    (
        "text",
        include_bytes!("../../../../components/prebuilt/text.wasm.zz"),
    ),
    (
        "files",
        include_bytes!("../../../../components/prebuilt/files.wasm.zz"),
    ),
    (
        "notes",
        include_bytes!("../../../../components/prebuilt/notes.wasm.zz"),
    ),
    (
        "secrets",
        include_bytes!("../../../../components/prebuilt/secrets.wasm.zz"),
    ),
    (
        "hostile",
        include_bytes!("../../../../components/prebuilt/hostile.wasm.zz"),
    ),
];

/// Texts for `key=@demo:NAME`.
const TEXTS: &[(&str, &str)] = &[("license", include_str!("../../../../LICENSE"))];

/// The largest embedded component, unpacked, in bytes.
const MAX_UNPACKED_BYTES: usize = 8 << 20;

/// An embedded component's bytes.
pub(crate) fn component(name: &str) -> Result<Vec<u8>, Error> {
    let packed = find("component", COMPONENTS, name)?;
    let unpacked =
        miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(packed, MAX_UNPACKED_BYTES);
    unpacked.map_err(|error| Error::Start {
        what: "an embedded component does not unpack",
        source: std::io::Error::other(error.to_string()),
    })
}

/// Whether there is such a component.
pub(crate) fn exists(name: &str) -> Result<(), Error> {
    find("component", COMPONENTS, name).map(drop)
}

/// An embedded text.
pub(crate) fn text(name: &str) -> Result<&'static str, Error> {
    find("text", TEXTS, name)
}

fn find<T: Copy>(kind: &'static str, all: &[(&str, T)], name: &str) -> Result<T, Error> {
    let found = all.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<_> = all
            .iter()
            .map(|(name, _)| format!("`demo:{name}`"))
            .collect();
        Error::UnknownDemo {
            kind,
            name: crate::source::shown(name),
            known: known.join(", "),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_component_unpacks() {
        for (name, _) in COMPONENTS {
            let bytes = component(name).expect("a component");
            assert!(bytes.starts_with(b"\0asm"), "{name}");
        }
    }
}
