//! The bytes of a stat table: one header, blocks of sorted entries, and the first key of each block.
//!
//! Every part carries a checksum, and a block's covers its number too.  Numbers are little-endian.  Reading never
//! trusts a length that it has not compared with the size of the file, and ends in `None`, never in a panic
//! (`sealed_nonsense_does_no_harm`, and `no_bytes_hurt_the_parser` in `tests/stat_table.rs`).

use crate::digest::{Digest, Domain, LENGTH};
use crate::stat::{Stat, Time};

/// Bytes of the header and of each block.
pub(super) const BLOCK: usize = 4096;

/// Entries in a block.
pub(super) const PER_BLOCK: usize = 46;

/// Bytes of an entry.
const ENTRY: usize = 88;

/// Bytes of a first key.
pub(super) const FENCE: usize = 16;

/// The number rises when the layout changes; the name of the file carries it too.
const MAGIC: &[u8; 20] = b"whorl stat table 1\n\0";

/// What tables of all versions begin with.
const KIN: &[u8] = b"whorl stat table ";

/// Where the checksum of a header or block starts.
const SEAL: usize = BLOCK - LENGTH;

/// What entries are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl Key {
    pub(super) fn of(stat: &Stat) -> Self {
        Self {
            device: stat.device,
            inode: stat.inode,
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        Some(Self {
            device: reader.u64()?,
            inode: reader.u64()?,
        })
    }

    pub(super) fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.device.to_le_bytes());
        out.extend_from_slice(&self.inode.to_le_bytes());
    }
}

/// A file as it was, and its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) stat: Stat,
    /// When it was learnt, in days since 1970: what is old is forgotten first.
    pub(super) day: u32,
    pub(super) digest: Digest,
}

impl Entry {
    pub(super) fn new(stat: Stat, digest: Digest, now: Time) -> Self {
        let day = u32::try_from(now.seconds / 86_400).unwrap_or(0);
        Self { stat, day, digest }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let Stat {
            size,
            modified,
            changed,
            mode,
            ..
        } = self.stat;
        Key::of(&self.stat).write(out);
        out.extend_from_slice(&size.to_le_bytes());
        for time in [modified, changed] {
            out.extend_from_slice(&time.seconds.to_le_bytes());
            out.extend_from_slice(&time.nanoseconds.to_le_bytes());
        }
        out.extend_from_slice(&mode.to_le_bytes());
        out.extend_from_slice(&self.day.to_le_bytes());
        out.extend_from_slice(self.digest.as_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let (device, inode, size) = (reader.u64()?, reader.u64()?, reader.u64()?);
        let (modified, changed) = (reader.time()?, reader.time()?);
        let (mode, day) = (reader.u32()?, reader.u32()?);
        let digest = Digest::new(reader.take()?);
        let stat = Stat {
            device,
            inode,
            size,
            modified,
            changed,
            mode,
        };
        Some(Self { stat, day, digest })
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn time(&mut self) -> Option<Time> {
        let seconds = self.take().map(i64::from_le_bytes)?;
        let nanoseconds = self.u32()?;
        Some(Time {
            seconds,
            nanoseconds,
        })
    }
}

/// What a header says of the rest of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) blocks: u64,
    /// The digest of the first keys.
    pub(super) fences: Digest,
}

impl Header {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&self.blocks.to_le_bytes());
        out.extend_from_slice(self.fences.as_bytes());
        seal(out, u64::MAX)
    }

    /// Read the header of a file of so many bytes.
    pub(super) fn read(bytes: &[u8], length: u64) -> Option<Self> {
        let mut reader = Reader(is_sealed(bytes, u64::MAX)?);
        if reader.take()? != *MAGIC {
            return None;
        }
        let (blocks, fences) = (reader.u64()?, Digest::new(reader.take()?));
        let header = Self { blocks, fences };
        (header.file_length()? == length).then_some(header)
    }

    /// Where the first keys start.
    pub(super) fn fences_at(&self) -> Option<u64> {
        self.blocks.checked_add(1)?.checked_mul(BLOCK as u64)
    }

    fn file_length(&self) -> Option<u64> {
        let fences = self.blocks.checked_mul(FENCE as u64)?;
        self.fences_at()?.checked_add(fences)
    }
}

/// Whether a file that begins so is a table, of whatever version, or nothing: all else is somebody's data.
pub(super) fn is_table(start: &[u8]) -> bool {
    start.starts_with(KIN) || start.iter().all(|&byte| byte == 0)
}

/// The digest of the first keys of all blocks.
pub(super) fn digest_fences(bytes: &[u8]) -> Digest {
    Domain::new("stat table keys").digest(bytes)
}

