//! Tokens and records: what a small value and a key cost before Python is asked anything.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use whorl_core::Encoder;
use whorl_core::digest::{Digest, Domain};
use whorl_core::encode::{Tag, Tokens};
use whorl_core::sink::Sink;

const MANY: u32 = 100_000;

/// The tokens of `(1, 2.5, "three", None, True)`.
fn five(tokens: &mut Tokens) {
    tokens.count(Tag::Tuple, 5);
    tokens.integer(1);
    tokens.float(2.5);
    tokens.block(Tag::Text, b"three");
    tokens.tag(Tag::None);
    tokens.tag(Tag::True);
}

fn small_values(criterion: &mut Criterion) {
    let domain = Domain::new("bench");
    criterion.bench_function("a tuple of 5", |bencher| {
        bencher.iter(|| {
            let mut sink = Sink::new(domain);
            let part = sink.begin();
            five(&mut sink.tokens);
            sink.end(part);
            sink.finish()
        });
    });
}

fn long_lists(criterion: &mut Criterion) {
    let domain = Domain::new("bench");
    let mut group = criterion.benchmark_group("a list");
    group.throughput(Throughput::Elements(u64::from(MANY)));
    group.bench_function("of 100,000 integers", |bencher| {
        bencher.iter(|| {
            let mut sink = Sink::new(domain);
            let mut part = sink.begin();
            sink.tokens.count(Tag::List, u64::from(MANY));
            for number in 0..black_box(MANY) {
                sink.tokens.integer(i64::from(number));
                sink.spill(&mut part);
            }
            sink.end(part);
            sink.finish()
        });
    });
    group.finish();
}

fn records(criterion: &mut Criterion) {
    let digest = Digest::of(b"argument");
    criterion.bench_function("a record of ten arguments", |bencher| {
        bencher.iter(|| {
            let mut encoder = Encoder::new("bench");
            for _ in 0..10 {
                encoder.text(black_box(b"name"));
                encoder.digest(&digest);
            }
            encoder.finish()
        });
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    small_values(&mut criterion);
    long_lists(&mut criterion);
    records(&mut criterion);
    criterion.final_summary();
}
