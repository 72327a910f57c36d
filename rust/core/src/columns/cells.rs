//! Texts one by one in, their lengths, their bytes and which are valid out.

use super::bits::Validity;
use super::offsets::write_length;
use crate::stream::Stream;

/// Bytes that are collected before they are handed on.
const BATCH: usize = 32 * 1024;

/// Collects cells.
pub struct Cells<'a> {
    lengths: Vec<u8>,
    bytes: Vec<u8>,
    length_stream: &'a mut Stream,
    byte_stream: &'a mut Stream,
    validity: Option<&'a mut Validity>,
}

impl<'a> Cells<'a> {
    /// Cells go into two streams, and whether they are valid into a third, unless that is known already.
    pub fn new(
        lengths: &'a mut Stream,
        bytes: &'a mut Stream,
        validity: Option<&'a mut Validity>,
    ) -> Self {
        Self {
            lengths: Vec::new(),
            bytes: Vec::new(),
            length_stream: lengths,
            byte_stream: bytes,
            validity,
        }
    }

    /// Append one cell.
    pub fn push(&mut self, cell: Option<&[u8]>) {
        let bytes = cell.unwrap_or_default();
        self.begin(cell.is_some(), bytes.len());
        if bytes.len() < BATCH {
            self.bytes.extend_from_slice(bytes);
        } else {
            self.byte_stream.update(bytes);
        }
    }

    /// Append one cell whose bytes, `length` of them, have others behind them: to copy all is quicker than to count.
    pub fn push_short<const N: usize>(&mut self, bytes: &[u8; N], length: usize) {
        self.begin(true, length);
        let end = self.bytes.len() + length;
        self.bytes.extend_from_slice(bytes);
        self.bytes.truncate(end);
    }

    /// Hand on what was collected.
    pub fn flush(&mut self) {
        self.length_stream.update(&self.lengths);
        self.byte_stream.update(&self.bytes);
        self.lengths.clear();
        self.bytes.clear();
    }

    fn begin(&mut self, valid: bool, length: usize) {
        if let Some(validity) = &mut self.validity {
            validity.repeat(valid, 1);
        }
        write_length(&mut self.lengths, length);
        if self.bytes.len() + length > BATCH || self.lengths.len() > BATCH {
            self.flush();
        }
    }
}
