//! Digest a folder: names, kinds and contents of everything below it, in parallel.
//!
//! Modes and dates are left out: they change when a folder is copied, and a copy must hit.  A folder's digest is made
//! of its entries in the order of their raw names, and a folder inside counts by its own digest, so empty ones count
//! too.  A link counts by the text it holds unless links are followed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use crate::digest::{Digest, Domain};
use crate::encode::Tokens;
use crate::error::Error;
use crate::file::{FileDigest, kind_of};

mod content;
mod walk;

use content::digest_files;
use walk::walk;

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

/// The bytes of a name as the file system has them (on Windows, WTF-8).
fn raw(name: &OsStr) -> &[u8] {
    name.as_encoded_bytes()
}

/// What was listed a moment ago and is not there has changed.
fn vanished(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::Changed { path: path.into() },
        _ => Error::at(path, error),
    }
}

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
    use std::fs::{self, create_dir, create_dir_all, write};

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
