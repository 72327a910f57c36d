//! Lists of any length in any layout: the lengths in one stream, what they hold in a column of its own.

use std::ops::Range;

use super::bits::is_valid;
use super::layout::Width;
use super::node::Node;
use super::offsets::{self, Offsets, write_length};
use super::pieces::{Piece, Pieces};
use super::segments::{Segment, append};
use super::{Array, Error, Fault};
use crate::encode::{Tag, Tokens};
use crate::stream::Stream;

/// Bytes of lengths that are collected before they are handed on.
const BLOCK: usize = 32 * 1024;

pub struct List {
    form: Form,
    lengths: Stream,
    child: Node,
}

/// How lists lie in memory.
#[derive(Clone, Copy)]
pub enum Form {
    Offsets(Width),
    Views(Width),
}

impl Form {
    /// Where the items of some rows lie, if they lie one after the other with nothing in between.
    fn together<'a>(
        self,
        array: &'a Array,
        piece: &Piece<'a>,
    ) -> Result<Option<(Offsets<'a>, Range<usize>)>, Error> {
        match self {
            Self::Offsets(width) => offsets::together(array, width, piece),
            Self::Views(_) => Ok(None),
        }
    }

    /// Where the items of a row begin and end; nothing for a null.
    fn range(self, array: &Array, row: usize) -> Result<(usize, usize), Error> {
        if !is_valid(array, row)? {
            return Ok((0, 0));
        }
        match self {
            Self::Offsets(width) => Offsets::of(array, width, row, 1)?.range(0),
            Self::Views(width) => {
                let row = array.offset + row;
                let start = view(array.buffer(0)?, width, row)?;
                let length = view(array.buffer(1)?, width, row)?;
                Ok((start, start.checked_add(length).ok_or(Fault::Offsets)?))
            }
        }
    }
}

/// Append rows one by one.
fn push_rows<'a, F: FnMut(&[Piece<'a>]) -> Result<(), Error>>(
    form: Form,
    array: &'a Array,
    piece: &Piece<'a>,
    lengths: &mut Stream,
    items: &mut Pieces<'a, F>,
) -> Result<(), Error> {
    let mut block = Vec::new();
    for row in piece.start..piece.start + piece.length {
        let (start, end) = form.range(array, row)?;
        write_length(&mut block, end - start);
        if block.len() > BLOCK {
            lengths.update(&block);
            block.clear();
        }
        items.add(Piece::of(array.child(0)?, start, end - start)?)?;
    }
    lengths.update(&block);
    Ok(())
}

fn view(bytes: &[u8], width: Width, row: usize) -> Result<usize, Error> {
    let number = match width {
        Width::Narrow => bytes
            .as_chunks()
            .0
            .get(row)
            .map(|found| i32::from_ne_bytes(*found).into()),
        Width::Wide => bytes
            .as_chunks()
            .0
            .get(row)
            .map(|found| i64::from_ne_bytes(*found)),
    };
    usize::try_from(number.ok_or(Fault::Buffer)?).map_err(|_| Fault::Offsets.into())
}

impl List {
    pub fn new(form: Form, child: Node, threads: usize) -> Self {
        Self {
            form,
            lengths: Stream::new(threads),
            child,
        }
    }

    /// Append rows, where possible without looking at each of them.
    pub fn push(&mut self, pieces: &[Piece<'_>]) -> Result<(), Error> {
        let (lengths, form, child) = (&mut self.lengths, self.form, &mut self.child);
        let mut items = Pieces::new(|pieces: &[Piece<'_>]| child.push(pieces));
        let mut segments = Vec::new();
        for piece in pieces {
            match piece.array {
                None => segments.push(Segment::Zeros(4 * piece.length)),
                Some(array) => {
                    if let Some((offsets, range)) = form.together(array, piece)? {
                        segments.push(Segment::Lengths(offsets));
                        items.add(Piece::of(array.child(0)?, range.start, range.len())?)?;
                    } else {
                        append(lengths, &segments);
                        segments.clear();
                        push_rows(form, array, piece, lengths, &mut items)?;
                    }
                }
            }
        }
        append(lengths, &segments);
        items.flush()
    }

    pub fn finish(self, tokens: &mut Tokens) {
        tokens.digest(Tag::Digest, &self.lengths.finish());
        self.child.finish(tokens);
    }
}
