//! What a container holds, one child at a time, or all leaves in a row at once.

use std::ops::Range;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};
use whorl_core::encode::Tokens;

use super::elements::PyElements;
use super::leaf;
use super::segment;
use crate::error::undigestable;

/// A child; a named part comes with its segment.
pub type Child<'py> = (Option<Bound<'py, PyString>>, Bound<'py, PyAny>);

/// The children of a container, and how far they have been walked.
pub struct Children<'py> {
    source: Source<'py>,
    next: usize,
    count: usize,
}

enum Source<'py> {
    /// A list; it may change while other objects are described, which is an error.
    List(Bound<'py, PyList>),
    /// The list that an array of objects would be.
    Elements(Bound<'py, PyElements>),
    Tuple(Bound<'py, PyTuple>),
    /// A dict, as snapshots of its keys and its values: key, value, key, value, …
    Pairs {
        keys: Bound<'py, PyList>,
        values: Bound<'py, PyList>,
    },
    /// A set, as a snapshot.
    Set(Bound<'py, PyList>),
    /// Named parts: a list of `(segment, child)`.
    Parts(Bound<'py, PyList>),
}

/// Why leaves were written no further.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// There are no more children.
    End,
    /// The next child is no leaf, or cannot be given.
    Other,
    /// There is much to hash.
    Full,
}

impl<'py> Children<'py> {
    fn new(source: Source<'py>, count: usize) -> Self {
        Self {
            source,
            next: 0,
            count,
        }
    }

    pub fn of_list(items: &Bound<'py, PyList>) -> Self {
        Self::new(Source::List(items.clone()), items.len())
    }

    pub fn of_elements(elements: &Bound<'py, PyElements>) -> Self {
        Self::new(Source::Elements(elements.clone()), elements.get().count())
    }

    pub fn of_tuple(items: &Bound<'py, PyTuple>) -> Self {
        Self::new(Source::Tuple(items.clone()), items.len())
    }

    pub fn of_dict(dict: &Bound<'py, PyDict>) -> PyResult<Self> {
        let (keys, values) = (dict.keys(), dict.values());
        let count = 2 * keys.len();
        if keys.len() == values.len() {
            Ok(Self::new(Source::Pairs { keys, values }, count))
        } else {
            Err(changed(dict.py()))
        }
    }

    pub fn of_set(set: &Bound<'py, PyAny>) -> PyResult<Self> {
        let items = PyList::empty(set.py());
        for item in set.try_iter()? {
            items.append(item?)?;
        }
        let count = items.len();
        Ok(Self::new(Source::Set(items), count))
    }

    pub fn of_parts(items: Bound<'py, PyList>) -> Self {
        let count = items.len();
        Self::new(Source::Parts(items), count)
    }

    /// Whether the children have no order.
    pub fn is_set(&self) -> bool {
        matches!(self.source, Source::Set(_))
    }

    /// How many children there are; a dict counts its pairs.
    pub fn count(&self) -> u64 {
        match self.source {
            Source::Pairs { .. } => self.count as u64 / 2,
            _ => self.count as u64,
        }
    }

    /// The next child.
    pub fn next(&mut self, py: Python<'py>) -> PyResult<Option<Child<'py>>> {
        if self.has_changed() {
            return Err(changed(py));
        }
        let index = self.next;
        if index >= self.count {
            return Ok(None);
        }
        self.next += 1;
        if let Source::Parts(items) = &self.source {
            let (segment, child) = items.get_item(index)?.extract()?;
            return Ok(Some((Some(segment), child)));
        }
        match self.borrow(py, index) {
            Some(child) => Ok(Some((None, child.to_owned()))),
            None => Err(changed(py)),
        }
    }

    /// Write the next children as long as they are leaves and there is room below `limit` bytes of tokens.
    pub fn write_leaves(&mut self, py: Python<'py>, tokens: &mut Tokens, limit: usize) -> Stop {
        if self.has_changed() {
            return Stop::Other;
        }
        let range = self.next..self.count;
        let (written, stop) = match &self.source {
            Source::List(items) | Source::Set(items) => {
                write_each(range, tokens, limit, |index| item(items, index))
            }
            Source::Elements(elements) => {
                let elements = elements.get();
                write_each(range, tokens, limit, |index| elements.get(py, index))
            }
            _ => write_each(range, tokens, limit, |index| self.borrow(py, index)),
        };
        self.next += written;
        stop
    }

    /// Whether a list is no longer as long as it was.
    fn has_changed(&self) -> bool {
        matches!(&self.source, Source::List(items) if items.len() != self.count)
    }

    /// A child as it lies in the container, to be used before any Python code runs.
    #[inline]
    fn borrow(&self, py: Python<'py>, index: usize) -> Option<Borrowed<'_, 'py, PyAny>> {
        match &self.source {
            Source::List(items) | Source::Set(items) => item(items, index),
            Source::Elements(elements) => elements.get().get(py, index),
            Source::Tuple(items) => items.get_borrowed_item(index).ok(),
            Source::Pairs { keys, values } => item(
                if index.is_multiple_of(2) {
                    keys
                } else {
                    values
                },
                index / 2,
            ),
            Source::Parts(_) => None,
        }
    }

    /// How the child that was given last is shown on an error path.
    pub fn segment(&self) -> String {
        let last = self.next.saturating_sub(1);
        match &self.source {
            Source::List(_) | Source::Tuple(_) | Source::Elements(_) => format!("[{last}]"),
            Source::Set(_) => "{…}".to_owned(),
            Source::Pairs { keys, .. } => segment::of_pair(keys, last),
            Source::Parts(items) => segment::of_part(items, last),
        }
    }
}

/// Write children as long as they are leaves and there is room; one function for each kind of container, for speed.
#[inline]
fn write_each<'a, 'py: 'a>(
    range: Range<usize>,
    tokens: &mut Tokens,
    limit: usize,
    get: impl Fn(usize) -> Option<Borrowed<'a, 'py, PyAny>>,
) -> (usize, Stop) {
    let first = range.start;
    for index in range.clone() {
        if tokens.len() > limit {
            return (index - first, Stop::Full);
        }
        match get(index) {
            Some(child) if leaf::write_quickly(&child, tokens) => {}
            _ => return (index - first, Stop::Other),
        }
    }
    (range.len(), Stop::End)
}

/// An item of a list; `None` where the list has become shorter.
#[inline]
#[allow(unsafe_code)]
fn item<'a, 'py>(items: &'a Bound<'py, PyList>, index: usize) -> Option<Borrowed<'a, 'py, PyAny>> {
    if index >= items.len() {
        return None;
    }
    // SAFETY: the object is a list and the index, which is below its length, fits.  The list owns a reference as long
    // as no Python code changes it; callers turn the borrowed one into their own before they let any run.
    unsafe {
        let found = pyo3::ffi::PyList_GetItem(items.as_ptr(), index.cast_signed());
        Borrowed::from_ptr_or_opt(items.py(), found)
    }
}

fn changed(py: Python<'_>) -> PyErr {
    undigestable(
        py,
        "a container changed its size while it was digested",
        "another thread, or code that was asked for the state of an object, changed it",
        "digest a copy",
    )
}
