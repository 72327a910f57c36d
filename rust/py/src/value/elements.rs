//! `Elements` for Python: the objects in an array of objects, walked where they lie.
//!
//! They stand in the stream as the list of them would, which need not be made.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyBufferError;
use pyo3::ffi::{Py_None, PyObject};
use pyo3::prelude::*;

/// The elements of an array of objects that lie side by side.
#[pyclass(name = "Elements", module = "whorl.digest", frozen)]
pub struct PyElements {
    buffer: PyUntypedBuffer,
}

#[pymethods]
impl PyElements {
    /// Take an array whose buffer holds objects, in C order.
    #[new]
    #[pyo3(signature = (array, /))]
    fn new(array: &Bound<'_, PyAny>) -> PyResult<Self> {
        let buffer = PyUntypedBuffer::get(array)?;
        let objects = buffer.format() == c"O" && buffer.item_size() == size_of::<*mut PyObject>();
        if objects
            && buffer.is_c_contiguous()
            && buffer.buf_ptr().cast::<*mut PyObject>().is_aligned()
        {
            Ok(Self { buffer })
        } else {
            Err(PyBufferError::new_err("not objects in C order"))
        }
    }
}

impl PyElements {
    /// How many elements there are.
    pub fn count(&self) -> usize {
        self.buffer.len_bytes() / size_of::<*mut PyObject>()
    }

    /// The element at an index.
    #[allow(unsafe_code)]
    pub fn get<'a, 'py>(
        &'a self,
        py: Python<'py>,
        index: usize,
    ) -> Option<Borrowed<'a, 'py, PyAny>> {
        if index >= self.count() {
            return None;
        }
        let places: *const *mut PyObject = self.buffer.buf_ptr().cast();
        // SAFETY: the buffer holds `count` pointers to objects, which `new` has checked, and is held by `self`.  The
        // array owns a reference to each object as long as no Python code puts another one in its place; callers turn
        // the borrowed reference into one of their own before they let any run.
        unsafe {
            let place = *places.add(index);
            // numpy, too, reads an empty place as `None`.
            let object = if place.is_null() { Py_None() } else { place };
            Some(Borrowed::from_ptr(py, object))
        }
    }
}
