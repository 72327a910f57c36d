//! The smallest automaton that behaves like a graph: nodes with a label and ordered successors in, classes out.
//!
//! Two nodes are one when no path tells them apart.  The classes are numbered from the root in the order in which a walk
//! along the successors meets them, so that equal behaviour gives equal lists, whatever order the nodes came in.
//!
//! Parts without a circle are settled bottom up.  A circle is split by partition refinement against what is settled
//! already; first it is held beside those that are settled, so that two copies of one circle are one.

use std::collections::HashMap;

use crate::digest::{Digest, Domain};
use crate::encode::{Tag, Tokens};

/// A graph whose behaviour is asked for: `labels[n]` and `successors[n]` belong to node `n`.
#[derive(Clone, Copy)]
pub struct Graph<'a> {
    /// What each node is; equal numbers for equal nodes.
    pub labels: &'a [u32],
    /// Where each node leads, in an order that counts.
    pub successors: &'a [Vec<usize>],
}

/// The classes that the root reaches, numbered from it.
#[derive(Debug, PartialEq, Eq)]
pub struct Canonical {
    /// One node of each class, by number.
    pub order: Vec<usize>,
    /// The numbers of the successors of each class, by number.
    pub successors: Vec<Vec<usize>>,
}

/// Merge nodes of equal behaviour and number what is left from the root.
#[must_use]
pub fn canonical(graph: Graph<'_>, root: usize) -> Canonical {
    let mut classes = Classes::new(graph);
    for component in components(graph.successors, root) {
        classes.settle(&component);
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
    let mut known = HashMap::new();
    let interned: Vec<u32> = labels
        .iter()
        .map(|label| intern(&mut known, *label))
        .collect();
    let canonical = canonical(
        Graph {
            labels: &interned,
            successors,
        },
        root,
    );
    let mut tokens = Tokens::default();
    for (&node, targets) in canonical.order.iter().zip(&canonical.successors) {
        tokens.digest(Tag::Digest, &labels[node]);
        tokens.number(targets.len() as u64);
        for &target in targets {
            tokens.number(target as u64);
        }
    }
    Some(Domain::new(kind).digest(tokens.tail(0)))
}

/// The number of a key, a new one for a new key.
pub(crate) fn intern<K: std::hash::Hash + Eq>(known: &mut HashMap<K, u32>, key: K) -> u32 {
    let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
    *known.entry(key).or_insert(next)
}

/// Number classes in the order in which a walk from `root` meets them.
fn number<'a>(
    root: usize,
    class: impl Fn(usize) -> u32,
    successors: &'a [Vec<usize>],
) -> Canonical {
    let mut numbers = HashMap::from([(class(root), 0)]);
    let mut order = vec![root];
    let mut targets = Vec::new();
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        next += 1;
        let list: &'a [usize] = &successors[node];
        targets.push(
            list.iter()
                .map(|&to| {
                    *numbers.entry(class(to)).or_insert_with(|| {
                        order.push(to);
                        order.len() - 1
                    })
                })
                .collect(),
        );
    }
    Canonical {
        order,
        successors: targets,
    }
}

/// Strongly connected components that `root` reaches, each after everything it leads to.
fn components(successors: &[Vec<usize>], root: usize) -> Vec<Vec<usize>> {
    const NEW: usize = usize::MAX;
    let mut index = vec![NEW; successors.len()];
    let mut low = vec![0; successors.len()];
    let mut open = vec![false; successors.len()];
    let (mut stack, mut found, mut count) = (Vec::new(), Vec::new(), 0);
    let mut path = vec![(root, 0)];
    while let Some((node, edge)) = path.pop() {
        if edge == 0 {
            index[node] = count;
            low[node] = count;
            open[node] = true;
            stack.push(node);
            count += 1;
        }
        if let Some(&to) = successors[node].get(edge) {
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
            let component = stack.split_off(start);
            for &member in &component {
                open[member] = false;
            }
            found.push(component);
        }
    }
    found
}

/// What is known of each node: its class, once it is settled.
struct Classes<'a> {
    graph: Graph<'a>,
    class: Vec<u32>,
    /// Of each class: its label, then the classes it leads to.
    behaviours: Vec<Vec<u32>>,
    known: HashMap<Vec<u32>, u32>,
    /// The classes that stand on circles, by label.
    circles: HashMap<u32, Vec<u32>>,
}

const OPEN: u32 = u32::MAX;

impl<'a> Classes<'a> {
    fn new(graph: Graph<'a>) -> Self {
        let class = vec![OPEN; graph.labels.len()];
        Self {
            graph,
            class,
            behaviours: Vec::new(),
            known: HashMap::new(),
            circles: HashMap::new(),
        }
    }

    fn settle(&mut self, component: &[usize]) {
        match component {
            [node] if !self.graph.successors[*node].contains(node) => {
                let behaviour = self.behaviour(*node);
                self.class[*node] = match self.known.get(&behaviour) {
                    Some(&class) => class,
                    None => self.add(behaviour),
                };
            }
            _ => {
                if !self.absorb(component) {
                    self.settle_circle(component);
                }
            }
        }
    }

