//! Text and binary in any layout: the lengths in one stream, the bytes in another.

use super::bits::{Validity, is_valid};
use super::encoded::index_at;
use super::layout::{Index, Layout, Width};
use super::offsets::{Offsets, together, write_length};
use super::pieces::Piece;
use super::segments::{Segment, append};
use super::{Array, Error, Fault, Field};
use crate::encode::{Tag, Tokens};
use crate::stream::Stream;

/// Bytes of a view; the first four are its length.
const VIEW: usize = 16;

/// Longer text than this lies elsewhere, and the view says in which buffer and where.
const IN_PLACE: usize = 12;

pub struct Text {
    form: Form,
    lengths: Stream,
    bytes: Stream,
}

/// How text lies in memory.
enum Form {
    Offsets(Width),
    Views,
    Dictionary(Index, Box<Form>),
}

impl Form {
    fn of(field: &Field) -> Result<Self, Error> {
        match (Layout::of(field)?, &field.dictionary) {
            (Layout::Text(width), _) => Ok(Self::Offsets(width)),
            (Layout::TextViews, _) => Ok(Self::Views),
            (Layout::Dictionary(index), Some(values)) => {
                Ok(Self::Dictionary(index, Box::new(Self::of(values)?)))
            }
            _ => Err(Fault::Unknown(field.format.clone()).into()),
        }
    }

    /// The bytes of a row, if it is valid.
    fn cell<'a>(&self, array: &'a Array, row: usize) -> Result<Option<&'a [u8]>, Error> {
        if !is_valid(array, row)? {
            return Ok(None);
        }
        match self {
            Self::Offsets(width) => {
                let (start, end) = Offsets::of(array, *width, row, 1)?.range(0)?;
                let bytes = array.buffer(1)?.get(start..end);
                bytes.map(Some).ok_or(Fault::Offsets.into())
            }
            Self::Views => view(array, row).map(Some),
            Self::Dictionary(index, form) => {
                let values = array.values()?;
                form.cell(values, index_at(array, *index, row, values.length)?)
            }
        }
    }
}

fn view(array: &Array, row: usize) -> Result<&[u8], Error> {
    let views = array.buffer(0)?.as_chunks::<VIEW>().0;
    let view = views.get(array.offset + row).ok_or(Fault::Buffer)?;
    let [length, _, buffer, start] = view.as_chunks().0 else {
        return Err(Fault::Buffer.into());
    };
    let [length, buffer, start] =
        [length, buffer, start].map(|number| u32::from_ne_bytes(*number) as usize);
    let bytes = if length <= IN_PLACE {
        view.get(4..4 + length)
    } else {
        let bytes = array.buffer(buffer.saturating_add(1))?;
        bytes.get(start..start.saturating_add(length))
    };
    bytes.ok_or(Fault::Offsets.into())
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
        for row in piece.start..piece.start + piece.length {
            let cell = piece.array.map(|array| self.form.cell(array, row));
            let cell = cell.transpose()?.flatten();
            if decodes {
                validity.repeat(cell.is_some(), 1);
            }
            let bytes = cell.unwrap_or_default();
            write_length(&mut self.lengths, bytes.len());
            self.bytes.update(bytes);
        }
        Ok(())
    }

    pub fn finish(self, tokens: &mut Tokens) {
        tokens.digest(Tag::Digest, &self.lengths.finish());
        tokens.digest(Tag::Digest, &self.bytes.finish());
    }
}
