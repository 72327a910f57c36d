//! Digest some files of a folder: look them up together, read those that are not known.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::dir::Dir;
use super::folder::{Content, Folder};
use super::large::Large;
use super::{Work, vanished};
use crate::error::Error;
use crate::file::{ATTEMPTS, Buffer, Feeder, FileDigest, LARGE, SMALL, is_whole, read_small};
use crate::stat::{Kind, Stat};
use crate::stat_table::{Learnt, Trust};
use crate::subtree::digest_ranges;

/// Files that are looked up together; few enough for threads to share a folder.
const BATCH: usize = 128;

/// Some files of a folder, as a range of its files by inode.
pub(super) struct Batch {
    pub(super) folder: Arc<Folder>,
    dir: Arc<Dir>,
    start: usize,
}

impl Batch {
    /// All files of a folder.
    pub(super) fn all_of(folder: &Arc<Folder>, dir: Dir) -> impl Iterator<Item = Self> {
        let count = folder.listing.get().map_or(0, |found| found.files.len());
        let (folder, dir) = (Arc::clone(folder), Arc::new(dir));
        (0..count).step_by(BATCH).map(move |start| Self {
            folder: Arc::clone(&folder),
            dir: Arc::clone(&dir),
            start,
        })
    }

    fn positions(&self) -> &[usize] {
        let listing = self.folder.listing.get();
        let files = listing.map_or(&[][..], |found| &found.files);
        files
            .get(self.start..files.len().min(self.start + BATCH))
            .unwrap_or_default()
    }
}

/// What reading a file came to.
enum Read {
    Done(Stat, FileDigest),
    /// So large that it comes last, and several threads may read it.
    Large,
}

/// One thread's part in a tree.
pub(super) struct Reader<'a> {
    work: &'a Work<'a>,
    seat: usize,
    buffer: Buffer,
    /// The device that was asked about last.
    trusted: Option<(u64, Trust)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(work: &'a Work<'a>, seat: usize) -> Self {
        Self {
            work,
            seat,
            buffer: Buffer::default(),
            trusted: None,
        }
    }

    pub(super) fn digest_files(&mut self, batch: &Batch) -> Result<(), Error> {
        let session = self.work.options.session;
        let now = session.now();
        let stats = self.look_at(batch)?;
        let known = session.known_all(&stats);
        let (mut found, mut learnt, mut large) = (Vec::new(), Vec::new(), Vec::new());
        for (index, &position) in batch.positions().iter().enumerate() {
            let path = || batch.folder.path.join(batch.folder.name(position));
            let looked = stats.get(index).and_then(Option::as_ref);
            if let (Some(Some(digest)), Some(stat)) = (known.get(index), looked) {
                let (digest, size) = (*digest, stat.size);
                self.work.options.control.advance(self.seat, size)?;
                found.push((position, Content::File(FileDigest { digest, size })));
                continue;
            }
            match self.read(batch, position, looked)? {
                Read::Done(stat, content) => {
                    let (digest, trust) = (content.digest, self.trust(&stat, &path));
                    learnt.push(Learnt {
                        stat,
                        digest,
                        trust,
                    });
                    found.push((position, Content::File(content)));
                }
                Read::Large => large.push(position),
            }
        }
        session.remember(&learnt, now);
        if batch.folder.put(found) {
            self.work.end(&batch.folder);
        }
        large
            .into_iter()
            .try_for_each(|position| self.digest_large(batch, position))
    }

    fn digest_large(&mut self, batch: &Batch, position: usize) -> Result<(), Error> {
        let name = batch.folder.name(position);
        let path = batch.folder.path.join(name);
        let at = |error| vanished(&path, error);
        let follow = self.work.options.follow_symlinks;
        let file = batch.dir.open_file(name, follow).map_err(at)?;
        let before = Stat::of(&file).map_err(at)?;
        if before.kind() != Kind::File {
            return Err(Error::Changed { path });
        }
        if before.size < LARGE {
            // It has shrunk, perhaps to less than a subtree.
            return self.work.read_alone(&batch.folder, position, &path);
        }
        let trust = self.trust(&before, &|| path.clone());
        let now = self.work.options.session.now();
        let large = Large::new(&batch.folder, position, file, before, trust, now);
        self.work.digest_together(&Arc::new(large), self.seat)
    }

    /// Ask what the files look like now, if anybody wants to look them up.
    fn look_at(&mut self, batch: &Batch) -> Result<Vec<Option<Stat>>, Error> {
        if !self.work.options.session.looks_up() {
            return Ok(Vec::new());
        }
        let look = |&position: &usize| {
            let name = batch.folder.name(position);
            let path = || batch.folder.path.join(name);
            self.look(&batch.dir, name, &path)
                .map_err(|error| vanished(&path(), error))
        };
        batch.positions().iter().map(look).collect()
    }

    fn look(
        &mut self,
        dir: &Dir,
        name: &OsStr,
        path: &dyn Fn() -> PathBuf,
    ) -> io::Result<Option<Stat>> {
        let follow = self.work.options.follow_symlinks;
        let stat = dir.stat(name, follow)?;
        match self.trust(&stat, path) {
            Trust::Local => Ok(Some(stat)),
            // Until it is opened, a server's word may be old.
            Trust::Server => Stat::of(&dir.open_file(name, follow)?).map(Some),
            Trust::Never => Ok(None),
        }
    }

    fn trust(&mut self, stat: &Stat, path: &dyn Fn() -> PathBuf) -> Trust {
        match self.trusted {
            Some((device, trust)) if device == stat.device => trust,
            _ => {
                let ask = || Trust::at(&path());
                let trust = self.work.options.session.trust(ask);
                self.trusted = Some((stat.device, trust));
                trust
            }
        }
    }

    /// Read a file; `looked` is what it looked like a moment ago.
    fn read(
        &mut self,
        batch: &Batch,
        position: usize,
        looked: Option<&Stat>,
    ) -> Result<Read, Error> {
        let name = batch.folder.name(position);
        let path = || batch.folder.path.join(name);
        let at = |error| vanished(&path(), error);
        let follow = self.work.options.follow_symlinks;
        for attempt in 0..ATTEMPTS {
            let file = batch.dir.open_file(name, follow).map_err(at)?;
            let before = match looked {
                Some(stat) if attempt == 0 => *stat,
                _ => Stat::of(&file).map_err(at)?,
            };
            if before.kind() != Kind::File {
                break;
            }
            if before.size >= LARGE {
                return Ok(Read::Large);
            }
            let Some(found) = self.read_opened(&file, before.size, &path)? else {
                continue;
            };
            if is_whole(&before, &Stat::of(&file).map_err(at)?, found) {
                self.work.options.control.advance(self.seat, found.size)?;
                return Ok(Read::Done(before, found));
            }
        }
        Err(Error::Changed { path: path() })
    }

    /// `None` for a file that was cut off meanwhile.
    fn read_opened(
        &mut self,
        file: &File,
        size: u64,
        path: &dyn Fn() -> PathBuf,
    ) -> Result<Option<FileDigest>, Error> {
        if size <= SMALL {
            let found = read_small(file, size, &mut self.buffer);
            return found.map(Some).map_err(|error| vanished(&path(), error));
        }
        let path = path();
        let digest = digest_ranges(size, 1, |_| {
            // What is done is counted once the file is whole.
            let mut feeder = Feeder::uncounted(file, &path);
            move |hasher: &mut blake3::Hasher, start, length| feeder.feed(hasher, start, length)
        });
        match digest {
            Ok(digest) => Ok(Some(FileDigest { digest, size })),
            Err(Error::Changed { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
