//! What an entry of the store is: its name, and the form of its file.
//!
//! The engine maps a file from its first byte, so the code comes first; what
//! is found about it follows, and a header and a tag of fixed length end it:
//!
//! ```text
//! code · facts · magic, format, profile, digest, fingerprint, two lengths · tag
//! ```

use std::io;

use super::tag::Tag;
use crate::engine::Profile;

/// The form of entries. Another one is another name and another tag.
const FORMAT: u32 = 1;

const MAGIC: &[u8; 8] = b"patinoxA";

const HEADER_BYTES: usize = 8 + 4 + 4 + 32 + 32 + 8 + 8;

/// The header and the tag.
pub(super) const TRAILER_BYTES: usize = HEADER_BYTES + 32;

/// The most that screen and inspect may have found: more than a thousand tools
/// with their schemas need, and little enough to read for every start.
pub(super) const MAX_FACTS_BYTES: u64 = 4 << 20;

/// What an entry is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryKey {
    /// SHA-256 of the component.
    pub(crate) digest: [u8; 32],
    /// Of the engine that it is compiled for: `settings::fingerprint`.
    pub(crate) fingerprint: [u8; 32],
    pub(crate) profile: Profile,
}

impl EntryKey {
    /// The name of its file.
    pub(super) fn name(&self) -> EntryName {
        let mut hash = blake3::Hasher::new_derive_key("patinox artifact store: name of an entry");
        hash.update(&FORMAT.to_le_bytes());
        hash.update(&number(self.profile).to_le_bytes());
        hash.update(&self.digest);
        hash.update(&self.fingerprint);
        EntryName(hash.finalize().to_hex().to_string())
    }

    /// The component's digest in words.
    pub(super) fn digest_text(&self) -> String {
        let digits = self.digest.iter().map(|byte| format!("{byte:02x}"));
        format!("sha256:{}", digits.collect::<String>())
    }
}

/// The name of an entry, without what it ends in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntryName(String);

impl EntryName {
    /// Where it is found.
    pub(super) fn file(&self) -> String {
        format!("{}{ENTRY}", self.0)
    }

    /// Where it is set aside.
    pub(super) fn set_aside(&self) -> String {
        format!("{}{BAD}", self.0)
    }
}

const ENTRY: &str = ".artifact";
const BAD: &str = ".bad";
const TEMPORARY: &str = ".tmp";

/// What a file of the folder is, by its name alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Entry,
    /// Set aside: never read again.
    Bad,
    /// Being written, or left by who was interrupted.
    Temporary,
}

impl Kind {
    /// What is ours has a name of 64 digits and one of three endings.
    pub(super) fn of(name: &str) -> Option<Self> {
        let (stem, ending) = name.split_at_checked(64)?;
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if !stem.bytes().all(is_digit) {
            return None;
        }
        match ending {
            ENTRY => Some(Self::Entry),
            BAD => Some(Self::Bad),
            TEMPORARY => Some(Self::Temporary),
            _ => None,
        }
    }
}

/// A name for a file that is being written, which nobody else takes.
pub(super) fn temporary_name() -> io::Result<String> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let stem = blake3::Hash::from_bytes(random).to_hex();
    Ok(format!("{stem}{TEMPORARY}"))
}

/// What is known of an entry before its tag is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) key: EntryKey,
    pub(super) code_bytes: u64,
    pub(super) facts_bytes: u64,
}

impl Header {
    /// How many bytes the whole file has.
    pub(super) fn file_bytes(&self) -> u64 {
        let trailer = TRAILER_BYTES as u64;
        self.body_bytes().saturating_add(trailer)
    }

    /// How many bytes come before the header.
    pub(super) const fn body_bytes(&self) -> u64 {
        self.code_bytes.saturating_add(self.facts_bytes)
    }

    /// All of it is of fixed length, so two that differ differ in their bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(TRAILER_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend(number(self.key.profile).to_le_bytes());
        bytes.extend(self.key.digest);
        bytes.extend(self.key.fingerprint);
        bytes.extend(self.code_bytes.to_le_bytes());
        bytes.extend(self.facts_bytes.to_le_bytes());
        bytes
    }

    /// Reads the end of a file of this length.
    pub(super) fn decode(
        trailer: &[u8; TRAILER_BYTES],
        file_bytes: u64,
    ) -> Result<(Self, Tag), BadEntry> {
        let (&magic, rest) = split(trailer)?;
        if magic != *MAGIC {
            return Err(BadEntry::NoHeader);
        }
        let (format, rest) = split(rest)?;
        let format = u32::from_le_bytes(*format);
        if format != FORMAT {
            return Err(BadEntry::Format(format));
        }
        let (profile, rest) = split(rest)?;
        let profile = profile_of(u32::from_le_bytes(*profile)).ok_or(BadEntry::NoHeader)?;
        let (&digest, rest) = split(rest)?;
        let (&fingerprint, rest) = split(rest)?;
        let (code, rest) = split(rest)?;
        let (facts, rest) = split(rest)?;
        let (&tag, _) = split(rest)?;
        let header = Self {
            key: EntryKey {
                digest,
                fingerprint,
                profile,
            },
            code_bytes: u64::from_le_bytes(*code),
            facts_bytes: u64::from_le_bytes(*facts),
        };
        let fits = header.file_bytes() == file_bytes && header.facts_bytes <= MAX_FACTS_BYTES;
        match fits {
            true => Ok((header, Tag::from(tag))),
            false => Err(BadEntry::Length),
        }
    }
}

fn split<const N: usize>(bytes: &[u8]) -> Result<(&[u8; N], &[u8]), BadEntry> {
    bytes.split_first_chunk().ok_or(BadEntry::NoHeader)
}

const fn number(profile: Profile) -> u32 {
    match profile {
        Profile::Lean => 1,
        Profile::Strict => 2,
    }
}

fn profile_of(code: u32) -> Option<Profile> {
    let profiles = [Profile::Lean, Profile::Strict];
    profiles
        .into_iter()
        .find(|profile| number(*profile) == code)
}

/// Why a file under the name of an entry is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadEntry {
    #[error("it is not a file")]
    NotAFile,
    #[error("it belongs to user {0}")]
    NotOurs(u32),
    #[error("it has {0} names")]
    Linked(u64),
    #[error("its mode is `{0:04o}`")]
    Mode(u32),
    #[error("it has {0} bytes")]
    Size(u64),
    #[error("it does not end as an entry does")]
    NoHeader,
    #[error("it is of format {0}")]
    Format(u32),
    #[error("its length is not what it says")]
    Length,
    #[error("it is the entry of something else")]
    OtherKey,
    #[error("its tag is wrong")]
    Tag,
    #[error("it cannot be read")]
    Io(#[from] io::Error),
}
