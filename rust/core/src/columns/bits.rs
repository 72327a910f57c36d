//! Bits as they lie in memory in, the same bits packed from the first one on out.

use std::iter::once;

use arrow_buffer::bit_chunk_iterator::BitChunks;
use arrow_buffer::bit_iterator::BitSliceIterator;

use super::pieces::Piece;
use super::{Array, Error, Fault};
use crate::encode::{Tag, Tokens};
use crate::stream::Stream;

/// Bits per word.
pub const WORD: usize = 64;

/// A word of which only so many bits, the lowest, are there.
pub type Word = (u64, usize);

/// The bits from a place on, up to 64 at a time.
pub fn words(
    bytes: &[u8],
    start: usize,
    length: usize,
) -> Result<impl Iterator<Item = Word>, Error> {
    check(bytes, start, length)?;
    let chunks = BitChunks::new(bytes, start, length);
    let rest = (chunks.remainder_bits(), chunks.remainder_len());
    let whole = chunks.iter().map(|word| (word, WORD));
    Ok(whole.chain(once(rest).filter(|rest| rest.1 > 0)))
}

/// The word of which all so many bits are set.
pub fn ones(bits: usize) -> u64 {
    if bits == WORD {
        u64::MAX
    } else {
        (1 << bits) - 1
    }
}

/// The bits among so many that are not set.
pub fn nulls(word: u64, bits: usize) -> impl Iterator<Item = usize> {
    let mut left = !word & ones(bits);
    std::iter::from_fn(move || {
        let next = left.trailing_zeros() as usize;
        left &= left.wrapping_sub(1);
        (next < WORD).then_some(next)
    })
}

/// Whether a bitmap reaches as far as it should.
pub fn check(bytes: &[u8], start: usize, length: usize) -> Result<(), Error> {
    let end = start.checked_add(length).ok_or(Fault::Buffer)?;
    if end.div_ceil(8) <= bytes.len() {
        Ok(())
    } else {
        Err(Fault::Buffer.into())
    }
}

/// Where the rows from `start` on that are valid lie, as pairs of first row and count.
pub fn valid_runs(
    array: &Array,
    start: usize,
    length: usize,
    mut visit: impl FnMut(usize, usize) -> Result<(), Error>,
) -> Result<(), Error> {
    let Some(validity) = &array.validity else {
        return visit(start, length);
    };
    let place = array.offset + start;
    check(validity, place, length)?;
    for (first, end) in BitSliceIterator::new(validity, place, length) {
        visit(start + first, end - first)?;
    }
    Ok(())
}

/// Whether a row is valid.
pub fn is_valid(array: &Array, row: usize) -> Result<bool, Error> {
    let Some(validity) = &array.validity else {
        return Ok(true);
    };
    let place = array.offset + row;
    let byte = validity.get(place / 8).ok_or(Fault::Buffer)?;
    Ok(byte >> (place % 8) & 1 == 1)
}

/// Bits in, a stream of bytes out.
pub struct BitStream {
    stream: Stream,
    pending: u64,
    filled: usize,
}

impl BitStream {
    pub fn new(threads: usize) -> Self {
        Self {
            stream: Stream::new(threads),
            pending: 0,
            filled: 0,
        }
    }

    /// Append a word.
    pub fn push(&mut self, (word, bits): Word) {
        self.pending |= word << self.filled;
        let free = WORD - self.filled;
        if bits < free {
            self.filled += bits;
            return;
        }
        self.stream.update(&self.pending.to_le_bytes());
        self.pending = word
            .checked_shr(u32::try_from(free).unwrap_or(u32::MAX))
            .unwrap_or(0);
        self.filled = bits - free;
    }

    /// Append bits as they lie in memory.
    pub fn extend(&mut self, bytes: &[u8], start: usize, length: usize) -> Result<(), Error> {
        check(bytes, start, length)?;
        let mut whole = 0;
        if start.is_multiple_of(8) && self.filled == 0 {
            whole = length / WORD * WORD;
            let range = start / 8..(start + whole) / 8;
            self.stream.update(bytes.get(range).unwrap_or_default());
        }
        words(bytes, start + whole, length - whole)?.for_each(|word| self.push(word));
        Ok(())
    }

    /// Append one bit many times.
    pub fn repeat(&mut self, bit: bool, mut count: u64) {
        while count > 0 {
            let bits = usize::try_from(count).map_or(WORD, |count| count.min(WORD));
            self.push((if bit { ones(bits) } else { 0 }, bits));
            count -= bits as u64;
        }
    }

    pub fn finish(mut self, tokens: &mut Tokens) {
        self.stream.update(&self.pending.to_le_bytes());
        tokens.digest(Tag::Digest, &self.stream.finish());
    }
}

/// Which rows are valid; nothing is written as long as all are.
pub struct Validity {
    threads: usize,
    all: u64,
    bits: Option<BitStream>,
}

impl Validity {
    pub fn new(threads: usize) -> Self {
        Self {
            threads,
            all: 0,
            bits: None,
        }
    }

    /// Append what the bitmaps of some rows say.
    pub fn push(&mut self, pieces: &[Piece<'_>]) -> Result<(), Error> {
        for piece in pieces {
            match piece.array.map(|array| (array, &array.validity)) {
                None => self.repeat(false, piece.length),
                Some((_, None)) => self.repeat(true, piece.length),
                Some((array, Some(bits))) => {
                    for word in words(bits, array.offset + piece.start, piece.length)? {
                        self.word(word);
                    }
                }
            }
        }
        Ok(())
    }

    /// Append one value for many rows.
    pub fn repeat(&mut self, valid: bool, length: usize) {
        match &mut self.bits {
            None if valid => self.all += length as u64,
            _ => self.bits().repeat(valid, length as u64),
        }
    }

    /// Append a word.
    pub fn word(&mut self, word: Word) {
        match &mut self.bits {
            None if word.0 == ones(word.1) => self.all += word.1 as u64,
            _ => self.bits().push(word),
        }
    }

    fn bits(&mut self) -> &mut BitStream {
        self.bits.get_or_insert_with(|| {
            let mut bits = BitStream::new(self.threads);
            bits.repeat(true, self.all);
            bits
        })
    }

    pub fn finish(self, tokens: &mut Tokens) {
        match self.bits {
            None => tokens.tag(Tag::None),
            Some(bits) => bits.finish(tokens),
        }
    }
}
