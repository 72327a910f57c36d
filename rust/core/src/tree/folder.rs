//! A folder on its way to a digest: its entries by name, and what each came to.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use super::dir::Place;
use super::{Done, Leaf, Patterns, Work};
use crate::digest::{Digest, Domain};
use crate::encode::Tokens;
use crate::file::FileDigest;

static TREE: LazyLock<Domain> = LazyLock::new(|| Domain::new("tree"));

/// A folder that was found.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// The folder that it was found in, and its position there.
    pub(super) parent: Option<(Arc<Folder>, usize)>,
    /// Where it really is; known only when links are followed.
    pub(super) place: OnceLock<Place>,
    /// Whether a pattern includes everything in it.
    pub(super) is_included: bool,
    pub(super) listing: OnceLock<Listing>,
    contents: Mutex<Vec<Content>>,
    left: AtomicUsize,
}

/// The entries of a folder, by ascending raw name, and which of them need work.
pub(super) struct Listing {
    pub(super) names: Vec<OsString>,
    /// Positions of files, in the order of their inodes.
    pub(super) files: Vec<usize>,
    /// Positions of folders, and whether a pattern includes them.
    pub(super) folders: Vec<(usize, bool)>,
}

/// What an entry came to.
pub(super) enum Content {
    Pending,
    File(FileDigest),
    Link(OsString),
    Folder(Digest),
    /// A folder in which nothing counts.
    Nothing,
}

impl Folder {
    pub(super) fn root(path: &Path, patterns: &Patterns) -> Arc<Self> {
        Arc::new(Self::new(path.into(), None, patterns.includes_root()))
    }

    pub(super) fn child(parent: &Arc<Self>, position: usize, is_included: bool) -> Arc<Self> {
        let path = parent.path.join(parent.name(position));
        let parent = Some((Arc::clone(parent), position));
        Arc::new(Self::new(path, parent, is_included))
    }

    fn new(path: PathBuf, parent: Option<(Arc<Self>, usize)>, is_included: bool) -> Self {
        Self {
            path,
            parent,
            place: OnceLock::new(),
            is_included,
            listing: OnceLock::new(),
            contents: Mutex::default(),
            left: AtomicUsize::new(0),
        }
    }

    /// The name of an entry.
    pub(super) fn name(&self, position: usize) -> &OsStr {
        let listing = self.listing.get();
        listing
            .and_then(|listing| listing.names.get(position))
            .map_or(OsStr::new(""), OsString::as_os_str)
    }

    /// Take in what was listed; whether anything is left to do.
    pub(super) fn begin(&self, listing: Listing, contents: Vec<Content>) -> bool {
        let left = listing.files.len() + listing.folders.len();
        self.left.store(left, Ordering::Relaxed);
        *self.contents() = contents;
        let _ = self.listing.set(listing);
        left > 0
    }

    /// Say what some entries came to; whether these were the last ones.
    pub(super) fn put(&self, found: impl IntoIterator<Item = (usize, Content)>) -> bool {
        let mut contents = self.contents();
        let mut count = 0;
        for (position, content) in found {
            if let Some(place) = contents.get_mut(position) {
                *place = content;
                count += 1;
            }
        }
        count > 0 && self.left.fetch_sub(count, Ordering::Relaxed) == count
    }

    fn contents(&self) -> MutexGuard<'_, Vec<Content>> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work<'_> {
    /// A folder is complete: fold it, and every folder above that it completes.
    pub(super) fn end(&self, folder: &Arc<Folder>) {
        let mut folder = Arc::clone(folder);
        loop {
            let names = folder.listing.get().map_or(&[][..], |found| &found.names);
            let contents = std::mem::take(&mut *folder.contents());
            self.collect(&folder, names, &contents);
            let digest = fold(names, &contents);
            let Some((parent, position)) = folder.parent.clone() else {
                self.done().digest = Some(digest);
                return;
            };
            let counts = folder.is_included || contents.iter().any(Content::counts);
            let content = if counts {
                Content::Folder(digest)
            } else {
                Content::Nothing
            };
            if !parent.put([(position, content)]) {
                return;
            }
            folder = parent;
        }
    }

    fn collect(&self, folder: &Folder, names: &[OsString], contents: &[Content]) {
        let mut done = self.done();
        let Done {
            leaves: Some(leaves),
            ..
        } = &mut *done
        else {
            return;
        };
        let above = relative(self.root, &folder.path);
        for (name, content) in names.iter().zip(contents) {
            if let Content::File(content) = content {
                let mut leaf = above.clone();
                leaf.push(name);
                leaves.push(Leaf {
                    name: leaf,
                    content: *content,
                });
            }
        }
    }
}

/// The way from the root to a folder, with `/` behind each part.
fn relative(root: &Path, path: &Path) -> OsString {
    let mut relative = OsString::new();
    for part in path.strip_prefix(root).unwrap_or(path) {
        relative.push(part);
        relative.push("/");
    }
    relative
}

impl Content {
    fn counts(&self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

/// The bytes of a name as the file system has them (on Windows, WTF-8).
pub(super) fn raw(name: &OsStr) -> &[u8] {
    name.as_encoded_bytes()
}

fn fold(names: &[OsString], contents: &[Content]) -> Digest {
    let mut tokens = Tokens::default();
    for (name, content) in names.iter().zip(contents) {
        if content.counts() {
            // Length first: ("ab", "c") and ("a", "bc") must not collide.
            tokens.framed(raw(name));
            write_content(&mut tokens, content);
        }
    }
    TREE.digest(tokens.tail(0))
}

fn write_content(tokens: &mut Tokens, content: &Content) {
    match content {
        Content::File(found) => {
            tokens.splice(b"f");
            tokens.splice(found.digest.as_bytes());
        }
        Content::Link(target) => {
            tokens.splice(b"l");
            tokens.framed(raw(target));
        }
        Content::Folder(digest) => {
            tokens.splice(b"d");
            tokens.splice(digest.as_bytes());
        }
        Content::Pending | Content::Nothing => {}
    }
}
