//! `hash_tree` and `scan_tree` for Python.

use std::ffi::OsString;
use std::path::PathBuf;

use pyo3::prelude::*;
use whorl_core::Error;
use whorl_core::tree::{self, Options, Patterns, Tree};

use crate::digest::PyDigest;
use crate::file::threads;
use crate::progress::with_control;
use crate::stat_table::{PyStatTable, session};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(hash_tree, module)?)?;
    module.add_function(wrap_pyfunction!(scan_tree, module)?)
}

/// How a tree is read, as Python says it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Choices {
    follow_symlinks: bool,
    include: Vec<String>,
    exclude: Vec<String>,
    threads: Option<usize>,
    always: bool,
}
