//! Bytes in, part by part; their plain BLAKE3 digest out, large parts by several threads.
//!
//! Where the parts end does not show.  Beside 32 bytes per MiB that has gone by, nothing is kept.

use std::convert::Infallible;

use blake3::Hasher;
use blake3::hazmat::{ChainingValue, HasherExt};

use crate::digest::Digest;
use crate::subtree::{SUBTREE, chain_ranges, merge_root, part};

/// Small parts are collected up to here: BLAKE3 needs some for its lanes, and they are read back from the cache.
const BLOCK: usize = 64 * 1024;

/// A digest in the making.
pub struct Stream {
    threads: usize,
    /// Subtrees that are complete and not the last one.
    done: Vec<ChainingValue>,
    /// The last subtree; it may yet turn out to be the only one, whose end is another.
    last: Box<Hasher>,
    filled: u64,
    /// Small parts that wait for more.
    block: Vec<u8>,
}

impl Stream {
    /// Start with nothing, to be hashed by at most so many threads.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self {
            threads,
            done: Vec::new(),
            last: Box::default(),
            filled: 0,
            block: Vec::new(),
        }
    }

    /// Append bytes.
    pub fn update(&mut self, data: &[u8]) {
        if self.block.len() + data.len() > BLOCK {
            self.flush();
        }
        if data.len() < BLOCK {
            self.block.extend_from_slice(data);
        } else {
            self.append_slice(data);
        }
    }

    /// Append `length` bytes that `feed` hands over range by range, as in `digest_ranges`.
    pub fn extend<F, W>(&mut self, length: u64, worker: W)
    where
        W: Fn() -> F + Sync,
        F: FnMut(&mut Hasher, u64, u64),
    {
        self.flush();
        self.append(length, worker);
    }

    /// The digest of everything appended.
    #[must_use]
    pub fn finish(mut self) -> Digest {
        self.flush();
        if self.done.is_empty() {
            return self.last.finalize().into();
        }
        self.close();
        merge_root(&self.done)
    }

    fn flush(&mut self) {
        let mut block = std::mem::take(&mut self.block);
        self.append_slice(&block);
        block.clear();
        self.block = block;
    }

    fn append_slice(&mut self, data: &[u8]) {
        let worker = || {
            |hasher: &mut Hasher, start: u64, length: u64| {
                hasher.update(part(data, start, length));
            }
        };
        self.append(data.len() as u64, worker);
    }

    fn append<F, W>(&mut self, length: u64, worker: W)
    where
        W: Fn() -> F + Sync,
        F: FnMut(&mut Hasher, u64, u64),
    {
        let head = length.min(SUBTREE - self.filled);
        worker()(&mut self.last, 0, head);
        self.filled += head;
        if head == length {
            return;
        }
        self.close();
        let whole = (length - head - 1) / SUBTREE * SUBTREE;
        let first = self.done.len() as u64;
        let shifted = |_| {
            let mut feed = worker();
            move |hasher: &mut Hasher, start: u64, length: u64| -> Result<(), Infallible> {
                feed(hasher, head + start, length);
                Ok(())
            }
        };
        match chain_ranges(first, whole, self.threads, shifted) {
            Ok(values) => self.done.extend(values),
            Err(never) => match never {},
        }
        self.open();
        self.filled = length - head - whole;
        worker()(&mut self.last, head + whole, self.filled);
    }

    /// End the last subtree: more follows, or others came before.
    fn close(&mut self) {
        self.done.push(self.last.finalize_non_root());
        self.open();
    }

    fn open(&mut self) {
        *self.last = Hasher::new();
        self.last.set_input_offset(self.done.len() as u64 * SUBTREE);
        self.filled = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn in_parts(data: &[u8], parts: &[usize], threads: usize) -> Digest {
        let mut stream = Stream::new(threads);
        let mut rest = data;
        for &part in parts {
            let (now, later) = rest.split_at(part.min(rest.len()));
            stream.update(now);
            rest = later;
        }
        stream.update(rest);
        stream.finish()
    }

    #[test]
    fn borders_of_subtrees_do_not_show() {
        let mib = 1 << 20;
        for length in [0, 1, mib - 1, mib, mib + 1, 2 * mib, 3 * mib, 5 * mib + 7] {
            let data: Vec<u8> = (0..=250).cycle().take(length).collect();
            for parts in [
                &[][..],
                &[mib],
                &[1, mib - 1, mib],
                &[2 * mib, 1],
                &[70_000; 80],
            ] {
                for threads in [1, 3] {
                    assert_eq!(
                        in_parts(&data, parts, threads),
                        Digest::of(&data),
                        "{length} bytes in parts of {parts:?}"
                    );
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn parts_do_not_show(
            length in 0_usize..4_000_000,
            parts in prop::collection::vec(0_usize..1_500_000, 0..6),
        ) {
            let data: Vec<u8> = (0..=250).cycle().take(length).collect();

            prop_assert_eq!(in_parts(&data, &parts, 2), Digest::of(&data));
        }
    }
}
