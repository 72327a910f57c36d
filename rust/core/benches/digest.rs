//! Blocks of memory: plain BLAKE3, with threads where that pays.
//!
//! Sizes stand on both sides of the thresholds: 64 KiB, where values are hashed in place, and two subtrees, where
//! threads start.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use whorl_core::encode::LONG;
use whorl_core::subtree::{SUBTREE, digest_slice_with};

const MIB: usize = 1 << 20;

fn sizes() -> [usize; 7] {
    let subtrees = 2 * usize::try_from(SUBTREE).unwrap_or(MIB);
    [
        64,
        4096,
        LONG - 1,
        LONG,
        subtrees - 1,
        subtrees,
        64 * MIB + 1,
    ]
}

fn slices(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("digest_slice");
    for size in sizes() {
        let data = vec![7; size];
        group.throughput(Throughput::Bytes(size as u64));
        for threads in [1, 2] {
            let id = BenchmarkId::new(format!("{threads} threads"), size);
            group.bench_with_input(id, &data, |bencher, data| {
                bencher.iter(|| digest_slice_with(black_box(data), threads));
            });
        }
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    slices(&mut criterion);
    criterion.final_summary();
}
