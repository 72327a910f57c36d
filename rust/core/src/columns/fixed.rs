//! Values of so many bytes each: hashed where they lie, with zeros under nulls.

use super::bits::check;
use super::pieces::Piece;
use super::segments::{Masked, Segment, append};
use super::{Array, Error, Fault};
use crate::encode::{Tag, Tokens};
use crate::stream::Stream;

pub struct Fixed {
    width: usize,
    stream: Stream,
}

impl Fixed {
    pub fn new(width: usize, threads: usize) -> Self {
        Self {
            width,
            stream: Stream::new(threads),
        }
    }

    pub fn push(&mut self, pieces: &[Piece<'_>]) -> Result<(), Error> {
        let segments: Result<Vec<_>, _> = pieces.iter().map(|piece| self.segment(piece)).collect();
        append(&mut self.stream, &segments?);
        Ok(())
    }

    fn segment<'a>(&self, piece: &Piece<'a>) -> Result<Segment<'a>, Error> {
        let Some(array) = piece.array else {
            let zeros = piece.length.checked_mul(self.width);
            return zeros.map(Segment::Zeros).ok_or(Fault::Buffer.into());
        };
        let values = values(array, 0, self.width, piece.start, piece.length)?;
        let Some(validity) = array.validity.as_deref().filter(|_| self.width > 0) else {
            return Ok(Segment::Bytes(values));
        };
        let offset = array.offset + piece.start;
        check(validity, offset, piece.length)?;
        Ok(Segment::Masked(Masked {
            values,
            width: self.width,
            validity,
            offset,
        }))
    }

    pub fn finish(self, tokens: &mut Tokens) {
        tokens.digest(Tag::Digest, &self.stream.finish());
    }
}

/// The bytes of some rows in a buffer with so many bytes per row.
pub fn values(
    array: &Array,
    buffer: usize,
    width: usize,
    start: usize,
    length: usize,
) -> Result<&[u8], Error> {
    let first = array.offset.checked_add(start);
    let from = first.and_then(|first| first.checked_mul(width));
    let bytes = length.checked_mul(width);
    let range = from
        .zip(bytes)
        .and_then(|(from, bytes)| Some(from..from.checked_add(bytes)?));
    let found = range.and_then(|range| array.buffer(buffer).ok()?.get(range));
    found.ok_or(Fault::Buffer.into())
}
