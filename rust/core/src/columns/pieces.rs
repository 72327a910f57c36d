//! Rows of a column that lie together.

use super::{Array, Error, Fault};

/// Pieces that are collected before they are looked at: bounds memory where rows are scattered.
const LIMIT: usize = 4096;

/// Some rows of an array, or rows that are null whatever lies there.
#[derive(Clone, Copy)]
pub struct Piece<'a> {
    pub array: Option<&'a Array>,
    pub start: usize,
    pub length: usize,
}

impl<'a> Piece<'a> {
    /// Rows that are null.
    pub fn nulls(length: usize) -> Self {
        Self {
            array: None,
            start: 0,
            length,
        }
    }

    /// The rows of a child that belong to rows of its parent.
    pub fn of(array: &'a Array, start: usize, length: usize) -> Result<Self, Error> {
        let end = start.checked_add(length).ok_or(Fault::Child)?;
        if end > array.length {
            return Err(Fault::Child.into());
        }
        Ok(Self {
            array: Some(array),
            start,
            length,
        })
    }

    fn continues(&self, other: &Self) -> bool {
        let same = match (self.array, other.array) {
            (Some(left), Some(right)) => std::ptr::eq(left, right),
            (None, None) => return true,
            _ => false,
        };
        same && other.start + other.length == self.start
    }
}

/// Collects the rows of a child, and hands them on before they grow many.
pub struct Pieces<'a, F> {
    collected: Vec<Piece<'a>>,
    hand_on: F,
}

impl<'a, F: FnMut(&[Piece<'a>]) -> Result<(), Error>> Pieces<'a, F> {
    pub fn new(hand_on: F) -> Self {
        Self {
            collected: Vec::new(),
            hand_on,
        }
    }

    /// Append rows.
    pub fn add(&mut self, piece: Piece<'a>) -> Result<(), Error> {
        match self.collected.last_mut() {
            _ if piece.length == 0 => return Ok(()),
            Some(last) if piece.continues(last) => last.length += piece.length,
            _ => self.collected.push(piece),
        }
        if self.collected.len() == LIMIT {
            self.flush()?;
        }
        Ok(())
    }

    /// Hand on what is left.
    pub fn flush(&mut self) -> Result<(), Error> {
        if !self.collected.is_empty() {
            (self.hand_on)(&self.collected)?;
            self.collected.clear();
        }
        Ok(())
    }
}
