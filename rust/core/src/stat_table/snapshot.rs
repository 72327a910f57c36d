//! A table as it was when it was opened: first keys in memory, blocks read when they are asked for.

use std::fs::File;
use std::io;
use std::path::Path;

use super::Counts;
use super::layout::{
    BLOCK, Block, Entry, FENCE, Header, Key, PER_BLOCK, digest_fences, read_fences,
};
use crate::stat::{Kind, Stat};

/// Blocks that are kept in memory: 16 MiB, enough for all entries of a table of 188,000 files.
const KEPT: usize = 4096;

/// An open table.
pub(super) struct Snapshot {
    file: File,
    length: u64,
    fences: Vec<Key>,
    kept: Vec<Option<(usize, Block)>>,
}

impl Snapshot {
    /// Open a table; `None` if there is none that can be used.
    pub(super) fn open(path: &Path, counts: &mut Counts) -> io::Result<Option<Self>> {
        // Asked before opening: a named pipe would wait for a writer.
        let kind = match Stat::at(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            stat => stat?.kind(),
        };
        if kind != Kind::File {
            return Ok(None);
        }
        let file = File::open(path)?;
        let length = Stat::of(&file)?.size;
        if !is_ours(&file)? {
            return Ok(None);
        }
        let Some(fences) = read_head(&file, length)? else {
            counts.damaged += 1;
            return Ok(None);
        };
        let kept = std::iter::repeat_with(|| None)
            .take(fences.len().min(KEPT))
            .collect();
        Ok(Some(Self {
            file,
            length,
            fences,
            kept,
        }))
    }

    /// Bytes of the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// How many entries there are, at most.
    pub(super) fn entries(&self) -> usize {
        self.blocks() * PER_BLOCK
    }

    /// How many blocks there are.
    pub(super) fn blocks(&self) -> usize {
        self.fences.len()
    }

    pub(super) fn lookup(&mut self, key: Key, counts: &mut Counts) -> Option<Entry> {
        let number = self
            .fences
            .partition_point(|first| *first <= key)
            .checked_sub(1)?;
        let slots = self.kept.len();
        let slot = self.kept.get_mut(number.checked_rem(slots)?)?;
        if slot.as_ref().is_none_or(|(kept, _)| *kept != number) {
            let Some(block) = read_block(&self.file, number) else {
                counts.damaged += 1;
                return None;
            };
            *slot = Some((number, block));
        }
        slot.as_ref()?.1.lookup(key)
    }

    /// Read a block past what is kept; `None` when it is damaged.
    pub(super) fn block(&self, number: usize) -> Option<Block> {
        read_block(&self.file, number)
    }
}

fn read_head(file: &File, length: u64) -> io::Result<Option<Vec<Key>>> {
    let mut bytes = vec![0; BLOCK];
    if length < BLOCK as u64 {
        return Ok(None);
    }
    read_exact_at(file, &mut bytes, 0)?;
    let Some((header, start)) =
        Header::read(&bytes, length).and_then(|header| Some((header, header.fences_at()?)))
    else {
        return Ok(None);
    };
    let count = usize::try_from(header.blocks).unwrap_or(0);
    let mut fences = vec![0; count.saturating_mul(FENCE)];
    read_exact_at(file, &mut fences, start)?;
    Ok((digest_fences(&fences) == header.fences).then(|| read_fences(&fences)))
}

fn read_block(file: &File, number: usize) -> Option<Block> {
    let mut bytes = vec![0; BLOCK].into_boxed_slice();
    let number = number as u64;
    read_exact_at(file, &mut bytes, (number + 1) * BLOCK as u64).ok()?;
    Block::read(bytes, number)
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, start)
}

#[cfg(not(unix))]
fn read_exact_at(mut file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(bytes)
}

/// A table that somebody else can write could claim anything.
#[cfg(unix)]
fn is_ours(file: &File) -> io::Result<bool> {
    let stat = rustix::fs::fstat(file)?;
    let writable_by_others = stat.st_mode & 0o022 != 0;
    Ok(stat.st_uid == rustix::process::geteuid().as_raw() && !writable_by_others)
}

#[cfg(not(unix))]
fn is_ours(_file: &File) -> io::Result<bool> {
    Ok(true)
}
