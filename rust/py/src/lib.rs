//! The Python module `whorl._core`: registers what the other modules convert.

// PyO3 hands arguments over, whether or not a function keeps them.
#![allow(clippy::needless_pass_by_value)]

use pyo3::prelude::*;

mod arrow;
mod buffer;
mod bytecode;
mod conditions;
mod digest;
mod error;
mod file;
mod glance;
mod hashed;
mod plain;
mod progress;
mod stat_table;
mod stream;
mod tree;
mod value;

#[pymodule(gil_used = false)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    arrow::register(module)?;
    bytecode::register(module)?;
    conditions::register(module)?;
    digest::register(module)?;
    file::register(module)?;
    glance::register(module)?;
    hashed::register(module)?;
    plain::register(module)?;
    stat_table::register(module)?;
    stream::register(module)?;
    tree::register(module)?;
    value::register(module)
}
