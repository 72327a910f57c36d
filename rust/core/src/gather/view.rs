//! A block of memory and how elements lie in it.

use std::ops::Range;

use crate::subtree::SUBTREE;

/// Elements in a block of memory, in an order given by shape and strides.
#[derive(Clone)]
pub struct View<'a> {
    memory: &'a [u8],
    /// Where the first element starts.
    first: usize,
    /// Axes with their lengths and strides, slowest first; those that lie side by side are one.
    axes: Vec<Axis>,
    /// Bytes that lie together.
    run: usize,
    length: usize,
    /// Bytes per word that are to be reversed, if any.
    swap: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Axis {
    length: usize,
    stride: isize,
}

impl<'a> View<'a> {
    /// One block as it lies.
    #[must_use]
    pub fn whole(memory: &'a [u8]) -> Self {
        Self {
            memory,
            first: 0,
            axes: Vec::new(),
            run: memory.len(),
            length: memory.len(),
            swap: 0,
        }
    }

    /// Elements of `item` bytes, the first of which starts at `first`; `None` where one lies outside of the memory.
    #[must_use]
    pub fn strided(
        memory: &'a [u8],
        first: usize,
        item: usize,
        shape: &[usize],
        strides: &[isize],
    ) -> Option<Self> {
        let count = shape
            .iter()
            .try_fold(1, |product: usize, &side| product.checked_mul(side))?;
        let length = count.checked_mul(item)?;
        if length == 0 {
            return Some(Self::whole(&[]));
        }
        let extent = extent(item, shape, strides)?;
        let lowest = first.checked_add_signed(extent.start)?;
        let highest = first.checked_add_signed(extent.end)?;
        if lowest > highest || highest > memory.len() || shape.len() != strides.len() {
            return None;
        }
        let (axes, run) = coalesced(item, shape, strides);
        Some(Self {
            memory,
            first,
            axes,
            run,
            length,
            swap: 0,
        })
    }

    /// The same elements with the bytes of each word of this size in reverse.
    #[must_use]
    pub fn swapped(self, word: usize) -> Self {
        Self { swap: word, ..self }
    }

