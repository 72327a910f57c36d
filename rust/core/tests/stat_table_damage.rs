//! Whatever happens to a stat table, it says nothing wrong and nothing breaks.

#![cfg(unix)]

use std::fs;

use proptest::prelude::*;
use whorl_core::stat_table::{StatTable, check};

mod table;

use table::{Outcome, digest_of, known, stat, teach, written};

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
        &whole[..40],
        b"",
        &other_version,
        &[0; 5000],
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
fn a_file_that_is_no_table_is_left_alone() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("data.csv");
    fs::write(&path, "somebody's data, which is dear to them")?;
    let table = StatTable::new(path.clone());
    teach(&table, [3]);

    assert!(table.flush().is_err());
    assert_eq!(fs::read(&path)?, b"somebody's data, which is dear to them");
    assert_eq!(fs::read_dir(folder.path())?.count(), 1);
    Ok(())
}

#[test]
fn a_table_behind_a_link_is_replaced_where_it_lies() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = written(folder.path(), 60)?;
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link)?;
    let table = StatTable::new(link.clone());
    teach(&table, [1]);
    table.flush()?;

    assert!(link.is_symlink());
    assert_eq!(known(&StatTable::new(path), &stat(1)), Some(digest_of(1)));
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
    teach(&table, 0..1000);
    assert!(table.flush().is_err());
    assert_eq!(known(&table, &stat(999)), Some(digest_of(999)));
    teach(&table, 0..200_000);

    // More than may be kept in memory, and nowhere to write it.
    assert_eq!(known(&table, &stat(999)), None);
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
