//! Refuses what is no component, or a larger one than is compiled, before
//! anything parses it in earnest.

mod census;
#[cfg(test)]
mod damaged;
pub(crate) mod interfaces;

use std::fmt;
use std::io::{self, Read};

use patinox_policy::{LimitName, LoadLimits};
use sha2::{Digest as _, Sha256};
use wasmparser::{Parser, Payload};

use crate::docs::Docs;
use crate::facts::Facts;
use crate::imports::Imports;
use census::Taken;

/// What bytes are that are no component we take.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotAComponent {
    /// No bytes at all.
    Empty,
    /// A core module, not a component.
    CoreModule,
    /// The text format.
    Text,
    /// Machine code that a wasmtime compiled. To load it is to run it.
    Precompiled,
    /// A component whose functions are asynchronous, or that has streams or
    /// futures.
    Asynchronous,
    /// A component that ends too early.
    CutShort,
    /// A component of a version that is not ours.
    UnknownVersion,
    /// Anything else.
    Unknown,
    /// A component with more of something than any honest one has.
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many it has, as far as they were counted.
        found: u64,
        /// How many are taken.
        allowed: u64,
    },
    /// A component that breaks a rule of the format; the reason is the
    /// parser's.
    Invalid {
        /// The rule and the offset.
        reason: String,
    },
}

/// A component that may be compiled.
pub(crate) struct Screened<B = Vec<u8>> {
    pub(crate) bytes: B,
    pub(crate) digest: Digest,
    pub(crate) facts: Facts,
    /// The imports that no host has of itself, sorted.
    pub(crate) wanted: Vec<String>,
}

impl<B: AsRef<[u8]>> Screened<B> {
    pub(crate) fn new(bytes: B, limits: &LoadLimits) -> Result<Self, Refused> {
        let digest = Digest::of(bytes.as_ref());
        Self::with_digest(bytes, digest, limits)
    }

    pub(crate) fn with_digest(
        bytes: B,
        digest: Digest,
        limits: &LoadLimits,
    ) -> Result<Self, Refused> {
        kind(bytes.as_ref())?;
        let Taken {
            profile,
            counts,
            wanted,
        } = census::take(bytes.as_ref(), limits)?;
        let docs = Docs::read(bytes.as_ref());
        Ok(Self {
            bytes,
            digest,
            facts: Facts::new(profile, counts, docs),
            wanted,
        })
    }

    /// Refuses what neither the host nor its embedder offers.
    pub(crate) fn with_imports(self, embedders: &Imports) -> Result<Self, Refused> {
        let missing = self.wanted.iter().filter(|name| !embedders.covers(name));
        let missing: Vec<_> = missing.cloned().collect();
        if missing.is_empty() {
            Ok(self)
        } else {
            Err(Refused::Imports(missing))
        }
    }
}

/// How much is read and hashed at once. It stays in the cache of a core.
const BLOCK_BYTES: usize = 128 << 10;

/// SHA-256 of a component.
///
/// `Display` writes `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Digest(pub(crate) [u8; 32]);

