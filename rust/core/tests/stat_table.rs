//! What the stat table promises: it never answers for another state of a file, and nothing that happens to it hurts.

#![cfg(unix)]

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use whorl_core::control::Control;
use whorl_core::file::{Options, digest_file};
use whorl_core::stat::{Stat, Time};
use whorl_core::stat_table::{Learnt, Session, StatTable, Trust, check};
use whorl_core::tree::{self, Patterns, scan_tree};
use whorl_core::{Digest, Error};

type Outcome = Result<(), Box<dyn std::error::Error>>;

const NOW: Time = Time {
    seconds: 1_000_000,
    nanoseconds: 0,
};

fn stat(inode: u64) -> Stat {
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

fn digest_of(inode: u64) -> Digest {
    Digest::of(&inode.to_le_bytes())
}

fn learnt(inode: u64) -> Learnt {
    Learnt {
        stat: stat(inode),
        digest: digest_of(inode),
        trust: Trust::Local,
    }
}

fn known(table: &StatTable, stat: &Stat) -> Option<Digest> {
    Session::new(Some(table), false).known_all(&[*stat])[0]
}

fn teach(table: &StatTable, inodes: impl IntoIterator<Item = u64>) {
    let files: Vec<_> = inodes.into_iter().map(learnt).collect();
    Session::new(Some(table), false).remember(&files, NOW);
}

/// A table in a folder, of so many files, written.
fn written(folder: &Path, files: u64) -> io::Result<PathBuf> {
    let path = folder.join("table");
    let table = StatTable::new(path.clone());
    teach(&table, (0..files).map(|number| number * 3));
    table.flush()?;
    Ok(path)
}

fn read(table: &StatTable, path: &Path) -> Result<Digest, Error> {
    let options = Options {
        threads: 2,
        control: &Control::silent(),
        session: Session::new(Some(table), false),
        mapper: None,
    };
    Ok(digest_file(path, options)?.digest)
}

/// Wait until the file's dates are older than the margin.
fn settle() {
    std::thread::sleep(Duration::from_millis(2_100));
}

#[test]
fn what_was_learnt_is_known_in_memory_and_by_other_processes() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("deep/table");
    let table = StatTable::new(path.clone());
    teach(&table, 0..1000);
    let before = known(&table, &stat(999));
    table.flush()?;
    let other = StatTable::new(path);

    assert_eq!(before, Some(digest_of(999)));
    for inode in 0..1000 {
        assert_eq!(known(&table, &stat(inode)), Some(digest_of(inode)));
        assert_eq!(known(&other, &stat(inode)), Some(digest_of(inode)));
    }
    assert_eq!(known(&other, &stat(1000)), None);
    Ok(())
}

#[test]
fn a_file_that_differs_in_anything_is_not_known() -> Outcome {
    let folder = tempfile::tempdir()?;
    let table = StatTable::new(written(folder.path(), 50)?);
    let same = stat(3);
    let later = Time {
        nanoseconds: 6,
        ..same.modified
    };

    for other in [
        Stat { device: 8, ..same },
        Stat { inode: 4, ..same },
        Stat { size: 11, ..same },
        Stat {
            modified: later,
            ..same
        },
        Stat {
            changed: later,
            ..same
        },
        Stat {
            mode: 0o100_600,
            ..same
        },
    ] {
        assert_eq!(known(&table, &other), None, "{other:?}");
    }
    assert_eq!(known(&table, &same), Some(digest_of(3)));
    Ok(())
}

#[test]
fn a_file_that_is_younger_than_the_margin_is_not_remembered() {
    let table = StatTable::new("nowhere/table".into());
    let at = |seconds| Stat {
        changed: Time {
            seconds,
            nanoseconds: 0,
        },
        ..stat(1)
    };
    let session = Session::new(Some(&table), false);
    for (trust, changed, remembered) in [
        (Trust::Local, NOW.seconds - 2, false),
        (Trust::Local, NOW.seconds - 3, true),
        (Trust::Local, NOW.seconds + 100, false),
        (Trust::Server, NOW.seconds - 3599, false),
        (Trust::Server, NOW.seconds - 3601, true),
        (Trust::Never, 0, false),
    ] {
        let file = Learnt {
            stat: at(changed),
            digest: digest_of(1),
            trust,
        };
        session.remember(&[file], NOW);
        assert_eq!(
            known(&table, &at(changed)).is_some(),
            remembered,
            "{trust:?} {changed}"
        );
    }
}

