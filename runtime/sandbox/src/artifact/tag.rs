//! What proves that an entry is ours: keyed BLAKE3 over all of it.

use std::io;
use std::ops::Range;
use std::thread;

/// How much is read and hashed at once. It stays in the cache of a core.
pub(super) const BLOCK_BYTES: usize = 128 << 10;

/// From here on a second thread is worth its start: 40 MB take 6 ms by two
/// threads and 10 ms by one.
const TWO_THREADS_FROM_BYTES: u64 = 2 << 20;

/// A tag. Two are compared in a time that does not tell where they differ.
pub(super) type Tag = blake3::Hash;

/// What tags are made with.
pub(super) struct TagKey {
    entry: [u8; 32],
    block: [u8; 32],
}

impl TagKey {
    /// Keys for two uses, from the one that is kept.
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self {
            entry: blake3::derive_key("patinox artifact store 1: tag of an entry", key),
            block: blake3::derive_key("patinox artifact store 1: tag of a block", key),
        }
    }

    /// The tag of a header and of a body, whose length the header holds: over
    /// the header, and then the tags of the body's blocks in their order, so
    /// that two threads can share the work.
    pub(super) fn tag(
        &self,
        header: &[u8],
        body_bytes: u64,
        read: impl Fn(&mut [u8], u64) -> io::Result<()> + Sync,
    ) -> io::Result<Tag> {
        let count = body_bytes.div_ceil(BLOCK_BYTES as u64);
        let hash = |blocks| self.blocks(blocks, body_bytes, &read);
        let (front, back) = match body_bytes < TWO_THREADS_FROM_BYTES {
            true => (hash(0..count), Ok(Vec::new())),
            false => halves(count, hash),
        };
        let mut tag = blake3::Hasher::new_keyed(&self.entry);
        tag.update(header);
        for block in front?.iter().chain(&back?) {
            tag.update(block.as_bytes());
        }
        Ok(tag.finalize())
    }

    /// The tags of some blocks of the body.
    fn blocks(
        &self,
        blocks: Range<u64>,
        body_bytes: u64,
        read: impl Fn(&mut [u8], u64) -> io::Result<()>,
    ) -> io::Result<Vec<Tag>> {
        let most = usize::try_from(body_bytes).unwrap_or(usize::MAX);
        let mut buffer = vec![0; most.min(BLOCK_BYTES)];
        let tags = blocks.map(|block| {
            let at = block.saturating_mul(BLOCK_BYTES as u64);
            let rest = usize::try_from(body_bytes.saturating_sub(at)).unwrap_or(usize::MAX);
            let bytes = buffer.get_mut(..rest.min(BLOCK_BYTES)).unwrap_or_default();
            read(bytes, at)?;
            Ok(blake3::keyed_hash(&self.block, bytes))
        });
        tags.collect()
    }
}

type Tags = io::Result<Vec<Tag>>;

/// Both halves at once; one after the other where no thread can be had.
fn halves(count: u64, hash: impl Fn(Range<u64>) -> Tags + Sync) -> (Tags, Tags) {
    let half = count / 2;
    thread::scope(|scope| {
        let back = thread::Builder::new().spawn_scoped(scope, || hash(half..count));
        let front = hash(0..half);
        let back = match back {
            Ok(back) => back
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a thread panicked"))),
            Err(_) => hash(half..count),
        };
        (front, back)
    })
}
