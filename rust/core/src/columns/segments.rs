//! Stretches of a stream that are hashed where they lie, or made block by block, by several threads in any order.

use arrow_buffer::bit_chunk_iterator::BitChunks;
use blake3::Hasher;

use super::bits::{nulls, ones};
use super::offsets::Offsets;
use crate::stream::Stream;

/// Bytes that are made at a time: they stay in the cache until they are hashed.
const BLOCK: usize = 32 * 1024;
static ZEROS: [u8; BLOCK] = [0; BLOCK];

/// A stretch of bytes that no thread needs to wait for.
pub enum Segment<'a> {
    /// As they lie in memory.
    Bytes(&'a [u8]),
    /// So many zeros.
    Zeros(usize),
    /// Values of a width, with zeros for those that are not valid.
    Masked(Masked<'a>),
    /// The lengths between offsets, 4 bytes each.
    Lengths(Offsets<'a>),
}

/// Values and which of them are valid; the bitmap is long enough.
pub struct Masked<'a> {
    pub values: &'a [u8],
    pub width: usize,
    pub validity: &'a [u8],
    pub offset: usize,
}

impl Segment<'_> {
    fn length(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Zeros(length) => *length,
            Self::Masked(masked) => masked.values.len(),
            Self::Lengths(offsets) => offsets.rows() * 4,
        }
    }

    fn feed(&self, hasher: &mut Hasher, block: &mut Vec<u8>, start: usize, end: usize) {
        match self {
            Self::Bytes(bytes) => {
                hasher.update(bytes.get(start..end).unwrap_or_default());
            }
            Self::Zeros(_) => feed_zeros(hasher, end - start),
            Self::Masked(masked) => masked.feed(hasher, block, start, end),
            Self::Lengths(offsets) => feed_lengths(*offsets, hasher, block, start / 4, end / 4),
        }
    }
}

fn feed_zeros(hasher: &mut Hasher, mut length: usize) {
    while length > 0 {
        let part = length.min(BLOCK);
        hasher.update(&ZEROS[..part]);
        length -= part;
    }
}

/// Subtrees and all that stands in a stream of lengths have multiples of 4 bytes, so that no length is split.
fn feed_lengths(
    offsets: Offsets<'_>,
    hasher: &mut Hasher,
    block: &mut Vec<u8>,
    start: usize,
    end: usize,
) {
    for first in (start..end).step_by(BLOCK / 4) {
        block.clear();
        offsets.write(first, (end - first).min(BLOCK / 4), block);
        hasher.update(block);
    }
}

impl Masked<'_> {
    fn feed(&self, hasher: &mut Hasher, block: &mut Vec<u8>, start: usize, end: usize) {
        let rows = (BLOCK / self.width).max(1);
        let last = end.div_ceil(self.width);
        for first in (start / self.width..last).step_by(rows) {
            let range = first * self.width..(first + rows).min(last) * self.width;
            let values = self.values.get(range.clone()).unwrap_or_default();
            let masked = self.mask(values, first, block);
            let from = start.max(range.start) - range.start;
            let to = end.min(range.end) - range.start;
            hasher.update(masked.get(from..to).unwrap_or_default());
        }
    }

    /// The values as they are if all are valid, else a copy in `block`.
    fn mask<'b>(&self, values: &'b [u8], first: usize, block: &'b mut Vec<u8>) -> &'b [u8] {
        let rows = values.len() / self.width;
        let bits = BitChunks::new(self.validity, self.offset + first, rows);
        let rest = (bits.remainder_bits(), bits.remainder_len());
        if bits.iter().all(|word| word == u64::MAX) && rest.0 == ones(rest.1) {
            return values;
        }
        block.clear();
        block.extend_from_slice(values);
        for (word, rows) in bits
            .iter()
            .chain([rest.0])
            .zip(block.chunks_mut(64 * self.width))
        {
            match self.width {
                1 => clear::<1>(word, rows),
                2 => clear::<2>(word, rows),
                4 => clear::<4>(word, rows),
                8 => clear::<8>(word, rows),
                16 => clear::<16>(word, rows),
                width => clear_any(word, rows, width),
            }
        }
        block
    }
}

fn clear<const N: usize>(word: u64, values: &mut [u8]) {
    let rows = values.as_chunks_mut::<N>().0;
    for row in nulls(word, rows.len()) {
        if let Some(row) = rows.get_mut(row) {
            *row = [0; N];
        }
    }
}

fn clear_any(word: u64, values: &mut [u8], width: usize) {
    for row in nulls(word, values.len() / width) {
        if let Some(row) = values.get_mut(row * width..(row + 1) * width) {
            row.fill(0);
        }
    }
}

/// Append segments to a stream.
pub fn append(stream: &mut Stream, segments: &[Segment<'_>]) {
    let mut length = 0;
    let ends: Vec<u64> = segments
        .iter()
        .map(|segment| {
            length += segment.length() as u64;
            length
        })
        .collect();
    stream.extend(length, || {
        let (ends, mut block) = (&ends, Vec::new());
        move |hasher: &mut Hasher, start: u64, length: u64| {
            feed(segments, ends, hasher, &mut block, start, start + length);
        }
    });
}

fn feed(
    segments: &[Segment<'_>],
    ends: &[u64],
    hasher: &mut Hasher,
    block: &mut Vec<u8>,
    mut start: u64,
    end: u64,
) {
    let mut index = ends.partition_point(|&other| other <= start);
    while start < end {
        let (Some(segment), Some(&behind)) = (segments.get(index), ends.get(index)) else {
            return;
        };
        let before = behind - segment.length() as u64;
        let stop = behind.min(end);
        let place = |number: u64| usize::try_from(number - before).unwrap_or(usize::MAX);
        segment.feed(hasher, block, place(start), place(stop));
        (start, index) = (stop, index + 1);
    }
}
