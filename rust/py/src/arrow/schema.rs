//! The C data interface's schemas in, fields out.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};
use std::slice;

use arrow_schema::ffi::FFI_ArrowSchema;
use whorl_core::columns::{DEPTH, Error, Fault, Field, Pair};

const ORDERED: i64 = 1;
const NULLABLE: i64 = 2;
const SORTED: i64 = 4;

/// Copy a schema.
///
/// # Safety
/// The pointer leads to a schema that keeps the rules of the C data interface, unless it is null.
pub unsafe fn read_field(schema: *const FFI_ArrowSchema) -> Result<Field, Error> {
    // SAFETY: the caller's promise.
    unsafe { read_nested(schema, DEPTH) }
}

unsafe fn read_nested(schema: *const FFI_ArrowSchema, depth: usize) -> Result<Field, Error> {
    let depth = depth.checked_sub(1).ok_or(Fault::Depth)?;
    // SAFETY: null, or a schema; so are its children and its dictionary, and its texts end with zero.
    unsafe {
        let schema = schema.as_ref().ok_or(Fault::Children)?;
        if schema.release.is_none() {
            return Err(Fault::Children.into());
        }
        let format = String::from_utf8_lossy(text(schema.format)).into_owned();
        let children = pointers(schema.children, schema.n_children)?.iter();
        let children = children.map(|child| read_nested(*child, depth));
        let has_dictionary = !schema.dictionary.is_null();
        let dictionary = has_dictionary.then(|| read_nested(schema.dictionary, depth));
        Ok(Field {
            name: text(schema.name).to_vec(),
            nullable: schema.flags & NULLABLE != 0,
            ordered: has_dictionary && schema.flags & ORDERED != 0,
            sorted: format == "+m" && schema.flags & SORTED != 0,
            metadata: read_metadata(schema.metadata)?,
            children: children.collect::<Result<_, _>>()?,
            dictionary: dictionary.transpose()?.map(Box::new),
            format,
        })
    }
}

/// The bytes of a text that ends with zero; null is empty.
unsafe fn text<'a>(text: *const c_char) -> &'a [u8] {
    if text.is_null() {
        return &[];
    }
    // SAFETY: not null, and the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}

/// A list of so many pointers; none may be there if there are none.
pub unsafe fn pointers<'a, T>(list: *mut *mut T, count: i64) -> Result<&'a [*mut T], Error> {
    let count = usize::try_from(count).map_err(|_| Fault::Children)?;
    if count == 0 {
        return Ok(&[]);
    }
    if list.is_null() || !list.is_aligned() {
        return Err(Fault::Children.into());
    }
    // SAFETY: not null, aligned, and as long as the structure says.
    Ok(unsafe { slice::from_raw_parts(list, count) })
}

/// Pairs of texts behind their lengths, behind their number.
unsafe fn read_metadata(metadata: *const c_char) -> Result<Vec<Pair>, Error> {
    let mut rest = metadata.cast::<u8>();
    if rest.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: each number is followed by as much as it says.
    unsafe {
        let count = take_number(&mut rest)?;
        let pair = |_| Ok((take_text(&mut rest)?, take_text(&mut rest)?));
        (0..count).map(pair).collect()
    }
}

unsafe fn take_text(rest: &mut *const u8) -> Result<Vec<u8>, Error> {
    // SAFETY: the number is followed by so many bytes.
    unsafe {
        let length = take_number(rest)?;
        let text = slice::from_raw_parts(*rest, length).to_vec();
        *rest = rest.add(length);
        Ok(text)
    }
}

unsafe fn take_number(rest: &mut *const u8) -> Result<usize, Error> {
    // SAFETY: a number stands here, on no particular border.
    let number = unsafe { rest.cast::<i32>().read_unaligned() };
    // SAFETY: it takes four bytes.
    *rest = unsafe { rest.add(size_of::<i32>()) };
    usize::try_from(number).map_err(|_| Fault::Buffer.into())
}
