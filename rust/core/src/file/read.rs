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

/// Read a file of about `size` bytes at once, into a buffer that is used again.
pub(crate) fn read_small(
    mut file: &File,
    size: u64,
    buffer: &mut Vec<u8>,
) -> io::Result<FileDigest> {
    let expected = usize::try_from(size).unwrap_or(usize::MAX);
    buffer.resize(buffer.len().max(expected + 1), 0);
    let mut length = 0;
    loop {
        // One byte more than expected shows a file that has grown; exactly as many need no further read.
        let got = again(|| file.read(&mut buffer[length..=expected]))?;
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
    Ok(FileDigest {
        digest: Digest::of(&buffer[..length]),
        size: length as u64,
    })
}

/// Feeds ranges of a file to hashers through a buffer of its own.
pub(crate) struct Feeder<'a> {
    file: &'a File,
    path: &'a Path,
    counted: Option<(&'a Control<'a>, usize)>,
    block: Vec<u8>,
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
            block: vec![0; BLOCK],
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
            let (file, block) = (self.file, &mut self.block[..wanted]);
            let got = again(|| read_at(file, block, start + done))
                .map_err(|source| Error::at(self.path, source))?;
            if got == 0 {
                return Err(Error::Changed {
                    path: self.path.into(),
                });
            }
            hasher.update(&self.block[..got]);
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
