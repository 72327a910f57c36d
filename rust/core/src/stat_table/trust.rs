//! How far the dates of a file system can be trusted, and the clock that they are taken from.
//!
//! A date tells two states of a file apart only if time has moved between them, by the clock that made the date.  So a
//! file is remembered only when its dates are older than that clock by more than its granularity: git's rule for racy
//! files.  A date of change in whole seconds is not believed at all: it comes from an image, an archive or a coarse file
//! system, where two states may well share it.  The kernel stamps files of local file systems with its own coarse clock, which is read here without the C
//! library, so that a process that is told another time (libfaketime) is not fooled.

#[cfg(unix)]
use std::path::Path;

use crate::stat::{Stat, Time};

/// Seconds: dates of local file systems move with a clock tick, 10 ms at most; the rest is caution.
const LOCAL_MARGIN: i64 = 2;

/// Seconds by which the clock of a file server may differ from ours.
const SERVER_MARGIN: i64 = 3600;

/// How far dates can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Every change shows in a date that this kernel sets.
    Local,
    /// Every change shows in a date that a server sets, once the file has been opened (close-to-open consistency).
    Server,
    /// Some changes may not show: file systems without a date of change (FAT, FUSE, CIFS), and images (squashfs, EROFS,
    /// ISO 9660), of which one may be mounted in the place of another with the same numbers and dates.
    Never,
}

impl Trust {
    /// Whether the next change of a file will show in its dates, by the clock before it was read.
    #[must_use]
    pub fn is_settled(self, stat: &Stat, now: Time) -> bool {
        let margin = match self {
            Self::Local => LOCAL_MARGIN,
            Self::Server => SERVER_MARGIN,
            Self::Never => return false,
        };
        stat.changed.nanoseconds != 0 && stat.modified.max(stat.changed) < now.earlier(margin)
    }
}

/// The clock that local file systems take their dates from.
#[cfg(unix)]
pub(super) fn now() -> Time {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::RealtimeCoarse;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Realtime;
    let now = rustix::time::clock_gettime(CLOCK);
    Time {
        seconds: now.tv_sec,
        nanoseconds: u32::try_from(now.tv_nsec).unwrap_or(0),
    }
}

#[cfg(not(unix))]
pub(super) fn now() -> Time {
    Time::default()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use super::{Path, Trust};

    /// From linux/magic.h and the file systems' own headers.  Each keeps a date of change that nobody can set.
    const LOCAL: [u32; 9] = [
        0xef53,      // ext2, ext3, ext4
        0x5846_5342, // XFS
        0x9123_683e, // btrfs
        0xf2f5_2010, // F2FS
        0x2fc1_2fc1, // ZFS
        0xca45_1a4e, // bcachefs
        0x0102_1994, // tmpfs
        0x8584_58f6, // ramfs
        0x794c_7630, // overlayfs
    ];
    const SERVER: [u32; 7] = [
        0x6969,      // NFS
        0x0bd0_0bd0, // Lustre
        0x4750_4653, // GPFS
        0x00c3_6400, // Ceph
        0x1983_0326, // BeeGFS
        0x0116_1970, // GFS2
        0x7461_636f, // OCFS2
    ];

    impl Trust {
        /// Ask the file system that a path lies on.
        #[must_use]
        pub fn at(path: &Path) -> Self {
            rustix::fs::statfs(path).map_or(Self::Never, |found| Self::of(&found))
        }

        pub(crate) fn of(found: &rustix::fs::StatFs) -> Self {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::unnecessary_cast
            )]
            let magic = found.f_type as u32;
            if LOCAL.contains(&magic) {
                Self::Local
            } else if SERVER.contains(&magic) {
                Self::Server
            } else {
                Self::Never
            }
        }
    }
}

#[cfg(target_vendor = "apple")]
mod system {
    use super::{Path, Trust};

    impl Trust {
        /// Ask the file system that a path lies on.
        #[must_use]
        pub fn at(path: &Path) -> Self {
            rustix::fs::statfs(path).map_or(Self::Never, |found| Self::of(&found))
        }

        pub(crate) fn of(found: &rustix::fs::StatFs) -> Self {
            let name = found.f_fstypename.iter().take_while(|&&byte| byte != 0);
            #[allow(clippy::cast_sign_loss)]
            let name: Vec<u8> = name.map(|&byte| byte as u8).collect();
            match name.as_slice() {
                b"apfs" => Self::Local,
                b"nfs" => Self::Server,
                _ => Self::Never,
            }
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
mod system {
    use super::Trust;

    impl Trust {
        /// Nothing is known of this system's file systems.
        #[must_use]
        pub fn at(_path: &std::path::Path) -> Self {
            Self::Never
        }
    }
}
