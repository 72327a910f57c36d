//! Digest a folder: names, kinds and contents of everything below it, in parallel.
//!
//! Modes and dates are left out: they change when a folder is copied, and a copy must hit.  A folder's digest is made
//! of its entries in the order of their raw names, and a folder inside counts by its own digest, so empty ones count
//! too.  A link counts by the text it holds unless links are followed.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::digest::{Digest, Domain};
use crate::encode::Tokens;
use crate::error::Error;
use crate::file::{FileDigest, digest_file, digest_file_into, kind_of};
use crate::subtree::in_threads;

/// From here on a file inside a folder gets all threads to itself.
const LARGE: u64 = 64 << 20;

/// How to read a folder.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Take what a link points to in place of the link.
    pub follow_symlinks: bool,
    /// How many threads may work.
    pub threads: usize,
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
/// [`Error::Changed`] for files that change or vanish; [`Error::Io`] for what cannot be read.
pub fn digest_tree(root: &Path, options: Options) -> Result<Digest, Error> {
    let folders = read_folders(root, options)?;
    Ok(fold(&folders))
}

/// Likewise, with a list of the files.
///
/// # Errors
/// As [`digest_tree`].
pub fn scan_tree(root: &Path, options: Options) -> Result<Tree, Error> {
    let folders = read_folders(root, options)?;
    Ok(Tree {
        digest: fold(&folders),
        leaves: leaves(&folders),
    })
}

struct Folder {
    path: PathBuf,
    /// The folder that it was found in, by index.
    parent: Option<usize>,
    /// Where it really is; known only when links are followed.
    place: Option<PathBuf>,
    entries: Vec<Entry>,
}

struct Entry {
    name: OsString,
    content: Content,
}

enum Content {
    File(Option<FileDigest>),
    Link(OsString),
    Folder(usize),
}

fn read_folders(root: &Path, options: Options) -> Result<Vec<Folder>, Error> {
    let metadata = root.metadata().map_err(|error| Error::at(root, error))?;
    if !metadata.is_dir() {
        return Err(Error::WrongKind {
            path: root.into(),
            found: kind_of(&metadata),
            wanted: "a folder",
        });
    }
    let mut folders = walk(root, options)?;
    digest_files(&mut folders, options.threads)?;
    Ok(folders)
}

// ── the walk ──

struct Walk {
    folders: Vec<Folder>,
    waiting: Vec<usize>,
    busy: usize,
    failed: Option<Error>,
}

/// An entry as it was listed: folders have no index yet.
enum Found {
    Entry(Entry),
    Folder {
        name: OsString,
        place: Option<PathBuf>,
    },
}

fn walk(root: &Path, options: Options) -> Result<Vec<Folder>, Error> {
    let place = if options.follow_symlinks {
        Some(real(root)?)
    } else {
        None
    };
    let first = Folder {
        path: root.into(),
        parent: None,
        place,
        entries: Vec::new(),
    };
    let walk = Mutex::new(Walk {
        folders: vec![first],
        waiting: vec![0],
        busy: 0,
        failed: None,
    });
    let changed = Condvar::new();
    in_threads(options.threads, &|| list_folders(&walk, &changed, options));
    let walk = walk.into_inner().unwrap_or_else(PoisonError::into_inner);
    walk.failed.map_or(Ok(walk.folders), Err)
}

fn locked(walk: &Mutex<Walk>) -> MutexGuard<'_, Walk> {
    walk.lock().unwrap_or_else(PoisonError::into_inner)
}

