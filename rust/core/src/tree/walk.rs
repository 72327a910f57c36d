//! List a folder and all folders below it, in parallel over folders.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::{Content, Entry, Folder, Options, raw, vanished};
use crate::error::Error;
use crate::file::kind_of;
use crate::subtree::in_threads;

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

/// List everything; a folder stands behind the one it lies in.
pub(super) fn walk(root: &Path, options: Options) -> Result<Vec<Folder>, Error> {
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
