//! Steps in, a flow graph out, and the digest of its smallest form.

use super::decode::{Argument, Exit, Handler, Step};
use super::exits::Exits;
use super::{Code, Unreadable};
use crate::automaton::{self, Edges, Graph, Map, intern};
use crate::digest::{Digest, Domain};
use crate::encode::{Tag, Tokens};

/// A step in the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it does; empty where nothing is done.
    pub name: &'static str,
    /// With what.
    pub argument: Argument,
    /// Where it leads: for a branch, first where the fact holds.
    pub next: Exits,
    /// Where an exception leads, with the depth of the stack there.
    pub handler: Option<(usize, u32)>,
    /// The place of its instruction.
    pub unit: u32,
}

/// The flow graph of a code object.
#[derive(Debug)]
pub struct Flow {
    /// The nodes, in the order of the code; those that rewriting makes stand at the end.
    pub nodes: Vec<Node>,
    /// Where it starts.
    pub entry: usize,
}

/// A loop that does nothing is this operation; nothing else has its name.
const SPIN: &str = "SPIN";

/// Join steps to a graph of those that do something.
pub fn build(steps: &[Step], handlers: &[Handler]) -> Result<Flow, Unreadable> {
    // Steps stand in the order of their units; several may have been made of one.
    let at = |unit: u32| {
        let first = steps.partition_point(|step| step.unit < unit);
        let found = steps.get(first).is_some_and(|step| step.unit == unit);
        found.then_some(first).ok_or(Unreadable::Argument(unit))
    };
    let mut nodes = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let next = match step.exit {
            Exit::Next => Exits::one(index + 1),
            Exit::Stop => Exits::NONE,
            Exit::Jump(target) => Exits::one(at(target)?),
            Exit::Either(target) | Exit::Unless(target) => Exits::two(index + 1, at(target)?),
            Exit::When(target) => Exits::two(at(target)?, index + 1),
        };
        if next.iter().any(|&node| node >= steps.len()) {
            return Err(Unreadable::Argument(step.unit));
        }
        let around = |handler: &&Handler| (handler.start..handler.end).contains(&step.unit);
        let handler = match handlers.iter().find(around) {
            Some(handler) => Some((at(handler.target)?, handler.depth)),
            None => None,
        };
        nodes.push(Node {
            name: step.name,
            argument: step.argument,
            next,
            handler,
            unit: step.unit,
        });
    }
    if nodes.is_empty() {
        return Err(Unreadable::Argument(0));
    }
    let mut flow = Flow { nodes, entry: 0 };
    flow.skip_silent();
    Ok(flow)
}

impl Flow {
    /// Lead every edge past nodes that do nothing.
    pub fn skip_silent(&mut self) {
        let spin = self.nodes.len();
        let past: Vec<usize> = (0..spin).map(|node| self.past_silent(node)).collect();
        if past.contains(&spin) {
            let argument = Argument::Number(0);
            self.nodes.push(Node {
                name: SPIN,
                argument,
                next: Exits::NONE,
                handler: None,
                unit: 0,
            });
        }
        for node in &mut self.nodes[..spin] {
            for next in node.next.iter_mut() {
                *next = past[*next];
            }
            if let Some((target, _)) = &mut node.handler {
                *target = past[*target];
            }
        }
        self.entry = past[self.entry];
    }

    fn past_silent(&self, start: usize) -> usize {
        let mut node = start;
        for _ in 0..=self.nodes.len() {
            match self.nodes[node] {
                Node {
                    name: "", ref next, ..
                } => node = next[0],
                _ => return node,
            }
        }
        self.nodes.len()
    }

    /// Which nodes the entry reaches.
    pub fn reached(&self) -> Vec<bool> {
        let mut reached = vec![false; self.nodes.len()];
        let mut pending = vec![self.entry];
        while let Some(node) = pending.pop() {
            if !std::mem::replace(&mut reached[node], true) {
                let node = &self.nodes[node];
                pending.extend(
                    node.next
                        .iter()
                        .chain(node.handler.iter().map(|(target, _)| target)),
                );
            }
        }
        reached
    }

    /// Names that the code itself binds: these are not only looked up, so they count as they are written.
    fn stored(&self) -> Vec<u32> {
        let binds = |node: &&Node| node.name.ends_with("_NAME") || node.name.ends_with("_GLOBAL");
        let name = |node: &Node| match node.argument {
            Argument::Name(index, _) => Some(index),
            _ => None,
        };
        self.nodes.iter().filter(binds).filter_map(name).collect()
    }

