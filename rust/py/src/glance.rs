//! `read_small` and `is_absent` for Python.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use whorl_core::{Error, glance};

use crate::error::exception;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(read_small, module)?)?;
    module.add_function(wrap_pyfunction!(is_absent, module)?)
}

/// A file's bytes, at most `limit` of them; `None` where there is no such file, `OSError` where it cannot be read.
#[pyfunction]
#[pyo3(signature = (path, limit, /))]
fn read_small(py: Python<'_>, path: PathBuf, limit: usize) -> PyResult<Option<Bound<'_, PyBytes>>> {
    match py.detach(|| glance::read_small(&path, limit)) {
        Ok(found) => Ok(found.map(|bytes| PyBytes::new(py, &bytes))),
        Err(source) => Err(exception(py, Error::Io { path, source })),
    }
}

/// Whether nothing is at a path; false as well where that cannot be known.
#[pyfunction]
#[pyo3(signature = (path, /))]
fn is_absent(py: Python<'_>, path: PathBuf) -> bool {
    py.detach(|| glance::is_absent(&path))
}
