//! Undo what the compiler does, and do what it leaves undone, only because of lines; drop what classes note of themselves.
//!
//! Each rule keeps what the code does, up to the order in which values of one assignment are released.

use super::Code;
use super::decode::Argument;
use super::exits::Exits;
use super::flow::{Flow, Node};
use super::opcodes::{CONSTANT, COPY, NAME, POP, STORE_FAST, STORE_NAME, SWAP, TRUTH};

/// Rounds of rewriting; nests of `and` and `or` deeper than this stay as they are.
const ROUNDS: usize = 64;

/// Bring a graph to its normal form.
pub fn normalize(flow: &mut Flow, code: &Code<'_>) {
    if code.class_body {
        drop_notes(flow, code);
    }
    for _ in 0..ROUNDS {
        let mut rules = Rules {
            callers: callers(flow),
            changed: false,
            flow,
        };
        rules.drop_unused();
        rules.sort_stores();
        rules.thread_tests();
        let changed = rules.changed;
        flow.skip_silent();
        if !changed {
            break;
        }
    }
}

/// How many edges lead to each node.
fn callers(flow: &Flow) -> Vec<usize> {
    let reached = flow.reached();
    let mut count = vec![0; flow.nodes.len()];
    for (node, _) in flow
        .nodes
        .iter()
        .zip(&reached)
        .filter(|(_, reached)| **reached)
    {
        for &target in node
            .next
            .iter()
            .chain(node.handler.iter().map(|(target, _)| target))
        {
            count[target] += 1;
        }
    }
    count[flow.entry] += 1;
    count
}

/// Drop docstring, qualified name, module, first line and attributes: a class body's notes about itself.
fn drop_notes(flow: &mut Flow, code: &Code<'_>) {
    const NOTES: [&str; 4] = [
        "__doc__",
        "__qualname__",
        "__firstlineno__",
        "__static_attributes__",
    ];
    let name_of = |index: u32| code.names.get(index as usize).map_or("", String::as_str);
    for index in 0..flow.nodes.len() {
        let [next] = flow.nodes[index].next[..] else {
            continue;
        };
        let (node, store) = (&flow.nodes[index], &flow.nodes[next]);
        let Argument::Name(target, _) = store.argument else {
            continue;
        };
        if store.name != STORE_NAME {
            continue;
        }
        let is_note = match node.argument {
            Argument::Constant(_) => node.name == CONSTANT && NOTES.contains(&name_of(target)),
            Argument::Outside(source, _) => {
                node.name == NAME
                    && name_of(source) == "__name__"
                    && name_of(target) == "__module__"
            }
            _ => false,
        };
        if is_note {
            let after = store.next;
            flow.nodes[index].name = "";
            flow.nodes[index].next = after;
        }
    }
    flow.skip_silent();
}

struct Rules<'a> {
    flow: &'a mut Flow,
    callers: Vec<usize>,
    changed: bool,
}

