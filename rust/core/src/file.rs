//! One file in, its plain BLAKE3 digest out: what `b3sum` prints.
//!
//! A file that changes while it is read is read again, and given up after the third time.  Small files take one read
//! into a buffer that is used again; large ones are read in ranges, in parallel, with a buffer per thread.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use blake3::Hasher;

use crate::digest::Digest;
use crate::error::Error;
use crate::subtree;

/// Up to here a file is one read (hashing.md).
const SMALL: u64 = 128 * 1024;

/// Bytes per read of a large file; 1 MiB was 5–10 % slower when measured (hashing.md).
const BLOCK: usize = 256 * 1024;

/// How often a file is read before it counts as changing.
const ATTEMPTS: usize = 3;

/// A file's digest, and how many bytes it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileDigest {
    /// Plain BLAKE3 of the content.
    pub digest: Digest,
    /// Bytes of content.
    pub size: u64,
}

/// Digest one regular file; links are followed.
///
/// # Errors
/// [`Error::Missing`], [`Error::WrongKind`] for folders and special files, [`Error::Changed`], [`Error::Io`].
pub fn digest_file(path: &Path, threads: usize) -> Result<FileDigest, Error> {
    let mut buffer = Vec::new();
    for _ in 0..ATTEMPTS {
        // Asked before opening: to open a device may do something.
        let metadata = path.metadata().map_err(|error| Error::at(path, error))?;
        check_regular(path, &metadata)?;
        let opened = Opened::at(path)?;
        if let Some(found) = opened.digest(threads, &mut buffer)? {
            return Ok(found);
        }
    }
    Err(Error::Changed { path: path.into() })
}

/// Digest a file that its folder has just listed as regular, unless it has `limit` bytes or more.
///
/// # Errors
/// As [`digest_file`].
pub fn digest_listed(
    path: &Path,
    limit: u64,
    buffer: &mut Vec<u8>,
) -> Result<Option<FileDigest>, Error> {
    for _ in 0..ATTEMPTS {
        let opened = Opened::at(path)?;
        if opened.before.size >= limit {
            return Ok(None);
        }
        if let Some(found) = opened.digest(1, buffer)? {
            return Ok(Some(found));
        }
    }
    Err(Error::Changed { path: path.into() })
}

/// A regular file, and what it looked like when it was opened.
struct Opened<'a> {
    path: &'a Path,
    file: File,
    before: Stamp,
}

impl<'a> Opened<'a> {
    fn at(path: &'a Path) -> Result<Self, Error> {
        let at = |source| Error::at(path, source);
        let file = open_at_once(path).map_err(at)?;
        let metadata = file.metadata().map_err(at)?;
        check_regular(path, &metadata)?;
        let before = Stamp::of(&metadata);
        Ok(Self { path, file, before })
    }

    /// Read it from front to end; `None` when it changed meanwhile.
    fn digest(&self, threads: usize, buffer: &mut Vec<u8>) -> Result<Option<FileDigest>, Error> {
        let at = |source| Error::at(self.path, source);
        let size = self.before.size;
        let found = if size <= SMALL {
            read_small(&self.file, size, buffer).map_err(at)?
        } else {
            read_large(&self.file, size, threads).map_err(at)?
        };
        let after = Stamp::of(&self.file.metadata().map_err(at)?);
        // Files below /proc say size 0 and have content all the same.
        let whole = |found: &FileDigest| found.size == size || size == 0;
        Ok(found.filter(|found| self.before == after && whole(found)))
    }
}

/// Open without waiting: should a named pipe stand here meanwhile, it would wait for a writer.
#[cfg(unix)]
fn open_at_once(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    options.read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

#[cfg(not(unix))]
fn open_at_once(path: &Path) -> io::Result<File> {
    File::open(path)
}

fn check_regular(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(Error::WrongKind {
        path: path.into(),
        found: kind_of(metadata),
        wanted: "a file",
    })
}

/// What a path leads to, in words.
#[must_use]
pub fn kind_of(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    if kind.is_file() {
        return "a file";
    }
    if kind.is_dir() {
        return "a folder";
    }
    special_kind(kind)
}

#[cfg(unix)]
fn special_kind(kind: std::fs::FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_block_device() {
        "a block device"
    } else if kind.is_char_device() {
        "a character device"
    } else {
        "a link"
    }
}

#[cfg(not(unix))]
fn special_kind(_kind: std::fs::FileType) -> &'static str {
    "a special file"
}