#[test]
fn two_writers_lose_nothing() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = written(folder.path(), 100)?;
    let (left, right) = (StatTable::new(path.clone()), StatTable::new(path.clone()));
    teach(&left, (0..100).map(|number| number * 3 + 1));
    teach(&right, (0..100).map(|number| number * 3 + 2));
    left.flush()?;
    right.flush()?;

    let table = StatTable::new(path);
    for inode in 0..300 {
        assert_eq!(known(&table, &stat(inode)), Some(digest_of(inode)));
    }
    Ok(())
}

#[test]
fn a_newer_word_replaces_an_older_one() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = written(folder.path(), 100)?;
    let table = StatTable::new(path.clone());
    let edited = Stat {
        size: 99,
        ..stat(30)
    };
    let file = Learnt {
        stat: edited,
        ..learnt(5)
    };
    Session::new(Some(&table), false).remember(&[file], NOW);
    table.flush()?;

    let table = StatTable::new(path.clone());
    assert_eq!(known(&table, &edited), Some(digest_of(5)));
    assert_eq!(known(&table, &stat(30)), None);
    assert_eq!(check(&fs::read(path)?), 100);
    Ok(())
}

#[test]
fn every_flipped_bit_is_noticed() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = written(folder.path(), 60)?;
    let whole = fs::read(&path)?;
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(&path, &damaged)?;
        let table = StatTable::new(path.clone());
        for inode in [0, 3, 99, 177] {
            let found = known(&table, &stat(inode));
            assert!(
                found.is_none() || found == Some(digest_of(inode)),
                "byte {at}"
            );
        }
        assert!(
            check(&damaged) < 60 || at >= whole.len() - 2 * 16,
            "byte {at}"
        );
    }
    Ok(())
}

#[test]
fn a_table_that_was_cut_off_or_is_none_knows_nothing_and_is_replaced() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = written(folder.path(), 60)?;
    let whole = fs::read(&path)?;
    let other_version = [b"whorl stat table 9\n\0", &whole[20..]].concat();
    for content in [
        &whole[..whole.len() - 1],
        &whole[..4096],
        &whole[..10],
        b"",
        &other_version,
        b"not a table at all",
    ] {
        fs::write(&path, content)?;
        let table = StatTable::new(path.clone());
        assert_eq!(known(&table, &stat(3)), None);
        assert_eq!(table.counts().damaged, 1);
        teach(&table, [3]);
        table.flush()?;
        assert_eq!(
            known(&StatTable::new(path.clone()), &stat(3)),
            Some(digest_of(3))
        );
    }
    Ok(())
}

#[test]
fn a_table_that_others_may_write_is_not_believed() -> Outcome {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir()?;
    let path = written(folder.path(), 60)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666))?;

    assert_eq!(known(&StatTable::new(path), &stat(3)), None);
    Ok(())
}

#[test]
fn a_table_that_cannot_be_written_costs_nothing_but_reading() -> Outcome {
    let folder = tempfile::tempdir()?;
    let blocked = folder.path().join("file");
    fs::write(&blocked, "x")?;
    let table = StatTable::new(blocked.join("table"));
    teach(&table, 0..200_000);

    assert!(table.flush().is_err() || known(&table, &stat(1)).is_none());
    assert_eq!(read(&table, &blocked)?, Digest::of(b"x"));
    Ok(())
}

#[test]
fn what_a_killed_process_left_is_removed() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = written(folder.path(), 1)?;
    fs::write(folder.path().join("table.123.tmp"), "half")?;
    let table = StatTable::new(path);
    teach(&table, [1]);
    table.flush()?;

    assert!(!folder.path().join("table.123.tmp").exists());
    Ok(())
}

