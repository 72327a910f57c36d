//! The fields of a struct, or the columns of a table.

use super::bits::valid_runs;
use super::node::{Node, shown};
use super::pieces::{Piece, Pieces};
use super::{Error, Field};
use crate::encode::Tokens;

pub struct Members {
    members: Vec<Member>,
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
        })
    }

    /// Append rows.
    pub fn push(&mut self, pieces: &[Piece<'_>]) -> Result<(), Error> {
        self.members
            .iter_mut()
            .try_for_each(|member| member.push(pieces))
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
