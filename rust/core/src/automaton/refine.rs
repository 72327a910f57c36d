//! Partition refinement of one circle: groups are split until nothing tells their members apart.

use super::{Graph, Map, OPEN, intern};

/// Splits the nodes of one circle into groups until no group's members lead to different groups.
pub struct Refinement<'a> {
    graph: Graph<'a>,
    settled: &'a [u32],
    group: Map<usize, u32>,
    members: Vec<Vec<usize>>,
    callers: Map<usize, Vec<usize>>,
}

impl<'a> Refinement<'a> {
    pub fn run(graph: Graph<'a>, settled: &'a [u32], component: &[usize]) -> Map<usize, u32> {
        let mut refinement = Self::start(graph, settled, component);
        let mut dirty: Vec<u32> = (0_u32..).take(refinement.members.len()).collect();
        while let Some(group) = dirty.pop() {
            refinement.split(group, &mut dirty);
        }
        refinement.group
    }

    fn start(graph: Graph<'a>, settled: &'a [u32], component: &[usize]) -> Self {
        let mut known = Map::default();
        let mut members: Vec<Vec<usize>> = Vec::new();
        let mut group = Map::default();
        let mut callers: Map<usize, Vec<usize>> = Map::default();
        for &node in component {
            let number = intern(&mut known, graph.labels[node]);
            if members.len() <= number as usize {
                members.push(Vec::new());
            }
            members[number as usize].push(node);
            group.insert(node, number);
        }
        for &node in component {
            for to in graph
                .successors
                .of(node)
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
        let mut parts: Map<Vec<(bool, u32)>, Vec<usize>> = Map::default();
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
        let successors = self.graph.successors.of(node);
        let one = |to: &usize| {
            self.group
                .get(to)
                .map_or((true, self.settled[*to]), |&group| (false, group))
        };
        successors.iter().map(one).collect()
    }
}
