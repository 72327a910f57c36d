//! `hash_stream` for Python.

use pyo3::prelude::*;
use whorl_core::digest::Hasher;

use crate::buffer::Memory;
use crate::digest::{PyDigest, released};

/// Bytes asked for per read of a stream (hashing.md: 4–8 MiB).
const BLOCK: usize = 4 << 20;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(hash_stream, module)?)
}

/// Digest what a binary stream gives from where it stands to its end.
#[pyfunction]
fn hash_stream(py: Python<'_>, stream: &Bound<'_, PyAny>) -> PyResult<PyDigest> {
    let read = stream.getattr("read")?;
    let mut hasher = Hasher::new();
    loop {
        let block = read.call1((BLOCK,))?;
        let memory = Memory::of(&block)?;
        let bytes = memory.bytes();
        if bytes.is_empty() {
            return Ok(PyDigest(hasher.finalize().into()));
        }
        released(py, bytes.len(), || {
            hasher.update(bytes);
        });
    }
}
