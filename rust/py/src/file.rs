//! `hash_file` and `hash_paths` for Python.

use std::path::{Path, PathBuf};

use pyo3::prelude::*;
use whorl_core::file::digest_file;
use whorl_core::subtree::threads;
use whorl_core::tree::{Options, digest_tree};
use whorl_core::{Digest, Error};

use crate::digest::PyDigest;
use crate::error::exception;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(hash_file, module)?)?;
    module.add_function(wrap_pyfunction!(hash_paths, module)?)
}

/// Digest the content of one file.
#[pyfunction]
fn hash_file(py: Python<'_>, path: PathBuf) -> PyResult<PyDigest> {
    py.detach(|| digest_file(&path, threads()))
        .map(|found| PyDigest(found.digest))
        .map_err(|error| exception(py, error))
}

/// Digest each of some files and folders.
#[pyfunction]
fn hash_paths(py: Python<'_>, paths: Vec<PathBuf>) -> PyResult<Vec<PyDigest>> {
    py.detach(|| {
        paths
            .iter()
            .map(|path| digest_path(path))
            .collect::<Result<Vec<_>, _>>()
    })
    .map(|digests| digests.into_iter().map(PyDigest).collect())
    .map_err(|error| exception(py, error))
}

fn digest_path(path: &Path) -> Result<Digest, Error> {
    if path.is_dir() {
        digest_tree(
            path,
            Options {
                follow_symlinks: false,
                threads: threads(),
            },
        )
    } else {
        digest_file(path, threads()).map(|found| found.digest)
    }
}
