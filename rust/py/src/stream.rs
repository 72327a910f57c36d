//! `hash_stream` for Python: while one block is read, the one before it is hashed.
//!
//! The calling thread reads, since streams are Python objects; another one, which never needs the interpreter, hashes.
//! It is started once a stream turns out to be longer than one block, and is gone when the call returns.  Only `bytes`
//! are hashed where they lie: whatever else a stream gives, it may fill with the next block meanwhile.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use pyo3::exceptions::{PyBlockingIOError, PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyString};
use whorl_core::control::PERIOD;
use whorl_core::digest::Hasher;

use crate::buffer::Memory;
use crate::digest::{PyDigest, released};

/// Bytes asked for per read of a stream (hashing.md: 4–8 MiB).
const BLOCK: usize = 4 << 20;

/// From here on `bytes` are handed over as they are; to copy less is cheaper than to wake a thread for it.
const LARGE: usize = 256 << 10;

/// Bytes hashed between two looks at whether the call has ended: some 300 µs.
const PIECE: usize = 1 << 20;

/// Blocks that are hashed while the next is read.  With a second one that waits, the allocator gives memory back and
/// faults it in again for each block: 12,000 page faults per GiB where there is 1.
const IN_FLIGHT: usize = 1;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(hash_stream, module)?)
}

/// Digest what a binary stream gives from where it stands to its end.
///
/// `progress(done, None)` is called from the calling thread, at most every 50 ms and once at the end.
#[pyfunction]
#[pyo3(signature = (stream, *, progress = None))]
fn hash_stream<'py>(
    py: Python<'py>,
    stream: &Bound<'py, PyAny>,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<PyDigest> {
    let read = stream.getattr("read")?;
    let mut pipeline = Pipeline::new(progress);
    while pipeline.take(py, &read.call1((BLOCK,))?)? {
        py.check_signals()?;
    }
    pipeline.finish(py)
}

/// What is on its way from a stream to its digest.
struct Pipeline<'py> {
    seen: usize,
    gathered: Vec<u8>,
    stage: Stage,
    /// Bytes hashed so far.
    count: Arc<AtomicU64>,
    progress: Progress<'py>,
}

/// Who hashes: this thread while a stream may be short, another one from then on.
enum Stage {
    Here(Box<Hasher>),
    There(Worker),
}

impl<'py> Pipeline<'py> {
    fn new(progress: Option<Bound<'py, PyAny>>) -> Self {
        Self {
            seen: 0,
            gathered: Vec::new(),
            stage: Stage::Here(Box::default()),
            count: Arc::default(),
            progress: Progress::new(progress),
        }
    }

    /// Take what a read returned; false at the end of the stream.
    fn take(&mut self, py: Python<'py>, answer: &Bound<'py, PyAny>) -> PyResult<bool> {
        check_binary(answer)?;
        let memory = Memory::of(answer)?;
        let bytes = memory.bytes();
        if bytes.is_empty() {
            return Ok(false);
        }
        self.seen = self.seen.saturating_add(bytes.len());
        match answer.cast::<PyBytes>() {
            Ok(whole) if bytes.len() >= LARGE => {
                self.flush(py)?;
                self.hash(py, Block::Read(whole.clone().into()))?;
            }
            _ => self.gather(py, bytes)?,
        }
        Ok(true)
    }

    /// Copy bytes until there are enough for a block.
    fn gather(&mut self, py: Python<'py>, mut bytes: &[u8]) -> PyResult<()> {
        while !bytes.is_empty() {
            let room = BLOCK - self.gathered.len();
            let (fitting, rest) = bytes.split_at(bytes.len().min(room));
            self.gathered.extend_from_slice(fitting);
            if self.gathered.len() == BLOCK {
                self.flush(py)?;
            }
            bytes = rest;
        }
        Ok(())
    }

    fn flush(&mut self, py: Python<'py>) -> PyResult<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let block = mem::take(&mut self.gathered);
        self.hash(py, Block::Gathered(block))
    }

    fn hash(&mut self, py: Python<'py>, block: Block) -> PyResult<()> {
        self.move_when_long();
        match &mut self.stage {
            Stage::Here(hasher) => {
                for piece in block.bytes().chunks(PIECE) {
                    released(py, piece.len(), || hasher.update(piece));
                    self.count.fetch_add(piece.len() as u64, Ordering::Relaxed);
                    py.check_signals()?;
                }
            }
            Stage::There(worker) => worker.push(py, block, &mut self.progress)?,
        }
        self.progress.report(self.count.load(Ordering::Relaxed))
    }

    /// Go on in another thread once there is more than one block; where the system gives none, go on here.
    fn move_when_long(&mut self) {
        if let Stage::Here(hasher) = &self.stage
            && self.seen >= BLOCK
            && let Some(worker) = Worker::start(hasher, &self.count)
        {
            self.stage = Stage::There(worker);
        }
    }

