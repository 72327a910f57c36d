//! The memory of a Python object, as bytes or as elements with strides.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;
use whorl_core::gather::View;

/// Memory that is borrowed from a Python object.
pub struct Memory {
    buffer: PyUntypedBuffer,
    /// The lowest and the highest byte that elements reach, seen from the first one.
    below: usize,
    above: usize,
}

impl Memory {
    /// Borrow the memory of an object that has the buffer protocol, one block in C order.
    pub fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let memory = Self::strided(object)?;
        if memory.buffer.is_c_contiguous() {
            Ok(memory)
        } else {
            Err(PyBufferError::new_err(
                "the memory is not one block in C order",
            ))
        }
    }

    /// Borrow the memory of an object that has the buffer protocol, whatever its strides.
    pub fn strided(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let buffer = PyUntypedBuffer::get(object)?;
        if buffer.suboffsets().is_some() {
            return Err(PyBufferError::new_err("the memory is not one block"));
        }
        let (below, above) = reach(&buffer)
            .ok_or_else(|| PyBufferError::new_err("the memory is larger than any memory"))?;
        Ok(Self {
            buffer,
            below,
            above,
        })
    }

    /// The bytes of one block.  Python code that writes to them meanwhile gets a digest of some mixture, as with
    /// hashlib.
    pub fn bytes(&self) -> &[u8] {
        if self.buffer.is_c_contiguous() {
            self.span()
        } else {
            &[]
        }
    }

    /// The elements in C order.
    pub fn view(&self) -> Option<View<'_>> {
        if self.buffer.is_c_contiguous() {
            return Some(View::whole(self.span()));
        }
        let (shape, strides) = (self.buffer.shape(), self.buffer.strides());
        View::strided(
            self.span(),
            self.below,
            self.buffer.item_size(),
            shape,
            strides,
        )
    }

    /// Everything from the lowest byte of an element to the highest.
    #[allow(unsafe_code)]
    fn span(&self) -> &[u8] {
        let length = self.below + self.above;
        if length == 0 {
            return &[];
        }
        let first: *const u8 = self.buffer.buf_ptr().cast();
        // SAFETY: the buffer view is held by `self`, so the exporter keeps all elements alive and may not move them.
        // `reach` says how far they lie from the first one on both sides; they lie in one block, which therefore
        // contains what is between them.
        unsafe { std::slice::from_raw_parts(first.sub(self.below), length) }
    }
}

/// How many bytes elements reach below and above the start of the first one.
fn reach(buffer: &PyUntypedBuffer) -> Option<(usize, usize)> {
    let shape = buffer.shape();
    if buffer.len_bytes() == 0 || shape.contains(&0) {
        return Some((0, 0));
    }
    let (mut below, mut above) = (0_usize, buffer.item_size());
    for (&side, &stride) in shape.iter().zip(buffer.strides()) {
        let far = stride.unsigned_abs().checked_mul(side - 1)?;
        if stride < 0 {
            below = below.checked_add(far)?;
        } else {
            above = above.checked_add(far)?;
        }
    }
    Some((below, above))
}
