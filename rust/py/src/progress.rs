//! Long work without the GIL: what it reports passes to Python, and so does Ctrl-C.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use whorl_core::Error;
use whorl_core::control::Control;

use crate::error::exception;

/// Run something without the GIL; every 50 ms the calling thread looks for signals and calls `progress(done, total)`.
///
/// An exception of either ends the work and passes.  The end is reported too.
pub fn with_control<T: Send>(
    py: Python<'_>,
    progress: Option<Py<PyAny>>,
    total: impl FnOnce() -> Option<u64>,
    work: impl FnOnce(&Control<'_>) -> Result<T, Error> + Send,
) -> PyResult<T> {
    let total = progress.is_some().then(total).flatten();
    let raised = Mutex::new(None);
    let result = py.detach(|| {
        let report = |done| {
            let outcome = Python::attach(|py| tell(py, progress.as_ref(), done, total));
            outcome
                .map_err(|error| *locked(&raised) = Some(error))
                .is_ok()
        };
        let control = Control::new(Some(&report));
        work(&control).map(|found| (found, control.done()))
    });
    if let Some(error) = locked(&raised).take() {
        return Err(error);
    }
    let (found, done) = result.map_err(|error| exception(py, error))?;
    if let Some(progress) = progress {
        progress.call1(py, (done, total))?;
    }
    Ok(found)
}

fn tell(
    py: Python<'_>,
    progress: Option<&Py<PyAny>>,
    done: u64,
    total: Option<u64>,
) -> PyResult<()> {
    py.check_signals()?;
    if let Some(progress) = progress {
        progress.call1(py, (done, total))?;
    }
    Ok(())
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
