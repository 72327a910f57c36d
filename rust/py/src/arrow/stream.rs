//! The C data interface's streams in, fields and arrays out.

#![allow(unsafe_code)]

use std::ffi::CStr;
use std::fmt;

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_data::ffi::FFI_ArrowArray;
use arrow_schema::ffi::FFI_ArrowSchema;
use whorl_core::columns::{Array, Error, Fault, Field};

use super::array::read_array;
use super::schema::read_field;

/// Why nothing came of it.
pub enum Failure {
    /// The data contradicts itself.
    Data(Error),
    /// The producer says that it failed.
    Producer(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Data(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(error) => error.fmt(out),
            Self::Producer(message) => write!(out, "its producer failed: {message}"),
        }
    }
}

/// Take everything that a stream gives, without copying it.
pub fn read_stream(stream: &mut FFI_ArrowArrayStream) -> Result<(Field, Vec<Array>), Failure> {
    let field = schema_of(stream)?;
    let mut chunks = Vec::new();
    while let Some(array) = next_of(stream)? {
        // SAFETY: a stream gives arrays that keep the rules of the C data interface, of the type that it said.
        chunks.push(unsafe { read_array(array, &field) }?);
    }
    Ok((field, chunks))
}

fn schema_of(stream: &mut FFI_ArrowArrayStream) -> Result<Field, Failure> {
    let (Some(get_schema), Some(_)) = (stream.get_schema, stream.release) else {
        return Err(Error::from(Fault::Children).into());
    };
    let mut schema = FFI_ArrowSchema::empty();
    // SAFETY: the stream has not been released, and the schema is ours to fill.
    let code = unsafe { get_schema(stream, &raw mut schema) };
    check(stream, code)?;
    // SAFETY: the stream has filled it, and it is released only after it was copied.
    unsafe { read_field(&raw const schema) }.map_err(Failure::from)
}

fn next_of(stream: &mut FFI_ArrowArrayStream) -> Result<Option<FFI_ArrowArray>, Failure> {
    let Some(get_next) = stream.get_next else {
        return Err(Error::from(Fault::Children).into());
    };
    let mut array = FFI_ArrowArray::empty();
    // SAFETY: the stream has not been released, and the array is ours to fill.
    let code = unsafe { get_next(stream, &raw mut array) };
    check(stream, code)?;
    Ok((!array.is_released()).then_some(array))
}

fn check(stream: &mut FFI_ArrowArrayStream, code: i32) -> Result<(), Failure> {
    if code == 0 {
        return Ok(());
    }
    let message = stream.get_last_error.map(|get_last_error| {
        // SAFETY: the stream has not been released and has just failed.
        unsafe { get_last_error(stream) }
    });
    let message = message.filter(|message| !message.is_null()).map(|message| {
        // SAFETY: text that ends with zero, until the stream is called again.
        unsafe { CStr::from_ptr(message) }
            .to_string_lossy()
            .into_owned()
    });
    Err(Failure::Producer(
        message.unwrap_or_else(|| format!("code {code}")),
    ))
}