    /// How many bytes the elements have.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.length as u64
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The elements, where they are one block as it is hashed.
    pub(super) fn block(&self) -> Option<&'a [u8]> {
        (self.axes.is_empty() && self.swap == 0)
            .then(|| &self.memory[self.first..self.first + self.length])
    }

    /// Where the first element lies.
    pub(super) fn address(&self) -> usize {
        self.memory.as_ptr() as usize + self.first
    }

    /// Whether elements are apart.
    pub(super) fn is_scattered(&self) -> bool {
        !self.axes.is_empty()
    }

    /// Whether elements lie in the same way, elsewhere.
    pub(super) fn is_laid_as(&self, other: &Self) -> bool {
        (self.run, self.length, self.swap) == (other.run, other.length, other.swap)
            && self.axes == other.axes
    }

    /// How many bytes to read at a time.  Elements that lie across the order get as many rows as there may be: each
    /// cache line holds several of them.
    pub(super) fn tile(&self, usual: usize) -> usize {
        let whole = usize::try_from(SUBTREE).unwrap_or(usize::MAX);
        if self.block().is_some() || self.is_crossed() {
            whole
        } else {
            usual
        }
    }

    /// The bytes of a range, in order: where they lie, or gathered into the buffer.
    pub(super) fn read<'b>(&'b self, start: u64, stop: u64, buffer: &'b mut Vec<u8>) -> &'b [u8] {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let stop = usize::try_from(stop).unwrap_or(usize::MAX);
        if let Some(block) = self.block() {
            return &block[start..stop];
        }
        // The buffer keeps what it had: every byte of the tile is written.
        if buffer.len() < stop - start {
            buffer.resize(stop - start, 0);
        }
        let tile = &mut buffer[..stop - start];
        self.gather(start, tile);
        reverse_words(tile, self.swap);
        tile
    }

    /// Whether elements that follow each other lie further apart than the rows do.
    fn is_crossed(&self) -> bool {
        matches!(self.axes[..], [.., rows, columns] if rows.stride.unsigned_abs() < columns.stride.unsigned_abs())
    }

    fn gather(&self, start: usize, tile: &mut [u8]) {
        let Some(columns) = self.axes.last().copied() else {
            let from = self.first + start;
            tile.copy_from_slice(&self.memory[from..from + tile.len()]);
            return;
        };
        let row = columns.length * self.run;
        let mut done = 0;
        while done < tile.len() {
            let place = start + done;
            let rest = tile.len() - done;
            let rows = self.rows_from(place / row).min(rest / row);
            if place.is_multiple_of(row) && rows > 1 && self.is_crossed() {
                self.gather_across(place / row, rows, &mut tile[done..done + rows * row]);
                done += rows * row;
            } else {
                let bytes = rest.min(row - place % row);
                self.gather_row(place, &mut tile[done..done + bytes]);
                done += bytes;
            }
        }
    }

    /// How many rows from this one on follow each other on the axis above the last.
    fn rows_from(&self, row: usize) -> usize {
        match self.axes[..] {
            [.., rows, _] => rows.length - row % rows.length,
            _ => 1,
        }
    }

    /// Where a row starts.
    fn row_offset(&self, mut row: usize) -> usize {
        let mut offset = self.first;
        for axis in self.axes.iter().rev().skip(1) {
            offset = moved(offset, row % axis.length, axis.stride);
            row /= axis.length;
        }
        offset
    }

    /// Part of one row; it may start and end inside of an element.
    fn gather_row(&self, place: usize, mut tile: &mut [u8]) {
        let Some(columns) = self.axes.last().copied() else {
            return;
        };
        let row = columns.length * self.run;
        let mut column = place % row / self.run;
        let inside = place % self.run;
        let mut offset = moved(self.row_offset(place / row), column, columns.stride);
        if inside > 0 {
            let bytes = tile.len().min(self.run - inside);
            let (part, rest) = tile.split_at_mut(bytes);
            part.copy_from_slice(&self.memory[offset + inside..offset + inside + bytes]);
            tile = rest;
            column += 1;
            if tile.is_empty() || column == columns.length {
                return;
            }
            offset = moved(offset, 1, columns.stride);
        }
        let whole = tile.len() / self.run;
        let (runs, part) = tile.split_at_mut(whole * self.run);
        copy_runs(self.memory, offset, columns.stride, self.run, runs);
        if !part.is_empty() {
            let from = moved(offset, whole, columns.stride);
            part.copy_from_slice(&self.memory[from..from + part.len()]);
        }
    }

    /// Whole rows, column by column: what lies side by side is read together.
    fn gather_across(&self, first: usize, rows: usize, tile: &mut [u8]) {
        let [.., down, columns] = self.axes[..] else {
            return;
        };
        let origin = self.row_offset(first);
        let width = columns.length * self.run;
        for column in 0..columns.length {
            let offset = moved(origin, column, columns.stride);
            let out = &mut tile[column * self.run..];
            scatter_runs(self.memory, offset, down.stride, self.run, out, width, rows);
        }
    }
}

/// The bytes that elements reach, seen from the start of the first.
fn extent(item: usize, shape: &[usize], strides: &[isize]) -> Option<Range<isize>> {
    let (mut low, mut high) = (0_isize, isize::try_from(item).ok()?);
    for (&side, &stride) in shape.iter().zip(strides) {
        let reach = isize::try_from(side - 1).ok()?.checked_mul(stride)?;
        if reach < 0 {
            low = low.checked_add(reach)?;
        } else {
            high = high.checked_add(reach)?;
        }
    }
    Some(low..high)
}

