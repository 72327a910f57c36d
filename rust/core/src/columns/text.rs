//! Text and binary in any layout: the lengths in one stream, the bytes in another.

use super::bits::Validity;
use super::blocks::{BATCH, in_blocks};
use super::cells::Cells;
use super::form::Form;
use super::offsets::together;
use super::pieces::Piece;
use super::segments::{Segment, append};
use super::{Error, Fault, Field};
use crate::encode::{Tag, Tokens};
use crate::stream::Stream;

pub struct Text {
    threads: usize,
    form: Form,
    lengths: Stream,
    bytes: Stream,
}

impl Text {
    pub fn new(field: &Field, threads: usize) -> Result<Self, Error> {
        Ok(Self {
            threads,
            form: Form::of(field)?,
            lengths: Stream::new(threads),
            bytes: Stream::new(threads),
        })
    }

    /// Append rows, where possible without looking at each of them.
    pub fn push(&mut self, pieces: &[Piece<'_>], validity: &mut Validity) -> Result<(), Error> {
        if !self.form.decodes() {
            validity.push(pieces)?;
        }
        let mut together = Vec::new();
        for piece in pieces {
            if let Some(found) = self.together(piece)? {
                together.push(found);
            } else {
                self.push_together(&mut together);
                self.push_rows(piece, validity)?;
            }
        }
        self.push_together(&mut together);
        Ok(())
    }

    /// The lengths and the bytes of rows that lie one after the other, with nothing in between.
    fn together<'a>(&self, piece: &Piece<'a>) -> Result<Option<(Segment<'a>, Segment<'a>)>, Error> {
        let (Form::Offsets(width), Some(array)) = (&self.form, piece.array) else {
            return Ok(None);
        };
        let Some((offsets, range)) = together(array, *width, piece)? else {
            return Ok(None);
        };
        let bytes = array.buffer(1)?.get(range).ok_or(Fault::Offsets)?;
        Ok(Some((Segment::Lengths(offsets), Segment::Bytes(bytes))))
    }

    fn push_together(&mut self, found: &mut Vec<(Segment<'_>, Segment<'_>)>) {
        let (lengths, bytes): (Vec<_>, Vec<_>) = found.drain(..).unzip();
        append(&mut self.lengths, &lengths);
        append(&mut self.bytes, &bytes);
    }

    /// Append rows that have to be looked at one by one.
    fn push_rows(&mut self, piece: &Piece<'_>, validity: &mut Validity) -> Result<(), Error> {
        let Some(array) = piece.array else {
            append(&mut self.lengths, &[Segment::Zeros(4 * piece.length)]);
            if self.form.decodes() {
                validity.repeat(false, piece.length);
            }
            return Ok(());
        };
        let values = self.form.values(array, piece.length)?;
        let cells = |rows| self.form.cells(array, values.as_deref(), rows);
        let end = piece.start + piece.length;
        for start in (piece.start..end).step_by(BATCH) {
            let batch = in_blocks(start..end.min(start + BATCH), self.threads, &cells)?;
            let lengths: Vec<_> = batch.iter().map(Cells::lengths).collect();
            append(&mut self.lengths, &lengths);
            let bytes: Vec<_> = batch.iter().flat_map(Cells::bytes).collect();
            append(&mut self.bytes, &bytes);
            if self.form.decodes() {
                for cells in &batch {
                    cells.write_valid(validity);
                }
            }
        }
        Ok(())
    }

    pub fn finish(self, tokens: &mut Tokens) {
        tokens.digest(Tag::Digest, &self.lengths.finish());
        tokens.digest(Tag::Digest, &self.bytes.finish());
    }
}
