//! Which files need no second reading: digests remembered by device, inode, size, both dates and mode.
//!
//! The table is a sorted file in the user's cache folder.  A process reads blocks of it as it needs them, keeps what it
//! learns, and merges that into a new file which replaces the old one; whoever reads the old one meanwhile goes on with
//! it, for what a table says of a file never becomes wrong, only superfluous.  Nothing here can fail a digest: a table
//! that is damaged, of another version, somebody else's or out of reach knows nothing.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::digest::Digest;
use crate::file::FileDigest;
use crate::stat::{Stat, Time};

mod layout;
mod merge;
mod snapshot;
mod trust;

pub use layout::check;
pub use trust::Trust;

use layout::{Entry, Key};
use snapshot::Snapshot;

/// The table is written when this part of it is new: a tree of a million files is written a few times over, not once
/// for every folder.
const NEW_PART: usize = 4;

/// It is also written when reading again what is new would take this many times as many bytes as the table has.
const DEARER: u64 = 16;

/// Files and bytes that are not worth writing before the process ends.
const FEW: usize = 256;
const LITTLE: u64 = 4 << 20;

/// Files that are remembered in memory before they are written in any case: some 30 MB.
const MANY: usize = 1 << 17;

/// What a table was asked, and how it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Files that needed no reading.
    pub hits: u64,
    /// Files that were not known, or not as they are now.
    pub misses: u64,
    /// Files that were read and will be known from now on.
    pub recorded: u64,
    /// Files that were read and are too young to be told from a later state by their dates.
    pub too_young: u64,
    /// Files on file systems whose dates tell too little.
    pub untrusted: u64,
    /// Blocks of the table, or whole tables, that did not agree with their checksums.
    pub damaged: u64,
}

/// A file that was read: what it looked like, and how far that can be trusted.
#[derive(Clone, Copy, Debug)]
pub struct Learnt {
    /// Before and after it was read.
    pub stat: Stat,
    /// Of its content.
    pub digest: Digest,
    /// In the dates of its file system.
    pub trust: Trust,
}

/// The table of one user, as one process sees it.
pub struct StatTable {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    snapshot: Option<Snapshot>,
    /// What the file was when it was last looked at, whether or not it could be used.
    seen: Option<Stat>,
    /// Learnt since the last writing.
    pending: HashMap<Key, Entry>,
    /// So many files must be pending before writing is tried again after a failure.
    patience: usize,
    /// The bytes that were read to learn that.
    bytes: u64,
    counts: Counts,
}

impl StatTable {
    /// A table in a file, which need not be there.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            state: Mutex::default(),
        }
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it was asked so far in this process.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.locked().counts
    }

    /// Write what was learnt into a file that replaces the table.
    ///
    /// # Errors
    /// What the system says; then what was learnt is kept in memory, up to a bound.
    pub fn flush(&self) -> io::Result<()> {
        self.locked().flush(&self.path)
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Look some files up; those that are not known are looked for in a newer table, should there be one.
    fn known(&self, files: &[Option<Stat>]) -> Vec<Option<Digest>> {
        let mut state = self.locked();
        let mut found = state.lookup_all(files);
        if found.contains(&None) && state.refresh(&self.path) {
            found = state.lookup_all(files);
        }
        let asked = files.iter().flatten().count() as u64;
        let hits = found.iter().flatten().count() as u64;
        state.counts.hits += hits;
        state.counts.misses += asked - hits;
        found
    }

    fn remember(&self, files: &[Learnt], now: Time) {
        let mut state = self.locked();
        for file in files {
            if file.trust == Trust::Never {
                state.counts.untrusted += 1;
            } else if file.trust.is_settled(&file.stat, now) {
                state.record(Entry::new(file.stat, file.digest, now));
            } else {
                state.counts.too_young += 1;
            }
        }
        if state.is_due() && state.flush(&self.path).is_err() {
            state.forget_some();
        }
    }
}

impl State {
    fn lookup_all(&mut self, files: &[Option<Stat>]) -> Vec<Option<Digest>> {
        let lookup = |stat: &Option<Stat>| stat.as_ref().and_then(|stat| self.lookup(stat));
        files.iter().map(lookup).collect()
    }

