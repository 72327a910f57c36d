//! List a folder: sort out what counts, read links, and say what is left to do.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::dir::{Dir, Listed};
use super::files::Batch;
use super::folder::{Content, Folder, Listing, raw};
use super::patterns::Verdict;
use super::queue::Task;
use super::{Work, vanished};
use crate::error::Error;
use crate::stat::Kind;

impl Work<'_> {
    /// List one of the folders inside a folder, and leave those behind it for later.
    pub(super) fn descend(&self, folder: &Arc<Folder>, next: usize) -> Result<(), Error> {
        let folders = folder.listing.get().map_or(&[][..], |found| &found.folders);
        let Some(&(position, is_included)) = folders.get(next) else {
            return Ok(());
        };
        if next + 1 < folders.len() {
            self.queue.push([Task::Folders {
                folder: Arc::clone(folder),
                next: next + 1,
            }]);
        }
        self.list(&Folder::child(folder, position, is_included))
    }

    /// List a folder and queue its files and folders.
    pub(super) fn list(&self, folder: &Arc<Folder>) -> Result<(), Error> {
        let at = |error| vanished(&folder.path, error);
        let follow = self.options.follow_symlinks || folder.parent.is_none();
        let dir = Dir::open(&folder.path, follow).map_err(at)?;
        if self.options.follow_symlinks {
            check_loop(folder, &dir)?;
        }
        let mut listed = dir.list().map_err(at)?;
        listed.sort_unstable_by(|left, right| raw(&left.name).cmp(raw(&right.name)));
        let (listing, contents) = self.sort_out(folder, &dir, listed)?;
        let has_folders = !listing.folders.is_empty();
        if !folder.begin(listing, contents) {
            self.end(folder);
            return Ok(());
        }
        if has_folders {
            self.queue.push([Task::Folders {
                folder: Arc::clone(folder),
                next: 0,
            }]);
        }
        self.queue.push(Batch::all_of(folder, dir).map(Task::Files));
        Ok(())
    }

    fn sort_out(
        &self,
        folder: &Folder,
        dir: &Dir,
        listed: Vec<Listed>,
    ) -> Result<(Listing, Vec<Content>), Error> {
        let mut listing = Listing {
            names: Vec::with_capacity(listed.len()),
            files: Vec::new(),
            folders: Vec::new(),
        };
        let mut contents = Vec::with_capacity(listed.len());
        let mut inodes = Vec::new();
        for Listed { name, kind, inode } in listed {
            let path = || folder.path.join(&name);
            let kind = self
                .kind_of(dir, &name, kind)
                .map_err(|error| self.unreadable(&path(), error))?;
            let verdict = self.judge(folder, &name, kind == Kind::Folder);
            if verdict == Verdict::Out {
                continue;
            }
            let position = listing.names.len();
            contents.push(match kind {
                Kind::File => {
                    listing.files.push(position);
                    Content::Pending
                }
                Kind::Folder => {
                    listing.folders.push((position, verdict == Verdict::In));
                    Content::Pending
                }
                Kind::Link => {
                    let target = dir.read_link(&name);
                    Content::Link(target.map_err(|error| vanished(&path(), error))?)
                }
                Kind::Special(found) => {
                    return Err(Error::WrongKind {
                        path: path(),
                        found,
                        wanted: "a file, folder or link",
                    });
                }
            });
            inodes.push(inode);
            listing.names.push(name);
        }
        // About the order on disk, and the order of the stat table.
        listing
            .files
            .sort_unstable_by_key(|&position| inodes[position]);
        Ok((listing, contents))
    }

    fn kind_of(&self, dir: &Dir, name: &OsStr, kind: Kind) -> io::Result<Kind> {
        if kind == Kind::Link && self.options.follow_symlinks {
            return Ok(dir.stat(name, true)?.kind());
        }
        Ok(kind)
    }

    /// A link that leads nowhere is missing, not gone meanwhile.
    fn unreadable(&self, path: &Path, error: io::Error) -> Error {
        if self.options.follow_symlinks {
            Error::at(path, error)
        } else {
            vanished(path, error)
        }
    }

    fn judge(&self, folder: &Folder, name: &OsStr, is_folder: bool) -> Verdict {
        let patterns = self.options.patterns;
        if patterns.is_all() {
            return Verdict::In;
        }
        let above = folder.path.strip_prefix(self.root);
        let path = above.unwrap_or(Path::new("")).join(name);
        patterns.judge(&path, is_folder, folder.is_included)
    }
}

/// A folder that lies in itself, by a link, has no end.
fn check_loop(folder: &Folder, dir: &Dir) -> Result<(), Error> {
    let place = dir
        .place()
        .map_err(|error| Error::at(&folder.path, error))?;
    let mut above = folder.parent.as_ref();
    while let Some((parent, _)) = above {
        if parent.place.get() == Some(&place) {
            return Err(Error::Loop {
                path: folder.path.clone(),
            });
        }
        above = parent.parent.as_ref();
    }
    let _ = folder.place.set(place);
    Ok(())
}
