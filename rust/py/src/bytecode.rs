//! `OpcodeTable` and `digest_graph` for Python: parts of code objects and graphs in, canonical digests out.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use whorl_core::automaton;
use whorl_core::bytecode::{Code, Constant, Import, Load, Normal, Table, normalize};

use crate::digest::PyDigest;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<OpcodeTable>()?;
    module.add_function(wrap_pyfunction!(digest_graph, module)?)
}

/// The instructions of one Python.
#[pyclass(module = "whorl.digest", frozen)]
struct OpcodeTable {
    table: Table,
}

#[pymethods]
impl OpcodeTable {
    /// Take the table of a known minor version, or make one of number, name and cache entries.
    #[new]
    #[pyo3(signature = (minor, numbers = None))]
    fn new(minor: u8, numbers: Option<Vec<(u8, String, u8)>>) -> PyResult<Self> {
        let table = match numbers {
            Some(numbers) => {
                let listed = numbers
                    .iter()
                    .map(|(number, name, caches)| (*number, name.as_str(), *caches));
                Some(Table::new(minor, listed))
            }
            None => Table::of_minor(minor).cloned(),
        };
        let table =
            table.ok_or_else(|| PyValueError::new_err(format!("Python 3.{minor} is not known")))?;
        Ok(Self { table })
    }

    /// Normalize the parts of a code object; `None` where they are not code of this Python.
    #[pyo3(signature = (code, handlers, names, locals, free, constants, *, class_body))]
    #[allow(
        clippy::too_many_arguments,
        reason = "the parts of a code object, each under its own name"
    )]
    fn normalize<'py>(
        &self,
        py: Python<'py>,
        code: &[u8],
        handlers: &[u8],
        names: Vec<String>,
        locals: Vec<String>,
        free: usize,
        constants: Vec<(Py<PyDigest>, bool)>,
        class_body: bool,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let constants: Vec<_> = constants
            .into_iter()
            .map(|(digest, text)| Constant {
                digest: digest.get().0,
                text,
            })
            .collect();
        let code = Code {
            bytes: code,
            handlers,
            constants: &constants,
            names: &names,
            locals: &locals,
            free,
            class_body,
        };
        let normal = normalize(&self.table, code).ok();
        normal.map(|normal| form(py, normal)).transpose()
    }
}

/// Digest, outside names and constants in the order of the graph, loads, imports, attributes.
fn form<'py>(py: Python<'py>, normal: Normal<'_>) -> PyResult<Bound<'py, PyTuple>> {
    let facts = normal.facts;
    let loads = facts.loads.iter().map(|found| load(py, found));
    let imports = facts.imports.iter().map(|found| import(py, found));
    (
        PyDigest(normal.digest),
        normal.names,
        normal.constants,
        loads.collect::<PyResult<Vec<_>>>()?,
        imports.collect::<PyResult<Vec<_>>>()?,
        facts.attributes,
    )
        .into_pyobject(py)
}

/// Name, whether it is looked up outside, attributes read from it, place in the code.
fn load<'py>(py: Python<'py>, load: &Load<'_>) -> PyResult<Bound<'py, PyTuple>> {
    let chain = PyTuple::new(py, &load.chain)?;
    (load.name, load.outside, chain, load.unit).into_pyobject(py)
}

/// Module, indices of the constants with the level and the names, what is bound (variable, attribute of the module,
/// whether `import a.b` bound `a`), place in the code.
fn import<'py>(py: Python<'py>, import: &Import<'_>) -> PyResult<Bound<'py, PyTuple>> {
    let bindings = import.bindings.iter();
    let bound: Vec<_> = bindings
        .map(|bound| (bound.variable, bound.attribute, bound.top))
        .collect();
    (
        import.module,
        import.level,
        import.names,
        bound,
        import.unit,
    )
        .into_pyobject(py)
}

/// Digest what a root reaches in a graph whose nodes are known by digests; circles and copies do not count twice.
#[pyfunction]
#[allow(
    clippy::needless_pass_by_value,
    reason = "PyO3 converts into owned lists"
)]
fn digest_graph(
    kind: &str,
    labels: Vec<Py<PyDigest>>,
    successors: Vec<Vec<usize>>,
    root: usize,
) -> PyResult<PyDigest> {
    let labels: Vec<_> = labels.into_iter().map(|label| label.get().0).collect();
    let digest = automaton::digest(kind, &labels, &successors, root);
    digest
        .map(PyDigest)
        .ok_or_else(|| PyValueError::new_err("an edge of the graph leads nowhere"))
}