/// The first key of each block.
pub(super) fn read_fences(bytes: &[u8]) -> Vec<Key> {
    bytes.chunks_exact(FENCE).filter_map(Key::read).collect()
}

/// A block of at most [`PER_BLOCK`] entries, by ascending key.
pub(super) fn write_block(entries: &[Entry], number: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(BLOCK);
    let count = u32::try_from(entries.len()).unwrap_or(0);
    out.extend_from_slice(&count.to_le_bytes());
    for entry in entries {
        entry.write(&mut out);
    }
    seal(out, number)
}

/// The entries of a block that agrees with its checksum.
pub(super) struct Block {
    bytes: Box<[u8]>,
    count: usize,
}

impl Block {
    pub(super) fn read(bytes: Box<[u8]>, number: u64) -> Option<Self> {
        let count = Reader(is_sealed(&bytes, number)?).u32()?;
        let count = usize::try_from(count).ok()?;
        (count <= PER_BLOCK).then_some(Self { bytes, count })
    }

    fn raw(&self, index: usize) -> &[u8] {
        let start = 4 + index * ENTRY;
        self.bytes.get(start..start + ENTRY).unwrap_or_default()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        (0..self.count).filter_map(|index| Entry::read(self.raw(index)))
    }

    pub(super) fn lookup(&self, key: Key) -> Option<Entry> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = usize::midpoint(low, high);
            let found = Key::read(self.raw(middle))?;
            match found.cmp(&key) {
                std::cmp::Ordering::Equal => return Entry::read(self.raw(middle)),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }
}

fn checksum(content: &[u8], number: u64) -> Digest {
    static DOMAIN: std::sync::LazyLock<Domain> =
        std::sync::LazyLock::new(|| Domain::new("stat table block"));
    let mut hasher = DOMAIN.hasher();
    hasher.update(&number.to_le_bytes());
    hasher.update(content);
    hasher.finalize().into()
}

fn seal(mut content: Vec<u8>, number: u64) -> Vec<u8> {
    content.resize(SEAL, 0);
    let digest = checksum(&content, number);
    content.extend_from_slice(digest.as_bytes());
    content
}

fn is_sealed(bytes: &[u8], number: u64) -> Option<&[u8]> {
    if bytes.len() != BLOCK {
        return None;
    }
    let (content, seal) = bytes.split_at(SEAL);
    (checksum(content, number).as_bytes() == seal).then_some(content)
}

/// How many entries can be read out of a table that is in memory; what a fuzzer calls.
#[must_use]
pub fn check(table: &[u8]) -> usize {
    let Some(header) = table
        .get(..BLOCK)
        .and_then(|bytes| Header::read(bytes, table.len() as u64))
    else {
        return 0;
    };
    let blocks = table[BLOCK..].chunks(BLOCK).zip(0..header.blocks);
    blocks
        .filter_map(|(bytes, number)| Block::read(bytes.into(), number))
        .map(|block| block.entries().count())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        /// Checksums keep damage out, not malice: what bears a right one may still say anything.
        #[test]
        fn sealed_nonsense_does_no_harm(
            start in prop::collection::vec(any::<u8>(), 0..200),
            count in 0_u32..60,
            device: u64,
            inode: u64,
        ) {
            let block = seal([&count.to_le_bytes()[..], &start].concat(), 3);
            let found = Block::read(block.into(), 3);
            prop_assert_eq!(found.is_some(), count as usize <= PER_BLOCK);
            if let Some(found) = found {
                prop_assert_eq!(found.entries().count(), count as usize);
                found.lookup(Key { device, inode });
            }
            let header = seal([&MAGIC[..], &start].concat(), u64::MAX);
            prop_assert!(Header::read(&header, device).is_none());
        }

        #[test]
        fn an_entry_comes_back_as_it_was(
            numbers: (u64, u64, u64), times: (i64, u32, i64, u32), rest: (u32, u32, [u8; 32]),
        ) {
            let stat = Stat {
                device: numbers.0,
                inode: numbers.1,
                size: numbers.2,
                modified: Time { seconds: times.0, nanoseconds: times.1 },
                changed: Time { seconds: times.2, nanoseconds: times.3 },
                mode: rest.0,
            };
            let entry = Entry { stat, day: rest.1, digest: Digest::new(rest.2) };
            let block = Block::read(write_block(&[entry], 0).into(), 0);
            prop_assert_eq!(block.and_then(|block| block.lookup(Key::of(&stat))), Some(entry));
        }
    }
}
