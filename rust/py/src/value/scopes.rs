//! Code objects and their ordinals.
//!
//! A code object stands in the stream by the order in which it was first met.  Inside a set there is no order, so each
//! element is a scope with ordinals of its own; once the elements are sorted, its code objects are handed to the scope
//! around it.

use pyo3::prelude::*;

use super::circles::{ByAddress, address};

#[derive(Default)]
struct Scope<'py> {
    number: u64,
    ordinals: ByAddress<u64>,
    refs: Vec<Bound<'py, PyAny>>,
}

/// The scope of the whole value, and those of the elements that are being walked.
#[derive(Default)]
pub struct Scopes<'py> {
    whole: Scope<'py>,
    inner: Vec<Scope<'py>>,
    made: u64,
}

impl<'py> Scopes<'py> {
    /// The ordinal of a code object in the innermost scope.
    pub fn ordinal(&mut self, code: &Bound<'py, PyAny>) -> u64 {
        let scope = self.inner.last_mut().unwrap_or(&mut self.whole);
        let next = scope.refs.len() as u64;
        let ordinal = *scope.ordinals.entry(address(code)).or_insert(next);
        if ordinal == next {
            scope.refs.push(code.clone());
        }
        ordinal
    }

    /// A number that tells the innermost scope from all others of this walk.
    pub fn current(&self) -> u64 {
        self.inner.last().unwrap_or(&self.whole).number
    }

    /// Start a scope.
    pub fn enter(&mut self) {
        self.made += 1;
        self.inner.push(Scope {
            number: self.made,
            ..Scope::default()
        });
    }

    /// End the innermost scope and hand over its code objects.
    pub fn leave(&mut self) -> Vec<Bound<'py, PyAny>> {
        self.inner.pop().map(|scope| scope.refs).unwrap_or_default()
    }

    /// The code objects of the whole value, by ordinal.
    pub fn into_refs(self) -> Vec<Bound<'py, PyAny>> {
        self.whole.refs
    }
}
