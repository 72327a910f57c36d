//! Plain BLAKE3 of elements that need not lie side by side: strided arrays, transposes, the columns of a block.
//!
//! The digest is that of the elements written one after the other in C order; how they lie does not show.  They are
//! gathered tile by tile, never into a copy of the whole.  Several views are digested in one go, so that small ones
//! share the threads, and views that interleave (columns of a matrix whose rows lie together) share the cache lines
//! that they are read from.

use std::sync::atomic::{AtomicUsize, Ordering};

use blake3::Hasher;
use blake3::hazmat::{ChainingValue, HasherExt};

use crate::digest::Digest;
use crate::subtree::{SUBTREE, digest_slice_with, in_threads, merge_root};

mod view;

pub use view::View;

/// Bytes gathered before they are hashed.  The source of a tile stays in the second cache while its neighbours read it.
const TILE: usize = 64 * 1024;

/// Views that start this close to each other are read together: two cache lines, which the processor fetches in pairs.
const NEAR: usize = 128;

/// Bytes below which no second thread is started (hashing.md: "in parallel from 1 MiB").
const PARALLEL: u64 = 2 * SUBTREE;

/// The plain digest of each view, with at most so many threads.
#[must_use]
pub fn digest_views(views: &[View<'_>], threads: usize) -> Vec<Digest> {
    let groups = groups(views);
    let units = units(views, &groups);
    let next = AtomicUsize::new(0);
    let run = |_| take_units(views, &units, &next);
    let total: u64 = views.iter().map(View::len).sum();
    let threads = if total < PARALLEL { 1 } else { threads };
    let mut values: Vec<Vec<Value>> = views.iter().map(|_| Vec::new()).collect();
    for part in in_threads(threads.min(units.len()), &run) {
        for (view, start, value) in part {
            values[view].push((start, value));
        }
    }
    values.into_iter().map(root).collect()
}

impl View<'_> {
    /// The plain digest of the elements, with at most so many threads.
    #[must_use]
    pub fn digest(&self, threads: usize) -> Digest {
        match self.block() {
            Some(block) => digest_slice_with(block, threads),
            None => digest_views(std::slice::from_ref(self), threads)
                .pop()
                .unwrap_or_else(|| Digest::of(b"")),
        }
    }
}

/// The chaining value of the subtree that starts at an offset; of a view that is one subtree, the root itself.
type Value = (u64, Result<ChainingValue, Digest>);

/// Views that are read together, from an offset on.
struct Unit<'a> {
    group: &'a [usize],
    start: u64,
}

/// Views by what interleaves with what, each a list of indexes.
fn groups(views: &[View<'_>]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..views.len()).collect();
    order.sort_by_key(|&index| views[index].address());
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for index in order {
        match groups.last_mut() {
            Some(group) if interleave(&views[group[0]], &views[index]) => group.push(index),
            _ => groups.push(vec![index]),
        }
    }
    groups
}

fn interleave(first: &View<'_>, other: &View<'_>) -> bool {
    first.is_scattered() && first.is_laid_as(other) && other.address() - first.address() < NEAR
}

fn units<'a>(views: &[View<'_>], groups: &'a [Vec<usize>]) -> Vec<Unit<'a>> {
    let unit = |group: &'a Vec<usize>, start| Unit { group, start };
    groups
        .iter()
        .flat_map(|group| {
            let subtrees = views[group[0]].len().div_ceil(SUBTREE).max(1);
            (0..subtrees).map(move |index| unit(group, index * SUBTREE))
        })
        .collect()
}

fn take_units(
    views: &[View<'_>],
    units: &[Unit<'_>],
    next: &AtomicUsize,
) -> Vec<(usize, u64, Result<ChainingValue, Digest>)> {
    let mut found = Vec::new();
    let mut tile = Vec::new();
    while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
        let length = views[unit.group[0]].len();
        for (&view, hasher) in unit.group.iter().zip(hash_unit(views, unit, &mut tile)) {
            let value = if length <= SUBTREE {
                Err(hasher.finalize().into())
            } else {
                Ok(hasher.finalize_non_root())
            };
            found.push((view, unit.start, value));
        }
    }
    found
}

/// Hash one subtree of each view of a group, tile by tile in turn.
fn hash_unit(views: &[View<'_>], unit: &Unit<'_>, tile: &mut Vec<u8>) -> Vec<Hasher> {
    let length = views[unit.group[0]].len();
    let end = length.min(unit.start + SUBTREE);
    let mut hashers: Vec<Hasher> = unit.group.iter().map(|_| hasher_at(unit.start)).collect();
    let step = views[unit.group[0]].tile(TILE) as u64;
    let mut start = unit.start;
    while start < end {
        let next = end.min(start + step);
        for (&view, hasher) in unit.group.iter().zip(&mut hashers) {
            hasher.update(views[view].read(start, next, tile));
        }
        start = next;
    }
    hashers
}

fn hasher_at(start: u64) -> Hasher {
    let mut hasher = Hasher::new();
    if start > 0 {
        hasher.set_input_offset(start);
    }
    hasher
}

fn root(mut values: Vec<Value>) -> Digest {
    values.sort_unstable_by_key(|&(start, _)| start);
    let mut subtrees = Vec::with_capacity(values.len());
    for (_, value) in values {
        match value {
            Ok(value) => subtrees.push(value),
            Err(whole) => return whole,
        }
    }
    merge_root(&subtrees)
}

#[cfg(test)]
mod tests;
