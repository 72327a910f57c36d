//! Errors with the path inside the argument at which they arose.

use pyo3::intern;
use pyo3::prelude::*;

use crate::error::undigestable_class;

/// An `UndigestableError`, of the class it has, whose message starts with the path; other exceptions get a note and pass.
pub fn located(py: Python<'_>, error: PyErr, path: &str) -> PyErr {
    locate(py, &error, path).unwrap_or(error)
}

fn locate(py: Python<'_>, error: &PyErr, path: &str) -> PyResult<PyErr> {
    let class = undigestable_class(py)?;
    let value = error.value(py);
    if !value.is_instance(class)? {
        value.call_method1(
            intern!(py, "add_note"),
            (format!("while {path} was digested"),),
        )?;
        return Ok(error.clone_ref(py));
    }
    let message: String = value.getattr(intern!(py, "message"))?.extract()?;
    let cause = value.getattr(intern!(py, "cause"))?;
    let tip = value.getattr(intern!(py, "tip"))?;
    let located = value
        .get_type()
        .call1((format!("{path}: {message}"), cause, tip))?;
    let raised = PyErr::from_value(located);
    raised.set_cause(py, error.cause(py));
    Ok(raised)
}
