//! `Conditions` for Python: what a fingerprint was made from, and whether it still stands.
//!
//! Every object is held, so that no identity can pass to another one, and compared by identity.  Nothing changes after
//! it is made: threads need no lock, and code of the user's that a look-up may run meets none.

use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Conditions>()
}

/// A holder, a name in it, and what stood there.
type Named = (Py<PyAny>, Py<PyAny>, Py<PyAny>);

/// Look-ups by identity that all have to give what they gave.
#[pyclass(module = "whorl.digest", frozen)]
struct Conditions {
    items: Vec<Named>,
    attributes: Vec<Named>,
    cells: Vec<(Py<PyAny>, Py<PyAny>)>,
    sizes: Vec<(Py<PyAny>, usize)>,
    values: Vec<(Py<PyDict>, Vec<Py<PyAny>>)>,
    missing: Py<PyAny>,
}

#[pymethods]
impl Conditions {
    /// Take what stood under names, in attributes and in cells, ``missing`` for nothing; how long things were; and
    /// all that stood in mappings.
    #[new]
    fn new(
        py: Python<'_>,
        items: Vec<Named>,
        attributes: Vec<Named>,
        cells: Vec<(Py<PyAny>, Py<PyAny>)>,
        sizes: Vec<(Py<PyAny>, usize)>,
        values: Vec<(Py<PyMapping>, Vec<Py<PyAny>>)>,
        missing: Py<PyAny>,
    ) -> PyResult<Self> {
        let values = values
            .into_iter()
            .map(|(mapping, values)| Ok((below(mapping.bind(py))?, values)))
            .collect::<PyResult<_>>()?;
        Ok(Self {
            items,
            attributes,
            cells,
            sizes,
            values,
            missing,
        })
    }

    /// Whether everything is as it was.
    fn hold(&self, py: Python<'_>) -> PyResult<bool> {
        for (mapping, key, wanted) in &self.items {
            if !self.same(item(mapping.bind(py), key.bind(py))?.as_ref(), wanted) {
                return Ok(false);
            }
        }
        for (thing, name, wanted) in &self.attributes {
            let found = thing.bind(py).getattr_opt(name.bind(py).cast()?)?;
            if !self.same(found.as_ref(), wanted) {
                return Ok(false);
            }
        }
        for (cell, wanted) in &self.cells {
            if !self.same(content(cell.bind(py))?.as_ref(), wanted) {
                return Ok(false);
            }
        }
        for (sized, wanted) in &self.sizes {
            if sized.bind(py).len()? != *wanted {
                return Ok(false);
            }
        }
        for (mapping, wanted) in &self.values {
            let found = mapping.bind(py);
            if found.len() != wanted.len() || !found.iter().zip(wanted).all(|(a, b)| a.1.is(b)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    #[allow(clippy::needless_pass_by_value, reason = "PyO3's protocol")]
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for (holder, name, value) in self.items.iter().chain(&self.attributes) {
            visit.call(holder)?;
            visit.call(name)?;
            visit.call(value)?;
        }
        for (cell, value) in &self.cells {
            visit.call(cell)?;
            visit.call(value)?;
        }
        for (sized, _) in &self.sizes {
            visit.call(sized)?;
        }
        for (mapping, values) in &self.values {
            visit.call(mapping)?;
            for value in values {
                visit.call(value)?;
            }
        }
        visit.call(&self.missing)
    }
}

impl Conditions {
    fn same(&self, found: Option<&Bound<'_, PyAny>>, wanted: &Py<PyAny>) -> bool {
        found.map_or_else(|| wanted.is(&self.missing), |found| found.is(wanted))
    }
}

/// The dictionary that a class's read-only view shows: it is compared several times as quickly.
fn below(mapping: &Bound<'_, PyMapping>) -> PyResult<Py<PyDict>> {
    if let Ok(dict) = mapping.cast::<PyDict>() {
        return Ok(dict.clone().unbind());
    }
    let held = mapping
        .py()
        .import("gc")?
        .call_method1("get_referents", (mapping,))?;
    Ok(held.get_item(0)?.cast_into::<PyDict>()?.unbind())
}

fn item<'py>(
    mapping: &Bound<'py, PyAny>,
    key: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if let Ok(dict) = mapping.cast_exact::<PyDict>() {
        return dict.get_item(key);
    }
    or_nothing::<PyKeyError>(mapping.get_item(key))
}

fn content<'py>(cell: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    or_nothing::<PyValueError>(cell.getattr(intern!(cell.py(), "cell_contents")))
}

/// Nothing in place of one kind of exception.
fn or_nothing<E: pyo3::type_object::PyTypeInfo>(
    found: PyResult<Bound<'_, PyAny>>,
) -> PyResult<Option<Bound<'_, PyAny>>> {
    match found {
        Ok(value) => Ok(Some(value)),
        Err(error) => Python::attach(|py| {
            if error.is_instance_of::<E>(py) {
                Ok(None)
            } else {
                Err(error)
            }
        }),
    }
}
