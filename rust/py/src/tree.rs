//! `hash_tree` and `scan_tree` for Python.

use std::ffi::OsString;
use std::path::PathBuf;

use pyo3::prelude::*;
use whorl_core::subtree::threads;
use whorl_core::tree::{self, Options};

use crate::digest::PyDigest;
use crate::error::exception;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(hash_tree, module)?)?;
    module.add_function(wrap_pyfunction!(scan_tree, module)?)
}

/// Digest the names and contents of everything below a folder.
#[pyfunction]
#[pyo3(signature = (path, *, follow_symlinks = false))]
fn hash_tree(py: Python<'_>, path: PathBuf, follow_symlinks: bool) -> PyResult<PyDigest> {
    let options = Options {
        follow_symlinks,
        threads: threads(),
    };
    py.detach(|| tree::digest_tree(&path, options))
        .map(PyDigest)
        .map_err(|error| exception(py, error))
}

type Leaf = (OsString, u64, PyDigest);

/// Likewise, with the relative name, the size and the digest of each file.
#[pyfunction]
#[pyo3(signature = (path, *, follow_symlinks = false))]
fn scan_tree(
    py: Python<'_>,
    path: PathBuf,
    follow_symlinks: bool,
) -> PyResult<(PyDigest, Vec<Leaf>)> {
    let options = Options {
        follow_symlinks,
        threads: threads(),
    };
    let found = py
        .detach(|| tree::scan_tree(&path, options))
        .map_err(|error| exception(py, error))?;
    let leaves = found.leaves.into_iter();
    let leaves = leaves.map(|leaf| (leaf.name, leaf.content.size, PyDigest(leaf.content.digest)));
    Ok((PyDigest(found.digest), leaves.collect()))
}
