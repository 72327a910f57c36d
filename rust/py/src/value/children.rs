//! What a container holds, one child at a time.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use crate::error::undigestable;

/// A child; a named part comes with its segment.
pub type Child<'py> = (Option<Bound<'py, PyString>>, Bound<'py, PyAny>);

/// The children of a container, and how far they have been walked.
pub enum Children<'py> {
    /// A list; it may change while other objects are described, which is an error.
    List {
        items: Bound<'py, PyList>,
        next: usize,
        length: usize,
    },
    /// A tuple.
    Tuple {
        items: Bound<'py, PyTuple>,
        next: usize,
    },
    /// A dict, as snapshots of its keys and its values: key, value, key, value, …
    Pairs {
        keys: Bound<'py, PyList>,
        values: Bound<'py, PyList>,
        next: usize,
    },
    /// A set, as a snapshot.
    Set {
        items: Bound<'py, PyList>,
        next: usize,
    },
    /// Named parts: a list of `(segment, child)`.
    Parts {
        items: Bound<'py, PyList>,
        next: usize,
    },
}

impl<'py> Children<'py> {
    pub fn of_list(items: &Bound<'py, PyList>) -> Self {
        Self::List {
            items: items.clone(),
            next: 0,
            length: items.len(),
        }
    }

    pub fn of_tuple(items: &Bound<'py, PyTuple>) -> Self {
        Self::Tuple {
            items: items.clone(),
            next: 0,
        }
    }

    pub fn of_dict(dict: &Bound<'py, PyDict>) -> PyResult<Self> {
        let (keys, values) = (dict.keys(), dict.values());
        if keys.len() == values.len() {
            Ok(Self::Pairs {
                keys,
                values,
                next: 0,
            })
        } else {
            Err(changed(dict.py()))
        }
    }

    pub fn of_set(set: &Bound<'py, PyAny>) -> PyResult<Self> {
        let items = PyList::empty(set.py());
        for item in set.try_iter()? {
            items.append(item?)?;
        }
        Ok(Self::Set { items, next: 0 })
    }

    pub fn of_parts(items: Bound<'py, PyList>) -> Self {
        Self::Parts { items, next: 0 }
    }

    /// How many children there are; a dict counts its pairs.
    pub fn count(&self) -> u64 {
        let count = match self {
            Self::List { length, .. } => *length,
            Self::Tuple { items, .. } => items.len(),
            Self::Pairs { keys, .. } => keys.len(),
            Self::Set { items, .. } | Self::Parts { items, .. } => items.len(),
        };
        count as u64
    }

    /// The next child.
    pub fn next(&mut self) -> PyResult<Option<Child<'py>>> {
        let found = match self {
            Self::List {
                items,
                next,
                length,
            } => {
                if items.len() != *length {
                    return Err(changed(items.py()));
                }
                (*next < *length)
                    .then(|| items.get_item(*next))
                    .transpose()?
            }
            Self::Tuple { items, next } => (*next < items.len())
                .then(|| items.get_item(*next))
                .transpose()?,
            Self::Set { items, next } => (*next < items.len())
                .then(|| items.get_item(*next))
                .transpose()?,
            Self::Pairs { keys, values, next } => {
                let side = if *next % 2 == 0 { keys } else { values };
                (*next / 2 < side.len())
                    .then(|| side.get_item(*next / 2))
                    .transpose()?
            }
            Self::Parts { items, next } => {
                if *next >= items.len() {
                    return Ok(None);
                }
                let (segment, child) = items.get_item(*next)?.extract()?;
                *next += 1;
                return Ok(Some((Some(segment), child)));
            }
        };
        self.advance();
        Ok(found.map(|child| (None, child)))
    }

    fn advance(&mut self) {
        match self {
            Self::List { next, .. }
            | Self::Tuple { next, .. }
            | Self::Pairs { next, .. }
            | Self::Set { next, .. }
            | Self::Parts { next, .. } => *next += 1,
        }
    }

    /// How the child that was given last is shown on an error path.
    pub fn segment(&self) -> String {
        match self {
            Self::List { next, .. } | Self::Tuple { next, .. } => {
                format!("[{}]", next.saturating_sub(1))
            }
            Self::Set { .. } => "{…}".to_owned(),
            Self::Pairs { keys, next, .. } => {
                let last = next.saturating_sub(1);
                let key = keys
                    .get_item(last / 2)
                    .map_or_else(|_| "[…]".to_owned(), |key| key_segment(&key));
                if last % 2 == 0 {
                    format!("{key} (the key)")
                } else {
                    key
                }
            }
            Self::Parts { items, next } => {
                let part = items
                    .get_item(next.saturating_sub(1))
                    .and_then(|part| part.get_item(0));
                part.map_or_else(|_| String::new(), |segment| segment.to_string())
            }
        }
    }
}

fn key_segment(key: &Bound<'_, PyAny>) -> String {
    match key.extract::<String>() {
        Ok(name) if is_identifier(&name) => format!(".{name}"),
        Ok(name) => format!("[{name:?}]"),
        Err(_) => match key.extract::<i64>() {
            Ok(number) => format!("[{number}]"),
            Err(_) => "[…]".to_owned(),
        },
    }
}

fn is_identifier(name: &str) -> bool {
    let plain = |character: char| character.is_alphanumeric() || character == '_';
    name.chars().all(plain) && name.chars().next().is_some_and(|first| !first.is_numeric())
}

fn changed(py: Python<'_>) -> PyErr {
    undigestable(
        py,
        "a container changed its size while it was digested",
        "another thread, or code that was asked for the state of an object, changed it",
        "digest a copy",
    )
}
