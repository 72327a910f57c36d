//! One file in, its plain BLAKE3 digest out: what `b3sum` prints.
//!
//! A file that changes while it is read is read again, and given up after the third time.  Small files take one read
//! into a buffer that is used again; large ones are read in ranges, in parallel, with a buffer per thread.

use std::fs::File;
use std::io;
use std::path::Path;

use blake3::Hasher;

use crate::control::Control;
use crate::digest::Digest;
use crate::error::Error;
use crate::stat::{Kind, Stat};
use crate::stat_table::{Learnt, Session, Trust};
use crate::subtree::{self, digest_ranges};

mod many;
mod read;

pub use many::digest_files;
pub(crate) use read::{Buffer, Feeder, read_small};

/// Up to here a file is one read (hashing.md).
pub(crate) const SMALL: u64 = 128 * 1024;

/// From here on one of many files comes after the smaller ones, and is shared among threads.
pub(crate) const LARGE: u64 = 4 << 20;

/// How often a file is read before it counts as changing.
pub(crate) const ATTEMPTS: usize = 3;

/// A file's digest, and how many bytes it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileDigest {
    /// Plain BLAKE3 of the content.
    pub digest: Digest,
    /// Bytes of content.
    pub size: u64,
}

/// Digests a block of memory, for a [`Mapper`].
pub type Hash<'a> = &'a dyn Fn(&[u8]) -> Result<Digest, Error>;

/// Maps so many bytes of a file into memory and has them hashed.
pub type Mapper<'a> =
    &'a (dyn Fn(&File, u64, Hash<'_>) -> io::Result<Result<Digest, Error>> + Sync);

/// How to digest a file.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// How many threads may work.
    pub threads: usize,
    /// Whom to tell how far it is.
    pub control: &'a Control<'a>,
    /// What earlier digests left behind.
    pub session: Session<'a>,
    /// Hash large files in mapped memory instead of reading them.
    pub mapper: Option<Mapper<'a>>,
}

/// Digest one regular file; links are followed.
///
/// # Errors
/// [`Error::Missing`], [`Error::WrongKind`] for folders and special files, [`Error::Changed`], [`Error::Stopped`],
/// [`Error::Io`].
pub fn digest_file(path: &Path, options: Options<'_>) -> Result<FileDigest, Error> {
    let mut buffer = Buffer::default();
    for _ in 0..ATTEMPTS {
        let Looked { trust, known, .. } = look(path, options.session)?;
        if let Some(found) = known {
            return Ok(found);
        }
        let opened = Opened::at(path)?;
        if let Some(found) = options.session.known_opened(&opened.before, trust) {
            return Ok(found);
        }
        let now = options.session.now();
        if let Some(found) = opened.digest(options, &mut buffer)? {
            let (stat, digest) = (opened.before, found.digest);
            options.session.remember(
                &[Learnt {
                    stat,
                    digest,
                    trust,
                }],
                now,
            );
            return Ok(found);
        }
    }
    Err(Error::Changed { path: path.into() })
}

/// What can be said of a regular file without opening it.
struct Looked {
    size: u64,
    trust: Trust,
    known: Option<FileDigest>,
}

/// Asked before opening: to open a device may do something.
fn look(path: &Path, session: Session<'_>) -> Result<Looked, Error> {
    let stat = Stat::at(path).map_err(|error| Error::at(path, error))?;
    check_regular(path, &stat)?;
    let trust = session.trust(|| Trust::at(path));
    Ok(Looked {
        size: stat.size,
        trust,
        known: session.known(&stat, trust),
    })
}

/// A regular file, and what it looked like when it was opened.
struct Opened<'a> {
    path: &'a Path,
    file: File,
    before: Stat,
}

impl<'a> Opened<'a> {
    fn at(path: &'a Path) -> Result<Self, Error> {
        let at = |source| Error::at(path, source);
        let file = open_at_once(path).map_err(at)?;
        let before = Stat::of(&file).map_err(at)?;
        check_regular(path, &before)?;
        Ok(Self { path, file, before })
    }

    /// Read it from front to end; `None` when it changed meanwhile.
    fn digest(
        &self,
        options: Options<'_>,
        buffer: &mut Buffer,
    ) -> Result<Option<FileDigest>, Error> {
        let at = |source| Error::at(self.path, source);
        let size = self.before.size;
        let found = if size <= SMALL {
            read_small(&self.file, size, buffer).map_err(at)?
        } else {
            match self.digest_large(options) {
                Ok(digest) => FileDigest { digest, size },
                Err(Error::Changed { .. }) => return Ok(None),
                Err(error) => return Err(error),
            }
        };
        let after = Stat::of(&self.file).map_err(at)?;
        Ok(is_whole(&self.before, &after, found).then_some(found))
    }

    fn digest_large(&self, options: Options<'_>) -> Result<Digest, Error> {
        let Options {
            threads, control, ..
        } = options;
        let size = self.before.size;
        match options.mapper {
            Some(mapper) => {
                let hash = |data: &[u8]| digest_mapped(data, threads, control);
                let found = mapper(&self.file, size, &hash);
                found.map_err(|error| Error::at(self.path, error))?
            }
            None => digest_ranges(size, threads, |seat| {
                let mut feeder = Feeder::new(&self.file, self.path, control, seat);
                move |hasher: &mut Hasher, start, length| feeder.feed(hasher, start, length)
            }),
        }
    }
}

/// Whether what was read is a file from front to end, as it was before and after.
pub(crate) fn is_whole(before: &Stat, after: &Stat, found: FileDigest) -> bool {
    // Files below /proc say size 0 and have content all the same.
    before == after && (found.size == before.size || before.size == 0)
}

fn digest_mapped(data: &[u8], threads: usize, control: &Control<'_>) -> Result<Digest, Error> {
    digest_ranges(data.len() as u64, threads, |seat| {
        move |hasher: &mut Hasher, start, length| {
            hasher.update(subtree::part(data, start, length));
            control.advance(seat, length)
        }
    })
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

fn check_regular(path: &Path, stat: &Stat) -> Result<(), Error> {
    match stat.kind() {
        Kind::File => Ok(()),
        other => Err(Error::WrongKind {
            path: path.into(),
            found: other.words(),
            wanted: "a file",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn digest(path: &Path, threads: usize) -> Result<FileDigest, Error> {
        let control = Control::silent();
        let options = Options {
            threads,
            control: &control,
            session: Session::none(),
            mapper: None,
        };
        digest_file(path, options)
    }

    #[test]
    fn a_file_digests_like_its_bytes_at_every_size() -> Result<(), Box<dyn std::error::Error>> {
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
                let found = FileDigest {
                    digest: Digest::of(&data),
                    size: size as u64,
                };

                assert_eq!(digest(&path, threads)?, found);
            }
        }
        Ok(())
    }

    #[test]
    fn what_is_no_file_is_named() -> io::Result<()> {
        let folder = tempfile::tempdir()?;

        assert!(matches!(
            digest(folder.path(), 1),
            Err(Error::WrongKind {
                found: "a folder",
                ..
            })
        ));
        assert!(matches!(
            digest(&folder.path().join("no"), 1),
            Err(Error::Missing { .. })
        ));
        Ok(())
    }

    #[test]
    fn a_report_stops_a_large_file() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("file");
        fs::File::create(&path)?.set_len(8 << 30)?;
        let report = |_| false;
        let control = Control::new(Some(&report));
        let options = Options {
            threads: 2,
            control: &control,
            session: Session::none(),
            mapper: None,
        };

        assert!(matches!(digest_file(&path, options), Err(Error::Stopped)));
        Ok(())
    }
}
