//! Plain BLAKE3 over ranges that several threads take in any order.
//!
//! BLAKE3 is a tree: subtrees of a power-of-two size are digested apart and merged, and the result is what one thread
//! would have got.  Threads are started per call and joined before it returns.  A pool of threads would be cheaper by
//! some microseconds, but it does not survive `fork`, after which the child would wait for threads that it does not
//! have.

use std::convert::Infallible;
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use blake3::Hasher;
use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root,
};

use crate::digest::Digest;

/// Bytes in one subtree: large against the cost of a merge, small against what a thread has left to do at the end.
pub const SUBTREE: u64 = 1 << 20;

/// How many threads this process may use.  Asked once: the answer reads cgroup files.
pub fn threads() -> usize {
    static THREADS: OnceLock<usize> = OnceLock::new();
    *THREADS.get_or_init(|| thread::available_parallelism().map_or(1, NonZero::get))
}

/// The plain digest of a block of memory, in parallel where that pays.
#[must_use]
pub fn digest_slice(data: &[u8]) -> Digest {
    digest_slice_with(data, threads())
}

/// Likewise, with at most so many threads.
#[must_use]
pub fn digest_slice_with(data: &[u8], threads: usize) -> Digest {
    if (data.len() as u64) < 2 * SUBTREE || threads < 2 {
        return Digest::of(data);
    }
    let leaf = |hasher: &mut Hasher, start: u64, length: u64| -> Result<(), Infallible> {
        hasher.update(part(data, start, length));
        Ok(())
    };
    match digest_ranges(data.len() as u64, threads, |_| leaf) {
        Ok(digest) => digest,
        Err(never) => match never {},
    }
}

/// The bytes of a range; what lies outside is left out.
#[must_use]
pub fn part(data: &[u8], start: u64, length: u64) -> &[u8] {
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    data.get(start..start.saturating_add(length))
        .unwrap_or_default()
}

/// The plain digest of `length` bytes that `feed` hands over range by range.
///
/// `worker` is called once in each thread, with 0 in the calling one, and gives the function that feeds
/// `(hasher, start, length)`; it may own a buffer.  The first error stops everything.
///
/// # Errors
/// What `feed` returned.
pub fn digest_ranges<F, W, E>(length: u64, threads: usize, worker: W) -> Result<Digest, E>
where
    W: Fn(usize) -> F + Sync,
    F: FnMut(&mut Hasher, u64, u64) -> Result<(), E>,
    E: Send,
{
    if length <= SUBTREE {
        let mut hasher = Hasher::new();
        worker(0)(&mut hasher, 0, length)?;
        return Ok(hasher.finalize().into());
    }
    chain_ranges(0, length, threads, worker).map(|values| merge_root(&values))
}

/// The chaining values of the subtrees of `length` bytes that stand `first` subtrees behind the start.
pub(crate) fn chain_ranges<F, W, E>(
    first: u64,
    length: u64,
    threads: usize,
    worker: W,
) -> Result<Vec<ChainingValue>, E>
where
    W: Fn(usize) -> F + Sync,
    F: FnMut(&mut Hasher, u64, u64) -> Result<(), E>,
    E: Send,
{
    let ranges = Ranges::behind(first, length);
    let threads = threads.min(usize::try_from(ranges.subtrees()).unwrap_or(usize::MAX));
    for result in in_threads(threads, &|seat| ranges.work(worker(seat))) {
        result?;
    }
    Ok(ranges.into_values())
}

/// The subtrees of more than [`SUBTREE`] bytes: which are taken, and what those that are done came to.
pub(crate) struct Ranges {
    /// How many subtrees stand before the first one.
    first: u64,
    length: u64,
    next: AtomicU64,
    done: AtomicU64,
    values: Mutex<Vec<ChainingValue>>,
}

impl Ranges {
    /// Nothing is taken yet.
    pub(crate) fn new(length: u64) -> Self {
        Self::behind(0, length)
    }

    fn behind(first: u64, length: u64) -> Self {
        Self {
            first,
            length,
            next: AtomicU64::new(0),
            done: AtomicU64::new(0),
            // Grows with what is done: a sparse file may claim any length.
            values: Mutex::default(),
        }
    }

    fn subtrees(&self) -> u64 {
        self.length.div_ceil(SUBTREE)
    }

