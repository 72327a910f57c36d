//! Texts one by one in, their lengths, their bytes and which are valid out.

use super::bits::{Validity, WORD, Word, ones};
use super::offsets::write_length;
use super::segments::Segment;

/// Longer text is not copied.
const COPIED: usize = 256;

/// The cells of some rows.
pub struct Cells<'a> {
    lengths: Vec<u8>,
    copied: Vec<u8>,
    /// Long text, and how much was copied before it came.
    long: Vec<(usize, &'a [u8])>,
    valid: Vec<Word>,
}

impl<'a> Cells<'a> {
    /// Start with no cell, and room for so many.
    pub fn with_room(rows: usize) -> Self {
        Self {
            lengths: Vec::with_capacity(4 * rows),
            copied: Vec::with_capacity(16 * rows),
            long: Vec::new(),
            valid: Vec::with_capacity(rows / WORD + 1),
        }
    }

    /// So many valid cells, each given with others' bytes behind its own; `None` if one of them is missing.
    ///
    /// Written in place, without asking each time whether there is room.
    pub fn of_shorts<'s, const N: usize>(
        rows: usize,
        cells: impl Iterator<Item = Option<(&'s [u8; N], usize)>>,
    ) -> Option<Self> {
        let (mut lengths, mut copied) = (vec![0; 4 * rows], vec![0; N * (rows + 1)]);
        let mut end = 0;
        for (to, cell) in lengths.as_chunks_mut::<4>().0.iter_mut().zip(cells) {
            let (bytes, length) = cell?;
            *to = u32::try_from(length).ok()?.to_le_bytes();
            *copied.get_mut(end..)?.first_chunk_mut::<N>()? = *bytes;
            end += length;
        }
        copied.truncate(end);
        let mut valid = vec![(u64::MAX, WORD); rows / WORD];
        let rest = rows % WORD;
        if rest > 0 {
            valid.push((ones(rest), rest));
        }
        Some(Self {
            lengths,
            copied,
            long: Vec::new(),
            valid,
        })
    }

    /// Append one cell.
    pub fn push(&mut self, cell: Option<&'a [u8]>) {
        let bytes = cell.unwrap_or_default();
        self.begin(cell.is_some(), bytes.len());
        if bytes.len() <= COPIED {
            self.copied.extend_from_slice(bytes);
        } else {
            self.long.push((self.copied.len(), bytes));
        }
    }

    /// Append one cell whose bytes, `length` of them, have others behind them: to copy all is quicker than to count.
    pub fn push_short<const N: usize>(&mut self, bytes: &[u8; N], length: usize) {
        self.begin(true, length);
        let end = self.copied.len() + length;
        self.copied.extend_from_slice(bytes);
        self.copied.truncate(end);
    }

    #[inline]
    fn begin(&mut self, valid: bool, length: usize) {
        write_length(&mut self.lengths, length);
        match self.valid.last_mut() {
            Some((word, bits)) if *bits < WORD => {
                *word |= u64::from(valid) << *bits;
                *bits += 1;
            }
            _ => self.valid.push((u64::from(valid), 1)),
        }
    }

    /// Which cells are valid.
    pub fn write_valid(&self, validity: &mut Validity) {
        self.valid.iter().for_each(|word| validity.word(*word));
    }

    pub fn lengths(&self) -> Segment<'_> {
        Segment::Bytes(&self.lengths)
    }

    /// The bytes of all cells, in order.
    pub fn bytes(&self) -> impl Iterator<Item = Segment<'_>> {
        let mut done = 0;
        let long = self.long.iter().flat_map(move |(before, long)| {
            let copied = self.copied.get(done..*before).unwrap_or_default();
            done = *before;
            [Segment::Bytes(copied), Segment::Bytes(long)]
        });
        let last = self.long.last().map_or(0, |(before, _)| *before);
        let rest = self.copied.get(last..).unwrap_or_default();
        long.chain([Segment::Bytes(rest)])
    }
}
