//! Classes of equal behaviour, settled bottom up, circle by circle.

use std::collections::HashMap;

use super::refine::Refinement;
use super::{Graph, OPEN};

/// What is known of each node: its class, once it is settled.
pub struct Classes<'a> {
    graph: Graph<'a>,
    pub class: Vec<u32>,
    /// Of each class: its label, then the classes it leads to.
    behaviours: Vec<Vec<u32>>,
    known: HashMap<Vec<u32>, u32>,
    /// The classes that stand on circles, by label.
    circles: HashMap<u32, Vec<u32>>,
}

impl<'a> Classes<'a> {
    pub fn new(graph: Graph<'a>) -> Self {
        let class = vec![OPEN; graph.labels.len()];
        Self {
            graph,
            class,
            behaviours: Vec::new(),
            known: HashMap::new(),
            circles: HashMap::new(),
        }
    }

    pub fn settle(&mut self, component: &[usize]) {
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
