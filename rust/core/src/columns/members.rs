//! The fields of a struct, or the columns of a table.

use std::sync::{Mutex, PoisonError};

use super::bits::valid_runs;
use super::node::{Node, shown};
use super::pieces::{Piece, Pieces};
use super::{Error, Field};
use crate::encode::Tokens;
use crate::subtree::in_threads;

/// Cells from here on are worth threads of their own.
const MANY: usize = 1 << 16;

pub struct Members {
    members: Vec<Member>,
    threads: usize,
}

struct Member {
    index: usize,
    name: Vec<u8>,
    node: Node,
}

impl Members {
    pub fn new(
        fields: &[Field],
        nodes: impl Iterator<Item = Result<Node, Error>>,
        threads: usize,
    ) -> Result<Self, Error> {
        let member = |(index, (field, node)): (usize, (&Field, Result<Node, Error>))| {
            Ok::<_, Error>(Member {
                index,
                name: field.name.clone(),
                node: node.map_err(|error| error.within(&field.name))?,
            })
        };
        let members = fields.iter().zip(nodes).enumerate().map(member);
        Ok(Self {
            members: members.collect::<Result<_, _>>()?,
            threads,
        })
    }

    pub fn are_slow(&self) -> bool {
        self.members.iter().any(|member| member.node.is_slow())
    }

    /// Append rows: members that several threads can share one after the other, the others side by side.
    pub fn push(&mut self, pieces: &[Piece<'_>]) -> Result<(), Error> {
        let rows: usize = pieces.iter().map(|piece| piece.length).sum();
        let (slow, quick): (Vec<_>, Vec<_>) = self
            .members
            .iter_mut()
            .partition(|member| member.node.is_slow());
        for member in quick {
            member.push(pieces)?;
        }
        let enough = rows.saturating_mul(slow.len()) >= MANY;
        let threads = if enough {
            self.threads.min(slow.len())
        } else {
            1
        };
        let slow = Mutex::new(slow.into_iter());
        let next = || slow.lock().unwrap_or_else(PoisonError::into_inner).next();
        let run = || std::iter::from_fn(next).try_for_each(|member| member.push(pieces));
        in_threads(threads, &run).into_iter().collect()
    }

    pub fn finish(self, tokens: &mut Tokens) {
        for member in self.members {
            member.node.finish(tokens);
        }
    }
}

impl Member {
    fn push(&mut self, pieces: &[Piece<'_>]) -> Result<(), Error> {
        self.push_shown(pieces)
            .map_err(|error| error.within(&self.name))
    }

    fn push_shown(&mut self, pieces: &[Piece<'_>]) -> Result<(), Error> {
        let mut rows = Pieces::new(|pieces: &[Piece<'_>]| self.node.push(pieces));
        for (array, piece) in shown(pieces) {
            valid_runs(array, piece.start, piece.length, |start, length| {
                let child = array.child(self.index)?;
                rows.add(Piece::of(child, array.offset + start, length)?)
            })?;
        }
        rows.flush()
    }
}
