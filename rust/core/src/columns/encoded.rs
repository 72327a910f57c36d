//! Rows of dictionaries and runs in, the rows of the values that they stand for out.

use super::bits::is_valid;
use super::layout::Index;
use super::pieces::{Piece, Pieces};
use super::{Array, Error, Fault};

/// How rows stand for values.
#[derive(Clone, Copy)]
pub enum Encoding {
    Dictionary(Index),
    Runs(Index),
}

impl Encoding {
    /// Hand on the values of some rows.
    pub fn decode<'a>(
        self,
        pieces: &[Piece<'a>],
        hand_on: impl FnMut(&[Piece<'a>]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut values = Pieces::new(hand_on);
        for piece in pieces {
            match (self, piece.array) {
                (_, None) => values.add(Piece::nulls(piece.length))?,
                (Self::Dictionary(index), Some(array)) => {
                    for row in piece.start..piece.start + piece.length {
                        values.add(look_up(array, index, row)?)?;
                    }
                }
                (Self::Runs(index), Some(array)) => {
                    repeat(array, index, piece, |piece| values.add(piece))?;
                }
            }
        }
        values.flush()
    }
}

fn look_up(array: &Array, index: Index, row: usize) -> Result<Piece<'_>, Error> {
    if !is_valid(array, row)? {
        return Ok(Piece::nulls(1));
    }
    let values = array.values()?;
    Piece::of(values, index_at(array, index, row, values.length)?, 1)
}

/// The index in a row, which is less than `limit`.
pub fn index_at(array: &Array, index: Index, row: usize, limit: usize) -> Result<usize, Error> {
    let place = array.offset + row;
    let number = integer(array.buffer(0)?, index, place).ok_or(Fault::Buffer)?;
    let found = usize::try_from(number).ok().filter(|&found| found < limit);
    found.ok_or(Fault::Index.into())
}

fn integer(bytes: &[u8], index: Index, place: usize) -> Option<i128> {
    Some(match (index.bytes, index.signed) {
        (1, true) => i8::from_ne_bytes(*bytes.as_chunks().0.get(place)?).into(),
        (1, false) => (*bytes.get(place)?).into(),
        (2, true) => i16::from_ne_bytes(*bytes.as_chunks().0.get(place)?).into(),
        (2, false) => u16::from_ne_bytes(*bytes.as_chunks().0.get(place)?).into(),
        (4, true) => i32::from_ne_bytes(*bytes.as_chunks().0.get(place)?).into(),
        (4, false) => u32::from_ne_bytes(*bytes.as_chunks().0.get(place)?).into(),
        (8, true) => i64::from_ne_bytes(*bytes.as_chunks().0.get(place)?).into(),
        (8, false) => u64::from_ne_bytes(*bytes.as_chunks().0.get(place)?).into(),
        _ => return None,
    })
}

/// Hand on the value of each run as often as the piece has rows of it.
fn repeat<'a>(
    array: &'a Array,
    index: Index,
    piece: &Piece<'a>,
    mut add: impl FnMut(Piece<'a>) -> Result<(), Error>,
) -> Result<(), Error> {
    let (ends, values) = (array.child(0)?, array.child(1)?);
    let end_of = |run: usize| index_at(ends, index, run, usize::MAX);
    let mut row = array.offset + piece.start;
    let last = row + piece.length;
    let mut run = first_run(ends.length, row, end_of)?;
    while row < last {
        if run >= ends.length {
            return Err(Fault::Offsets.into());
        }
        let end = end_of(run)?.min(last);
        if end <= row {
            return Err(Fault::Offsets.into());
        }
        let value = Piece::of(values, run, 1)?;
        for _ in row..end {
            add(value)?;
        }
        (row, run) = (end, run + 1);
    }
    Ok(())
}

/// The first run that ends behind a row, if ends ascend; the caller finds out when they do not.
fn first_run(
    runs: usize,
    row: usize,
    end_of: impl Fn(usize) -> Result<usize, Error>,
) -> Result<usize, Error> {
    let (mut low, mut high) = (0, runs);
    while low < high {
        let middle = low + (high - low) / 2;
        if end_of(middle)? <= row {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}
