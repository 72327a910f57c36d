//! Objects that Python describes.

use pyo3::prelude::*;
use pyo3::types::PyString;
use whorl_core::encode::Tag;

use super::super::children::Children;
use super::super::circles::{address, is_shared};
use super::super::describe::Description;
use super::super::leaf;
use super::{Nature, Walker};
use crate::digest::PyDigest;
use crate::hashed::hash_memory;

impl<'py> Walker<'_, 'py> {
    /// Write what Python says of an object, or begin it when it has parts.
    pub(super) fn described(&mut self, object: &Bound<'py, PyAny>) -> PyResult<()> {
        let nature = Nature {
            mutable: true,
            keep: is_shared(object),
        };
        let part = self.sink.begin();
        match Description::of(object, self.describe)? {
            Description::Reference(code) => {
                self.reference(&code);
                return Ok(());
            }
            Description::Leaf { name, payload } => {
                self.name(Tag::Leaf, &name)?;
                self.payload(&payload)?;
                if nature.keep {
                    let tokens = self.sink.tokens.tail(part.start());
                    self.circles.remember(object, tokens, None);
                }
            }
            Description::Node { name, parts } => {
                self.name(Tag::Node, &name)?;
                self.sink.tokens.number(parts.len() as u64);
                self.push(object, Children::of_parts(parts), part, nature);
            }
            Description::Buffer {
                name,
                header,
                memory,
            } => {
                self.name(Tag::Buffer, &name)?;
                self.memory(&memory)?;
                self.sink.tokens.number(header.len() as u64);
                self.push(object, Children::of_list(&header), part, nature);
            }
        }
        self.note_type(object);
        Ok(())
    }

    fn reference(&mut self, code: &Bound<'py, PyAny>) {
        let ordinal = self.scopes.ordinal(code);
        self.references += 1;
        self.sink.tokens.count(Tag::Reference, ordinal);
    }

    fn name(&mut self, tag: Tag, name: &Bound<'py, PyString>) -> PyResult<()> {
        self.sink.tokens.block(tag, &leaf::utf8(name)?);
        Ok(())
    }

    fn payload(&mut self, payload: &Bound<'py, PyAny>) -> PyResult<()> {
        if let Ok(digest) = payload.cast_exact::<PyDigest>() {
            self.sink.tokens.digest(Tag::Digest, &digest.get().0);
            return Ok(());
        }
        leaf::write(payload, &mut self.sink.tokens).map(|_| ())
    }

    /// Write length and digest of a block of memory.
    fn memory(&mut self, memory: &Bound<'py, PyAny>) -> PyResult<()> {
        let (length, digest) = hash_memory(memory)?;
        self.sink.tokens.number(length);
        self.sink.tokens.splice(digest.as_bytes());
        Ok(())
    }

    fn note_type(&mut self, object: &Bound<'py, PyAny>) {
        let class = object.get_type();
        if self.types_seen.insert(address(class.as_any())) {
            self.types.push(class);
        }
    }
}
