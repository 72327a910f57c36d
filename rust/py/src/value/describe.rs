//! What `describe` said about an object.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

use crate::digest::PyDigest;

/// An object as `describe` sees it (`whorl/fingerprint/values.py`).
pub enum Description<'py> {
    /// A code object.
    Reference(Bound<'py, PyAny>),
    /// A thing with a name and one payload: text, bytes, a digest or nothing.
    Leaf {
        name: Bound<'py, PyString>,
        payload: Bound<'py, PyAny>,
    },
    /// A thing with a name and named parts.
    Node {
        name: Bound<'py, PyString>,
        parts: Bound<'py, PyList>,
    },
    /// A thing with a name, a header and a block of memory.
    Buffer {
        name: Bound<'py, PyString>,
        header: Bound<'py, PyList>,
        memory: Bound<'py, PyAny>,
    },
}

impl<'py> Description<'py> {
    pub fn of(object: &Bound<'py, PyAny>, describe: &Bound<'py, PyAny>) -> PyResult<Self> {
        let said = describe
            .call1((object,))?
            .cast_into::<PyTuple>()
            .map_err(PyErr::from)?;
        let kind = said
            .get_item(0)?
            .cast_into::<PyString>()
            .map_err(PyErr::from)?;
        match kind.to_str()? {
            "ref" => Ok(Self::Reference(said.get_item(1)?)),
            "leaf" => Ok(Self::Leaf {
                name: name(&said)?,
                payload: payload(said.get_item(2)?)?,
            }),
            "node" => Ok(Self::Node {
                name: name(&said)?,
                parts: said.get_item(2)?.cast_into()?,
            }),
            "buffer" => Ok(Self::Buffer {
                name: name(&said)?,
                header: said.get_item(2)?.cast_into()?,
                memory: said.get_item(3)?,
            }),
            other => Err(PyValueError::new_err(format!(
                "describe returned a {other:?}"
            ))),
        }
    }
}

fn name<'py>(said: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyString>> {
    Ok(said.get_item(1)?.cast_into()?)
}

fn payload(value: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    let known = value.is_none()
        || value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyBytes>()
        || value.is_exact_instance_of::<PyDigest>();
    if known {
        Ok(value)
    } else {
        Err(PyTypeError::new_err(
            "a leaf holds text, bytes, a digest or nothing",
        ))
    }
}