    /// Label and classes of the successors: what tells settled nodes apart.
    fn behaviour(&self, node: usize) -> Vec<u32> {
        let targets = self.graph.successors[node].iter().map(|&to| self.class[to]);
        std::iter::once(self.graph.labels[node])
            .chain(targets)
            .collect()
    }

    fn add(&mut self, behaviour: Vec<u32>) -> u32 {
        let class = u32::try_from(self.behaviours.len()).unwrap_or(OPEN);
        self.known.insert(behaviour.clone(), class);
        self.behaviours.push(behaviour);
        class
    }

    /// Take a circle as one that is settled already, if it behaves like it; all of its nodes do, or none.
    fn absorb(&mut self, component: &[usize]) -> bool {
        let candidates = |node: &usize| {
            self.circles
                .get(&self.graph.labels[*node])
                .map_or(0, Vec::len)
        };
        let Some(&start) = component.iter().min_by_key(|node| candidates(node)) else {
            return false;
        };
        let same_label = self
            .circles
            .get(&self.graph.labels[start])
            .cloned()
            .unwrap_or_default();
        let found = same_label
            .into_iter()
            .find_map(|class| self.follow(start, class));
        let absorbed = found.is_some();
        for (node, class) in found.into_iter().flatten() {
            self.class[node] = class;
        }
        absorbed
    }

    /// Walk an open node beside a settled class; the classes of all nodes met, if no step tells them apart.
    fn follow(&self, start: usize, class: u32) -> Option<HashMap<usize, u32>> {
        let mut met = HashMap::from([(start, class)]);
        let mut pending = vec![(start, class)];
        while let Some((node, class)) = pending.pop() {
            let (label, classes) = self.behaviours[class as usize].split_first()?;
            let targets = &self.graph.successors[node];
            if *label != self.graph.labels[node] || classes.len() != targets.len() {
                return None;
            }
            for (&to, &wanted) in targets.iter().zip(classes) {
                let have = if self.class[to] == OPEN {
                    met.get(&to).copied()
                } else {
                    Some(self.class[to])
                };
                if have.is_some_and(|have| have != wanted) {
                    return None;
                }
                if have.is_none() {
                    met.insert(to, wanted);
                    pending.push((to, wanted));
                }
            }
        }
        Some(met)
    }

    fn settle_circle(&mut self, component: &[usize]) {
        let groups = Refinement::run(self.graph, &self.class, component);
        let first = self.behaviours.len();
        let mut members = HashMap::new();
        for &node in component {
            let class = *members.entry(groups[&node]).or_insert_with(|| {
                self.behaviours.push(Vec::new());
                u32::try_from(self.behaviours.len() - 1).unwrap_or(OPEN)
            });
            self.class[node] = class;
        }
        for &node in component {
            let class = self.class[node];
            if self.behaviours[class as usize].is_empty() {
                let behaviour = self.behaviour(node);
                self.circles.entry(behaviour[0]).or_default().push(class);
                // A first turn of a loop that stands before it behaves as the loop does.
                self.known.insert(behaviour.clone(), class);
                self.behaviours[class as usize] = behaviour;
            }
        }
        debug_assert!(
            self.behaviours[first..]
                .iter()
                .all(|behaviour| !behaviour.is_empty())
        );
    }
}

/// Splits the nodes of one circle into groups until no group's members lead to different groups.
struct Refinement<'a> {
    graph: Graph<'a>,
    settled: &'a [u32],
    group: HashMap<usize, u32>,
    members: Vec<Vec<usize>>,
    callers: HashMap<usize, Vec<usize>>,
}

impl<'a> Refinement<'a> {
    fn run(graph: Graph<'a>, settled: &'a [u32], component: &[usize]) -> HashMap<usize, u32> {
        let mut refinement = Self::start(graph, settled, component);
        let mut dirty: Vec<u32> = (0_u32..).take(refinement.members.len()).collect();
        while let Some(group) = dirty.pop() {
            refinement.split(group, &mut dirty);
        }
        refinement.group
    }

    fn start(graph: Graph<'a>, settled: &'a [u32], component: &[usize]) -> Self {
        let mut known = HashMap::new();
        let mut members: Vec<Vec<usize>> = Vec::new();
        let mut group = HashMap::new();
        let mut callers: HashMap<usize, Vec<usize>> = HashMap::new();
        for &node in component {
            let number = intern(&mut known, graph.labels[node]);
            if members.len() <= number as usize {
                members.push(Vec::new());
            }
            members[number as usize].push(node);
            group.insert(node, number);
        }
        for &node in component {
            for to in graph.successors[node]
                .iter()
                .filter(|to| group.contains_key(to))
            {
                callers.entry(*to).or_default().push(node);
            }
        }
        Self {
            graph,
            settled,
            group,
            members,
            callers,
        }
    }

