//! Unions: which branch each row selects in one stream, the selected rows of each branch in a column of its own.

use super::fixed::values;
use super::node::Node;
use super::pieces::{Piece, Pieces};
use super::{Array, Error, Fault};
use crate::encode::{Tag, Tokens};
use crate::stream::Stream;

pub struct Union {
    dense: bool,
    /// The name of each branch in the rows, and what it holds.
    ids: Vec<u8>,
    selected: Stream,
    branches: Vec<Node>,
}

impl Union {
    pub fn new(dense: bool, ids: Vec<u8>, branches: Vec<Node>, threads: usize) -> Self {
        Self {
            dense,
            ids,
            selected: Stream::new(threads),
            branches,
        }
    }

    /// Append rows; those that are null whatever lies there select nothing.
    pub fn push(&mut self, pieces: &[Piece<'_>]) -> Result<(), Error> {
        let branches = self.branches.iter_mut();
        let mut rows: Vec<_> = branches
            .map(|branch| Pieces::new(|pieces: &[Piece<'_>]| branch.push(pieces)))
            .collect();
        for piece in pieces {
            let Some(array) = piece.array else { continue };
            let ids = values(array, 0, 1, piece.start, piece.length)?;
            self.selected.update(ids);
            for (row, id) in (piece.start..).zip(ids) {
                let branch = self.ids.iter().position(|other| other == id);
                let branch = branch.ok_or(Fault::Index)?;
                let selected = select(array, branch, row, self.dense)?;
                rows.get_mut(branch).ok_or(Fault::Index)?.add(selected)?;
            }
        }
        rows.iter_mut().try_for_each(Pieces::flush)
    }

    pub fn finish(self, tokens: &mut Tokens) {
        tokens.digest(Tag::Digest, &self.selected.finish());
        for branch in self.branches {
            branch.finish(tokens);
        }
    }
}

/// The row of a branch that a row selects.
fn select(array: &Array, branch: usize, row: usize, dense: bool) -> Result<Piece<'_>, Error> {
    let child = array.child(branch)?;
    let row = array.offset + row;
    if !dense {
        return Piece::of(child, row, 1);
    }
    let offset = array
        .buffer(1)?
        .as_chunks()
        .0
        .get(row)
        .ok_or(Fault::Buffer)?;
    let offset = usize::try_from(i32::from_ne_bytes(*offset)).map_err(|_| Fault::Offsets)?;
    Piece::of(child, offset, 1)
}
