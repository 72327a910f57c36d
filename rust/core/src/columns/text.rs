//! Text and binary in any layout: the lengths in one stream, the bytes in another.

use super::bits::Validity;
use super::cells::Cells;
use super::form::Form;
use super::offsets::together;
use super::pieces::Piece;
use super::segments::{Segment, append};
use super::{Error, Fault, Field};
use crate::encode::{Tag, Tokens};
use crate::stream::Stream;

pub struct Text {
    form: Form,
    lengths: Stream,
    bytes: Stream,
}

impl Text {
    pub fn new(field: &Field, threads: usize) -> Result<Self, Error> {
        Ok(Self {
            form: Form::of(field)?,
            lengths: Stream::new(threads),
            bytes: Stream::new(threads),
        })
    }

    /// Whether rows are looked at one by one.
    pub fn is_slow(&self) -> bool {
        !matches!(self.form, Form::Offsets(_))
    }

    /// Append rows, where possible without looking at each of them.
    pub fn push(&mut self, pieces: &[Piece<'_>], validity: &mut Validity) -> Result<(), Error> {
        if !matches!(self.form, Form::Dictionary(..)) {
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

    fn push_rows(&mut self, piece: &Piece<'_>, validity: &mut Validity) -> Result<(), Error> {
        let decodes = matches!(self.form, Form::Dictionary(..));
        let mut cells = Cells::new(
            &mut self.lengths,
            &mut self.bytes,
            decodes.then_some(validity),
        );
        match piece.array {
            None => (0..piece.length).for_each(|_| cells.push(None)),
            Some(array) => self.form.cells(array, piece, &mut cells)?,
        }
        cells.flush();
        Ok(())
    }

    pub fn finish(self, tokens: &mut Tokens) {
        tokens.digest(Tag::Digest, &self.lengths.finish());
        tokens.digest(Tag::Digest, &self.bytes.finish());
    }
}
