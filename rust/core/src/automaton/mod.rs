//! The smallest automaton that behaves like a graph: nodes with a label and ordered successors in, classes out.
//!
//! Two nodes are one when no path tells them apart.  The classes are numbered from the root in the order in which a walk
//! along the successors meets them, so that equal behaviour gives equal lists, whatever order the nodes came in.
//!
//! Parts without a circle are settled bottom up.  A circle is split by partition refinement against what is settled
//! already; first it is held beside those that are settled, so that two copies of one circle are one.

mod classes;
mod edges;
mod quick;
mod refine;

pub use edges::Edges;
pub(crate) use quick::Map;

use crate::digest::{Digest, Domain};
use crate::encode::{Tag, Tokens};

/// The class of a node that has none yet.
const OPEN: u32 = u32::MAX;

/// A graph whose behaviour is asked for: `labels[n]` and `successors[n]` belong to node `n`.
#[derive(Clone, Copy)]
pub struct Graph<'a> {
    /// What each node is; equal numbers for equal nodes.
    pub labels: &'a [u32],
    /// Where each node leads, in an order that counts.
    pub successors: &'a Edges,
}

/// The classes that the root reaches, numbered from it.
#[derive(Debug, PartialEq, Eq)]
pub struct Canonical {
    /// One node of each class, by number.
    pub order: Vec<usize>,
    /// The numbers of the successors of each class, by number.
    pub successors: Edges,
}

/// Merge nodes of equal behaviour and number what is left from the root.
#[must_use]
pub fn canonical(graph: Graph<'_>, root: usize) -> Canonical {
    let mut classes = classes::Classes::new(graph);
    let found = components(graph.successors, root);
    let mut start = 0;
    for end in found.ends {
        classes.settle(&found.members[start..end]);
        start = end;
    }
    number(root, |node| classes.class[node], graph.successors)
}

/// Digest the canonical form of a graph whose nodes are known by digests.
///
/// `None` where a successor or the root is not a node.
#[must_use]
pub fn digest(
    kind: &str,
    labels: &[Digest],
    successors: &[Vec<usize>],
    root: usize,
) -> Option<Digest> {
    let count = labels.len();
    if root >= count
        || successors.len() != count
        || successors.iter().flatten().any(|&node| node >= count)
    {
        return None;
    }
    let successors: Edges = successors.iter().collect();
    let mut known = Map::default();
    let interned: Vec<u32> = labels
        .iter()
        .map(|label| intern(&mut known, *label))
        .collect();
    let canonical = canonical(
        Graph {
            labels: &interned,
            successors: &successors,
        },
        root,
    );
    let mut tokens = Tokens::default();
    for (&node, targets) in canonical.order.iter().zip(canonical.successors.iter()) {
        tokens.digest(Tag::Digest, &labels[node]);
        tokens.number(targets.len() as u64);
        for &target in targets {
            tokens.number(target as u64);
        }
    }
    Some(Domain::new(kind).digest(tokens.tail(0)))
}

/// The number of a key, a new one for a new key.
pub(crate) fn intern<K: std::hash::Hash + Eq>(known: &mut Map<K, u32>, key: K) -> u32 {
    let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
    *known.entry(key).or_insert(next)
}

/// Number classes in the order in which a walk from `root` meets them.
fn number(root: usize, class: impl Fn(usize) -> u32, successors: &Edges) -> Canonical {
    let mut numbers = Map::from_iter([(class(root), 0)]);
    let mut order = vec![root];
    let mut targets = Edges::with_room(successors.len());
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        next += 1;
        targets.push(successors.of(node).iter().map(|&to| {
            *numbers.entry(class(to)).or_insert_with(|| {
                order.push(to);
                order.len() - 1
            })
        }));
    }
    Canonical {
        order,
        successors: targets,
    }
}

/// Nodes by component, each component after everything it leads to.
#[derive(Default)]
struct Components {
    members: Vec<usize>,
    ends: Vec<usize>,
}

/// Strongly connected components that `root` reaches.
fn components(successors: &Edges, root: usize) -> Components {
    const NEW: usize = usize::MAX;
    let mut index = vec![NEW; successors.len()];
    let mut low = vec![0; successors.len()];
    let mut open = vec![false; successors.len()];
    let (mut stack, mut found, mut count) = (Vec::new(), Components::default(), 0);
    let mut path = vec![(root, 0)];
    while let Some((node, edge)) = path.pop() {
        if edge == 0 {
            index[node] = count;
            low[node] = count;
            open[node] = true;
            stack.push(node);
            count += 1;
        }
        if let Some(&to) = successors.of(node).get(edge) {
            path.push((node, edge + 1));
            if index[to] == NEW {
                path.push((to, 0));
            } else if open[to] {
                low[node] = low[node].min(index[to]);
            }
            continue;
        }
        if let Some(&(parent, _)) = path.last() {
            low[parent] = low[parent].min(low[node]);
        }
        if low[node] == index[node] {
            let start = stack
                .iter()
                .rposition(|&member| member == node)
                .unwrap_or(0);
            for member in stack.drain(start..) {
                open[member] = false;
                found.members.push(member);
            }
            found.ends.push(found.members.len());
        }
    }
    found
}

#[cfg(test)]
mod tests;