/// Axes without those that say nothing, and the bytes that lie together.
fn coalesced(item: usize, shape: &[usize], strides: &[isize]) -> (Vec<Axis>, usize) {
    let mut axes: Vec<Axis> = Vec::new();
    for (&length, &stride) in shape
        .iter()
        .zip(strides)
        .filter(|&(&length, _)| length != 1)
    {
        match axes.last_mut() {
            Some(last) if Some(last.stride) == stepped(stride, length) => {
                *last = Axis {
                    length: last.length * length,
                    stride,
                };
            }
            _ => axes.push(Axis { length, stride }),
        }
    }
    match axes.last().copied() {
        Some(last) if isize::try_from(item) == Ok(last.stride) => {
            axes.pop();
            (axes, item * last.length)
        }
        _ => (axes, item),
    }
}

fn stepped(stride: isize, length: usize) -> Option<isize> {
    isize::try_from(length).ok()?.checked_mul(stride)
}

/// An offset so many strides further; `strided` has checked that it lies within the memory.
fn moved(offset: usize, count: usize, stride: isize) -> usize {
    offset.wrapping_add(count.cast_signed().wrapping_mul(stride).cast_unsigned())
}

fn copy_runs(memory: &[u8], offset: usize, stride: isize, run: usize, out: &mut [u8]) {
    match run {
        1 => copy_fixed::<1>(memory, offset, stride, out),
        2 => copy_fixed::<2>(memory, offset, stride, out),
        4 => copy_fixed::<4>(memory, offset, stride, out),
        8 => copy_fixed::<8>(memory, offset, stride, out),
        16 => copy_fixed::<16>(memory, offset, stride, out),
        _ => {
            let mut from = offset;
            for piece in out.chunks_exact_mut(run) {
                piece.copy_from_slice(&memory[from..from + run]);
                from = moved(from, 1, stride);
            }
        }
    }
}

fn copy_fixed<const RUN: usize>(memory: &[u8], offset: usize, stride: isize, out: &mut [u8]) {
    let mut from = offset;
    for piece in out.as_chunks_mut::<RUN>().0 {
        piece.copy_from_slice(&memory[from..from + RUN]);
        from = moved(from, 1, stride);
    }
}

fn scatter_runs(
    memory: &[u8],
    offset: usize,
    stride: isize,
    run: usize,
    out: &mut [u8],
    width: usize,
    count: usize,
) {
    match run {
        1 => scatter_fixed::<1>(memory, offset, stride, out, width, count),
        2 => scatter_fixed::<2>(memory, offset, stride, out, width, count),
        4 => scatter_fixed::<4>(memory, offset, stride, out, width, count),
        8 => scatter_fixed::<8>(memory, offset, stride, out, width, count),
        _ => {
            let mut from = offset;
            for row in 0..count {
                out[row * width..][..run].copy_from_slice(&memory[from..from + run]);
                from = moved(from, 1, stride);
            }
        }
    }
}

fn scatter_fixed<const RUN: usize>(
    memory: &[u8],
    offset: usize,
    stride: isize,
    out: &mut [u8],
    width: usize,
    count: usize,
) {
    let mut from = offset;
    for row in 0..count {
        out[row * width..][..RUN].copy_from_slice(&memory[from..from + RUN]);
        from = moved(from, 1, stride);
    }
}

fn reverse_words(bytes: &mut [u8], word: usize) {
    match word {
        0 | 1 => {}
        2 => bytes
            .as_chunks_mut::<2>()
            .0
            .iter_mut()
            .for_each(|word| word.reverse()),
        4 => bytes
            .as_chunks_mut::<4>()
            .0
            .iter_mut()
            .for_each(|word| word.reverse()),
        8 => bytes
            .as_chunks_mut::<8>()
            .0
            .iter_mut()
            .for_each(|word| word.reverse()),
        _ => bytes.chunks_exact_mut(word).for_each(<[u8]>::reverse),
    }
}