impl Rules<'_> {
    fn node(&self, index: usize) -> &Node {
        &self.flow.nodes[index]
    }

    fn silence(&mut self, index: usize, next: Exits) {
        let node = &mut self.flow.nodes[index];
        node.name = "";
        node.next = next;
        self.changed = true;
    }

    /// The value on top once more.
    fn is_copy(&self, index: usize) -> bool {
        self.node(index).name == COPY && self.node(index).argument == Argument::Number(1)
    }

    /// What is put on the stack to be taken away at once was never there.
    fn drop_unused(&mut self) {
        for index in 0..self.flow.nodes.len() {
            if self.callers[index] == 0
                || !(self.node(index).name == CONSTANT || self.is_copy(index))
            {
                continue;
            }
            let next = self.node(index).next[0];
            if self.node(next).name == POP {
                let after = self.node(next).next;
                self.silence(index, after);
            }
        }
    }

    /// Where a run of swaps, stores and pops only takes values off the stack, take them from the top down.
    fn sort_stores(&mut self) {
        for index in 0..self.flow.nodes.len() {
            if self.callers[index] > 0 && is_store(self.node(index)) {
                let run = self.run_from(index);
                self.drop_overwritten(&run);
                self.sort_run(&run);
            }
        }
    }

    /// A store that the same run overwrites only takes its value away.
    fn drop_overwritten(&mut self, run: &[usize]) {
        let mut stored = Vec::new();
        for &index in run.iter().rev() {
            let Some(target) = self.target(index) else {
                continue;
            };
            if stored.contains(&target) {
                let node = &mut self.flow.nodes[index];
                (node.name, node.argument) = (POP, Argument::Number(0));
                self.changed = true;
            }
            stored.push(target);
        }
    }

    fn sort_run(&mut self, run: &[usize]) {
        let Some((length, taken)) = self.settled_prefix(run) else {
            return;
        };
        let actions: Vec<_> = taken
            .iter()
            .map(|&index| (self.node(index).name, self.node(index).argument))
            .collect();
        for (position, &index) in run[..length].iter().enumerate() {
            if let Some(&(name, argument)) = actions.get(position) {
                let node = &mut self.flow.nodes[index];
                self.changed |= (node.name, node.argument) != (name, argument);
                (node.name, node.argument) = (name, argument);
            } else {
                let next = self.node(index).next;
                self.silence(index, next);
            }
        }
    }

    fn run_from(&self, start: usize) -> Vec<usize> {
        let mut run = vec![start];
        let handler = self.node(start).handler;
        let mut index = self.node(start).next[0];
        while is_store(self.node(index))
            && self.callers[index] == 1
            && self.node(index).handler == handler
        {
            run.push(index);
            index = self.node(index).next[0];
        }
        run
    }

    /// The longest part of a run, with a swap in it, after which the rest of the stack is as it was; who takes what.
    fn settled_prefix(&self, run: &[usize]) -> Option<(usize, Vec<usize>)> {
        let mut stack: Vec<usize> = Vec::new();
        let mut deepest = 0;
        let mut taken: Vec<(usize, usize)> = Vec::new();
        let (mut swapped, mut best) = (false, None);
        for (position, &index) in run.iter().enumerate() {
            let depth = match self.node(index).argument {
                Argument::Number(depth) if self.node(index).name == SWAP => depth as usize,
                _ => 1,
            };
            while stack.len() < depth {
                stack.insert(0, deepest);
                deepest += 1;
            }
            let top = stack.len() - 1;
            if self.node(index).name == SWAP {
                stack.swap(top, top + 1 - depth);
                swapped = true;
            } else {
                taken.push((stack.pop()?, index));
            }
            let rest_is_untouched = stack.iter().rev().copied().eq(taken.len()..deepest);
            if swapped && rest_is_untouched {
                best = Some((position + 1, taken.len()));
            }
        }
        let (length, count) = best?;
        taken.truncate(count);
        taken.sort_unstable();
        Some((length, taken.into_iter().map(|(_, index)| index).collect()))
    }

    fn target(&self, index: usize) -> Option<u32> {
        match self.node(index).argument {
            Argument::Local(local) => Some(local),
            _ => None,
        }
    }

    /// A value that was found true or false is not asked again.
    fn thread_tests(&mut self) {
        for copy in 0..self.flow.nodes.len() {
            if self.callers[copy] == 0 || !self.is_copy(copy) {
                continue;
            }
            let test = self.node(copy).next[0];
            if self.node(test).name == TRUTH && self.callers[test] == 1 {
                self.thread_exit(test, 0);
                self.thread_exit(test, 1);
                self.drop_copy(copy, test);
            }
        }
    }

    /// Lead one exit of a test past a second test of the same value.
    fn thread_exit(&mut self, test: usize, exit: usize) {
        let target = self.node(test).next[exit];
        let again = if self.is_copy(target) {
            self.node(target).next[0]
        } else {
            target
        };
        if again == test || self.node(again).name != TRUTH {
            return;
        }
        let known = self.node(again).next[exit];
        let to = if again == target {
            self.pop_before(known, test)
        } else {
            known
        };
        if to != target {
            self.flow.nodes[test].next[exit] = to;
            self.changed = true;
        }
    }

    /// A new node that takes the value away before it goes on.
    fn pop_before(&mut self, next: usize, like: usize) -> usize {
        let Node { handler, unit, .. } = *self.node(like);
        self.flow.nodes.push(Node {
            name: POP,
            argument: Argument::Number(0),
            next: Exits::one(next),
            handler,
            unit,
        });
        self.callers.push(1);
        self.flow.nodes.len() - 1
    }

    /// Where both exits throw the value away, test the value itself.
    fn drop_copy(&mut self, copy: usize, test: usize) {
        let exits = self.node(test).next;
        if exits.iter().all(|&exit| self.node(exit).name == POP) {
            let past = |exit: usize| self.node(exit).next[0];
            self.flow.nodes[test].next = Exits::two(past(exits[0]), past(exits[1]));
            self.silence(copy, Exits::one(test));
        }
    }
}

fn is_store(node: &Node) -> bool {
    matches!(node.name, SWAP | STORE_FAST | POP)
}
