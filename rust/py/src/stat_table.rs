//! `StatTable` for Python.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use whorl_core::Error;
use whorl_core::stat_table::{Session, StatTable};

use crate::error::exception;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyStatTable>()
}

/// Digests of files by what the file system says of them.
#[pyclass(name = "StatTable", module = "whorl.digest", frozen)]
pub struct PyStatTable(StatTable);

#[pymethods]
impl PyStatTable {
    #[new]
    fn new(path: PathBuf) -> Self {
        Self(StatTable::new(path))
    }

    /// Where it lies.
    #[getter]
    fn path(&self) -> PathBuf {
        self.0.path().into()
    }

    /// Write what was learnt; raises `OSError` where that fails.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.0.flush()).map_err(|source| {
            let path = self.path();
            exception(py, Error::Io { path, source })
        })
    }

    /// What it was asked in this process, and how it went.
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = py.detach(|| self.0.counts());
        let found = PyDict::new(py);
        for (name, count) in [
            ("hits", counts.hits),
            ("misses", counts.misses),
            ("recorded", counts.recorded),
            ("too_young", counts.too_young),
            ("untrusted", counts.untrusted),
            ("damaged", counts.damaged),
        ] {
            found.set_item(name, count)?;
        }
        Ok(found)
    }
}

/// A table, or none, for one call; with `always` it only learns.
pub fn session(table: Option<&PyStatTable>, always: bool) -> Session<'_> {
    Session::new(table.map(|table| &table.0), always)
}
