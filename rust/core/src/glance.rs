//! A path in, the bytes of a small file out, or that there is nothing: asked by every call, and mostly there is nothing.

use std::io;
use std::path::Path;

/// Return a file's bytes, at most `limit` of them; `None` where there is no such file.
///
/// Links are not followed.  One open, one read, one close.
///
/// # Errors
///
/// As the system says.
pub fn read_small(path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
    match read(path, limit) {
        Err(error) if says_absent(&error) => Ok(None),
        found => found.map(Some),
    }
}

/// Whether nothing is at a path; false as well where that cannot be known.
#[must_use]
pub fn is_absent(path: &Path) -> bool {
    look(path).is_err_and(|error| says_absent(&error))
}

fn says_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(unix)]
fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    use rustix::fs::{Mode, OFlags, open};

    // NONBLOCK: of a pipe that stands where a file should be, opening would wait for ever; for files it means nothing.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = rustix::io::retry_on_intr(|| open(path, flags, Mode::empty()))?;
    let mut bytes = Vec::with_capacity(limit);
    // `read` of a Vec fills its spare capacity, in one call.
    rustix::io::retry_on_intr(|| {
        rustix::io::read(&file, rustix::buffer::spare_capacity(&mut bytes))
    })?;
    bytes.truncate(limit);
    Ok(bytes)
}

#[cfg(not(unix))]
fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    use std::io::Read;

    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(unix)]
fn look(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::stat(path).map(|_| ())?)
}

#[cfg(not(unix))]
fn look(path: &Path) -> io::Result<()> {
    std::fs::metadata(path).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn a_file_is_read_up_to_the_limit() -> Outcome {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("file");
        for size in [0, 1, 9, 10, 11] {
            std::fs::write(&path, vec![7; size])?;
            assert_eq!(read_small(&path, 10)?, Some(vec![7; size.min(10)]));
            assert!(!is_absent(&path));
        }
        Ok(())
    }

    #[test]
    fn what_is_not_there_is_no_error() -> Outcome {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("file");
        std::fs::write(&file, "x")?;
        for path in [folder.path().join("none"), file.join("below")] {
            assert_eq!(read_small(&path, 10)?, None);
            assert!(is_absent(&path));
        }
        Ok(())
    }

    #[cfg(unix)]
    #[test]
    fn folders_and_links_are_errors() -> Outcome {
        let folder = tempfile::tempdir()?;
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "x")?;
        std::os::unix::fs::symlink(&file, &link)?;
        assert!(read_small(folder.path(), 10).is_err());
        assert!(read_small(&link, 10).is_err());
        assert!(!is_absent(folder.path()));
        Ok(())
    }
}
