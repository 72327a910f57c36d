//! How text and binary lie in memory, and how to come by each.

use std::ops::Range;

use super::bits::is_valid;
use super::cells::Cells;
use super::encoded::{Indices, index_at};
use super::layout::{Index, Layout, Width};
use super::offsets::Offsets;
use super::{Array, Error, Fault, Field};

/// Bytes of a view; the first four are its length.
const VIEW: usize = 16;

/// Longer text than this lies elsewhere, and the view says in which buffer and where.
const IN_PLACE: usize = 12;

/// Values of a dictionary up to this length are kept beside their place.
const SHORT: usize = 16;

pub enum Form {
    Offsets(Width),
    Views,
    Dictionary(Index, Box<Form>),
}

/// A value of a dictionary; a short one with zeros behind it.
pub struct Value<'a> {
    cell: Option<&'a [u8]>,
    short: [u8; SHORT],
}

impl Form {
    pub fn of(field: &Field) -> Result<Self, Error> {
        match (Layout::of(field)?, &field.dictionary) {
            (Layout::Text(width), _) => Ok(Self::Offsets(width)),
            (Layout::TextViews, _) => Ok(Self::Views),
            (Layout::Dictionary(index), Some(values)) => {
                Ok(Self::Dictionary(index, Box::new(Self::of(values)?)))
            }
            _ => Err(Fault::Unknown(field.format.clone()).into()),
        }
    }

    /// Whether it takes a look at each row to know which are valid.
    pub fn decodes(&self) -> bool {
        matches!(self, Self::Dictionary(..))
    }

    /// The values of a dictionary, unless there are more than so many rows.
    pub fn values<'a>(
        &self,
        array: &'a Array,
        rows: usize,
    ) -> Result<Option<Vec<Value<'a>>>, Error> {
        let Self::Dictionary(_, form) = self else {
            return Ok(None);
        };
        let values = array.values()?;
        if values.length > rows {
            return Ok(None);
        }
        let value = |row| form.cell(values, row).map(Value::of);
        (0..values.length)
            .map(value)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// The cells of some rows.
    pub fn cells<'a>(
        &self,
        array: &'a Array,
        values: Option<&[Value<'a>]>,
        rows: Range<usize>,
    ) -> Result<Cells<'a>, Error> {
        match (self, values) {
            (Self::Views, _) => view_cells(array, rows),
            (Self::Dictionary(index, _), Some(values)) => {
                dictionary_cells(array, *index, values, rows)
            }
            _ => {
                let mut cells = Cells::with_room(rows.len());
                for row in rows {
                    cells.push(self.cell(array, row)?);
                }
                Ok(cells)
            }
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
            Self::Views => {
                let view = views(array, row, 1)?.first().ok_or(Fault::Buffer)?;
                viewed(array, view).map(Some)
            }
            Self::Dictionary(index, form) => {
                let values = array.values()?;
                form.cell(values, index_at(array, *index, row, values.length)?)
            }
        }
    }
}

impl<'a> Value<'a> {
    fn of(cell: Option<&'a [u8]>) -> Self {
        let mut short = [0; SHORT];
        for (to, from) in short.iter_mut().zip(cell.unwrap_or_default()) {
            *to = *from;
        }
        Self { cell, short }
    }

    fn is_short(&self) -> bool {
        self.cell.is_some_and(|cell| cell.len() <= SHORT)
    }
}

fn dictionary_cells<'a>(
    array: &Array,
    index: Index,
    values: &[Value<'a>],
    rows: Range<usize>,
) -> Result<Cells<'a>, Error> {
    let indices = Indices::of(array, index, rows.start, rows.len())?;
    if array.validity.is_none() && values.iter().all(Value::is_short) {
        let shorts = (0..rows.len()).map(|place| {
            let value = indices.at(place).and_then(|index| values.get(index))?;
            Some((&value.short, value.cell?.len()))
        });
        return Cells::of_shorts(rows.len(), shorts).ok_or(Fault::Index.into());
    }
    let mut cells = Cells::with_room(rows.len());
    for (place, row) in rows.enumerate() {
        if !is_valid(array, row)? {
            cells.push(None);
            continue;
        }
        let value = indices.at(place).and_then(|index| values.get(index));
        let value = value.ok_or(Fault::Index)?;
        match value.cell {
            Some(bytes) if bytes.len() <= SHORT => cells.push_short(&value.short, bytes.len()),
            cell => cells.push(cell),
        }
    }
    Ok(cells)
}

fn view_cells(array: &Array, rows: Range<usize>) -> Result<Cells<'_>, Error> {
    let mut cells = Cells::with_room(rows.len());
    let views = views(array, rows.start, rows.len())?;
    for (row, view) in rows.zip(views) {
        let length = length_of(view);
        match view.last_chunk::<IN_PLACE>() {
            _ if !is_valid(array, row)? => cells.push(None),
            Some(bytes) if length <= IN_PLACE => cells.push_short(bytes, length),
            _ => cells.push(Some(viewed(array, view)?)),
        }
    }
    Ok(cells)
}

fn views(array: &Array, start: usize, length: usize) -> Result<&[[u8; VIEW]], Error> {
    let start = array.offset + start;
    let views = array.buffer(0)?.as_chunks().0;
    views.get(start..start + length).ok_or(Fault::Buffer.into())
}

fn length_of(view: &[u8; VIEW]) -> usize {
    let [a, b, c, d, ..] = *view;
    u32::from_ne_bytes([a, b, c, d]) as usize
}

/// The bytes that a view shows.
fn viewed<'a>(array: &'a Array, view: &'a [u8; VIEW]) -> Result<&'a [u8], Error> {
    let length = length_of(view);
    if length <= IN_PLACE {
        return view.get(4..4 + length).ok_or(Fault::Buffer.into());
    }
    let [.., buffer, start] = view.as_chunks().0 else {
        return Err(Fault::Buffer.into());
    };
    let [buffer, start] = [buffer, start].map(|number| u32::from_ne_bytes(*number) as usize);
    let bytes = array.buffer(buffer.saturating_add(1))?;
    let found = bytes.get(start..start.saturating_add(length));
    found.ok_or(Fault::Offsets.into())
}
