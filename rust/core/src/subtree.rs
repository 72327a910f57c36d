//! Plain BLAKE3 over ranges that several threads take in any order.
//!
//! BLAKE3 is a tree: subtrees of a power-of-two size are digested apart and merged, and the result is what one thread
//! would have got.  Threads are started per call and joined before it returns.  A pool of threads would be cheaper by
//! some microseconds, but it does not survive `fork`, after which the child would wait for threads that it does not
//! have.

use std::convert::Infallible;
use std::num::NonZero;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
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
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        hasher.update(&data[start..start + length]);
        Ok(())
    };
    match digest_ranges(data.len() as u64, threads, || leaf) {
        Ok(digest) => digest,
        Err(never) => match never {},
    }
}

/// The plain digest of `length` bytes that `feed` hands over range by range.
///
/// `worker` is called once in each thread and gives the function that feeds `(hasher, start, length)`; it may own a
/// buffer.  The first error stops everything.
///
/// # Errors
/// What `feed` returned.
pub fn digest_ranges<F, W, E>(length: u64, threads: usize, worker: W) -> Result<Digest, E>
where
    W: Fn() -> F + Sync,
    F: FnMut(&mut Hasher, u64, u64) -> Result<(), E>,
    E: Send,
{
    if length <= SUBTREE {
        let mut hasher = Hasher::new();
        worker()(&mut hasher, 0, length)?;
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
    W: Fn() -> F + Sync,
    F: FnMut(&mut Hasher, u64, u64) -> Result<(), E>,
    E: Send,
{
    let subtrees = length.div_ceil(SUBTREE);
    let next = AtomicU64::new(0);
    let run = || take_subtrees(first, length, &next, worker());
    let mut values =
        vec![ChainingValue::default(); usize::try_from(subtrees).unwrap_or(usize::MAX)];
    for part in in_threads(threads.min(values.len()), &run) {
        for (index, value) in part? {
            values[index] = value;
        }
    }
    Ok(values)
}

/// Run a function in so many threads, this one among them, and collect what each returned.
///
/// Threads that the system refuses are done without.
pub(crate) fn in_threads<T: Send>(threads: usize, run: &(impl Fn() -> T + Sync)) -> Vec<T> {
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads)
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, run).ok())
            .collect();
        let mut results = vec![run()];
        for other in others {
            match other.join() {
                Ok(result) => results.push(result),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    })
}

fn take_subtrees<E>(
    first: u64,
    length: u64,
    next: &AtomicU64,
    mut feed: impl FnMut(&mut Hasher, u64, u64) -> Result<(), E>,
) -> Result<Vec<(usize, ChainingValue)>, E> {
    let mut values = Vec::new();
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let start = index * SUBTREE;
        if start >= length {
            return Ok(values);
        }
        let mut hasher = Hasher::new();
        hasher.set_input_offset(first * SUBTREE + start);
        if let Err(error) = feed(&mut hasher, start, SUBTREE.min(length - start)) {
            // Nobody needs the rest: the others find nothing left to take.
            next.store(length.div_ceil(SUBTREE), Ordering::Relaxed);
            return Err(error);
        }
        values.push((
            usize::try_from(index).unwrap_or(usize::MAX),
            hasher.finalize_non_root(),
        ));
    }
}

/// The digest of two subtrees or more.
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
    fn an_error_stops_all_threads() {
        let worker = || {
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