#[test]
fn a_settled_file_is_read_once() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("file");
    fs::write(&path, vec![1; 3 << 20])?;
    let table = StatTable::new(folder.path().join("table"));
    let young = read(&table, &path)?;
    assert_eq!(table.counts().too_young, 1);
    settle();
    let first = read(&table, &path)?;
    let second = read(&table, &path)?;

    assert_eq!((young, first), (first, second));
    assert_eq!((table.counts().recorded, table.counts().hits), (1, 1));
    Ok(())
}

#[test]
fn dates_that_are_put_back_do_not_hide_a_change() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("file");
    fs::write(&path, "one")?;
    let modified = path.metadata()?.modified()?;
    let table = StatTable::new(folder.path().join("table"));
    settle();
    let before = read(&table, &path)?;
    fs::write(&path, "two")?;
    File::options()
        .write(true)
        .open(&path)?
        .set_modified(modified)?;
    let after = read(&table, &path)?;

    assert_eq!(table.counts().recorded, 1);
    assert_eq!((before, after), (Digest::of(b"one"), Digest::of(b"two")));
    Ok(())
}

#[test]
fn a_file_in_the_place_of_another_is_another() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (path, other) = (folder.path().join("file"), folder.path().join("other"));
    fs::write(&path, "one")?;
    fs::write(&other, "two")?;
    let past = SystemTime::now() - Duration::from_secs(1000);
    for path in [&path, &other] {
        File::options().write(true).open(path)?.set_modified(past)?;
    }
    let table = StatTable::new(folder.path().join("table"));
    settle();
    read(&table, &path)?;
    fs::rename(&other, &path)?;

    assert_eq!(read(&table, &path)?, Digest::of(b"two"));
    Ok(())
}

#[test]
fn a_tree_is_looked_up_file_by_file() -> Outcome {
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("root");
    for index in 0..500 {
        let inner = root.join((index % 7).to_string());
        fs::create_dir_all(&inner)?;
        fs::write(inner.join(index.to_string()), index.to_string())?;
    }
    fs::write(root.join("large"), vec![3; 9 << 20])?;
    settle();
    let table = StatTable::new(folder.path().join("table"));
    let scan = || {
        let options = tree::Options {
            follow_symlinks: false,
            threads: 2,
            patterns: &Patterns::all(),
            control: &Control::silent(),
            session: Session::new(Some(&table), false),
        };
        scan_tree(&root, options)
    };
    let first = scan()?;
    assert_eq!((table.counts().recorded, table.counts().hits), (501, 0));
    fs::write(root.join("3/3"), "x")?;
    let second = scan()?;

    assert_ne!(first.digest, second.digest);
    assert_eq!((table.counts().too_young, table.counts().hits), (1, 500));
    let changed = first.leaves.iter().zip(&second.leaves);
    assert_eq!(changed.filter(|(left, right)| left != right).count(), 1);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// The parser of tables takes any bytes: a bounded stand-in for a coverage-guided fuzzer, run with the other tests.
    #[test]
    fn no_bytes_hurt_the_parser(
        base in 0_u64..200,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        length in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = table_of(base);
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut {
            bytes.truncate(length.index(bytes.len() + 1));
        }
        prop_assert!(check(&bytes) <= usize::try_from(base)?);
    }
}

/// The bytes of a table; made once for each number of entries.
fn table_of(files: u64) -> Vec<u8> {
    use std::collections::HashMap;
    use std::sync::Mutex;
    static MADE: Mutex<Option<HashMap<u64, Vec<u8>>>> = Mutex::new(None);
    let mut made = MADE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let table = || {
        let folder = tempfile::tempdir().ok()?;
        fs::read(written(folder.path(), files).ok()?).ok()
    };
    let made = made.get_or_insert_default();
    made.entry(files)
        .or_insert_with(|| table().unwrap_or_else(|| vec![0]))
        .clone()
}
