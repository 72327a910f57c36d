//! `HashedMemory` for Python: the digest of a block of memory that was hashed before it is described.

use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;
use whorl_core::Digest;
use whorl_core::gather::{View, digest_views};
use whorl_core::subtree::threads;

use crate::buffer::Memory;
use crate::digest::{PyDigest, released};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyHashedMemory>()?;
    module.add_function(wrap_pyfunction!(hash_memories, module)?)
}

/// How many bytes a block of memory has, and their plain digest: what a description may hold in its place.
#[pyclass(name = "HashedMemory", module = "whorl.digest", frozen)]
pub struct PyHashedMemory {
    pub length: u64,
    pub digest: Digest,
}

#[pymethods]
impl PyHashedMemory {
    #[new]
    #[pyo3(signature = (length, digest, /))]
    fn new(length: u64, digest: &PyDigest) -> Self {
        Self {
            length,
            digest: digest.0,
        }
    }
}

/// Hash the elements of several objects with the buffer protocol, each in C order, whatever its strides.
///
/// With `swap`, the bytes of each word of this size are taken in reverse.
#[pyfunction]
#[pyo3(signature = (memories, /, swap = 0))]
fn hash_memories(
    py: Python<'_>,
    memories: Vec<Bound<'_, PyAny>>,
    swap: usize,
) -> PyResult<Vec<PyHashedMemory>> {
    let memories = memories
        .iter()
        .map(Memory::strided)
        .collect::<PyResult<Vec<_>>>()?;
    let mut views = Vec::with_capacity(memories.len());
    for memory in &memories {
        views.push(view(memory)?.swapped(swap));
    }
    let bytes = views.iter().map(View::len).sum::<u64>();
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    let digests = released(py, bytes, || digest_views(&views, threads()));
    let hashed = views.iter().zip(digests).map(|(view, digest)| {
        let length = view.len();
        PyHashedMemory { length, digest }
    });
    Ok(hashed.collect())
}

/// Length and digest of the elements of one object.
pub fn hash_memory(object: &Bound<'_, PyAny>) -> PyResult<(u64, Digest)> {
    if let Ok(hashed) = object.cast_exact::<PyHashedMemory>() {
        return Ok((hashed.get().length, hashed.get().digest));
    }
    let memory = Memory::strided(object)?;
    let view = view(&memory)?;
    let length = usize::try_from(view.len()).unwrap_or(usize::MAX);
    let digest = released(object.py(), length, || view.digest(threads()));
    Ok((view.len(), digest))
}

fn view(memory: &Memory) -> PyResult<View<'_>> {
    memory
        .view()
        .ok_or_else(|| PyBufferError::new_err("an element lies outside of the memory"))
}