    fn finish(mut self, py: Python<'py>) -> PyResult<PyDigest> {
        self.flush(py)?;
        let hash = match self.stage {
            Stage::Here(hasher) => hasher.finalize(),
            Stage::There(worker) => worker.finish(py, &mut self.progress)?.finalize(),
        };
        self.progress.end(self.count.load(Ordering::Relaxed))?;
        Ok(PyDigest(hash.into()))
    }
}

/// Say in words what is wrong with an answer that is no bytes at all.
fn check_binary(answer: &Bound<'_, PyAny>) -> PyResult<()> {
    if answer.is_none() {
        let message = "the stream is non-blocking and has nothing to read now: only a part of it could be digested";
        return Err(PyBlockingIOError::new_err(message));
    }
    if answer.is_instance_of::<PyString>() {
        let message =
            "the stream gives text, which is other bytes in each encoding: open it in binary mode";
        return Err(PyTypeError::new_err(message));
    }
    Ok(())
}

/// Memory that nobody writes to until it is hashed.
enum Block {
    Read(PyBackedBytes),
    Gathered(Vec<u8>),
}

impl Block {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Read(bytes) => bytes,
            Self::Gathered(bytes) => bytes,
        }
    }
}

/// The thread that hashes.  Blocks come back, so that Python's objects are let go where the interpreter is at hand.
struct Worker {
    blocks: Option<Sender<Block>>,
    done: Receiver<Block>,
    thread: Option<JoinHandle<Hasher>>,
    in_flight: usize,
    count: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Worker {
    fn start(hasher: &Hasher, count: &Arc<AtomicU64>) -> Option<Self> {
        let (blocks, incoming) = channel();
        let (outgoing, done) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let shared = (count.clone(), stop.clone(), hasher.clone());
        let work = move || {
            let (count, stop, hasher) = shared;
            hash_blocks(hasher, &incoming, &outgoing, &count, &stop)
        };
        let thread = thread::Builder::new().spawn(work).ok()?;
        Some(Self {
            blocks: Some(blocks),
            done,
            thread: Some(thread),
            in_flight: 0,
            count: count.clone(),
            stop,
        })
    }

    fn push(&mut self, py: Python<'_>, block: Block, progress: &mut Progress<'_>) -> PyResult<()> {
        while self.done.try_recv().is_ok() {
            self.in_flight -= 1;
        }
        while self.in_flight >= IN_FLIGHT {
            self.wait(py, progress)?;
        }
        let sent = self.blocks.as_ref().map(|blocks| blocks.send(block));
        self.in_flight += 1;
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(ended()),
        }
    }

    /// Wait until a block is done, without the GIL; Ctrl-C ends the wait.
    fn wait(&mut self, py: Python<'_>, progress: &mut Progress<'_>) -> PyResult<()> {
        loop {
            let done = &mut self.done;
            match py.detach(move || done.recv_timeout(PERIOD)) {
                Ok(_) => {
                    self.in_flight -= 1;
                    return Ok(());
                }
                Err(RecvTimeoutError::Timeout) => py.check_signals()?,
                Err(RecvTimeoutError::Disconnected) => return Err(ended()),
            }
            progress.report(self.count.load(Ordering::Relaxed))?;
        }
    }

    fn finish(mut self, py: Python<'_>, progress: &mut Progress<'_>) -> PyResult<Hasher> {
        while self.in_flight > 0 {
            self.wait(py, progress)?;
        }
        self.join().ok_or_else(ended)
    }

    fn join(&mut self) -> Option<Hasher> {
        self.blocks = None;
        self.thread.take()?.join().ok()
    }
}

impl Drop for Worker {
    /// After an exception: the thread ends within a piece, and what it holds is let go here.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.join();
    }
}

fn ended() -> PyErr {
    PyRuntimeError::new_err("the thread that hashes has ended early")
}

/// Hash what comes in until there is no more of it, or the call has ended.
fn hash_blocks(
    mut hasher: Hasher,
    incoming: &Receiver<Block>,
    outgoing: &Sender<Block>,
    count: &AtomicU64,
    stop: &AtomicBool,
) -> Hasher {
    while let Ok(block) = incoming.recv() {
        for piece in block.bytes().chunks(PIECE) {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            hasher.update(piece);
            count.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        if outgoing.send(block).is_err() {
            break;
        }
    }
    hasher
}

/// A caller that wants to know how far it is.
struct Progress<'py> {
    callback: Option<Bound<'py, PyAny>>,
    last: Instant,
}

impl<'py> Progress<'py> {
    fn new(callback: Option<Bound<'py, PyAny>>) -> Self {
        let last = Instant::now();
        Self { callback, last }
    }

    fn report(&mut self, done: u64) -> PyResult<()> {
        if self.callback.is_some() && self.last.elapsed() >= PERIOD {
            self.last = Instant::now();
            self.end(done)?;
        }
        Ok(())
    }

    /// Report without looking at the clock.  A stream does not say how long it is.
    fn end(&self, done: u64) -> PyResult<()> {
        match &self.callback {
            Some(callback) => callback.call1((done, None::<u64>)).map(drop),
            None => Ok(()),
        }
    }
}
