//! Errors of the core in, exceptions of `whorl.errors` out.

use pyo3::exceptions::{PyInterruptedError, PyOSError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use whorl_core::Error;

/// The exception for an error of the core.
pub fn exception(py: Python<'_>, error: Error) -> PyErr {
    let message = &error.to_string();
    match error {
        Error::Missing { .. } => missing(
            py,
            message,
            "nothing is there",
            "paths are relative to the working directory; check the spelling",
        ),
        Error::WrongKind { wanted, .. } => missing(
            py,
            message,
            "only regular files, folders and links have content that stays the same",
            if wanted == "a file" {
                "hash_tree takes folders"
            } else {
                "hash_file takes files"
            },
        ),
        Error::Loop { .. } => missing(
            py,
            message,
            "following it would never end",
            "remove the link, or do not follow links",
        ),
        Error::Changed { .. } => whorl_error(
            py,
            "InputChangedError",
            message,
            "someone writes to it",
            "wait until it is complete, or read a copy",
        ),
        Error::Pattern { reason, .. } => whorl_error(
            py,
            "ConfigError",
            message,
            &reason,
            "patterns are written as in a .gitignore file",
        ),
        // Whoever stopped it left an exception, which passes in place of this one.
        Error::Stopped => PyInterruptedError::new_err(message.clone()),
        Error::Io { path, source } => match source.raw_os_error() {
            Some(number) => PyOSError::new_err((number, strerror(&source), path.into_os_string())),
            None => PyOSError::new_err(message.clone()),
        },
    }
}

/// The text of an operating-system error without Rust's "(os error 13)".
fn strerror(source: &std::io::Error) -> String {
    let text = source.to_string();
    text.split(" (os error")
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn missing(py: Python<'_>, message: &str, cause: &str, tip: &str) -> PyErr {
    whorl_error(py, "InputMissingError", message, cause, tip)
}

fn whorl_error(py: Python<'_>, name: &str, message: &str, cause: &str, tip: &str) -> PyErr {
    let make = || {
        py.import("whorl.errors")?
            .getattr(name)?
            .call1((message, cause, tip))
    };
    make().map_or_else(|error| error, PyErr::from_value)
}

/// An `UndigestableError` of the walk itself.
pub fn undigestable(py: Python<'_>, message: &str, cause: &str, tip: &str) -> PyErr {
    whorl_error(py, "UndigestableError", message, cause, tip)
}

/// The class `whorl.errors.UndigestableError`.
pub fn undigestable_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(py, "whorl.errors", "UndigestableError")
}
