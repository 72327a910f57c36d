//! An open file in, its bytes into a hasher.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use blake3::Hasher;

use super::FileDigest;
use crate::control::Control;
use crate::digest::Digest;
use crate::error::Error;

/// Bytes per read of a large file; 1 MiB was 5–10 % slower when measured (hashing.md).
const BLOCK: usize = 256 * 1024;

/// Where a buffer starts: the kernel copies to a page's start 22 % faster than to 16 bytes behind it, where large
/// blocks of malloc start.
const ALIGNMENT: usize = 4096;

/// Memory to read into, used again and again.
#[derive(Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl Buffer {
    /// The first `length` bytes, whatever is in them.
    fn room(&mut self, length: usize) -> &mut [u8] {
        if self.bytes.len() < self.start + length {
            self.bytes = vec![0; length.saturating_add(ALIGNMENT)];
            let start = self.bytes.as_ptr().align_offset(ALIGNMENT);
            self.start = start.min(ALIGNMENT);
        }
        &mut self.bytes[self.start..self.start + length]
    }
}

/// Read a file of about `size` bytes at once.
pub(crate) fn read_small(
    mut file: &File,
    size: u64,
    buffer: &mut Buffer,
) -> io::Result<FileDigest> {
    let expected = usize::try_from(size).unwrap_or(usize::MAX);
    // One byte more than expected shows a file that has grown; exactly as many need no further read.
    let room = buffer.room(expected.saturating_add(1));
    let mut length = 0;
    while length <= expected {
        let got = again(|| file.read(&mut room[length..]))?;
        length += got;
        if got == 0 || length == expected {
            let digest = Digest::of(&room[..length]);
            let size = length as u64;
            return Ok(FileDigest { digest, size });
        }
    }
    read_rest(file, room)
}

/// Read on to the end of a file that is longer than it says.
fn read_rest(mut file: &File, start: &[u8]) -> io::Result<FileDigest> {
    let mut hasher = Hasher::new();
    hasher.update(start);
    let rest = io::copy(&mut file, &mut hasher)?;
    Ok(FileDigest {
        digest: hasher.finalize().into(),
        size: start.len() as u64 + rest,
    })
}

/// Feeds ranges of a file to hashers through a buffer of its own.
pub(crate) struct Feeder<'a> {
    file: &'a File,
    path: &'a Path,
    counted: Option<(&'a Control<'a>, usize)>,
    buffer: Buffer,
}

impl<'a> Feeder<'a> {
    /// Count what is fed, as the thread at a seat.
    pub(crate) fn new(
        file: &'a File,
        path: &'a Path,
        control: &'a Control<'a>,
        seat: usize,
    ) -> Self {
        Self {
            counted: Some((control, seat)),
            ..Self::uncounted(file, path)
        }
    }

    pub(crate) fn uncounted(file: &'a File, path: &'a Path) -> Self {
        Self {
            file,
            path,
            counted: None,
            buffer: Buffer::default(),
        }
    }

    /// Hash a range; a file that ends inside it is [`Error::Changed`].
    pub(crate) fn feed(
        &mut self,
        hasher: &mut Hasher,
        start: u64,
        length: u64,
    ) -> Result<(), Error> {
        let mut done = 0;
        while done < length {
            let wanted = usize::try_from(length - done).map_or(BLOCK, |left| left.min(BLOCK));
            let (file, block) = (self.file, self.buffer.room(wanted));
            let got = again(|| read_at(file, block, start + done))
                .map_err(|source| Error::at(self.path, source))?;
            if got == 0 {
                return Err(Error::Changed {
                    path: self.path.into(),
                });
            }
            hasher.update(&block[..got]);
            done += got as u64;
            if let Some((control, seat)) = self.counted {
                control.advance(seat, got as u64)?;
            }
        }
        Ok(())
    }
}

/// Repeat a call that a signal interrupted.
fn again<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(unix)]
fn read_at(file: &File, block: &mut [u8], start: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, block, start)
}

#[cfg(windows)]
fn read_at(file: &File, block: &mut [u8], start: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, block, start)
}