    /// Whether there is nothing left to take.
    pub(crate) fn is_taken(&self) -> bool {
        self.next.load(Ordering::Relaxed) >= self.subtrees()
    }

    /// Take subtrees until none is left; `true` for the thread that finished the last one.
    ///
    /// # Errors
    /// What `feed` returned; then nobody finds anything left to take.
    pub(crate) fn work<E>(
        &self,
        mut feed: impl FnMut(&mut Hasher, u64, u64) -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut is_last = false;
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let start = index.saturating_mul(SUBTREE);
            if start >= self.length {
                return Ok(is_last);
            }
            let mut hasher = Hasher::new();
            hasher.set_input_offset(self.first.saturating_mul(SUBTREE).saturating_add(start));
            if let Err(error) = feed(&mut hasher, start, SUBTREE.min(self.length - start)) {
                self.next.store(self.subtrees(), Ordering::Relaxed);
                return Err(error);
            }
            is_last |= self.put(index, hasher.finalize_non_root());
        }
    }

    /// Keep what a subtree came to; whether it was the last one.
    fn put(&self, index: u64, value: ChainingValue) -> bool {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        if values.len() <= index {
            values.resize(index + 1, ChainingValue::default());
        }
        values[index] = value;
        self.done.fetch_add(1, Ordering::Relaxed) + 1 == self.subtrees()
    }

    fn into_values(self) -> Vec<ChainingValue> {
        self.values
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The digest of the whole, once every subtree is done.
    pub(crate) fn root(&self) -> Digest {
        merge_root(&self.values.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Run a function in so many threads, the calling one (seat 0) among them, and collect what each returned.
///
/// Threads that the system refuses are done without.
pub(crate) fn in_threads<T: Send>(threads: usize, run: &(impl Fn(usize) -> T + Sync)) -> Vec<T> {
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads)
            .map_while(|seat| {
                thread::Builder::new()
                    .spawn_scoped(scope, move || run(seat))
                    .ok()
            })
            .collect();
        let mut results = vec![run(0)];
        for other in others {
            match other.join() {
                Ok(result) => results.push(result),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    })
}

/// The digest of what two subtrees or more came to.
pub(crate) fn merge_root(values: &[ChainingValue]) -> Digest {
    let (left, right) = values.split_at(left_half(values.len()));
    merge_subtrees_root(&merge(left), &merge(right), Mode::Hash).into()
}

fn merge(values: &[ChainingValue]) -> ChainingValue {
    if let [value] = values {
        return *value;
    }
    let (left, right) = values.split_at(left_half(values.len()));
    merge_subtrees_non_root(&merge(left), &merge(right), Mode::Hash)
}

/// The largest power of two below `count`: BLAKE3's left subtrees are full.
fn left_half(count: usize) -> usize {
    count.div_ceil(2).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(length: usize) -> Vec<u8> {
        (0..=250).cycle().take(length).collect()
    }

    #[test]
    fn threads_and_ranges_do_not_show() {
        let mib = 1 << 20;
        for length in [
            0,
            1,
            1023,
            1024,
            1025,
            mib - 1,
            mib,
            mib + 1,
            2 * mib,
            3 * mib + 5,
            5 * mib,
            16 * mib + 3,
        ] {
            let data = sample(length);
            for threads in [1, 2, 7] {
                assert_eq!(
                    digest_slice_with(&data, threads),
                    Digest::of(&data),
                    "{length} bytes, {threads} threads"
                );
            }
        }
    }

    #[test]
    fn one_thread_alone_finishes_last() -> Result<(), Infallible> {
        let data = sample(5 << 20);
        let ranges = Ranges::new(data.len() as u64);
        let feed = |hasher: &mut Hasher, start: u64, length: u64| {
            hasher.update(part(&data, start, length));
            Ok::<(), Infallible>(())
        };

        assert!(ranges.work(feed)?);
        assert!(!ranges.work(feed)?);
        assert!(ranges.is_taken());
        assert_eq!(ranges.root(), Digest::of(&data));
        Ok(())
    }

    #[test]
    fn an_error_stops_all_threads() {
        let worker = |_| {
            |hasher: &mut Hasher, start: u64, _: u64| {
                hasher.update(&[0]);
                if start == 5 * SUBTREE {
                    Err("bad")
                } else {
                    Ok(())
                }
            }
        };

        assert_eq!(digest_ranges(64 * SUBTREE, 3, worker), Err("bad"));
    }
}
