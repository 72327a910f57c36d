//! Offsets in, lengths out.

use std::ops::Range;

use super::bits::{nulls, words};
use super::layout::Width;
use super::pieces::Piece;
use super::{Array, Error, Fault};

/// Lengths from here on take 12 bytes in a stream of lengths, not 4.
const LONG: u64 = u32::MAX as u64;

/// The offsets of some rows, and the one behind them.
#[derive(Clone, Copy)]
pub enum Offsets<'a> {
    Narrow(&'a [[u8; 4]]),
    Wide(&'a [[u8; 8]]),
}

impl<'a> Offsets<'a> {
    /// The offsets of the rows from `start` on.
    pub fn of(array: &'a Array, width: Width, start: usize, length: usize) -> Result<Self, Error> {
        let bytes = array.buffer(0)?;
        let start = array.offset + start;
        let range = start..=start + length;
        let found = match width {
            Width::Narrow => bytes.as_chunks().0.get(range).map(Self::Narrow),
            Width::Wide => bytes.as_chunks().0.get(range).map(Self::Wide),
        };
        found.ok_or(Fault::Buffer.into())
    }

    /// Where a row begins.
    pub fn at(self, row: usize) -> Result<usize, Error> {
        let found = match self {
            Self::Narrow(all) => all.get(row).map(|bytes| i32::from_ne_bytes(*bytes).into()),
            Self::Wide(all) => all.get(row).map(|bytes| i64::from_ne_bytes(*bytes)),
        };
        let place = found.and_then(|place| usize::try_from(place).ok());
        place.ok_or(Fault::Offsets.into())
    }

    /// Where a row begins and ends.
    pub fn range(self, row: usize) -> Result<(usize, usize), Error> {
        let (start, end) = (self.at(row)?, self.at(row + 1)?);
        if start <= end {
            Ok((start, end))
        } else {
            Err(Fault::Offsets.into())
        }
    }

    /// How many rows there are.
    pub fn rows(self) -> usize {
        let bounds = match self {
            Self::Narrow(all) => all.len(),
            Self::Wide(all) => all.len(),
        };
        bounds.saturating_sub(1)
    }

    /// Whether no length is long; an error when one is negative.
    pub fn are_short(self) -> Result<bool, Error> {
        self.at(0)?;
        // The lengths are or'ed, which takes no branches: one sign bit tells that one of them is negative.
        let all = match self {
            Self::Narrow(all) => i64::from(pairs(all).fold(0, |seen, (start, end)| {
                seen | i32::from_ne_bytes(*end).wrapping_sub(i32::from_ne_bytes(*start))
            })),
            Self::Wide(all) => pairs(all).fold(0, |seen, (start, end)| {
                seen | i64::from_ne_bytes(*end).wrapping_sub(i64::from_ne_bytes(*start))
            }),
        };
        u64::try_from(all)
            .map(|all| all < LONG)
            .map_err(|_| Fault::Offsets.into())
    }

    /// Append the lengths of the rows from `start` on, none of which is long.
    pub fn write(self, start: usize, length: usize, block: &mut Vec<u8>) {
        let range = start..=start + length;
        match self {
            Self::Narrow(all) => {
                let bounds = pairs(all.get(range).unwrap_or_default());
                block.extend(bounds.flat_map(|(start, end)| {
                    i32::from_ne_bytes(*end)
                        .wrapping_sub(i32::from_ne_bytes(*start))
                        .to_le_bytes()
                }));
            }
            Self::Wide(all) => {
                let bounds = pairs(all.get(range).unwrap_or_default());
                block.extend(bounds.flat_map(|(start, end)| {
                    let [a, b, c, d, ..] = i64::from_ne_bytes(*end)
                        .wrapping_sub(i64::from_ne_bytes(*start))
                        .to_le_bytes();
                    [a, b, c, d]
                }));
            }
        }
    }
}

fn pairs<T>(all: &[T]) -> impl Iterator<Item = (&T, &T)> {
    all.iter().zip(all.get(1..).unwrap_or_default())
}

/// The offsets of rows that lie one after the other, and what they span; none if nulls have content or a row is long.
pub fn together<'a>(
    array: &'a Array,
    width: Width,
    piece: &Piece<'a>,
) -> Result<Option<(Offsets<'a>, Range<usize>)>, Error> {
    let offsets = Offsets::of(array, width, piece.start, piece.length)?;
    if !offsets.are_short()? || hides(array, piece.start, offsets)? {
        return Ok(None);
    }
    Ok(Some((offsets, offsets.at(0)?..offsets.at(offsets.rows())?)))
}

/// Whether a row that is null has content.
fn hides(array: &Array, start: usize, offsets: Offsets<'_>) -> Result<bool, Error> {
    let Some(validity) = &array.validity else {
        return Ok(false);
    };
    let mut first = 0;
    for (word, rows) in words(validity, array.offset + start, offsets.rows())? {
        for row in nulls(word, rows) {
            if offsets.at(first + row)? != offsets.at(first + row + 1)? {
                return Ok(true);
            }
        }
        first += rows;
    }
    Ok(false)
}

/// Append the length of one row.
pub fn write_length(lengths: &mut Vec<u8>, length: usize) {
    let length = length as u64;
    let short = u32::try_from(length.min(LONG)).unwrap_or(u32::MAX);
    lengths.extend_from_slice(&short.to_le_bytes());
    if length >= LONG {
        lengths.extend_from_slice(&length.to_le_bytes());
    }
}
