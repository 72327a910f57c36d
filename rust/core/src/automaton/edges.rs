//! Ordered successors of the nodes of a graph, all in one list.

/// Where each node leads, in an order that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edges {
    ends: Vec<usize>,
    targets: Vec<usize>,
}

impl Edges {
    /// No nodes yet, with room for some.
    #[must_use]
    pub fn with_room(nodes: usize) -> Self {
        Self {
            ends: Vec::with_capacity(nodes),
            targets: Vec::with_capacity(2 * nodes),
        }
    }

    /// Append a node and where it leads.
    pub fn push(&mut self, successors: impl IntoIterator<Item = usize>) {
        self.targets.extend(successors);
        self.ends.push(self.targets.len());
    }

    /// Where a node leads.
    #[inline]
    #[must_use]
    pub fn of(&self, node: usize) -> &[usize] {
        let start = if node == 0 { 0 } else { self.ends[node - 1] };
        &self.targets[start..self.ends[node]]
    }

    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Where each node leads, node by node.
    pub fn iter(&self) -> impl Iterator<Item = &[usize]> {
        (0..self.len()).map(|node| self.of(node))
    }
}

impl<'a> FromIterator<&'a Vec<usize>> for Edges {
    fn from_iter<T: IntoIterator<Item = &'a Vec<usize>>>(lists: T) -> Self {
        let mut edges = Self::default();
        for list in lists {
            edges.push(list.iter().copied());
        }
        edges
    }
}