    fn lookup(&mut self, stat: &Stat) -> Option<Digest> {
        let key = Key::of(stat);
        let entry = match self.pending.get(&key) {
            Some(entry) => Some(*entry),
            None => self.snapshot.as_mut()?.lookup(key, &mut self.counts),
        };
        entry
            .filter(|entry| entry.stat == *stat)
            .map(|entry| entry.digest)
    }

    fn record(&mut self, entry: Entry) {
        self.counts.recorded += 1;
        self.bytes = self.bytes.saturating_add(entry.stat.size);
        self.pending.insert(Key::of(&entry.stat), entry);
    }

    /// Whether learning all this again would cost more than writing the table.
    fn is_due(&self) -> bool {
        let (entries, length) = self
            .snapshot
            .as_ref()
            .map_or((0, 0), |known| (known.entries(), known.length()));
        let is_worth_it = self.pending.len() >= (entries / NEW_PART).clamp(FEW, MANY)
            || self.bytes >= length.saturating_mul(DEARER).max(LITTLE);
        is_worth_it && self.pending.len() >= self.patience
    }

    /// Open the table if it is another one than the one that is open; whether there is something new.
    fn refresh(&mut self, path: &Path) -> bool {
        let now = Stat::at(path).ok();
        if self.seen == now {
            return false;
        }
        self.seen = now;
        self.snapshot = Snapshot::open(path, &mut self.counts).ok().flatten();
        self.snapshot.is_some()
    }

    fn flush(&mut self, path: &Path) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        merge::merge(path, &self.pending, &mut self.counts)?;
        self.pending.clear();
        self.bytes = 0;
        self.patience = 0;
        self.refresh(path);
        Ok(())
    }

    /// Where nothing can be written, memory stays bounded, and the next attempt is some way off.
    fn forget_some(&mut self) {
        if self.pending.len() >= MANY {
            self.pending.clear();
        }
        self.patience = self.pending.len().max(FEW) * 2;
    }
}

/// A table, or none, as one digest uses it.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    table: Option<&'a StatTable>,
    /// Read every file although its dates say that it is known.
    always: bool,
}

impl<'a> Session<'a> {
    /// Use a table; with `always` it only learns.
    #[must_use]
    pub fn new(table: Option<&'a StatTable>, always: bool) -> Self {
        Self { table, always }
    }

    /// Read everything and learn nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::new(None, false)
    }

    /// Whether files are looked up before they are read.
    #[must_use]
    pub fn looks_up(&self) -> bool {
        self.table.is_some() && !self.always
    }

    /// How far the dates of a file system can be trusted.  The answer must not outlive a digest: once a file system is
    /// gone, another one may get the number of its device.
    pub fn trust(&self, ask: impl FnOnce() -> Trust) -> Trust {
        self.table.map_or(Trust::Never, |_| ask())
    }

    /// What a file was when it was last read, if it looks as it did then.
    #[must_use]
    pub fn known(&self, stat: &Stat, trust: Trust) -> Option<FileDigest> {
        (trust == Trust::Local).then(|| self.ask(stat)).flatten()
    }

    /// Likewise for a file that has been opened: until then, a server's word may be old.
    #[must_use]
    pub fn known_opened(&self, stat: &Stat, trust: Trust) -> Option<FileDigest> {
        (trust == Trust::Server).then(|| self.ask(stat)).flatten()
    }

    fn ask(&self, stat: &Stat) -> Option<FileDigest> {
        let digest = self.known_all(&[Some(*stat)]).pop().flatten()?;
        Some(FileDigest {
            digest,
            size: stat.size,
        })
    }

    /// What some files were when they were last read; `None` stands for one whose dates are not to be trusted.
    #[must_use]
    pub fn known_all(&self, stats: &[Option<Stat>]) -> Vec<Option<Digest>> {
        match self.table {
            Some(table) if !self.always => table.known(stats),
            _ => vec![None; stats.len()],
        }
    }

    /// The clock that the dates of files are taken from; to be read before the files are.
    #[must_use]
    pub fn now(&self) -> Time {
        self.table.map_or_else(Time::default, |_| trust::now())
    }

    /// Remember what files are, if their dates will show the next change.
    pub fn remember(&self, files: &[Learnt], now: Time) {
        if let (Some(table), false) = (self.table, files.is_empty()) {
            table.remember(files, now);
        }
    }
}
