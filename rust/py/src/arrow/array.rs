//! The C data interface's arrays in, arrays that own a share of them out.

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr::NonNull;
use std::slice;
use std::sync::Arc;

use arrow_data::ffi::FFI_ArrowArray;
use whorl_core::columns::layout::{Layout, Width};
use whorl_core::columns::{Array, Buffer, Error, Fault, Field};

use super::schema::pointers;

/// Take an array of a field's type without copying it.
///
/// # Safety
/// The array keeps the rules of the C data interface; above all, its buffers are as long as its type says.
pub unsafe fn read_array(array: FFI_ArrowArray, field: &Field) -> Result<Array, Error> {
    if array.is_released() {
        return Err(Fault::Children.into());
    }
    let owner = Arc::new(array);
    // SAFETY: the caller's promise; the owner lives as long as any buffer that is made of it.
    unsafe {
        Source {
            array: &owner,
            owner: &owner,
        }
        .read(field)
    }
}

/// An array, and whom it belongs to.
struct Source<'a> {
    array: &'a FFI_ArrowArray,
    owner: &'a Arc<FFI_ArrowArray>,
}

impl Source<'_> {
    unsafe fn read(&self, field: &Field) -> Result<Array, Error> {
        let layout = Layout::of(field)?;
        let length = usize::try_from(self.array.length).map_err(|_| Fault::Buffer)?;
        let offset = usize::try_from(self.array.offset).map_err(|_| Fault::Buffer)?;
        if length == 0 {
            // Nothing else of it will be looked at, and some producers leave out what belongs to it.
            let dictionary = if field.ordered {
                // SAFETY: the array keeps the rules.
                unsafe { self.dictionary(field)? }
            } else {
                None
            };
            return Ok(Array {
                dictionary,
                ..Array::default()
            });
        }
        let end = length.checked_add(offset).ok_or(Fault::Buffer)?;
        // SAFETY: the array keeps the rules.
        unsafe {
            Ok(Array {
                length,
                offset,
                validity: self.validity(&layout, end)?,
                buffers: self.buffers(&layout, end)?,
                children: self.children(field)?,
                dictionary: self.dictionary(field)?,
            })
        }
    }

    unsafe fn children(&self, field: &Field) -> Result<Vec<Array>, Error> {
        // SAFETY: the array keeps the rules.
        let children = unsafe { pointers(self.array.children, self.array.n_children)? };
        if field.dictionary.is_some() {
            return Ok(Vec::new());
        }
        if children.len() != field.children.len() {
            return Err(Fault::Children.into());
        }
        let read = |(child, field): (&*mut FFI_ArrowArray, &Field)| {
            // SAFETY: null, or an array that keeps the rules.
            let array = unsafe { self.other(*child, field) };
            array.map_err(|error| error.within(&field.name))
        };
        children.iter().zip(&field.children).map(read).collect()
    }

    unsafe fn dictionary(&self, field: &Field) -> Result<Option<Box<Array>>, Error> {
        let Some(values) = &field.dictionary else {
            return Ok(None);
        };
        // SAFETY: null, or an array that keeps the rules.
        let array = unsafe { self.other(self.array.dictionary, values)? };
        Ok(Some(Box::new(array)))
    }

    unsafe fn other(&self, array: *const FFI_ArrowArray, field: &Field) -> Result<Array, Error> {
        // SAFETY: the caller's promise.
        let array = unsafe { array.as_ref() }.ok_or(Fault::Children)?;
        let owner = self.owner;
        // SAFETY: it belongs to the owner, and keeps the rules too.
        unsafe { Source { array, owner }.read(field) }
    }

    unsafe fn validity(&self, layout: &Layout, end: usize) -> Result<Option<Buffer>, Error> {
        if matches!(layout, Layout::Null | Layout::Union { .. } | Layout::Runs) {
            return Ok(None);
        }
        let bitmap = self.pointer(0)?;
        if bitmap.is_null() {
            return Ok(None);
        }
        // SAFETY: one bit per row.
        unsafe { self.buffer(0, end.div_ceil(8)).map(Some) }
    }

    /// The buffers behind the validity bitmap.
    unsafe fn buffers(&self, layout: &Layout, end: usize) -> Result<Vec<Buffer>, Error> {
        let bytes = |width: usize| end.checked_mul(width).ok_or(Fault::Buffer);
        // SAFETY: the lengths are those that the interface prescribes.
        unsafe {
            Ok(match layout {
                Layout::Null | Layout::Struct | Layout::FixedList(_) | Layout::Runs => Vec::new(),
                Layout::Bits => vec![self.buffer(1, end.div_ceil(8))?],
                Layout::Fixed(width) => vec![self.buffer(1, bytes(*width)?)?],
                Layout::Dictionary(index) => vec![self.buffer(1, bytes(index.bytes)?)?],
                Layout::List(width) => vec![self.offsets(*width, end)?],
                Layout::Text(width) => {
                    let offsets = self.offsets(*width, end)?;
                    let length = last_offset(&offsets, *width).ok_or(Fault::Offsets)?;
                    vec![offsets, self.buffer(2, length)?]
                }
                Layout::ListViews(width) => {
                    let length = bytes(width.bytes())?;
                    vec![self.buffer(1, length)?, self.buffer(2, length)?]
                }
                Layout::TextViews => self.views(bytes(16)?)?,
                Layout::Union { dense: false, .. } => vec![self.buffer(0, end)?],
                Layout::Union { dense: true, .. } => {
                    vec![self.buffer(0, end)?, self.buffer(1, bytes(4)?)?]
                }
            })
        }
    }

    unsafe fn offsets(&self, width: Width, end: usize) -> Result<Buffer, Error> {
        let count = end.checked_add(1).ok_or(Fault::Buffer)?;
        let length = count.checked_mul(width.bytes()).ok_or(Fault::Buffer)?;
        // SAFETY: one offset more than rows.
        unsafe { self.buffer(1, length) }
    }

    /// The views, and the buffers that they point into; how long these are stands in one of their own at the end.
    unsafe fn views(&self, length: usize) -> Result<Vec<Buffer>, Error> {
        let count = usize::try_from(self.array.n_buffers).map_err(|_| Fault::Buffer)?;
        let others = count.checked_sub(3).ok_or(Fault::Buffer)?;
        // SAFETY: the lengths are those that the interface prescribes.
        unsafe {
            let mut buffers = vec![self.buffer(1, length)?];
            let lengths = self.buffer(count - 1, others * size_of::<i64>())?;
            for (index, length) in lengths.as_chunks().0.iter().enumerate() {
                let length = usize::try_from(i64::from_ne_bytes(*length));
                buffers.push(self.buffer(2 + index, length.map_err(|_| Fault::Buffer)?)?);
            }
            Ok(buffers)
        }
    }

    unsafe fn buffer(&self, index: usize, length: usize) -> Result<Buffer, Error> {
        if length == 0 {
            return Ok(Buffer::default());
        }
        if isize::try_from(length).is_err() {
            return Err(Fault::Buffer.into());
        }
        let pointer = NonNull::new(self.pointer(index)?.cast::<u8>().cast_mut());
        let pointer = pointer.ok_or(Fault::Buffer)?;
        // SAFETY: the caller knows the length, and the owner keeps the memory.
        Ok(unsafe { Buffer::from_custom_allocation(pointer, length, self.owner.clone()) })
    }

    fn pointer(&self, index: usize) -> Result<*const c_void, Error> {
        let count = usize::try_from(self.array.n_buffers).map_err(|_| Fault::Buffer)?;
        let list = self.array.buffers;
        if index >= count || list.is_null() || !list.is_aligned() {
            return Err(Fault::Buffer.into());
        }
        // SAFETY: not null, aligned, and as long as the structure says.
        let pointers = unsafe { slice::from_raw_parts(list, count) };
        pointers.get(index).copied().ok_or(Fault::Buffer.into())
    }
}

fn last_offset(offsets: &[u8], width: Width) -> Option<usize> {
    let last = match width {
        Width::Narrow => i32::from_ne_bytes(*offsets.last_chunk()?).into(),
        Width::Wide => i64::from_ne_bytes(*offsets.last_chunk()?),
    };
    usize::try_from(last).ok()
}
