//! Classes of equal behaviour, settled bottom up, circle by circle.

use std::ops::Range;

use super::quick::{Map, hash};
use super::refine::Refinement;
use super::{Graph, OPEN};

/// What is known of each node: its class, once it is settled.
pub struct Classes<'a> {
    graph: Graph<'a>,
    pub class: Vec<u32>,
    /// Of each class: its label, then the classes it leads to, as a range of `words`.
    behaviours: Vec<Range<usize>>,
    words: Vec<u32>,
    /// The last class by the hash of its behaviour, and for each class the one before it of the same hash.
    known: Map<u64, u32>,
    earlier: Vec<u32>,
    /// The classes that stand on circles, by label.
    circles: Map<u32, Vec<u32>>,
}

impl<'a> Classes<'a> {
    pub fn new(graph: Graph<'a>) -> Self {
        let class = vec![OPEN; graph.labels.len()];
        Self {
            graph,
            class,
            behaviours: Vec::new(),
            words: Vec::new(),
            known: Map::default(),
            earlier: Vec::new(),
            circles: Map::default(),
        }
    }

    pub fn settle(&mut self, component: &[usize]) {
        match component {
            [node] if !self.graph.successors.of(*node).contains(node) => {
                self.class[*node] = self.settle_one(*node);
            }
            _ => {
                if !self.absorb(component) {
                    self.settle_circle(component);
                }
            }
        }
    }

    fn settle_one(&mut self, node: usize) -> u32 {
        let behaviour = self.append(node);
        if let Some(class) = self.find(&self.words[behaviour.clone()]) {
            self.words.truncate(behaviour.start);
            return class;
        }
        let class = self.add(behaviour.clone());
        self.make_known(class);
        class
    }

    /// Append label and classes of the successors to the words: what tells settled nodes apart.
    fn append(&mut self, node: usize) -> Range<usize> {
        let start = self.words.len();
        self.words.push(self.graph.labels[node]);
        let targets = self.graph.successors.of(node).iter();
        self.words.extend(targets.map(|&to| self.class[to]));
        start..self.words.len()
    }

    fn add(&mut self, behaviour: Range<usize>) -> u32 {
        let class = u32::try_from(self.behaviours.len()).unwrap_or(OPEN);
        self.behaviours.push(behaviour);
        self.earlier.push(OPEN);
        class
    }

    fn behaviour(&self, class: u32) -> &[u32] {
        &self.words[self.behaviours[class as usize].clone()]
    }

    fn make_known(&mut self, class: u32) {
        let earlier = self.known.insert(hash(self.behaviour(class)), class);
        self.earlier[class as usize] = earlier.unwrap_or(OPEN);
    }

    fn find(&self, behaviour: &[u32]) -> Option<u32> {
        let mut class = self.known.get(&hash(behaviour)).copied()?;
        while class != OPEN && self.behaviour(class) != behaviour {
            class = self.earlier[class as usize];
        }
        (class != OPEN).then_some(class)
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
    fn follow(&self, start: usize, class: u32) -> Option<Map<usize, u32>> {
        let mut met = Map::from_iter([(start, class)]);
        let mut pending = vec![(start, class)];
        while let Some((node, class)) = pending.pop() {
            let (label, classes) = self.behaviour(class).split_first()?;
            let targets = self.graph.successors.of(node);
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
        let mut members = Map::default();
        for &node in component {
            let class = *members
                .entry(groups[&node])
                .or_insert_with(|| self.add(0..0));
            self.class[node] = class;
        }
        for &node in component {
            let class = self.class[node];
            if self.behaviours[class as usize].is_empty() {
                self.behaviours[class as usize] = self.append(node);
                let label = self.graph.labels[node];
                self.circles.entry(label).or_default().push(class);
                // A first turn of a loop that stands before it behaves as the loop does.
                self.make_known(class);
            }
        }
        debug_assert!(
            self.behaviours[first..]
                .iter()
                .all(|behaviour| !behaviour.is_empty())
        );
    }
}