    /// Digest the smallest form; with the outside names and the constants in the order in which it meets them.
    pub fn digest(&self, code: &Code<'_>) -> Result<(Digest, Vec<u32>, Vec<u32>), Unreadable> {
        let reached = self.reached();
        let mut known = Map::default();
        let mut labels = vec![0; self.nodes.len()];
        let mut successors = Edges::with_room(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate() {
            if !reached[index] {
                successors.push([]);
                continue;
            }
            let what = What::of(node.argument, code)?;
            labels[index] = intern(
                &mut known,
                (node.name, what, node.handler.map(|(_, depth)| depth)),
            );
            let handler = node.handler.map(|(target, _)| target);
            successors.push(node.next.iter().copied().chain(handler));
        }
        let canonical = automaton::canonical(
            Graph {
                labels: &labels,
                successors: &successors,
            },
            self.entry,
        );
        let stored = self.stored();
        let mut writer = Writer {
            code,
            stored,
            tokens: Tokens::default(),
            names: Vec::new(),
            constants: Vec::new(),
        };
        for (&index, targets) in canonical.order.iter().zip(canonical.successors.iter()) {
            writer.write(&self.nodes[index], targets)?;
        }
        let digest = Domain::new("flow").digest(writer.tokens.tail(0));
        Ok((digest, writer.names, writer.constants))
    }
}

/// An argument as nodes are compared by it: constants of one digest are one.
#[derive(PartialEq, Eq, Hash)]
enum What {
    Index(Argument),
    Constant(Digest),
}

impl What {
    fn of(argument: Argument, code: &Code<'_>) -> Result<Self, Unreadable> {
        match argument {
            Argument::Constant(index) => Ok(Self::Constant(item(code.constants, index)?.digest)),
            _ => Ok(Self::Index(argument)),
        }
    }
}

/// Look an index up.
pub fn item<T>(list: &[T], index: u32) -> Result<&T, Unreadable> {
    list.get(index as usize).ok_or(Unreadable::Argument(index))
}

/// Writes the nodes of the smallest form as tokens.
struct Writer<'a> {
    code: &'a Code<'a>,
    stored: Vec<u32>,
    tokens: Tokens,
    names: Vec<u32>,
    constants: Vec<u32>,
}

impl Writer<'_> {
    fn write(&mut self, node: &Node, targets: &[usize]) -> Result<(), Unreadable> {
        self.tokens.block(Tag::Text, node.name.as_bytes());
        self.write_argument(node.argument)?;
        match node.handler {
            Some((_, depth)) => self.tokens.number(u64::from(depth) + 1),
            None => self.tokens.number(0),
        }
        self.tokens.number(targets.len() as u64);
        for &target in targets {
            self.tokens.number(target as u64);
        }
        Ok(())
    }

    fn write_argument(&mut self, argument: Argument) -> Result<(), Unreadable> {
        match argument {
            Argument::Number(number) => self.tokens.integer(i64::from(number)),
            Argument::Name(index, flags) => {
                self.tokens
                    .block(Tag::Text, item(self.code.names, index)?.as_bytes());
                self.tokens.number(u64::from(flags));
            }
            Argument::Outside(index, flags) => {
                let name = item(self.code.names, index)?;
                let ordinal = place(&mut self.names, index);
                if self.stored.contains(&index) {
                    self.tokens.block(Tag::Text, name.as_bytes());
                } else {
                    self.tokens.count(Tag::Reference, ordinal);
                }
                self.tokens.number(u64::from(flags));
            }
            Argument::Constant(index) => {
                let digest = item(self.code.constants, index)?.digest;
                place(&mut self.constants, index);
                self.tokens.digest(Tag::Digest, &digest);
            }
            Argument::Local(index) => self
                .tokens
                .block(Tag::Text, item(self.code.locals, index)?.as_bytes()),
        }
        Ok(())
    }
}

/// The place of an index in a list that it is appended to when it is new.
fn place(list: &mut Vec<u32>, index: u32) -> u64 {
    let found = list.iter().position(|&known| known == index);
    found.unwrap_or_else(|| {
        list.push(index);
        list.len() - 1
    }) as u64
}
