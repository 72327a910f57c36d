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
}

impl Node {
    /// Start a column of a field's type, to be hashed by at most so many threads.
    pub fn new(field: &Field, threads: usize) -> Result<Self, Error> {
        Self::nested(field, threads, DEPTH)
    }

    fn nested(field: &Field, threads: usize, depth: usize) -> Result<Self, Error> {
        let within = depth.checked_sub(1).ok_or(Fault::Depth)?;
        let child = |index: usize| {
            let child = field.children.get(index).ok_or(Fault::Children)?;
            Self::nested(child, threads, within)
        };
        let list =
            |form| Ok::<_, Error>(Values::List(Box::new(List::new(form, child(0)?, threads))));
        let all = || {
            field
                .children
                .iter()
                .map(|child| Self::nested(child, threads, within))
        };
        let values = match Layout::of(field)? {
            Layout::Null => Values::Nothing,
            Layout::Bits => Values::Bits(BitStream::new(threads)),
            Layout::Fixed(width) => Values::Fixed(Fixed::new(width, threads)),
            Layout::Text(_) | Layout::TextViews => Values::Text(Text::new(field, threads)?),
            Layout::List(width) => list(Form::Offsets(width))?,
            Layout::ListViews(width) => list(Form::Views(width))?,
            Layout::FixedList(size) => Values::FixedList(size, Box::new(child(0)?)),
            Layout::Struct => {
                // Threads within threads would grow many.
                let threads = if depth == DEPTH { threads } else { 1 };
                Values::Struct(Members::new(&field.children, all(), threads)?)
            }
            Layout::Union { dense, ids } => {
                let branches = all().collect::<Result<_, _>>()?;
                Values::Union(Union::new(dense, ids, branches, threads))
            }
            Layout::Runs => {
                let ends = field.children.first().ok_or(Fault::Children)?;
                let encoding = Encoding::Runs(Index::of(&ends.format)?);
                Values::Encoded(encoding, Box::new(child(1)?))
            }
            Layout::Dictionary(_) if field.is_layout() => Values::Text(Text::new(field, threads)?),
            Layout::Dictionary(index) => {
                let values = field.dictionary.as_deref().ok_or(Fault::Children)?;
                let values = Self::nested(values, threads, within)?;
                Values::Encoded(Encoding::Dictionary(index), Box::new(values))
            }
        };
        Ok(Self {
            length: 0,
            validity: Validity::new(threads),
            values,
        })
    }

    /// Whether rows are looked at one by one, so that threads cannot share the work.
    pub fn is_slow(&self) -> bool {
        match &self.values {
            Values::Nothing | Values::Bits(_) | Values::Fixed(_) => false,
            Values::Text(text) => text.is_slow(),
            Values::List(list) => list.is_slow(),
            Values::FixedList(_, child) => child.is_slow(),
            Values::Struct(members) => members.are_slow(),
            Values::Union(_) | Values::Encoded(..) => true,
        }
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
            _ => self.validity.push(pieces)?,
        }
        match &mut self.values {
            Values::Bits(bits) => push_bits(bits, pieces),
            Values::Fixed(fixed) => fixed.push(pieces),
            Values::List(list) => list.push(pieces),
            Values::FixedList(size, child) => push_fixed_lists(*size, child, pieces),
            Values::Struct(members) => members.push(pieces),
            Values::Union(union) => union.push(pieces),
            Values::Nothing | Values::Text(_) | Values::Encoded(..) => Ok(()),
        }
    }

    /// Write everything that counts of the rows.
    pub fn finish(self, tokens: &mut Tokens) {
        if let Values::Encoded(_, values) = self.values {
            return values.finish(tokens);
        }
        tokens.number(self.length);
        self.validity.finish(tokens);
        match self.values {
            Values::Nothing | Values::Encoded(..) => {}
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
