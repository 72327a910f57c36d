//! Arrow columns in, digests of their logical content out; how they lie in memory is left out.
//!
//! These count: the type with its parameters, names and nullability of nested fields, metadata of fields (extension
//! types live there), the length, which values are valid, and the values.  These are layout and do not count:
//!
//! - chunks, slices and offsets; what lies under a null, outside the ranges of lists, and in branches that a union
//!   does not select; a validity bitmap that says nothing;
//! - whether offsets have 32 or 64 bits, and whether text, binary and lists lie one after the other or as views;
//! - a dictionary of text or binary, unless it is ordered;
//! - run-end encoding, of whatever: runs say nothing that the values do not.
//!
//! Dictionaries of other values, and ordered ones, count by their decoded values and are types of their own; of an
//! ordered one, its values in their order count too.
//!
//! The structures here mirror the C data interface rather than `arrow-schema` and `arrow-data`: those keep metadata as
//! text without order, forget what lies inside a dictionary's type, know no types but the standard's, and panic over
//! structures that a foreign producer got wrong.  Nothing here trusts a length or an offset.

pub use arrow_buffer::Buffer;

use crate::digest::{Digest, Domain};
use crate::encode::Tokens;
use crate::subtree::threads;

mod bits;
mod blocks;
mod cells;
mod encoded;
mod error;
mod field;
mod fixed;
mod form;
pub mod layout;
mod lists;
mod members;
mod node;
mod offsets;
mod order;
mod pieces;
mod segments;
mod text;
mod unions;

#[cfg(test)]
mod tests;

pub use error::{Error, Fault};
pub use field::{Field, Pair};

use node::Node;
use pieces::Piece;

/// How deep types may be nested: far beyond what anybody means, far from the end of a thread's stack.
pub const DEPTH: usize = 256;

/// One chunk of a column, as in the C data interface.
#[derive(Clone, Debug, Default)]
pub struct Array {
    /// How many rows there are.
    pub length: usize,
    /// How many rows of the buffers lie before the first one.
    pub offset: usize,
    /// One bit per row; absent when all are valid, and for types that have none.
    pub validity: Option<Buffer>,
    /// The other buffers, in the order of the type's layout; for views without the list of their lengths.
    pub buffers: Vec<Buffer>,
    /// What nested types hold.
    pub children: Vec<Array>,
    /// The values of a dictionary, whose indices this array is.
    pub dictionary: Option<Box<Array>>,
}

impl Array {
    fn buffer(&self, index: usize) -> Result<&[u8], Error> {
        let buffer = self.buffers.get(index);
        buffer.map(Buffer::as_slice).ok_or(Fault::Buffer.into())
    }

    fn child(&self, index: usize) -> Result<&Self, Error> {
        self.children.get(index).ok_or(Fault::Children)?.bounded()
    }

    fn values(&self) -> Result<&Self, Error> {
        self.dictionary.as_deref().ok_or(Fault::Children)?.bounded()
    }

    /// Itself, if places of rows are numbers that can be calculated with.
    fn bounded(&self) -> Result<&Self, Error> {
        match self.offset.checked_add(self.length) {
            Some(end) if isize::try_from(end).is_ok() => Ok(self),
            _ => Err(Fault::Buffer.into()),
        }
    }
}

/// Digest a column by its type and the rows of its chunks; its own name and nullability are left to the caller.
///
/// # Errors
/// A type that is not known or nested too deeply, and buffers that contradict each other.
pub fn digest_column(field: &Field, chunks: &[Array]) -> Result<Digest, Error> {
    let mut node = Node::new(field, threads())?;
    let mut pieces = Vec::new();
    for chunk in chunks.iter().filter(|chunk| chunk.length > 0) {
        pieces.push(Piece::of(chunk.bounded()?, 0, chunk.length)?);
    }
    if let (true, [], [first, ..]) = (field.ordered, pieces.as_slice(), chunks) {
        // Without a row, the order of the values is all that there is.
        pieces.push(Piece::of(first, 0, 0)?);
    }
    node.push(&pieces)?;
    let mut tokens = Tokens::default();
    field.write(&mut tokens);
    node.finish(&mut tokens);
    Ok(Domain::new("arrow column").digest(tokens.tail(0)))
}

/// Digest a type alone; its own name and nullability are left to the caller.
///
/// # Errors
/// A type that is not known or nested too deeply.
pub fn digest_type(field: &Field) -> Result<Digest, Error> {
    Node::new(field, 1)?;
    let mut tokens = Tokens::default();
    field.write(&mut tokens);
    Ok(Domain::new("arrow type").digest(tokens.tail(0)))
}