impl Digest {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Of all that can be read, and how many bytes that is.
    pub(crate) fn of_all(mut read: impl Read) -> io::Result<(Self, u64)> {
        let (mut hash, mut len) = (Sha256::new(), 0_u64);
        let mut block = vec![0; BLOCK_BYTES];
        loop {
            match read.read(&mut block) {
                Ok(0) => return Ok((Self(hash.finalize().into()), len)),
                Ok(count) => {
                    let bytes = block.get(..count).unwrap_or_default();
                    hash.update(bytes);
                    len = len.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why bytes are not compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// They are no component that we take.
    Not(NotAComponent),
    /// A limit of loading.
    Limit {
        name: LimitName,
        allowed: u64,
        found: u64,
    },
    /// They import what this host cannot offer.
    Imports(Vec<String>),
}

/// Refuses what a limit of loading does not allow.
pub(crate) fn limit(name: LimitName, allowed: u64, found: u64) -> Result<(), Refused> {
    if allowed < found {
        return Err(Refused::Limit {
            name,
            allowed,
            found,
        });
    }
    Ok(())
}

impl From<NotAComponent> for Refused {
    fn from(kind: NotAComponent) -> Self {
        Self::Not(kind)
    }
}

const WASM_MAGIC: &[u8] = b"\0asm";
const COMPONENT: &[u8] = &[0x0d, 0, 1, 0];
const CORE_MODULE: &[u8] = &[1, 0, 0, 0];
const ELF_MAGIC: &[u8] = b"\x7fELF";

/// Refuses what is no component.
fn kind(bytes: &[u8]) -> Result<(), NotAComponent> {
    if bytes.is_empty() {
        return Err(NotAComponent::Empty);
    }
    if bytes.starts_with(ELF_MAGIC) {
        return Err(NotAComponent::Precompiled);
    }
    let Some(rest) = bytes.strip_prefix(WASM_MAGIC) else {
        return Err(not_wasm(bytes));
    };
    match rest.get(..4) {
        None => Err(NotAComponent::CutShort),
        Some(CORE_MODULE) => Err(NotAComponent::CoreModule),
        Some(COMPONENT) => sections(bytes),
        Some(_) => Err(NotAComponent::UnknownVersion),
    }
}

fn not_wasm(bytes: &[u8]) -> NotAComponent {
    if WASM_MAGIC.starts_with(bytes) {
        return NotAComponent::CutShort;
    }
    let text = bytes.trim_ascii_start();
    if text.starts_with(b"(") || text.starts_with(b";;") {
        return NotAComponent::Text;
    }
    NotAComponent::Unknown
}

/// Walks the sections, which says whether the end is where it should be.
fn sections(bytes: &[u8]) -> Result<(), NotAComponent> {
    for payload in Parser::new(0).parse_all(bytes) {
        match payload {
            // Where a section inside ends, the parser takes it for the end of
            // what it is in, however much is missing.
            Ok(
                Payload::ModuleSection {
                    unchecked_range: range,
                    ..
                }
                | Payload::ComponentSection {
                    unchecked_range: range,
                    ..
                },
            ) if bytes.len() < range.end => return Err(NotAComponent::CutShort),
            Ok(_) => {}
            Err(error) if error.offset() >= bytes.len() || is_cut(&error) => {
                return Err(NotAComponent::CutShort);
            }
            Err(error) => return Err(invalid(&error)),
        }
    }
    Ok(())
}

fn is_cut(error: &wasmparser::BinaryReaderError) -> bool {
    error.message().starts_with("unexpected end")
}

pub(crate) fn invalid(error: &dyn std::error::Error) -> NotAComponent {
    NotAComponent::Invalid {
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &Result<(), NotAComponent>) {
        assert_eq!(kind(bytes), *expected, "{bytes:?}");
    }

    #[test]
    fn names_what_is_no_component() {
        check(b"", &Err(NotAComponent::Empty));
        check(b"\0as", &Err(NotAComponent::CutShort));
        check(b"\0asm\x0d\0", &Err(NotAComponent::CutShort));
        check(b"\0asm\x01\0\0\0", &Err(NotAComponent::CoreModule));
        check(b"\0asm\x0c\0\x01\0", &Err(NotAComponent::UnknownVersion));
        check(b"  (component)", &Err(NotAComponent::Text));
        check(b"\x7fELF\x02\x01\x01", &Err(NotAComponent::Precompiled));
        check(b"#!/bin/sh", &Err(NotAComponent::Unknown));
        check(b"\0asm\x0d\0\x01\0", &Ok(()));
        check(b"\0asm\x0d\0\x01\0\x07\x05", &Err(NotAComponent::CutShort));
        // A module of 20 bytes, of which there is the head.
        check(
            b"\0asm\x0d\0\x01\0\x01\x14\0asm\x01\0\0\0",
            &Err(NotAComponent::CutShort),
        );
    }
}
