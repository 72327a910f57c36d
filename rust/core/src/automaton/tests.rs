//! The smallest automaton against its definition.

use super::*;
use proptest::prelude::*;

fn size(labels: &[u32], successors: &[Vec<usize>]) -> usize {
    let successors = &successors.iter().collect();
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
        let mut known = Map::default();
        classes = (0..labels.len())
            .map(|node| {
                let targets: Vec<u32> = successors[node].iter().map(|&to| classes[to]).collect();
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
        let successors = successors.iter().collect();
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
