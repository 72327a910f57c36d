//! Several files: those that are known cost a look each, the others are read side by side.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{FileDigest, LARGE, Options, digest_file, look};
use crate::error::Error;
use crate::subtree::in_threads;

/// Digest each of some regular files, in their order.
///
/// # Errors
/// As [`digest_file`], of one of the files.
pub fn digest_files(paths: &[PathBuf], options: Options<'_>) -> Result<Vec<FileDigest>, Error> {
    let mut found = Vec::with_capacity(paths.len());
    let (mut small, mut rest) = (Vec::new(), Vec::new());
    for (index, path) in paths.iter().enumerate() {
        let looked = look(path, options.session)?;
        match looked.known {
            None if looked.size < LARGE => small.push(index),
            None => rest.push(index),
            Some(_) => {}
        }
        found.push(looked.known);
    }
    for (index, digest) in digest_small(paths, &small, options)? {
        found[index] = Some(digest);
    }
    for index in rest {
        found[index] = Some(digest_file(&paths[index], options)?);
    }
    Ok(found.into_iter().flatten().collect())
}

/// Digest some of the files, each by one thread.
fn digest_small(
    paths: &[PathBuf],
    chosen: &[usize],
    options: Options<'_>,
) -> Result<Vec<(usize, FileDigest)>, Error> {
    let next = AtomicUsize::new(0);
    let alone = Options {
        threads: 1,
        ..options
    };
    let run = |seat| -> Result<Vec<(usize, FileDigest)>, Error> {
        let mut done = Vec::new();
        while let Some(&index) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
            let path: &Path = &paths[index];
            let found = digest_file(path, alone).inspect_err(|_| {
                // The others find nothing left to take.
                next.store(chosen.len(), Ordering::Relaxed);
            })?;
            options.control.advance(seat, 0)?;
            done.push((index, found));
        }
        Ok(done)
    };
    let mut all = Vec::with_capacity(chosen.len());
    for done in in_threads(options.threads.min(chosen.len()), &run) {
        all.extend(done?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Control;
    use crate::digest::Digest;
    use crate::stat_table::Session;

    #[test]
    fn many_files_digest_as_each_does() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let sizes = [0, 1, 5000, 200_000, 5 << 20, 3];
        let paths = sizes.map(|size| folder.path().join(size.to_string()));
        for (path, size) in paths.iter().zip(sizes) {
            std::fs::write(path, vec![7; size])?;
        }
        for threads in [1, 2, 7] {
            let options = Options {
                threads,
                control: &Control::silent(),
                session: Session::none(),
                mapper: None,
            };
            let found = digest_files(&paths, options)?;
            let expected = sizes.map(|size| FileDigest {
                digest: Digest::of(&vec![7; size]),
                size: size as u64,
            });

            assert_eq!(found, expected);
            assert!(digest_files(&[folder.path().join("no")], options).is_err());
        }
        Ok(())
    }
}
