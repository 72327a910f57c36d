//! The Python module `whorl._core`: registers what the other modules convert.

use pyo3::prelude::*;

mod buffer;
mod bytecode;
mod digest;
mod error;
mod file;
mod tree;
mod value;

#[pymodule(gil_used = false)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    bytecode::register(module)?;
    digest::register(module)?;
    file::register(module)?;
    tree::register(module)?;
    value::register(module)
}
