//! Digest a folder: names, kinds and contents of everything below it, in parallel.
//!
//! Modes and dates are left out: they change when a folder is copied, and a copy must hit.  A folder's digest is made
//! of its entries in the order of their raw names, and a folder inside counts by its own digest, so empty ones count
//! too.  A link counts by the text it holds unless links are followed.  A folder is forgotten once it is digested, so
//! that memory is bounded by the folders on the way down, not by the tree.

use std::ffi::OsString;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::control::Control;
use crate::digest::Digest;
use crate::error::Error;
use crate::file::FileDigest;
use crate::stat::{Kind, Stat};
use crate::stat_table::Session;
use crate::subtree::in_threads;

mod dir;
mod files;
mod folder;
mod large;
mod list;
mod patterns;
mod queue;

pub use patterns::Patterns;

use files::Reader;
use folder::{Folder, raw};
use queue::{Queue, Task};

/// How to read a folder.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Take what a link points to in place of the link.
    pub follow_symlinks: bool,
    /// How many threads may work.
    pub threads: usize,
    /// Which entries count.
    pub patterns: &'a Patterns,
    /// Whom to tell how far it is.
    pub control: &'a Control<'a>,
    /// What earlier digests left behind.
    pub session: Session<'a>,
}

/// A file that was met, by its path below the folder with `/` between the parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The relative path, as the file system spells it.
    pub name: OsString,
    /// Size and digest of its content.
    pub content: FileDigest,
}

/// What a folder is made of.
#[derive(Debug)]
pub struct Tree {
    /// The digest of the whole.
    pub digest: Digest,
    /// Every file, by ascending raw name.
    pub leaves: Vec<Leaf>,
}

/// Digest a folder and everything below it.
///
/// # Errors
/// [`Error::Missing`]; [`Error::WrongKind`] for a root that is no folder and for special files; [`Error::Loop`];
/// [`Error::Changed`] for files that change or vanish; [`Error::Stopped`]; [`Error::Io`] for what cannot be read.
pub fn digest_tree(root: &Path, options: Options<'_>) -> Result<Digest, Error> {
    Ok(read(root, options, None)?.digest)
}

/// Likewise, with a list of the files.
///
/// # Errors
/// As [`digest_tree`].
pub fn scan_tree(root: &Path, options: Options<'_>) -> Result<Tree, Error> {
    let mut tree = read(root, options, Some(Vec::new()))?;
    tree.leaves
        .sort_unstable_by(|left, right| raw(&left.name).cmp(raw(&right.name)));
    Ok(tree)
}

/// A tree that is being digested.
struct Work<'a> {
    root: &'a Path,
    options: Options<'a>,
    queue: Queue,
    done: Mutex<Done>,
}

#[derive(Default)]
struct Done {
    digest: Option<Digest>,
    /// Collected only where somebody wants them.
    leaves: Option<Vec<Leaf>>,
    failed: Option<Error>,
}

fn read(root: &Path, options: Options<'_>, leaves: Option<Vec<Leaf>>) -> Result<Tree, Error> {
    let stat = Stat::at(root).map_err(|error| Error::at(root, error))?;
    if stat.kind() != Kind::Folder {
        return Err(Error::WrongKind {
            path: root.into(),
            found: stat.kind().words(),
            wanted: "a folder",
        });
    }
    let work = Work {
        root,
        options,
        queue: Queue::new(Task::Root),
        done: Mutex::new(Done {
            leaves,
            ..Done::default()
        }),
    };
    in_threads(options.threads.max(1), &|seat| work.run(seat));
    work.finish()
}

impl Work<'_> {
    fn run(&self, seat: usize) {
        let mut reader = Reader::new(self, seat);
        while let Some(task) = self.queue.take(seat, self.options.control) {
            let result = match task {
                Task::Root => self.list(&Folder::root(self.root, self.options.patterns)),
                Task::Folders { folder, next } => self.descend(&folder, next),
                Task::Files(batch) => reader.digest_files(&batch),
                Task::Large(large) => self.digest_large(&large, seat),
            };
            if let Err(error) = result {
                self.fail(error);
            }
            self.queue.done();
        }
    }

    fn done(&self) -> std::sync::MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remember the first error and let nobody start anything.
    fn fail(&self, error: Error) {
        self.queue.stop();
        self.done().failed.get_or_insert(error);
    }

    fn finish(self) -> Result<Tree, Error> {
        let done = self
            .done
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        match (done.failed, done.digest) {
            (Some(error), _) => Err(error),
            (None, Some(digest)) => Ok(Tree {
                digest,
                leaves: done.leaves.unwrap_or_default(),
            }),
            // Nothing failed and nothing was digested: the caller's thread was told to stop while it waited.
            (None, None) => Err(Error::Stopped),
        }
    }
}

/// What was listed a moment ago and is not there, or is a link now, has changed.
fn vanished(path: &Path, error: std::io::Error) -> Error {
    if is_loop(&error) {
        return Error::Changed { path: path.into() };
    }
    gone(Error::at(path, error))
}

/// What the system says of a link that was not to be followed.
#[cfg(unix)]
fn is_loop(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(libc::ELOOP)
}

#[cfg(not(unix))]
fn is_loop(_error: &std::io::Error) -> bool {
    false
}

fn gone(error: Error) -> Error {
    match error {
        Error::Missing { path } => Error::Changed { path },
        other => other,
    }
}

#[cfg(test)]
mod tests;
