//! Rows in, what several threads make of them block by block out, in order.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Error;
use crate::subtree::in_threads;

/// Rows of which something is kept at a time.
pub const BATCH: usize = 16 * BLOCK;

/// Rows that one thread takes at a time.
const BLOCK: usize = 16 * 1024;

/// Make something of each block of rows.
pub fn in_blocks<T: Send>(
    rows: Range<usize>,
    threads: usize,
    make: &(impl Fn(Range<usize>) -> Result<T, Error> + Sync),
) -> Result<Vec<T>, Error> {
    let blocks = rows.len().div_ceil(BLOCK);
    let next = AtomicUsize::new(0);
    let run = |_| -> Result<Vec<(usize, T)>, Error> {
        let mut done = Vec::new();
        loop {
            let block = next.fetch_add(1, Ordering::Relaxed);
            if block >= blocks {
                return Ok(done);
            }
            let start = rows.start + block * BLOCK;
            done.push((block, make(start..rows.end.min(start + BLOCK))?));
        }
    };
    let mut all = Vec::with_capacity(blocks);
    for done in in_threads(threads.min(blocks), &run) {
        all.extend(done?);
    }
    all.sort_unstable_by_key(|(block, _)| *block);
    Ok(all.into_iter().map(|(_, made)| made).collect())
}
