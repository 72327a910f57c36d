//! A large file inside a folder: whoever meets it reads it, and every thread that has nothing else to do takes part.
//!
//! A thread has one such file open, however many there are.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::folder::{Content, Folder};
use super::{Work, gone};
use crate::error::Error;
use crate::file::{Feeder, FileDigest, digest_file, is_whole};
use crate::stat::{Stat, Time};
use crate::stat_table::{Learnt, Trust};
use crate::subtree::Ranges;

/// A large file that is being read.
pub(super) struct Large {
    folder: Arc<Folder>,
    position: usize,
    path: PathBuf,
    file: File,
    before: Stat,
    trust: Trust,
    now: Time,
    ranges: Ranges,
    has_changed: AtomicBool,
}

impl Large {
    pub(super) fn new(
        folder: &Arc<Folder>,
        position: usize,
        file: File,
        before: Stat,
        trust: Trust,
        now: Time,
    ) -> Self {
        Self {
            folder: Arc::clone(folder),
            position,
            path: folder.path.join(folder.name(position)),
            file,
            before,
            trust,
            now,
            ranges: Ranges::new(before.size),
            has_changed: AtomicBool::new(false),
        }
    }

    /// Whether there is nothing left to take.
    pub(super) fn is_taken(&self) -> bool {
        self.ranges.is_taken()
    }
}

impl Work<'_> {
    /// Digest a large file together with whoever is idle.
    pub(super) fn digest_together(&self, large: &Arc<Large>, seat: usize) -> Result<(), Error> {
        self.queue.offer(large);
        let result = self.digest_large(large, seat);
        self.queue.withdraw(large);
        result
    }

    /// Read parts of a large file until none is left; whoever reads the last one ends it.
    pub(super) fn digest_large(&self, large: &Large, seat: usize) -> Result<(), Error> {
        let mut feeder = Feeder::new(&large.file, &large.path, self.options.control, seat);
        let feed = |hasher: &mut _, start, length| feeder.feed(hasher, start, length);
        let is_last = match large.ranges.work(feed) {
            Ok(is_last) => is_last,
            Err(Error::Changed { .. }) => return self.read_again(large),
            Err(error) => return Err(error),
        };
        if !is_last {
            return Ok(());
        }
        let size = large.before.size;
        let digest = large.ranges.root();
        let found = FileDigest { digest, size };
        let after = Stat::of(&large.file).map_err(|error| Error::at(&large.path, error))?;
        if !is_whole(&large.before, &after, found) {
            return self.read_again(large);
        }
        let learnt = Learnt {
            stat: large.before,
            digest,
            trust: large.trust,
        };
        self.options.session.remember(&[learnt], large.now);
        self.put(&large.folder, large.position, found);
        Ok(())
    }

    fn put(&self, folder: &Arc<Folder>, position: usize, found: FileDigest) {
        if folder.put([(position, Content::File(found))]) {
            self.end(folder);
        }
    }

    /// It changed while it was read: the first thread that sees it reads it again, alone.
    fn read_again(&self, large: &Large) -> Result<(), Error> {
        if large.has_changed.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        self.read_alone(&large.folder, large.position, &large.path)
    }

    /// Read a file in one thread, whatever its size is by now.
    pub(super) fn read_alone(
        &self,
        folder: &Arc<Folder>,
        position: usize,
        path: &Path,
    ) -> Result<(), Error> {
        if path.is_symlink() && !self.options.follow_symlinks {
            return Err(Error::Changed { path: path.into() });
        }
        let options = crate::file::Options {
            threads: 1,
            control: self.options.control,
            session: self.options.session,
            mapper: None,
        };
        let found = digest_file(path, options).map_err(gone)?;
        self.put(folder, position, found);
        Ok(())
    }
}
