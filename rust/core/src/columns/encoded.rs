//! Rows of dictionaries and runs in, the rows of the values that they stand for out.

use super::bits::is_valid;
use super::fixed::values;
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
    let found = Indices::of(array, index, row, 1)?.at(0);
    found
        .filter(|&found| found < limit)
        .ok_or(Fault::Index.into())
}

/// The indices of some rows.
pub struct Indices<'a> {
    bytes: &'a [u8],
    index: Index,
}

impl<'a> Indices<'a> {
    pub fn of(array: &'a Array, index: Index, start: usize, length: usize) -> Result<Self, Error> {
        let bytes = values(array, 0, index.bytes, start, length)?;
        Ok(Self { bytes, index })
    }

    /// The index in a row.
    pub fn at(&self, row: usize) -> Option<usize> {
        let number = match (self.index.bytes, self.index.signed) {
            (1, true) => i64::from(i8::from_ne_bytes(self.bytes_at(row)?)),
            (1, false) => i64::from(u8::from_ne_bytes(self.bytes_at(row)?)),
            (2, true) => i64::from(i16::from_ne_bytes(self.bytes_at(row)?)),
            (2, false) => i64::from(u16::from_ne_bytes(self.bytes_at(row)?)),
            (4, true) => i64::from(i32::from_ne_bytes(self.bytes_at(row)?)),
            (4, false) => i64::from(u32::from_ne_bytes(self.bytes_at(row)?)),
            // Of eight bytes, the highest bit says in either case that nothing has so many rows.
            _ => i64::from_ne_bytes(self.bytes_at(row)?),
        };
        usize::try_from(number).ok()
    }

    fn bytes_at<const N: usize>(&self, row: usize) -> Option<[u8; N]> {
        self.bytes.as_chunks().0.get(row).copied()
    }
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
