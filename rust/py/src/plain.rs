//! `copy_plain`: a tree of lists, dicts and tuples in, one that nobody else holds out.

use std::collections::HashSet;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

/// How deep it goes; what is deeper is for Python to copy, which knows how deep it may go.
const DEEPEST: usize = 100;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(copy_plain, module)?)
}

/// Copy lists, dicts and tuples of each other and of what cannot be changed.
///
/// `None` where there is anything else in them, or where a list or dict stands in two places or in itself: so it must
/// in the copy.  `is_fixed` says of a type whether nothing changes its values.
#[pyfunction]
#[pyo3(signature = (value, is_fixed, /))]
fn copy_plain<'py>(
    value: Bound<'py, PyAny>,
    is_fixed: Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let met = HashSet::new();
    Copying { is_fixed, met }.copy(value, DEEPEST)
}

struct Copying<'py> {
    is_fixed: Bound<'py, PyAny>,
    met: HashSet<usize>,
}

impl<'py> Copying<'py> {
    fn copy(
        &mut self,
        value: Bound<'py, PyAny>,
        depth: usize,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if is_atom(&value) {
            return Ok(Some(value));
        }
        if depth == 0 {
            return Ok(None);
        }
        if let Ok(list) = value.cast_exact::<PyList>() {
            return self.list(list, depth - 1);
        }
        if let Ok(dict) = value.cast_exact::<PyDict>() {
            return self.dict(dict, depth - 1);
        }
        if let Ok(tuple) = value.cast_exact::<PyTuple>() {
            return self.tuple(tuple, depth - 1);
        }
        Ok(self.is_fixed(&value)?.then_some(value))
    }

    fn list(
        &mut self,
        list: &Bound<'py, PyList>,
        depth: usize,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if !self.met.insert(list.as_ptr() as usize) {
            return Ok(None);
        }
        // A copy of its own: another thread may change the list while an item is asked about.
        let copied = list.get_slice(0, list.len());
        for place in 0..copied.len() {
            let item = copied.get_item(place)?;
            if is_atom(&item) {
                continue;
            }
            match self.copy(item, depth)? {
                Some(item) => copied.set_item(place, item)?,
                None => return Ok(None),
            }
        }
        Ok(Some(copied.into_any()))
    }

    fn dict(
        &mut self,
        dict: &Bound<'py, PyDict>,
        depth: usize,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if !self.met.insert(dict.as_ptr() as usize) {
            return Ok(None);
        }
        let copied = dict.copy()?;
        for (key, item) in copied
            .items()
            .iter()
            .map(|pair| pair.extract())
            .collect::<PyResult<Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>>>()?
        {
            if !(is_atom(&key) || self.is_fixed(&key)?) {
                return Ok(None);
            }
            if is_atom(&item) {
                continue;
            }
            match self.copy(item, depth)? {
                Some(item) => copied.set_item(key, item)?,
                None => return Ok(None),
            }
        }
        Ok(Some(copied.into_any()))
    }

    fn tuple(
        &mut self,
        tuple: &Bound<'py, PyTuple>,
        depth: usize,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut items = Vec::with_capacity(tuple.len());
        let mut is_same = true;
        for item in tuple {
            let address = item.as_ptr();
            match self.copy(item, depth)? {
                Some(copied) => {
                    is_same &= copied.as_ptr() == address;
                    items.push(copied);
                }
                None => return Ok(None),
            }
        }
        let kept = if is_same {
            tuple.clone()
        } else {
            PyTuple::new(tuple.py(), items)?
        };
        Ok(Some(kept.into_any()))
    }

    fn is_fixed(&self, value: &Bound<'py, PyAny>) -> PyResult<bool> {
        self.is_fixed.call1((value.get_type(),))?.is_truthy()
    }
}

/// Whether a value is of one of the builtin types that are met most, and that nothing changes.
fn is_atom(value: &Bound<'_, PyAny>) -> bool {
    value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_exact_instance_of::<PyFloat>()
        || value.is_none()
        || value.is_exact_instance_of::<PyBool>()
        || value.is_exact_instance_of::<PyBytes>()
}
