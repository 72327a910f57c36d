//! An old table and what was learnt since in, a new table in its place out.
//!
//! One process writes at a time, under a lock that the kernel takes back from a process that dies; the others try again
//! later.  The new file is complete before it takes the old one's name.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use super::Counts;
use super::layout::{BLOCK, Entry, Header, Key, PER_BLOCK, digest_fences, is_table, write_block};
use super::snapshot::Snapshot;
use crate::stat::{Kind, Stat};

/// Entries beyond which the oldest are forgotten: a file of 190 MB.
const LIMIT: usize = 1 << 21;

/// Bytes that tell a table from anything else.
const START: u64 = 32;

/// How often a lock that another process holds is tried, and how long apart: a writer needs some milliseconds.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// Replace the table by one that knows more.
pub(super) fn merge(
    path: &Path,
    learnt: &HashMap<Key, Entry>,
    counts: &mut Counts,
) -> io::Result<()> {
    // A table behind a link is replaced where it lies.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.into());
    check_replaceable(path)?;
    make_folder(path)?;
    let _lock = lock(path)?;
    remove_leftovers(path);
    let old = Snapshot::open(path, counts)?;
    let mut new: Vec<_> = learnt.values().copied().collect();
    new.sort_unstable_by_key(|entry| Key::of(&entry.stat));
    let since = oldest_kept(old.as_ref(), new.len());
    let temporary = beside(path, &format!(".{}.tmp", process::id()));
    let written =
        write(&temporary, old.as_ref(), &new, since).and_then(|()| fs::rename(&temporary, path));
    written.inspect_err(|_| {
        // The error that matters is the first one.
        let _ = fs::remove_file(&temporary);
    })
}

/// Refuse to put a table in the place of anything else: the path may be a mistake.
fn check_replaceable(path: &Path) -> io::Result<()> {
    let kind = match Stat::at(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        stat => stat?.kind(),
    };
    let mut start = Vec::new();
    if kind == Kind::File {
        File::open(path)?.take(START).read_to_end(&mut start)?;
    }
    if kind == Kind::File && is_table(&start) {
        return Ok(());
    }
    let message = "something stands there that is no stat table of whorl's";
    Err(io::Error::new(io::ErrorKind::AlreadyExists, message))
}

fn make_folder(path: &Path) -> io::Result<()> {
    let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    else {
        return Ok(());
    };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn lock(path: &Path) -> io::Result<File> {
    use rustix::fs::{FlockOperation, flock};
    let file = private().truncate(false).open(beside(path, ".lock"))?;
    for _ in 1..TRIES {
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return Ok(file);
        }
        std::thread::sleep(PAUSE);
    }
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    Ok(file)
}

#[cfg(not(unix))]
fn lock(path: &Path) -> io::Result<File> {
    private().truncate(false).open(beside(path, ".lock"))
}

/// Remove what killed processes left: whoever holds the lock is the only writer.
fn remove_leftovers(path: &Path) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return;
    };
    let start = format!("{}.", name.to_string_lossy());
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let found = entry.file_name();
        let found = found.to_string_lossy();
        if found.starts_with(&start) && found.ends_with(".tmp") {
            // One that cannot be removed does no harm.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The day from which on old entries are kept, so that the new table has at most [`LIMIT`].
fn oldest_kept(old: Option<&Snapshot>, learnt: usize) -> u32 {
    let Some(old) = old else { return 0 };
    if old.entries() + learnt <= LIMIT {
        return 0;
    }
    let mut days = BTreeMap::<u32, usize>::new();
    for entry in entries(old) {
        *days.entry(entry.day).or_default() += 1;
    }
    let mut room = (LIMIT / 4 * 3).saturating_sub(learnt);
    for (day, count) in days.into_iter().rev() {
        if count > room {
            return day.saturating_add(1);
        }
        room -= count;
    }
    0
}

fn entries(table: &Snapshot) -> impl Iterator<Item = Entry> + '_ {
    (0..table.blocks())
        .filter_map(|number| table.block(number))
        .flat_map(|block| block.entries().collect::<Vec<_>>())
}

fn write(path: &Path, old: Option<&Snapshot>, new: &[Entry], since: u32) -> io::Result<()> {
    let file = private().truncate(true).open(path)?;
    let mut writer = Writer::start(file)?;
    let kept = old.into_iter().flat_map(entries);
    let mut kept = kept.filter(|entry| entry.day >= since).peekable();
    for entry in new {
        let key = Key::of(&entry.stat);
        while let Some(before) = kept.next_if(|kept| Key::of(&kept.stat) < key) {
            writer.push(before)?;
        }
        kept.next_if(|kept| Key::of(&kept.stat) == key);
        writer.push(*entry)?;
    }
    for entry in kept {
        writer.push(entry)?;
    }
    writer.finish()
}

/// Takes entries by ascending key and writes them as a table.
struct Writer {
    out: BufWriter<File>,
    block: Vec<Entry>,
    blocks: u64,
    fences: Vec<u8>,
}

impl Writer {
    fn start(file: File) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(64 * BLOCK, file);
        out.write_all(&[0; BLOCK])?;
        Ok(Self {
            out,
            block: Vec::with_capacity(PER_BLOCK),
            blocks: 0,
            fences: Vec::new(),
        })
    }

    fn push(&mut self, entry: Entry) -> io::Result<()> {
        self.block.push(entry);
        if self.block.len() == PER_BLOCK {
            self.end_block()?;
        }
        Ok(())
    }

    fn end_block(&mut self) -> io::Result<()> {
        if let Some(first) = self.block.first() {
            Key::of(&first.stat).write(&mut self.fences);
            self.out.write_all(&write_block(&self.block, self.blocks))?;
            self.blocks += 1;
            self.block.clear();
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        self.end_block()?;
        self.out.write_all(&self.fences)?;
        let header = Header {
            blocks: self.blocks,
            fences: digest_fences(&self.fences),
        };
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&header.write())?;
        self.out.flush()
    }
}
