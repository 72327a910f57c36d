//! Where a node leads: to no node, one or two, kept in place.

use std::ops::{Deref, DerefMut};

/// At most two nodes, in an order that counts.
#[derive(Clone, Copy, Debug)]
pub struct Exits {
    count: usize,
    nodes: [usize; 2],
}

impl Exits {
    pub const NONE: Self = Self {
        count: 0,
        nodes: [0; 2],
    };

    pub const fn one(node: usize) -> Self {
        Self {
            count: 1,
            nodes: [node, 0],
        }
    }

    pub const fn two(first: usize, second: usize) -> Self {
        Self {
            count: 2,
            nodes: [first, second],
        }
    }
}

impl Deref for Exits {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.nodes[..self.count]
    }
}

impl DerefMut for Exits {
    fn deref_mut(&mut self) -> &mut [usize] {
        &mut self.nodes[..self.count]
    }
}

impl PartialEq for Exits {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Exits {}
