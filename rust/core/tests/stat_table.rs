//! What the stat table promises: it never answers for another state of a file.

#![cfg(unix)]

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use whorl_core::control::Control;
use whorl_core::file::{Options, digest_file};
use whorl_core::stat::{Stat, Time};
use whorl_core::stat_table::{Learnt, Session, StatTable, Trust, check};
use whorl_core::tree::{self, Patterns, scan_tree};
use whorl_core::{Digest, Error};

mod table;

use table::{NOW, Outcome, digest_of, known, learnt, stat, teach, written};

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
            nanoseconds: 9,
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
fn a_date_of_change_in_whole_seconds_is_not_believed() {
    let table = StatTable::new("nowhere/table".into());
    let mut coarse = learnt(1);
    coarse.stat.changed.nanoseconds = 0;
    Session::new(Some(&table), false).remember(&[coarse], NOW);

    assert_eq!(known(&table, &coarse.stat), None);
    assert_eq!(table.counts().too_young, 1);
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
