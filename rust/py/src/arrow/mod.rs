//! `digest_arrow` and `digest_arrow_type` for Python: objects with the Arrow `PyCapsule` interface in, digests out.
//!
//! Nothing is copied: arrays are read where their producer keeps them, and given back when they are hashed.  The C data
//! interface does not say how long buffers are, so a producer that lies about lengths cannot be found out here; whoever
//! hands over arrays that came from elsewhere has them checked by their own library first.  Whatever can be seen from
//! the structures themselves is checked, and ends in an `UndigestableError`.

use std::ffi::CStr;

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_data::ffi::FFI_ArrowArray;
use arrow_schema::ffi::FFI_ArrowSchema;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};
use whorl_core::columns::{Array, Field, digest_column, digest_type};

use crate::digest::PyDigest;
use crate::error::undigestable;

mod array;
mod schema;
mod stream;

use array::read_array;
use schema::read_field;
use stream::{Failure, read_stream};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(digest_arrow, module)?)?;
    module.add_function(wrap_pyfunction!(digest_arrow_type, module)?)
}

/// Digest what an object with `__arrow_c_array__` or `__arrow_c_stream__` holds, with its type.
#[pyfunction]
#[pyo3(signature = (obj, /))]
fn digest_arrow(py: Python<'_>, obj: &Bound<'_, PyAny>) -> PyResult<PyDigest> {
    let digest = if obj.hasattr(intern!(py, "__arrow_c_array__"))? {
        let (field, array) = import_array(obj)?;
        py.detach(|| digest_column(&field, &[array]))
            .map_err(Failure::from)
    } else {
        let mut stream = import_stream(obj)?;
        py.detach(|| {
            let (field, chunks) = read_stream(&mut stream)?;
            Ok(digest_column(&field, &chunks)?)
        })
    };
    digest
        .map(PyDigest)
        .map_err(|failure| refusal(py, &failure))
}

/// Digest the type of an object with `__arrow_c_schema__`, with its metadata but without its name and nullability.
#[pyfunction]
#[pyo3(signature = (obj, /))]
fn digest_arrow_type(py: Python<'_>, obj: &Bound<'_, PyAny>) -> PyResult<PyDigest> {
    let capsule = obj.call_method0(intern!(py, "__arrow_c_schema__"))?;
    let field = import_field(&capsule)?;
    let digest = digest_type(&field).map(PyDigest);
    digest.map_err(|error| refusal(py, &error.into()))
}

fn import_array(obj: &Bound<'_, PyAny>) -> PyResult<(Field, Array)> {
    let py = obj.py();
    let capsules = obj.call_method1(intern!(py, "__arrow_c_array__"), (py.None(),))?;
    let capsules = capsules.cast_into::<PyTuple>()?;
    let field = import_field(&capsules.get_item(0)?)?;
    let array = pointer::<FFI_ArrowArray>(&capsules.get_item(1)?, c"arrow_array")?;
    // SAFETY: the capsule's name says that it points to such a structure, which nobody else looks at meanwhile; what
    // it holds is moved out, so that the capsule will not release it.
    #[allow(unsafe_code)]
    let array = unsafe { read_array(FFI_ArrowArray::from_raw(array), &field) };
    let array = array.map_err(|error| refusal(py, &error.into()))?;
    Ok((field, array))
}

fn import_field(capsule: &Bound<'_, PyAny>) -> PyResult<Field> {
    let schema = pointer::<FFI_ArrowSchema>(capsule, c"arrow_schema")?;
    // SAFETY: the capsule's name says that it points to such a structure, and `capsule` keeps it alive.
    #[allow(unsafe_code)]
    let field = unsafe { read_field(schema) };
    field.map_err(|error| refusal(capsule.py(), &error.into()))
}

fn import_stream(obj: &Bound<'_, PyAny>) -> PyResult<FFI_ArrowArrayStream> {
    let py = obj.py();
    // The argument is optional, but polars has had it as a required one.
    let capsule = obj.call_method1(intern!(py, "__arrow_c_stream__"), (py.None(),))?;
    let stream = pointer::<FFI_ArrowArrayStream>(&capsule, c"arrow_array_stream")?;
    // SAFETY: as for arrays.
    #[allow(unsafe_code)]
    let stream = unsafe { FFI_ArrowArrayStream::from_raw(stream) };
    Ok(stream)
}

fn pointer<T>(capsule: &Bound<'_, PyAny>, name: &CStr) -> PyResult<*mut T> {
    let capsule = capsule.cast::<PyCapsule>()?;
    let pointer = capsule.pointer_checked(Some(name))?.cast::<T>();
    if pointer.is_aligned() {
        Ok(pointer.as_ptr())
    } else {
        Err(PyTypeError::new_err("the capsule's pointer is not aligned"))
    }
}

fn refusal(py: Python<'_>, failure: &Failure) -> PyErr {
    undigestable(
        py,
        "the Arrow data has no digest",
        &failure.to_string(),
        "let its own library check it: pyarrow's validate(full=True), or build it anew",
    )
}