fn read_small(mut file: &File, size: u64, buffer: &mut Vec<u8>) -> io::Result<Option<FileDigest>> {
    let expected = usize::try_from(size).unwrap_or(usize::MAX);
    buffer.resize(buffer.len().max(expected + 1), 0);
    let mut length = 0;
    loop {
        // One byte more than expected shows a file that has grown; exactly as many need no further read.
        let got = read_block(file, &mut buffer[length..=expected])?;
        length += got;
        if length > expected {
            buffer.truncate(length);
            file.read_to_end(buffer)?;
            length = buffer.len();
        }
        if got == 0 || length >= expected {
            break;
        }
    }
    let digest = Digest::of(&buffer[..length]);
    let size = length as u64;
    Ok(Some(FileDigest { digest, size }))
}

fn read_block(mut file: &File, block: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(block) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn read_large(file: &File, size: u64, threads: usize) -> io::Result<Option<FileDigest>> {
    let worker = || {
        let mut block = vec![0; BLOCK];
        move |hasher: &mut Hasher, start, length| feed(file, hasher, start, length, &mut block)
    };
    match subtree::digest_ranges(size, threads, worker) {
        Ok(digest) => Ok(Some(FileDigest { digest, size })),
        // Someone cut the file off while it was read.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn feed(
    file: &File,
    hasher: &mut Hasher,
    start: u64,
    length: u64,
    block: &mut [u8],
) -> io::Result<()> {
    let mut done = 0;
    while done < length {
        let wanted = usize::try_from(length - done)
            .unwrap_or(usize::MAX)
            .min(block.len());
        let got = match read_at(file, &mut block[..wanted], start + done) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result?,
        };
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hasher.update(&block[..got]);
        done += got as u64;
    }
    Ok(())
}

#[cfg(unix)]
fn read_at(file: &File, block: &mut [u8], start: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, block, start)
}

#[cfg(windows)]
fn read_at(file: &File, block: &mut [u8], start: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, block, start)
}

/// What stays the same as long as nobody writes to a file.
#[derive(PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
    /// Device, inode and time of the last change of the inode, where the system has them.
    node: (u64, u64, i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified: metadata.modified().ok(),
            node: node_of(metadata),
        }
    }
}

#[cfg(unix)]
fn node_of(metadata: &Metadata) -> (u64, u64, i64, i64) {
    use std::os::unix::fs::MetadataExt;
    (
        metadata.dev(),
        metadata.ino(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    )
}

#[cfg(not(unix))]
fn node_of(_metadata: &Metadata) -> (u64, u64, i64, i64) {
    (0, 0, 0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_digests_like_its_bytes_at_every_size() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("file");
        for size in [
            0,
            1,
            1023,
            1024,
            1025,
            65_537,
            131_072,
            131_073,
            1 << 20,
            (1 << 20) + 1,
            5_000_001,
        ] {
            let data: Vec<u8> = (0..=250).cycle().take(size).collect();
            fs::write(&path, &data)?;
            for threads in [1, 2, 7] {
                let found = digest_file(&path, threads).map_err(io::Error::other)?;

                assert_eq!(
                    found,
                    FileDigest {
                        digest: Digest::of(&data),
                        size: size as u64
                    }
                );
            }
        }
        Ok(())
    }

    #[test]
    fn what_is_no_file_is_named() -> io::Result<()> {
        let folder = tempfile::tempdir()?;

        assert!(matches!(
            digest_file(folder.path(), 1),
            Err(Error::WrongKind {
                found: "a folder",
                ..
            })
        ));
        assert!(matches!(
            digest_file(&folder.path().join("no"), 1),
            Err(Error::Missing { .. })
        ));
        Ok(())
    }
}
