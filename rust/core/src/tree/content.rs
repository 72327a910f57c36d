//! Digest the files that a walk has listed, in parallel over files; large ones one after the other.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Content, Entry, Folder};
use crate::error::Error;
use crate::file::{FileDigest, digest_file, digest_listed};
use crate::subtree::in_threads;

/// From here on a file inside a folder gets all threads to itself.
const LARGE: u64 = 64 << 20;

type Position = (usize, usize);

/// Fill in the digest of every file.
pub(super) fn digest_files(folders: &mut [Folder], threads: usize) -> Result<(), Error> {
    let files = positions(folders);
    let next = AtomicUsize::new(0);
    let run = || digest_some(folders, &files, &next);
    let mut digested = Vec::with_capacity(files.len());
    for part in in_threads(threads.min(files.len()), &run) {
        digested.extend(part?);
    }
    for ((folder, entry), content) in digested {
        let content = match content {
            Some(content) => content,
            None => digest_large(&folders[folder], entry, threads)?,
        };
        folders[folder].entries[entry].content = Content::File(Some(content));
    }
    Ok(())
}

fn positions(folders: &[Folder]) -> Vec<Position> {
    let mut files = Vec::new();
    for (folder, Folder { entries, .. }) in folders.iter().enumerate() {
        let is_file = |entry: &Entry| matches!(entry.content, Content::File(_));
        files.extend(
            (0..entries.len())
                .filter(|&index| is_file(&entries[index]))
                .map(|entry| (folder, entry)),
        );
    }
    files
}

/// Digest files until none is left; large ones are named and left for all threads together.
fn digest_some(
    folders: &[Folder],
    files: &[Position],
    next: &AtomicUsize,
) -> Result<Vec<(Position, Option<FileDigest>)>, Error> {
    let mut buffer = Vec::new();
    let mut digested = Vec::new();
    while let Some(&(folder, entry)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
        let path = folders[folder]
            .path
            .join(&folders[folder].entries[entry].name);
        let content = digest_listed(&path, LARGE, &mut buffer)
            .map_err(|error| gone(&path, error))
            .inspect_err(|_| {
                next.store(files.len(), Ordering::Relaxed);
            })?;
        digested.push(((folder, entry), content));
    }
    Ok(digested)
}

fn digest_large(folder: &Folder, entry: usize, threads: usize) -> Result<FileDigest, Error> {
    let path = folder.path.join(&folder.entries[entry].name);
    digest_file(&path, threads).map_err(|error| gone(&path, error))
}

fn gone(path: &Path, error: Error) -> Error {
    match error {
        Error::Missing { .. } => Error::Changed { path: path.into() },
        other => other,
    }
}
