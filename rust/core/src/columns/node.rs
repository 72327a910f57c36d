//! A column in the making: rows in, piece by piece; what they come to out.
//!
//! A node has a part for each thing that its type says of a row, and a node per child.  A child is given only the rows
//! that its parent shows.

use super::bits::{BitStream, Validity, valid_runs, words};
use super::encoded::Encoding;
use super::fixed::Fixed;
use super::layout::{Index, Layout};
use super::lists::{Form, List};
use super::members::Members;
use super::order::Order;
use super::pieces::{Piece, Pieces};
use super::text::Text;
use super::unions::Union;
use super::{Array, DEPTH, Error, Fault, Field};
use crate::encode::Tokens;

pub struct Node {
    length: u64,
    validity: Validity,
    values: Values,
}

enum Values {
    Nothing,
    Bits(BitStream),
    Fixed(Fixed),
    Text(Text),
    List(Box<List>),
    FixedList(usize, Box<Node>),
    Struct(Members),
    Union(Union),
    Encoded(Encoding, Box<Node>),
    /// An ordered dictionary: besides its rows, which values come before which.
    Ordered(Index, Box<Node>, Order),
}

impl Node {
    /// Start a column of a field's type, to be hashed by at most so many threads.
    pub fn new(field: &Field, threads: usize) -> Result<Self, Error> {
        Self::nested(field, threads, DEPTH)
    }

    fn nested(field: &Field, threads: usize, depth: usize) -> Result<Self, Error> {
        let depth = depth.checked_sub(1).ok_or(Fault::Depth)?;
        Ok(Self {
            length: 0,
            validity: Validity::new(threads),
            values: Values::of(field, threads, depth)?,
        })
    }

    /// Append rows.
    pub fn push(&mut self, pieces: &[Piece<'_>]) -> Result<(), Error> {
        self.length += pieces.iter().map(|piece| piece.length as u64).sum::<u64>();
        match &mut self.values {
            Values::Nothing => return Ok(()),
            Values::Text(text) => return text.push(pieces, &mut self.validity),
            Values::Encoded(encoding, values) => {
                return encoding.decode(pieces, |pieces| values.push(pieces));
            }
            Values::Ordered(index, values, order) => {
                order.push(pieces)?;
                return Encoding::Dictionary(*index).decode(pieces, |pieces| values.push(pieces));
            }
            _ => self.validity.push(pieces)?,
        }
        match &mut self.values {
            Values::Bits(bits) => push_bits(bits, pieces),
            Values::Fixed(fixed) => fixed.push(pieces),
            Values::List(list) => list.push(pieces),
            Values::FixedList(size, child) => push_fixed_lists(*size, child, pieces),
            Values::Struct(members) => members.push(pieces),
            Values::Union(union) => union.push(pieces),
            Values::Nothing | Values::Text(_) | Values::Encoded(..) | Values::Ordered(..) => Ok(()),
        }
    }

    /// Write everything that counts of the rows.
    pub fn finish(self, tokens: &mut Tokens) {
        match self.values {
            Values::Encoded(_, values) => return values.finish(tokens),
            Values::Ordered(_, values, order) => {
                order.finish(tokens);
                return values.finish(tokens);
            }
            _ => {}
        }
        tokens.number(self.length);
        self.validity.finish(tokens);
        match self.values {
            Values::Nothing | Values::Encoded(..) | Values::Ordered(..) => {}
            Values::Bits(bits) => bits.finish(tokens),
            Values::Fixed(fixed) => fixed.finish(tokens),
            Values::Text(text) => text.finish(tokens),
            Values::List(list) => list.finish(tokens),
            Values::FixedList(_, child) => child.finish(tokens),
            Values::Struct(members) => members.finish(tokens),
            Values::Union(union) => union.finish(tokens),
        }
    }
}

impl Values {
    fn of(field: &Field, threads: usize, depth: usize) -> Result<Self, Error> {
        let layout = Layout::of(field)?;
        match &layout {
            Layout::Struct | Layout::Union { .. } => {
                let nodes = field.children.iter();
                let nodes = nodes.map(|child| Node::nested(child, threads, depth));
                Self::of_many(layout, field, nodes, threads)
            }
            Layout::Dictionary(_) if field.is_layout() => Self::of_one(&layout, field, threads),
            Layout::Dictionary(index) => {
                let of_values = field.dictionary.as_deref().ok_or(Fault::Children)?;
                let values = Box::new(Node::nested(of_values, threads, depth)?);
                Ok(if field.ordered {
                    Self::Ordered(*index, values, Order::of(of_values)?)
                } else {
                    Self::Encoded(Encoding::Dictionary(*index), values)
                })
            }
            Layout::Runs => {
                let [ends, values] = field.children.as_slice() else {
                    return Err(Fault::Children.into());
                };
                let encoding = Encoding::Runs(Index::of(&ends.format)?);
                let values = Node::nested(values, threads, depth)?;
                Ok(Self::Encoded(encoding, Box::new(values)))
            }
            Layout::List(_) | Layout::ListViews(_) | Layout::FixedList(_) => {
                let item = field.children.first().ok_or(Fault::Children)?;
                let items = Node::nested(item, threads, depth)?;
                Ok(Self::of_items(&layout, items, threads))
            }
            _ => Self::of_one(&layout, field, threads),
        }
    }