    fn split(&mut self, group: u32, dirty: &mut Vec<u32>) {
        if self.members[group as usize].len() < 2 {
            return;
        }
        let mut parts: HashMap<Vec<(bool, u32)>, Vec<usize>> = HashMap::new();
        for &node in &self.members[group as usize] {
            parts.entry(self.signature(node)).or_default().push(node);
        }
        let mut parts: Vec<Vec<usize>> = parts.into_values().collect();
        // The largest part keeps its number, so that a node changes its number at most log n times.
        parts.sort_by_key(Vec::len);
        self.members[group as usize] = parts.pop().unwrap_or_default();
        let mut moved = Vec::new();
        for part in parts {
            let number = u32::try_from(self.members.len()).unwrap_or(OPEN);
            for &node in &part {
                self.group.insert(node, number);
            }
            moved.extend_from_slice(&part);
            self.members.push(part);
        }
        // Only now, when every node has its new number: a caller may have moved itself.
        for caller in moved
            .iter()
            .filter_map(|node| self.callers.get(node))
            .flatten()
        {
            dirty.push(self.group[caller]);
        }
    }

    fn signature(&self, node: usize) -> Vec<(bool, u32)> {
        let successors = &self.graph.successors[node];
        let one = |to: &usize| {
            self.group
                .get(to)
                .map_or((true, self.settled[*to]), |&group| (false, group))
        };
        successors.iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn size(labels: &[u32], successors: &[Vec<usize>]) -> usize {
        canonical(Graph { labels, successors }, 0).order.len()
    }

    #[test]
    fn copies_of_an_end_are_one() {
        assert_eq!(size(&[0, 1, 1], &[vec![1, 2], vec![], vec![]]), 2);
    }

    #[test]
    fn copies_of_a_circle_are_one() {
        let labels = [9, 0, 1, 0, 1];
        let successors = [vec![1, 3], vec![2], vec![1], vec![4], vec![3]];

        assert_eq!(size(&labels, &successors), 3);
    }

    #[test]
    fn a_first_turn_before_a_loop_is_part_of_it() {
        let labels = [0, 1, 0, 1];
        let successors = [vec![1], vec![2], vec![3], vec![2]];

        assert_eq!(size(&labels, &successors), 2);
    }

    #[test]
    fn a_later_difference_splits_equal_labels() {
        let labels = [0, 1, 1, 2, 3];
        let successors = [vec![1, 2], vec![3], vec![4], vec![0], vec![0]];

        assert_eq!(size(&labels, &successors), 5);
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let labels = vec![0; 200_000];
        let mut successors: Vec<Vec<usize>> = (1..200_000).map(|node| vec![node]).collect();
        successors.push(vec![]);

        assert_eq!(size(&labels, &successors), 200_000);
    }

    fn graphs() -> impl Strategy<Value = (Vec<u32>, Vec<Vec<usize>>)> {
        (1_usize..40).prop_flat_map(|count| {
            let labels = prop::collection::vec(0_u32..3, count);
            let successors = prop::collection::vec(prop::collection::vec(0..count, 1..3), count);
            (labels, successors)
        })
    }

    /// The classes by the definition: split until nothing splits, over the whole graph.
    fn naive(labels: &[u32], successors: &[Vec<usize>]) -> Vec<u32> {
        let mut classes = labels.to_vec();
        for _ in labels {
            let mut known = HashMap::new();
            classes = (0..labels.len())
                .map(|node| {
                    let targets: Vec<u32> =
                        successors[node].iter().map(|&to| classes[to]).collect();
                    intern(&mut known, (classes[node], targets))
                })
                .collect();
        }
        classes
    }

    proptest! {
        #[test]
        fn it_is_as_small_as_the_definition_says((labels, successors) in graphs()) {
            let classes = naive(&labels, &successors);
            let by_definition = number(0, |node| classes[node], &successors);

            let found = canonical(Graph { labels: &labels, successors: &successors }, 0);
            let of = |order: &[usize]| -> Vec<u32> { order.iter().map(|&node| labels[node]).collect() };
            prop_assert_eq!(of(&found.order), of(&by_definition.order));
            prop_assert_eq!(found.successors, by_definition.successors);
        }

        #[test]
        fn the_order_of_nodes_does_not_count((labels, successors) in graphs(), seed: u64) {
            let count = labels.len();
            let mut place: Vec<usize> = (0..count).collect();
            place[1..].sort_by_key(|&node| (node as u64).wrapping_mul(seed | 1).rotate_left(17));
            let digests = |labels: &[u32]| -> Vec<Digest> { labels.iter().map(|label| Digest::of(&label.to_le_bytes())).collect() };
            let mut moved_labels = vec![0; count];
            let mut moved = vec![vec![]; count];
            for node in 0..count {
                moved_labels[place[node]] = labels[node];
                moved[place[node]] = successors[node].iter().map(|&to| place[to]).collect();
            }

            prop_assert_eq!(
                digest("test", &digests(&labels), &successors, 0),
                digest("test", &digests(&moved_labels), &moved, place[0])
            );
        }
    }
}
