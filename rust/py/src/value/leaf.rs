//! Objects of exact built-in types without parts, as tokens.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyComplex, PyFloat, PyInt, PyString};
use whorl_core::encode::{LONG, Tag, Tokens};
use whorl_core::subtree::digest_slice;

use crate::buffer::Memory;
use crate::digest::released;

/// Write the tokens of an object; `false` when it is none of these types.
pub fn write(object: &Bound<'_, PyAny>, tokens: &mut Tokens) -> PyResult<bool> {
    if let Ok(text) = object.cast_exact::<PyString>() {
        block(object.py(), tokens, Tag::Text, Tag::LongText, &utf8(text)?);
    } else if let Ok(number) = object.cast_exact::<PyInt>() {
        integer(number, tokens)?;
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
        block(
            object.py(),
            tokens,
            Tag::Bytes,
            Tag::LongBytes,
            bytes.as_bytes(),
        );
    } else {
        return rare(object, tokens);
    }
    Ok(true)
}

fn rare(object: &Bound<'_, PyAny>, tokens: &mut Tokens) -> PyResult<bool> {
    let py = object.py();
    if let Ok(number) = object.cast_exact::<PyComplex>() {
        tokens.complex(number.real(), number.imag());
    } else if object.is_exact_instance_of::<PyByteArray>() {
        block(
            py,
            tokens,
            Tag::ByteArray,
            Tag::LongByteArray,
            Memory::of(object)?.bytes(),
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

/// Whether hashing this object again is worth avoiding when it is met twice.
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
    if let Ok(plain) = text.to_str() {
        return Ok(Cow::Borrowed(plain.as_bytes()));
    }
    let encoded = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
    Ok(Cow::Owned(encoded.extract()?))
}

fn integer(number: &Bound<'_, PyInt>, tokens: &mut Tokens) -> PyResult<()> {
    if let Ok(small) = number.extract::<i64>() {
        tokens.integer(small);
    } else {
        tokens.big_integer(&little_endian(number)?);
    }
    Ok(())
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
