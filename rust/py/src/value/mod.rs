//! `digest_value`, `encode_value` and `walk_value` for Python: any object in, a digest of its shape and its code
//! objects out.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyType};

use crate::digest::PyDigest;

mod children;
mod circles;
mod describe;
mod elements;
pub mod leaf;
mod located;
mod scopes;
mod segment;
mod walk;

use elements::PyElements;
use walk::{Walk, walk};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyElements>()?;
    module.add_function(wrap_pyfunction!(digest_value, module)?)?;
    module.add_function(wrap_pyfunction!(encode_value, module)?)?;
    module.add_function(wrap_pyfunction!(walk_value, module)?)
}

/// Digest a value; where code objects are in it, what `with_code` makes of the digest and of them.
#[pyfunction]
#[pyo3(signature = (value, describe, order, with_code, /))]
fn digest_value<'py>(
    value: &Bound<'py, PyAny>,
    describe: &Bound<'py, PyAny>,
    order: &Bound<'py, PyAny>,
    with_code: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let Walk { digest, refs, .. } = walk(value, describe, Some(order), "")?;
    let digest = Bound::new(value.py(), PyDigest(digest))?.into_any();
    if refs.is_empty() {
        Ok(digest)
    } else {
        with_code.call1((digest, refs))
    }
}

/// Digest a value; code objects are given back, and stand in the digest by their ordinals.
#[pyfunction]
#[pyo3(signature = (value, describe, path = "", *, order = None))]
fn encode_value<'py>(
    value: &Bound<'py, PyAny>,
    describe: &Bound<'py, PyAny>,
    path: &str,
    order: Option<&Bound<'py, PyAny>>,
) -> PyResult<(PyDigest, Bound<'py, PyList>)> {
    let py = value.py();
    let Walk { digest, refs, .. } = walk(value, describe, order, path)?;
    Ok((PyDigest(digest), PyList::new(py, refs)?))
}

/// What [`walk_value`] gives: the digest, the code objects, and the types that were described.
type Scan<'py> = (PyDigest, Vec<Bound<'py, PyAny>>, Vec<Bound<'py, PyType>>);

/// Likewise, with the types of all objects that were described.
#[pyfunction]
#[pyo3(signature = (value, describe, path = "", *, order = None))]
fn walk_value<'py>(
    value: &Bound<'py, PyAny>,
    describe: &Bound<'py, PyAny>,
    path: &str,
    order: Option<&Bound<'py, PyAny>>,
) -> PyResult<Scan<'py>> {
    let Walk {
        digest,
        refs,
        types,
    } = walk(value, describe, order, path)?;
    Ok((PyDigest(digest), refs, types))
}