fn list_folders(walk: &Mutex<Walk>, changed: &Condvar, options: Options) {
    let mut state = locked(walk);
    loop {
        if state.failed.is_some() || (state.waiting.is_empty() && state.busy == 0) {
            changed.notify_all();
            return;
        }
        let Some(index) = state.waiting.pop() else {
            state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        state.busy += 1;
        let places = places_above(&state.folders, index);
        let path = state.folders[index].path.clone();
        drop(state);
        let listed = list(&path, &places, options);
        state = locked(walk);
        state.busy -= 1;
        match listed {
            Ok(found) => take(&mut state, index, found),
            Err(error) => state.failed = Some(error),
        }
        changed.notify_all();
    }
}

/// The real places of a folder and of all folders that led to it; empty unless links are followed.
fn places_above(folders: &[Folder], index: usize) -> Vec<PathBuf> {
    let mut places = Vec::new();
    let mut next = Some(index);
    while let Some(folder) = next.and_then(|index| folders.get(index)) {
        places.extend(folder.place.clone());
        next = folder.parent;
    }
    places
}

fn take(state: &mut Walk, parent: usize, found: Vec<Found>) {
    let mut entries = Vec::with_capacity(found.len());
    for found in found {
        entries.push(match found {
            Found::Entry(entry) => entry,
            Found::Folder { name, place } => {
                let index = state.folders.len();
                let path = state.folders[parent].path.join(&name);
                state.folders.push(Folder {
                    path,
                    parent: Some(parent),
                    place,
                    entries: Vec::new(),
                });
                state.waiting.push(index);
                Entry {
                    name,
                    content: Content::Folder(index),
                }
            }
        });
    }
    entries.sort_unstable_by(|left, right| raw(&left.name).cmp(raw(&right.name)));
    state.folders[parent].entries = entries;
}

/// The bytes of a name as the file system has them (on Windows, WTF-8).
fn raw(name: &OsStr) -> &[u8] {
    name.as_encoded_bytes()
}

fn list(path: &Path, places: &[PathBuf], options: Options) -> Result<Vec<Found>, Error> {
    let at = |error| vanished(path, error);
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(at)? {
        let entry = entry.map_err(at)?;
        let child = entry.path();
        let kind = entry.file_type().map_err(|error| vanished(&child, error))?;
        found.push(if kind.is_symlink() && options.follow_symlinks {
            follow(&child, entry.file_name(), places)?
        } else if kind.is_symlink() {
            let target = fs::read_link(&child).map_err(|error| vanished(&child, error))?;
            Found::Entry(Entry {
                name: entry.file_name(),
                content: Content::Link(target.into_os_string()),
            })
        } else if kind.is_dir() {
            let place = places.first().map(|place| place.join(entry.file_name()));
            Found::Folder {
                name: entry.file_name(),
                place,
            }
        } else if kind.is_file() {
            Found::Entry(Entry {
                name: entry.file_name(),
                content: Content::File(None),
            })
        } else {
            return Err(special(&child));
        });
    }
    Ok(found)
}

fn follow(link: &Path, name: OsString, places: &[PathBuf]) -> Result<Found, Error> {
    let metadata = link.metadata().map_err(|error| Error::at(link, error))?;
    if metadata.is_file() {
        return Ok(Found::Entry(Entry {
            name,
            content: Content::File(None),
        }));
    }
    if !metadata.is_dir() {
        return Err(special(link));
    }
    let place = real(link)?;
    if places.contains(&place) {
        return Err(Error::Loop { path: link.into() });
    }
    Ok(Found::Folder {
        name,
        place: Some(place),
    })
}

fn real(path: &Path) -> Result<PathBuf, Error> {
    path.canonicalize().map_err(|error| Error::at(path, error))
}

fn special(path: &Path) -> Error {
    let found = path
        .metadata()
        .map_or("a special file", |metadata| kind_of(&metadata));
    Error::WrongKind {
        path: path.into(),
        found,
        wanted: "a file, folder or link",
    }
}

/// What was listed a moment ago and is not there has changed.
fn vanished(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::Changed { path: path.into() },
        _ => Error::at(path, error),
    }
}

// ── the contents ──

type Position = (usize, usize);

fn digest_files(folders: &mut [Folder], threads: usize) -> Result<(), Error> {
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
        let content = digest_unless_large(&path, &mut buffer).inspect_err(|_| {
            next.store(files.len(), Ordering::Relaxed);
        })?;
        digested.push(((folder, entry), content));
    }
    Ok(digested)
}

