//! An open folder: its entries by name, asked for without walking their paths again.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::Path;

use crate::stat::{Kind, Stat};

/// A name in a folder, what stands there, and the file's number, which is about where it lies on a disk.
pub(super) struct Listed {
    pub(super) name: OsString,
    pub(super) kind: Kind,
    pub(super) inode: u64,
}

pub(super) use system::{Dir, Place};

#[cfg(unix)]
mod system {
    use super::{File, Listed, OsStr, OsString, Path, Stat, io};
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStringExt;

    use rustix::fs::{AtFlags, FileType, Mode, OFlags, open, openat, readlinkat, statat};

    /// What tells a folder from all others, by whatever way it was reached: device and inode.
    pub(in crate::tree) type Place = (u64, u64);

    pub(in crate::tree) struct Dir(OwnedFd);

    impl Dir {
        pub(in crate::tree) fn open(path: &Path, follow: bool) -> io::Result<Self> {
            let mut flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            if !follow {
                flags |= OFlags::NOFOLLOW;
            }
            Ok(Self(open(path, flags, Mode::empty())?))
        }

        pub(in crate::tree) fn list(&self) -> io::Result<Vec<Listed>> {
            let mut listed = Vec::new();
            for entry in rustix::fs::Dir::read_from(&self.0)? {
                let entry = entry?;
                let name = entry.file_name().to_bytes();
                if name == b"." || name == b".." {
                    continue;
                }
                let name = OsString::from_vec(name.to_vec());
                let kind = match entry.file_type() {
                    // Some file systems do not say.
                    FileType::Unknown => self.stat(&name, false)?.kind(),
                    kind => kind.into(),
                };
                let inode = entry.ino();
                listed.push(Listed { name, kind, inode });
            }
            Ok(listed)
        }

        pub(in crate::tree) fn place(&self) -> io::Result<Place> {
            let stat = Stat::from(rustix::fs::fstat(&self.0)?);
            Ok((stat.device, stat.inode))
        }

        pub(in crate::tree) fn stat(&self, name: &OsStr, follow: bool) -> io::Result<Stat> {
            let flags = if follow {
                AtFlags::empty()
            } else {
                AtFlags::SYMLINK_NOFOLLOW
            };
            Ok(statat(&self.0, name, flags)?.into())
        }

        /// Open without waiting, should a named pipe stand here meanwhile.
        pub(in crate::tree) fn open_file(&self, name: &OsStr, follow: bool) -> io::Result<File> {
            let mut flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
            if !follow {
                flags |= OFlags::NOFOLLOW;
            }
            Ok(openat(&self.0, name, flags, Mode::empty())?.into())
        }

        pub(in crate::tree) fn read_link(&self, name: &OsStr) -> io::Result<OsString> {
            let target = readlinkat(&self.0, name, Vec::new())?;
            Ok(OsString::from_vec(target.into_bytes()))
        }
    }
}

#[cfg(not(unix))]
mod system {
    use super::{File, Kind, Listed, OsStr, OsString, Path, Stat, io};
    use std::path::PathBuf;

    /// What tells a folder from all others, by whatever way it was reached.
    pub(in crate::tree) type Place = PathBuf;

    pub(in crate::tree) struct Dir(PathBuf);

    impl Dir {
        pub(in crate::tree) fn open(path: &Path, _follow: bool) -> io::Result<Self> {
            path.read_dir().map(|_| Self(path.into()))
        }

        pub(in crate::tree) fn list(&self) -> io::Result<Vec<Listed>> {
            let mut listed = Vec::new();
            for entry in self.0.read_dir()? {
                let entry = entry?;
                let found = entry.file_type()?;
                let kind = if found.is_symlink() {
                    Kind::Link
                } else if found.is_dir() {
                    Kind::Folder
                } else if found.is_file() {
                    Kind::File
                } else {
                    Kind::Special("a special file")
                };
                let name = entry.file_name();
                listed.push(Listed {
                    name,
                    kind,
                    inode: 0,
                });
            }
            Ok(listed)
        }

        pub(in crate::tree) fn place(&self) -> io::Result<Place> {
            self.0.canonicalize()
        }

        pub(in crate::tree) fn stat(&self, name: &OsStr, _follow: bool) -> io::Result<Stat> {
            Stat::at(&self.0.join(name))
        }

        pub(in crate::tree) fn open_file(&self, name: &OsStr, _follow: bool) -> io::Result<File> {
            File::open(self.0.join(name))
        }

        pub(in crate::tree) fn read_link(&self, name: &OsStr) -> io::Result<OsString> {
            self.0.join(name).read_link().map(PathBuf::into_os_string)
        }
    }
}
