//! What a file system says of a file without reading it.
//!
//! On Unix the system is asked directly, not through the C library: tools that lie to a process about the time
//! (libfaketime) would otherwise lie about some of these dates and not about others.

use std::fs::File;
use std::io;
use std::path::Path;

/// A date of a file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    /// Seconds since 1970, negative before.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanoseconds: u32,
}

impl Time {
    /// So many seconds earlier.
    #[must_use]
    pub fn earlier(self, seconds: i64) -> Self {
        Self {
            seconds: self.seconds.saturating_sub(seconds),
            ..self
        }
    }
}

/// What stays the same as long as nobody writes to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The file system, as the kernel numbers it.
    pub device: u64,
    /// The file, as its file system numbers it.
    pub inode: u64,
    /// Bytes of content.
    pub size: u64,
    /// When the content was last written, or what somebody said instead.
    pub modified: Time,
    /// When content or anything else was last changed; nobody can set it.
    pub changed: Time,
    /// Kind and permissions.
    pub mode: u32,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// Something without content that stays, in words.
    Special(&'static str),
}

impl Kind {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::File => "a file",
            Self::Folder => "a folder",
            Self::Link => "a link",
            Self::Special(words) => words,
        }
    }
}

#[cfg(unix)]
mod system {
    use super::{File, Kind, Path, Stat, Time, io};
    use rustix::fs::{FileType, fstat, stat};

    impl Stat {
        /// Ask about what a path leads to; links are followed.
        ///
        /// # Errors
        /// What the system says.
        pub fn at(path: &Path) -> io::Result<Self> {
            Ok(stat(path)?.into())
        }

        /// Ask about an open file.
        ///
        /// # Errors
        /// What the system says.
        pub fn of(file: &File) -> io::Result<Self> {
            Ok(fstat(file)?.into())
        }

        /// What kind of thing it is.
        #[must_use]
        pub fn kind(&self) -> Kind {
            FileType::from_raw_mode(raw_mode(self.mode)).into()
        }
    }

    // The types of these numbers differ from system to system.
    #[allow(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        clippy::unnecessary_cast,
        clippy::useless_conversion
    )]
    impl From<rustix::fs::Stat> for Stat {
        fn from(stat: rustix::fs::Stat) -> Self {
            Self {
                device: stat.st_dev as u64,
                inode: stat.st_ino as u64,
                size: stat.st_size as u64,
                modified: Time {
                    seconds: i64::from(stat.st_mtime),
                    nanoseconds: stat.st_mtime_nsec as u32,
                },
                changed: Time {
                    seconds: i64::from(stat.st_ctime),
                    nanoseconds: stat.st_ctime_nsec as u32,
                },
                mode: u32::from(stat.st_mode),
            }
        }
    }

    #[allow(clippy::cast_possible_truncation, clippy::unnecessary_cast)]
    fn raw_mode(mode: u32) -> rustix::fs::RawMode {
        mode as rustix::fs::RawMode
    }

    impl From<FileType> for Kind {
        fn from(kind: FileType) -> Self {
            match kind {
                FileType::RegularFile => Self::File,
                FileType::Directory => Self::Folder,
                FileType::Symlink => Self::Link,
                FileType::Fifo => Self::Special("a named pipe"),
                FileType::Socket => Self::Special("a socket"),
                FileType::BlockDevice => Self::Special("a block device"),
                FileType::CharacterDevice => Self::Special("a character device"),
                FileType::Unknown => Self::Special("a special file"),
            }
        }
    }
}

#[cfg(not(unix))]
mod system {
    use super::{File, Kind, Path, Stat, Time, io};
    use std::fs::Metadata;
    use std::time::UNIX_EPOCH;

    /// Bits of `Stat::mode` here: these systems have no mode.
    const FILE: u32 = 1;
    const FOLDER: u32 = 2;

    impl Stat {
        /// Ask about what a path leads to; links are followed.
        ///
        /// # Errors
        /// What the system says.
        pub fn at(path: &Path) -> io::Result<Self> {
            Ok(Self::from(&path.metadata()?))
        }

        /// Ask about an open file.
        ///
        /// # Errors
        /// What the system says.
        pub fn of(file: &File) -> io::Result<Self> {
            Ok(Self::from(&file.metadata()?))
        }

        /// What kind of thing it is.
        #[must_use]
        pub fn kind(&self) -> Kind {
            match self.mode {
                FILE => Kind::File,
                FOLDER => Kind::Folder,
                _ => Kind::Special("a special file"),
            }
        }
    }

    impl From<&Metadata> for Stat {
        fn from(metadata: &Metadata) -> Self {
            let modified = metadata.modified().ok();
            let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            let modified = since.map_or_else(Time::default, |since| Time {
                seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
                nanoseconds: since.subsec_nanos(),
            });
            let kind = |is: bool, bit| if is { bit } else { 0 };
            Self {
                device: 0,
                inode: 0,
                size: metadata.len(),
                modified,
                changed: modified,
                mode: kind(metadata.is_file(), FILE) | kind(metadata.is_dir(), FOLDER),
            }
        }
    }
}
