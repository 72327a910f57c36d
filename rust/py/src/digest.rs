//! `Digest`, `Hasher` and `Encoder` for Python.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyString, PyType};
use whorl_core::Digest;
use whorl_core::digest::{BLOCK, Hasher, LENGTH, SHORT};

use crate::buffer::Memory;
use crate::value::leaf::{little_endian, utf8};

/// From here on the GIL is released while bytes are hashed (hashing.md).
pub const RELEASE: usize = 2048;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyDigest>()?;
    module.add_class::<PyHasher>()?;
    module.add_class::<PyEncoder>()
}

/// 32 bytes of BLAKE3: what a thing is known by.
#[pyclass(name = "Digest", module = "whorl.digest", frozen, eq, ord, hash)]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PyDigest(pub Digest);

#[pymethods]
impl PyDigest {
    #[new]
    #[pyo3(signature = (data, /))]
    fn new(data: &[u8]) -> PyResult<Self> {
        let bytes: [u8; LENGTH] = data.try_into().map_err(|_| {
            PyValueError::new_err(format!("a digest has 32 bytes, not {}", data.len()))
        })?;
        Ok(Self(Digest::new(bytes)))
    }

    /// Read 64 hexadecimal characters.
    #[staticmethod]
    fn from_hex(text: &str) -> PyResult<Self> {
        let digest = Digest::from_hex(text);
        digest.map(Self).ok_or_else(|| {
            PyValueError::new_err(format!(
                "a digest is 64 hexadecimal characters, not {text:?}"
            ))
        })
    }

    /// The 32 bytes.
    #[getter]
    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The first 12 characters of `hex()`.
    #[getter]
    fn short(&self) -> String {
        let mut text = self.0.to_hex();
        text.truncate(SHORT);
        text
    }

    /// 64 lower-case hexadecimal characters.
    fn hex(&self) -> String {
        self.0.to_hex()
    }

    fn __bytes__(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn __str__(&self) -> String {
        self.0.to_hex()
    }

    fn __repr__(&self) -> String {
        format!("Digest.from_hex('{}')", self.0.to_hex())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyType>, (Bound<'py, PyBytes>,)) {
        (
            py.get_type::<Self>(),
            (PyBytes::new(py, self.0.as_bytes()),),
        )
    }
}

/// Plain BLAKE3 with the vocabulary of hashlib.
#[pyclass(name = "Hasher", module = "whorl.digest", frozen)]
pub struct PyHasher(Mutex<Hasher>);

impl PyHasher {
    fn hasher(&self) -> MutexGuard<'_, Hasher> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl PyHasher {
    #[classattr]
    #[pyo3(name = "name")]
    const NAME: &'static str = "blake3";

    #[classattr]
    #[pyo3(name = "digest_size")]
    const DIGEST_SIZE: usize = LENGTH;

    #[classattr]
    #[pyo3(name = "block_size")]
    const BLOCK_SIZE: usize = BLOCK;

    #[new]
    #[pyo3(signature = (data = None, /))]
    fn new(py: Python<'_>, data: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let hasher = Self(Mutex::default());
        if let Some(data) = data {
            hasher.update(py, data)?;
        }
        Ok(hasher)
    }

    /// Append bytes, or anything with the buffer protocol.
    #[pyo3(signature = (data, /))]
    fn update(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let memory = Memory::of(data)?;
        let bytes = memory.bytes();
        // The lock is taken and given back without the GIL, so that no thread can hold one and wait for the other.
        released(py, bytes.len(), || {
            self.hasher().update(bytes);
        });
        Ok(())
    }

    /// The 32 bytes of everything so far.
    fn digest<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.hasher().finalize().as_bytes())
    }

    /// 64 hexadecimal characters of everything so far.
    fn hexdigest(&self) -> String {
        self.hasher().finalize().to_hex().to_string()
    }

    /// A hasher that has seen the same and goes its own way.
    fn copy(&self) -> Self {
        Self(Mutex::new(self.hasher().clone()))
    }
}

/// Run something, without the GIL where there is much to do.
pub fn released<T: Send>(py: Python<'_>, bytes: usize, work: impl FnOnce() -> T + Send) -> T {
    if bytes < RELEASE {
        work()
    } else {
        py.detach(work)
    }
}

/// Tokens in, one digest of a domain out.
#[pyclass(name = "Encoder", module = "whorl.digest", frozen)]
pub struct PyEncoder(Mutex<whorl_core::Encoder>);

impl PyEncoder {
    fn encoder(&self) -> MutexGuard<'_, whorl_core::Encoder> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl PyEncoder {
    #[new]
    fn new(kind: &str) -> Self {
        Self(Mutex::new(whorl_core::Encoder::new(kind)))
    }

    /// Append text.
    fn text<'py>(slf: Bound<'py, Self>, text: &Bound<'py, PyString>) -> PyResult<Bound<'py, Self>> {
        slf.get().encoder().text(&utf8(text)?);
        Ok(slf)
    }

    /// Append bytes, or anything with the buffer protocol.
    fn bytes<'py>(slf: Bound<'py, Self>, data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        slf.get().encoder().bytes(Memory::of(data)?.bytes());
        Ok(slf)
    }

    /// Append an integer of any size.
    fn integer<'py>(
        slf: Bound<'py, Self>,
        number: &Bound<'py, PyInt>,
    ) -> PyResult<Bound<'py, Self>> {
        slf.get().encoder().integer(&little_endian(number)?);
        Ok(slf)
    }

    /// Append a digest.
    fn digest<'py>(slf: Bound<'py, Self>, digest: &Bound<'py, PyDigest>) -> Bound<'py, Self> {
        slf.get().encoder().digest(&digest.get().0);
        slf
    }

    /// Append the token that stands for nothing.
    fn none(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf.get().encoder().none();
        slf
    }

    /// The digest of everything so far.
    fn finish(&self) -> PyDigest {
        PyDigest(self.encoder().finish())
    }
}