fn digest_unless_large(path: &Path, buffer: &mut Vec<u8>) -> Result<Option<FileDigest>, Error> {
    let size = path
        .metadata()
        .map_err(|error| vanished(path, error))?
        .len();
    if size >= LARGE {
        return Ok(None);
    }
    digest_file_into(path, 1, buffer)
        .map(Some)
        .map_err(|error| gone(path, error))
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

// ── the digest ──

/// Digest folders from the last to the first: an inner folder is always found after the one it lies in.
fn fold(folders: &[Folder]) -> Digest {
    let domain = Domain::new("tree");
    let mut digests = vec![Digest::new([0; 32]); folders.len()];
    for (index, folder) in folders.iter().enumerate().rev() {
        let mut tokens = Tokens::default();
        for entry in &folder.entries {
            // Length first: ("ab", "c") and ("a", "bc") must not collide.
            tokens.framed(raw(&entry.name));
            write_content(&mut tokens, &entry.content, &digests);
        }
        digests[index] = domain.digest(tokens.tail(0));
    }
    digests[0]
}

fn write_content(tokens: &mut Tokens, content: &Content, folders: &[Digest]) {
    match content {
        Content::File(found) => {
            tokens.splice(b"f");
            tokens.splice(
                found
                    .as_ref()
                    .map_or(&[][..], |found| found.digest.as_bytes()),
            );
        }
        Content::Link(target) => {
            tokens.splice(b"l");
            tokens.framed(raw(target));
        }
        Content::Folder(index) => {
            tokens.splice(b"d");
            tokens.splice(folders[*index].as_bytes());
        }
    }
}

fn leaves(folders: &[Folder]) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    let mut names = vec![OsString::new(); folders.len()];
    for index in 0..folders.len() {
        for entry in &folders[index].entries {
            let mut name = names[index].clone();
            name.push(&entry.name);
            match entry.content {
                Content::File(Some(content)) => leaves.push(Leaf { name, content }),
                Content::Folder(inner) => {
                    name.push("/");
                    names[inner] = name;
                }
                Content::File(None) | Content::Link(_) => {}
            }
        }
    }
    leaves.sort_unstable_by(|left, right| raw(&left.name).cmp(raw(&right.name)));
    leaves
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir, create_dir_all, write};

    const PLAIN: Options = Options {
        follow_symlinks: false,
        threads: 2,
    };

    fn digest(root: &Path) -> io::Result<Digest> {
        digest_tree(root, PLAIN).map_err(io::Error::other)
    }

    #[test]
    fn names_contents_and_empty_folders_count() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = folder.path();
        let empty = digest(root)?;
        create_dir(root.join("a"))?;
        let with_folder = digest(root)?;
        write(root.join("a/b"), "x")?;
        let with_file = digest(root)?;
        fs::rename(root.join("a/b"), root.join("a/c"))?;
        let renamed = digest(root)?;
        write(root.join("a/c"), "y")?;
        let edited = digest(root)?;

        let all =
            std::collections::BTreeSet::from([empty, with_folder, with_file, renamed, edited]);
        assert_eq!(all.len(), 5);
        Ok(())
    }

    #[test]
    fn the_number_of_threads_does_not_show() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        for index in 0..200 {
            let inner = folder.path().join(format!("{}/{}", index % 7, index % 3));
            create_dir_all(&inner)?;
            write(inner.join(index.to_string()), index.to_string())?;
        }
        let one = scan_tree(
            folder.path(),
            Options {
                threads: 1,
                ..PLAIN
            },
        )
        .map_err(io::Error::other)?;
        let many = scan_tree(
            folder.path(),
            Options {
                threads: 7,
                ..PLAIN
            },
        )
        .map_err(io::Error::other)?;

        assert_eq!(one.digest, many.digest);
        assert_eq!(one.leaves, many.leaves);
        assert_eq!(one.leaves.len(), 200);
        Ok(())
    }

    #[cfg(unix)]
    #[test]
    fn links_count_as_links_unless_followed_and_circles_are_errors() -> io::Result<()> {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir()?;
        let root = folder.path();
        create_dir(root.join("a"))?;
        write(root.join("a/file"), "x")?;
        symlink("a/file", root.join("link"))?;
        let as_link = digest(root)?;
        let followed = digest_tree(
            root,
            Options {
                follow_symlinks: true,
                ..PLAIN
            },
        )
        .map_err(io::Error::other)?;
        symlink("..", root.join("a/up"))?;

        assert_ne!(as_link, followed);
        assert!(digest(root).is_ok());
        let round = digest_tree(
            root,
            Options {
                follow_symlinks: true,
                ..PLAIN
            },
        );
        assert!(matches!(round, Err(Error::Loop { .. })));
        Ok(())
    }
}
