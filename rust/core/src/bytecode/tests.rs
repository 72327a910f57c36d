//! Recorded code objects of every Python: pairs that do the same, bodies that all do something else.

use std::collections::HashMap;

use super::decode::{Handler, handlers};
use super::opcodes::Opcode;
use super::*;

const RECORDED: [(u8, &str); 3] = [
    (
        11,
        include_str!("../../../../tests/vectors/bytecode_311.tsv"),
    ),
    (
        12,
        include_str!("../../../../tests/vectors/bytecode_312.tsv"),
    ),
    (
        13,
        include_str!("../../../../tests/vectors/bytecode_313.tsv"),
    ),
];

struct Recorded {
    group: String,
    name: String,
    code: Vec<u8>,
    handlers: Vec<u8>,
    names: Vec<String>,
    locals: Vec<String>,
    free: usize,
    constants: Vec<Constant>,
}

impl Recorded {
    fn read(line: &str) -> Self {
        let fields: Vec<&str> = line.split('\t').collect();
        let list = |text: &str| {
            text.split(',')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let constant = |text: &str| Constant {
            digest: Digest::of(text.as_bytes()),
            text: text.starts_with('\''),
        };
        Self {
            group: fields[0].to_owned(),
            name: fields[1].to_owned(),
            code: hex(fields[2]),
            handlers: hex(fields[3]),
            names: list(fields[4]),
            locals: list(fields[5]),
            free: fields[6].parse().unwrap_or(0),
            constants: fields[7].split('\u{1f}').map(constant).collect(),
        }
    }

    fn code(&self) -> Code<'_> {
        Code {
            bytes: &self.code,
            handlers: &self.handlers,
            constants: &self.constants,
            names: &self.names,
            locals: &self.locals,
            free: self.free,
            class_body: false,
        }
    }

    fn normal(&self, minor: u8) -> Result<Normal<'_>, Unreadable> {
        normalize(
            Table::of_minor(minor).unwrap_or_else(|| unreachable!("recorded Pythons are known")),
            self.code(),
        )
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
            .unwrap_or(0)
    };
    text.as_bytes()
        .chunks(2)
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

fn recorded() -> impl Iterator<Item = (u8, Recorded)> {
    RECORDED
        .iter()
        .flat_map(|(minor, text)| text.lines().map(|line| (*minor, Recorded::read(line))))
}

#[test]
fn every_recorded_code_object_is_read() {
    for (minor, code) in recorded() {
        assert!(
            code.normal(minor).is_ok(),
            "3.{minor} {}: {:?}",
            code.name,
            code.normal(minor).err()
        );
    }
}

#[test]
fn what_lines_leave_behind_does_not_count() {
    let mut digests: HashMap<(u8, String), Digest> = HashMap::new();
    for (minor, code) in recorded().filter(|(_, code)| code.group == "same") {
        let Ok(normal) = code.normal(minor) else {
            continue;
        };
        let first = *digests
            .entry((minor, code.name.clone()))
            .or_insert(normal.digest);

        assert_eq!(normal.digest, first, "3.{minor} {}", code.name);
    }
    assert!(digests.len() > 60);
}

#[test]
fn what_does_something_else_counts() {
    let mut known: HashMap<(u8, Digest, Vec<&str>), String> = HashMap::new();
    let recorded: Vec<_> = recorded().collect();
    for (minor, code) in recorded
        .iter()
        .filter(|(_, code)| code.group == "different")
    {
        let Ok(normal) = code.normal(*minor) else {
            continue;
        };
        // Names are told by their order; what they stand for is told by who reads the list.
        let names = normal
            .names
            .iter()
            .map(|&index| code.names[index as usize].as_str())
            .collect();
        let other = known.insert((*minor, normal.digest, names), code.name.clone());

        assert_eq!(other, None, "3.{minor} {}", code.name);
    }
    assert!(known.len() > 120);
}

#[test]
fn a_damaged_code_object_is_refused_or_read_but_never_ends_the_process() {
    for (minor, mut code) in recorded().step_by(7) {
        for place in 0..code.code.len() {
            let kept = code.code[place];
            code.code[place] = kept.wrapping_add(37);
            let _ = code.normal(minor);
            code.code[place] = kept;
        }
        for length in 0..code.handlers.len() {
            let kept = std::mem::take(&mut code.handlers);
            code.handlers = kept[..length].to_vec();
            let _ = code.normal(minor);
            code.handlers = kept;
        }
        code.code.truncate(code.code.len() / 2);
        let _ = code.normal(minor);
    }
}

#[test]
fn a_python_that_is_not_known_has_no_table() {
    assert!(Table::of_minor(10).is_none());
    assert!(Table::of_minor(15).is_none());
}

#[test]
fn a_table_from_the_interpreter_leaves_out_what_it_does_not_know() {
    let table = Table::new(
        14,
        [(1, "LOAD_FAST_BORROW", 0), (2, "FROB_THE_STACK", 0)].into_iter(),
    );

    assert!(matches!(
        table.get(1),
        Some(Opcode {
            name: "LOAD_FAST",
            ..
        })
    ));
    assert!(table.get(2).is_none());
}

#[test]
fn an_exception_table_is_read_by_six_bits_per_byte() {
    // One entry: start 5, length 70 (1 * 64 + 6), target 9, depth 2 with the place of the exception.
    let table = [128 | 5, 64 | 1, 6, 9, 2 << 1 | 1];
    let expected = Handler {
        start: 5,
        end: 75,
        target: 9,
        depth: 5,
    };

    assert_eq!(handlers(&table), Ok(vec![expected]));
    assert_eq!(handlers(&table[..3]), Err(Unreadable::Handlers));
}

#[test]
fn facts_tell_imports_and_chains() {
    let found = recorded().find(|(_, code)| code.name == "import from");
    let (minor, code) = found.unwrap_or_else(|| unreachable!("it is recorded"));
    let facts = code
        .normal(minor)
        .map(|normal| normal.facts)
        .unwrap_or_default();
    let binding = Binding {
        variable: "loads",
        attribute: "loads",
        top: false,
    };

    assert_eq!(facts.imports[0].module, "json");
    assert_eq!(facts.imports[0].bindings, [binding]);
}
