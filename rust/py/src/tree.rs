//! `hash_tree` and `scan_tree` for Python.

use std::ffi::OsString;
use std::path::PathBuf;

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use whorl_core::tree::{self, Options, Patterns};

use crate::digest::PyDigest;
use crate::file::threads;
use crate::progress::with_control;
use crate::stat_table::{PyStatTable, session};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Leaves>()?;
    module.add_function(wrap_pyfunction!(hash_tree, module)?)?;
    module.add_function(wrap_pyfunction!(scan_tree, module)?)
}

/// Digest the names and contents of everything below a folder.
#[pyfunction]
#[pyo3(signature = (
    path, *, include, exclude, follow_symlinks = false, threads = None, table = None, always = false, progress = None,
))]
#[allow(clippy::too_many_arguments, reason = "Python's keywords")]
fn hash_tree(
    py: Python<'_>,
    path: PathBuf,
    include: Vec<String>,
    exclude: Vec<String>,
    follow_symlinks: bool,
    threads: Option<usize>,
    table: Option<&Bound<'_, PyStatTable>>,
    always: bool,
    progress: Option<Py<PyAny>>,
) -> PyResult<PyDigest> {
    let table = table.map(Bound::get);
    with_control(
        py,
        progress,
        || None,
        |control| {
            let options = Options {
                follow_symlinks,
                threads: self::threads(threads),
                patterns: &Patterns::new(&include, &exclude)?,
                control,
                session: session(table, always),
            };
            tree::digest_tree(&path, options).map(PyDigest)
        },
    )
}

type Leaf = (OsString, u64, PyDigest);

/// The files of a tree: a sequence of name, size and digest, made when it is asked for.
#[pyclass(module = "whorl.digest", frozen, sequence)]
struct Leaves(Vec<tree::Leaf>);

#[pymethods]
impl Leaves {
    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __getitem__(&self, index: isize) -> PyResult<Leaf> {
        let length = self.0.len().cast_signed();
        let index = if index < 0 { index + length } else { index };
        let leaf = usize::try_from(index)
            .ok()
            .and_then(|index| self.0.get(index));
        leaf.map(|leaf| {
            let digest = PyDigest(leaf.content.digest);
            (leaf.name.clone(), leaf.content.size, digest)
        })
        .ok_or_else(|| PyIndexError::new_err("a tree has fewer files"))
    }
}

/// Likewise, with the relative name, the size and the digest of each file.
#[pyfunction]
#[pyo3(signature = (path, *, follow_symlinks = false, table = None, always = false))]
fn scan_tree(
    py: Python<'_>,
    path: PathBuf,
    follow_symlinks: bool,
    table: Option<&Bound<'_, PyStatTable>>,
    always: bool,
) -> PyResult<(PyDigest, Leaves)> {
    let table = table.map(Bound::get);
    let found = with_control(
        py,
        None,
        || None,
        |control| {
            let options = Options {
                follow_symlinks,
                threads: threads(None),
                patterns: &Patterns::all(),
                control,
                session: session(table, always),
            };
            tree::scan_tree(&path, options)
        },
    )?;
    Ok((PyDigest(found.digest), Leaves(found.leaves)))
}
