//! Trees: what counts in them, whatever the number of threads.

use std::collections::BTreeSet;
use std::fs::{self, create_dir, create_dir_all, write};

use super::*;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn scan(root: &Path, follow_symlinks: bool, threads: usize) -> Result<Tree, Error> {
    let options = Options {
        follow_symlinks,
        threads,
        patterns: &Patterns::all(),
        control: &Control::silent(),
        session: Session::none(),
    };
    scan_tree(root, options)
}

fn digest(root: &Path) -> Result<Digest, Error> {
    Ok(scan(root, false, 2)?.digest)
}

#[test]
fn names_contents_and_empty_folders_count() -> Outcome {
    let folder = tempfile::tempdir()?;
    let root = folder.path();
    let empty = digest(root)?;
    create_dir(root.join("a"))?;
    let with_folder = digest(root)?;
    write(root.join("a/b"), "x")?;
    let with_file = digest(root)?;
    fs::rename(root.join("a/b"), root.join("a/c"))?;
    let renamed = digest(root)?;
    write(root.join("a/c"), "y")?;
    let edited = digest(root)?;

    let all = BTreeSet::from([empty, with_folder, with_file, renamed, edited]);
    assert_eq!(all.len(), 5);
    Ok(())
}

#[test]
fn the_number_of_threads_does_not_show() -> Outcome {
    let folder = tempfile::tempdir()?;
    for index in 0..200 {
        let inner = folder.path().join(format!("{}/{}", index % 7, index % 3));
        create_dir_all(&inner)?;
        write(inner.join(index.to_string()), index.to_string())?;
    }
    write(folder.path().join("large"), vec![1; 9 << 20])?;
    let one = scan(folder.path(), false, 1)?;
    let many = scan(folder.path(), false, 7)?;

    assert_eq!(one.digest, many.digest);
    assert_eq!(one.leaves, many.leaves);
    assert_eq!(one.leaves.len(), 201);
    Ok(())
}

#[cfg(unix)]
#[test]
fn links_count_as_links_unless_followed_and_circles_are_errors() -> Outcome {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir()?;
    let root = folder.path();
    create_dir(root.join("a"))?;
    write(root.join("a/file"), "x")?;
    symlink("a/file", root.join("link"))?;
    let as_link = digest(root)?;
    let followed = scan(root, true, 2)?.digest;
    symlink("..", root.join("a/up"))?;

    assert_ne!(as_link, followed);
    assert!(digest(root).is_ok());
    assert!(matches!(scan(root, true, 2), Err(Error::Loop { .. })));
    Ok(())
}
