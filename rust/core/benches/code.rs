//! Normalized code and graphs: what the fingerprint of a function costs.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use whorl_core::Digest;
use whorl_core::automaton;
use whorl_core::bytecode::{Code, Constant, Table, normalize};

/// Code objects of Python 3.12, a line each: group, name, code, exception table, names, locals, free, constants.
const RECORDED: &str = include_str!("../../../tests/vectors/bytecode_312.tsv");
const MINOR: u8 = 12;
const NODES: usize = 10_000;

struct Recorded {
    bytes: Vec<u8>,
    handlers: Vec<u8>,
    names: Vec<String>,
    locals: Vec<String>,
    free: usize,
    constants: Vec<Constant>,
}

impl Recorded {
    /// Read a line; `None` where it is not one.
    fn read(line: &str) -> Option<Self> {
        let mut fields = line.split('\t').skip(2);
        Some(Self {
            bytes: unhex(fields.next()?)?,
            handlers: unhex(fields.next()?)?,
            names: words(fields.next()?),
            locals: words(fields.next()?),
            free: fields.next()?.parse().ok()?,
            constants: fields.next()?.split('\u{1f}').map(constant).collect(),
        })
    }

    fn code(&self) -> Code<'_> {
        Code {
            bytes: &self.bytes,
            handlers: &self.handlers,
            constants: &self.constants,
            names: &self.names,
            locals: &self.locals,
            free: self.free,
            class_body: false,
        }
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_terminator(',').map(str::to_owned).collect()
}

fn constant(text: &str) -> Constant {
    Constant {
        digest: Digest::of(text.as_bytes()),
        text: text.starts_with('\''),
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

fn code_objects(criterion: &mut Criterion) {
    let recorded: Vec<_> = RECORDED.lines().filter_map(Recorded::read).collect();
    assert_eq!(
        recorded.len(),
        RECORDED.lines().count(),
        "every line is read"
    );
    let longest = recorded.iter().max_by_key(|code| code.bytes.len());
    let (Some(table), Some(longest)) = (Table::of_minor(MINOR), longest) else {
        unreachable!("this Python is known and has recorded code");
    };
    let mut group = criterion.benchmark_group("normalize");
    group.bench_function("the longest recorded code object", |bencher| {
        bencher.iter(|| normalize(table, black_box(longest.code())));
    });
    group.throughput(Throughput::Elements(recorded.len() as u64));
    group.bench_function("every recorded code object", |bencher| {
        bencher.iter(|| {
            recorded
                .iter()
                .filter(|code| normalize(table, black_box(code.code())).is_ok())
                .count()
        });
    });
    group.finish();
}

/// A chain whose nodes lead to the next and, every third, back to the start of its hundred.
fn chain() -> (Vec<Digest>, Vec<Vec<usize>>) {
    let labels = (0..NODES).map(|node| Digest::of(&(node % 7).to_le_bytes()));
    let successors = (0..NODES).map(|node| {
        let next = (node + 1 < NODES).then_some(node + 1);
        let back = (node % 3 == 0).then_some(node - node % 100);
        next.into_iter().chain(back).collect()
    });
    (labels.collect(), successors.collect())
}

fn graphs(criterion: &mut Criterion) {
    let (labels, successors) = chain();
    criterion.bench_function("digest a graph of 10,000 nodes", |bencher| {
        bencher.iter(|| automaton::digest("bench", black_box(&labels), &successors, 0));
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    code_objects(&mut criterion);
    graphs(&mut criterion);
    criterion.final_summary();
}
