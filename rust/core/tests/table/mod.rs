//! Tables with made-up files in them, for the tests of the stat table.

use std::io;
use std::path::{Path, PathBuf};

use whorl_core::Digest;
use whorl_core::stat::{Stat, Time};
use whorl_core::stat_table::{Learnt, Session, StatTable, Trust};

pub type Outcome = Result<(), Box<dyn std::error::Error>>;

pub const NOW: Time = Time {
    seconds: 1_000_000,
    nanoseconds: 0,
};

pub fn stat(inode: u64) -> Stat {
    let then = Time {
        seconds: 900_000,
        nanoseconds: 5,
    };
    Stat {
        device: 7,
        inode,
        size: 10,
        modified: then,
        changed: then,
        mode: 0o100_644,
    }
}

pub fn digest_of(inode: u64) -> Digest {
    Digest::of(&inode.to_le_bytes())
}

pub fn learnt(inode: u64) -> Learnt {
    Learnt {
        stat: stat(inode),
        digest: digest_of(inode),
        trust: Trust::Local,
    }
}

pub fn known(table: &StatTable, stat: &Stat) -> Option<Digest> {
    Session::new(Some(table), false).known_all(&[Some(*stat)])[0]
}

pub fn teach(table: &StatTable, inodes: impl IntoIterator<Item = u64>) {
    let files: Vec<_> = inodes.into_iter().map(learnt).collect();
    Session::new(Some(table), false).remember(&files, NOW);
}

/// A table in a folder, of so many files, written.
pub fn written(folder: &Path, files: u64) -> io::Result<PathBuf> {
    let path = folder.join("table");
    let table = StatTable::new(path.clone());
    teach(&table, (0..files).map(|number| number * 3));
    table.flush()?;
    Ok(path)
}