    fn of_many(
        layout: Layout,
        field: &Field,
        nodes: impl Iterator<Item = Result<Node, Error>>,
        threads: usize,
    ) -> Result<Self, Error> {
        if let Layout::Union { dense, ids } = layout {
            let branches = nodes.collect::<Result<_, _>>()?;
            return Ok(Self::Union(Union::new(dense, ids, branches, threads)));
        }
        Members::new(&field.children, nodes).map(Self::Struct)
    }

    fn of_items(layout: &Layout, items: Node, threads: usize) -> Self {
        let form = match layout {
            Layout::List(width) => Form::Offsets(*width),
            Layout::ListViews(width) => Form::Views(*width),
            Layout::FixedList(size) => return Self::FixedList(*size, Box::new(items)),
            _ => return Self::Nothing,
        };
        Self::List(Box::new(List::new(form, items, threads)))
    }

    fn of_one(layout: &Layout, field: &Field, threads: usize) -> Result<Self, Error> {
        Ok(match layout {
            Layout::Bits => Self::Bits(BitStream::new(threads)),
            Layout::Fixed(width) => Self::Fixed(Fixed::new(*width, threads)),
            Layout::Null => Self::Nothing,
            _ => Self::Text(Text::new(field, threads)?),
        })
    }
}

fn push_bits(bits: &mut BitStream, pieces: &[Piece<'_>]) -> Result<(), Error> {
    for piece in pieces {
        let Some(array) = piece.array else {
            bits.repeat(false, piece.length as u64);
            continue;
        };
        let (values, place) = (array.buffer(0)?, array.offset + piece.start);
        let Some(validity) = &array.validity else {
            bits.extend(values, place, piece.length)?;
            continue;
        };
        let values = words(values, place, piece.length)?;
        for (value, valid) in values.zip(words(validity, place, piece.length)?) {
            bits.push((value.0 & valid.0, value.1));
        }
    }
    Ok(())
}

fn push_fixed_lists(size: usize, child: &mut Node, pieces: &[Piece<'_>]) -> Result<(), Error> {
    let mut items = Pieces::new(|pieces: &[Piece<'_>]| child.push(pieces));
    for (array, piece) in shown(pieces) {
        valid_runs(array, piece.start, piece.length, |start, length| {
            let first = (array.offset + start).checked_mul(size);
            let (first, length) = first.zip(length.checked_mul(size)).ok_or(Fault::Child)?;
            items.add(Piece::of(array.child(0)?, first, length)?)
        })?;
    }
    items.flush()
}

/// The pieces that are not null altogether.
pub fn shown<'s, 'a>(pieces: &'s [Piece<'a>]) -> impl Iterator<Item = (&'a Array, &'s Piece<'a>)> {
    let shown = |piece: &'s Piece<'a>| piece.array.map(|array| (array, piece));
    pieces.iter().filter_map(shown)
}
