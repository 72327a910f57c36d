//! `hash_file`, `hash_paths` and `scan_files` for Python.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use memmap2::MmapOptions;
use pyo3::prelude::*;
use whorl_core::control::Control;
use whorl_core::file::{FileDigest, Hash, Mapper, Options, digest_file, digest_files};
use whorl_core::stat_table::Session;
use whorl_core::subtree;
use whorl_core::tree::{self, Patterns, digest_tree};
use whorl_core::{Digest, Error};

use crate::digest::PyDigest;
use crate::progress::with_control;
use crate::stat_table::{PyStatTable, session};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(hash_file, module)?)?;
    module.add_function(wrap_pyfunction!(hash_paths, module)?)?;
    module.add_function(wrap_pyfunction!(scan_files, module)?)
}

/// How many threads to use: as many as were asked for, else as many as this process may use.
pub fn threads(wanted: Option<usize>) -> usize {
    wanted.map_or_else(subtree::threads, |wanted| wanted.max(1))
}

/// Digest the content of one file.
#[pyfunction]
#[pyo3(signature = (path, *, threads = None, mmap = false, table = None, always = false, progress = None))]
fn hash_file(
    py: Python<'_>,
    path: PathBuf,
    threads: Option<usize>,
    mmap: bool,
    table: Option<&Bound<'_, PyStatTable>>,
    always: bool,
    progress: Option<Py<PyAny>>,
) -> PyResult<PyDigest> {
    let total = || path.metadata().ok().map(|metadata| metadata.len());
    let mapper: Option<Mapper<'_>> = mmap.then_some(&map_and_hash);
    let table = table.map(Bound::get);
    with_control(py, progress, total, |control| {
        let options = Options {
            threads: self::threads(threads),
            control,
            session: session(table, always),
            mapper,
        };
        digest_file(&path, options)
    })
    .map(|found| PyDigest(found.digest))
}

/// Hash a file in mapped memory.
#[allow(unsafe_code)]
fn map_and_hash(file: &File, size: u64, hash: Hash<'_>) -> io::Result<Result<Digest, Error>> {
    let length = usize::try_from(size).map_err(io::Error::other)?;
    // SAFETY: the mapping is private to this call and only read.  Another process that truncates the file meanwhile
    // ends this one with SIGBUS, and one that writes makes the slice change under the hash: the caller has asked for
    // that risk with `mmap=True`, and its docstring names it.
    let map = unsafe { MmapOptions::new().len(length).map(file)? };
    // No advice: telling the kernel to map ranges ahead (MADV_POPULATE_READ) took 4 % more CPU than faulting.
    Ok(hash(&map))
}

/// Digest each of some files and folders.
#[pyfunction]
#[pyo3(signature = (paths, *, table = None, always = false))]
fn hash_paths(
    py: Python<'_>,
    paths: Vec<PathBuf>,
    table: Option<&Bound<'_, PyStatTable>>,
    always: bool,
) -> PyResult<Vec<PyDigest>> {
    let session = session(table.map(Bound::get), always);
    let digest = |control: &Control<'_>| digest_paths(&paths, control, session);
    with_control(py, None, || None, digest)
}

fn digest_paths(
    paths: &[PathBuf],
    control: &Control<'_>,
    session: Session<'_>,
) -> Result<Vec<PyDigest>, Error> {
    let (folders, files): (Vec<_>, Vec<_>) = (0..paths.len()).partition(|&at| paths[at].is_dir());
    let named: Vec<_> = files.iter().map(|&at| paths[at].clone()).collect();
    let found = digest_files(&named, plain_options(control, session))?;
    let mut digests = BTreeMap::new();
    digests.extend(
        files
            .into_iter()
            .zip(found.iter().map(|found| found.digest)),
    );
    for at in folders {
        digests.insert(at, digest_folder(&paths[at], control, session)?);
    }
    Ok(digests.into_values().map(PyDigest).collect())
}

fn digest_folder(
    path: &Path,
    control: &Control<'_>,
    session: Session<'_>,
) -> Result<Digest, Error> {
    let options = tree::Options {
        follow_symlinks: false,
        threads: subtree::threads(),
        patterns: &Patterns::all(),
        control,
        session,
    };
    digest_tree(path, options)
}

fn plain_options<'a>(control: &'a Control<'a>, session: Session<'a>) -> Options<'a> {
    Options {
        threads: subtree::threads(),
        control,
        session,
        mapper: None,
    }
}

/// Digest each of some files and say how large they are.
#[pyfunction]
#[pyo3(signature = (paths, *, table = None, always = false))]
fn scan_files(
    py: Python<'_>,
    paths: Vec<PathBuf>,
    table: Option<&Bound<'_, PyStatTable>>,
    always: bool,
) -> PyResult<Vec<(u64, PyDigest)>> {
    let session = session(table.map(Bound::get), always);
    let digest = |control: &Control<'_>| digest_files(&paths, plain_options(control, session));
    let found = with_control(py, None, || None, digest)?;
    let sized = |found: FileDigest| (found.size, PyDigest(found.digest));
    Ok(found.into_iter().map(sized).collect())
}
