//! Objects of exact built-in types without parts, as tokens.

use std::borrow::Cow;
use std::ffi::c_int;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyComplex, PyFloat, PyInt, PyString};
use whorl_core::encode::{LONG, Tag, Tokens};
use whorl_core::subtree::digest_slice;

use crate::buffer::Memory;
use crate::digest::released;

/// Write the tokens of an object of one of the types that most values are made of; `false` for all others, and for
/// long text, long bytes, big integers and odd text.
///
/// Where it returns `true` no Python code ran, not even a collection of garbage: callers may hold borrowed references
/// until it returns `false`.
#[inline]
pub fn write_quickly(object: &Bound<'_, PyAny>, tokens: &mut Tokens) -> bool {
    if let Ok(text) = object.cast_exact::<PyString>() {
        match plain_utf8(text) {
            Some(text) if text.len() < LONG => tokens.block(Tag::Text, text),
            _ => return false,
        }
    } else if let Ok(number) = object.cast_exact::<PyInt>() {
        match small(number) {
            Some(number) => tokens.integer(number),
            None => return false,
        }
    } else if let Ok(number) = object.cast_exact::<PyFloat>() {
        tokens.float(number.value());
    } else if object.is_none() {
        tokens.tag(Tag::None);
    } else if let Ok(truth) = object.cast_exact::<PyBool>() {
        tokens.tag(if truth.is_true() {
            Tag::True
        } else {
            Tag::False
        });
    } else if let Ok(bytes) = object.cast_exact::<PyBytes>() {
        match bytes.as_bytes() {
            data if data.len() < LONG => tokens.block(Tag::Bytes, data),
            _ => return false,
        }
    } else {
        return false;
    }
    true
}

/// Write the tokens of an object of any type without parts; `false` when it is none.
pub fn write(object: &Bound<'_, PyAny>, tokens: &mut Tokens) -> PyResult<bool> {
    let py = object.py();
    if write_quickly(object, tokens) {
        return Ok(true);
    }
    if let Ok(text) = object.cast_exact::<PyString>() {
        block(py, tokens, Tag::Text, Tag::LongText, &utf8(text)?);
    } else if let Ok(number) = object.cast_exact::<PyInt>() {
        tokens.big_integer(&little_endian(number)?);
    } else if let Ok(bytes) = object.cast_exact::<PyBytes>() {
        block(py, tokens, Tag::Bytes, Tag::LongBytes, bytes.as_bytes());
    } else if let Ok(number) = object.cast_exact::<PyComplex>() {
        tokens.complex(number.real(), number.imag());
    } else if object.is_exact_instance_of::<PyByteArray>() {
        let memory = Memory::of(object)?;
        block(
            py,
            tokens,
            Tag::ByteArray,
            Tag::LongByteArray,
            memory.bytes(),
        );
    } else if object.is(py.Ellipsis()) {
        tokens.tag(Tag::Ellipsis);
    } else if object.is(py.NotImplemented()) {
        tokens.tag(Tag::NotImplemented);
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// Whether an object is text or bytes that take time to hash.
pub fn is_long(object: &Bound<'_, PyAny>) -> bool {
    if let Ok(text) = object.cast_exact::<PyString>() {
        return text.len().is_ok_and(|length| length >= LONG);
    }
    object
        .cast_exact::<PyBytes>()
        .is_ok_and(|bytes| bytes.as_bytes().len() >= LONG)
}

fn block(py: Python<'_>, tokens: &mut Tokens, short: Tag, long: Tag, data: &[u8]) {
    if data.len() < LONG {
        tokens.block(short, data);
    } else {
        let digest = released(py, data.len(), || digest_slice(data));
        tokens.long(long, data.len() as u64, &digest);
    }
}

/// Text as UTF-8; lone surrogates take three bytes each, as if UTF-8 had them.
pub fn utf8<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, [u8]>> {
    if let Some(plain) = plain_utf8(text) {
        return Ok(Cow::Borrowed(plain));
    }
    let encoded = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
    Ok(Cow::Owned(encoded.extract()?))
}

/// Text as UTF-8; `None` where there are lone surrogates.  Unlike `to_str` it makes no error, which would be in the way.
#[inline]
#[allow(unsafe_code)]
fn plain_utf8<'a>(text: &'a Bound<'_, PyString>) -> Option<&'a [u8]> {
    let mut size: pyo3::ffi::Py_ssize_t = 0;
    // SAFETY: the object is a str and the interpreter is attached.  What is returned belongs to the str, which is alive
    // for `'a` and does not change.
    unsafe {
        let data = pyo3::ffi::PyUnicode_AsUTF8AndSize(text.as_ptr(), &raw mut size);
        if data.is_null() {
            pyo3::ffi::PyErr_Clear();
            return None;
        }
        Some(std::slice::from_raw_parts(data.cast(), size.unsigned_abs()))
    }
}

/// An integer that fits into a machine word.
#[allow(unsafe_code)]
fn small(number: &Bound<'_, PyInt>) -> Option<i64> {
    let mut overflow: c_int = 0;
    // SAFETY: the object is an exact int and the interpreter is attached; for ints the call raises nothing.
    let value =
        unsafe { pyo3::ffi::PyLong_AsLongLongAndOverflow(number.as_ptr(), &raw mut overflow) };
    (overflow == 0).then_some(value)
}

/// An integer of any size as two's complement, low byte first.
pub fn little_endian(number: &Bound<'_, PyInt>) -> PyResult<Vec<u8>> {
    let bits: usize = number.call_method0("bit_length")?.extract()?;
    let arguments = [("signed", true)];
    let arguments = pyo3::types::IntoPyDict::into_py_dict(arguments, number.py())?;
    number
        .call_method("to_bytes", (bits / 8 + 1, "little"), Some(&arguments))?
        .extract()
}
