//! The memory of a Python object, as bytes.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;

/// Memory that is borrowed from a Python object, one block in C order.
pub struct Memory(PyUntypedBuffer);

impl Memory {
    /// Borrow the memory of an object that has the buffer protocol.
    pub fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let buffer = PyUntypedBuffer::get(object)?;
        if buffer.is_c_contiguous() {
            Ok(Self(buffer))
        } else {
            Err(PyBufferError::new_err(
                "the memory is not one block in C order",
            ))
        }
    }

    /// The bytes.  Python code that writes to them meanwhile gets a digest of some mixture, as with hashlib.
    #[allow(unsafe_code)]
    pub fn bytes(&self) -> &[u8] {
        let length = self.0.len_bytes();
        if length == 0 {
            return &[];
        }
        // SAFETY: the buffer view is held by `self`, so the exporter keeps `length` bytes at this address alive and
        // may not move them; `of` has checked that they are one block.
        unsafe { std::slice::from_raw_parts(self.0.buf_ptr().cast(), length) }
    }
}
