//! Views against the plain copy of their elements: sizes at the borders of tiles and subtrees, any strides.

use proptest::prelude::*;

use super::*;

/// The elements one after the other, the plain way.
fn copied(memory: &[u8], first: usize, item: usize, shape: &[usize], strides: &[isize]) -> Vec<u8> {
    let mut offsets = vec![first];
    for (&side, &stride) in shape.iter().zip(strides) {
        offsets = offsets
            .iter()
            .flat_map(|&offset| {
                (0..side).map(move |index| {
                    offset.wrapping_add((index.cast_signed() * stride).cast_unsigned())
                })
            })
            .collect();
    }
    offsets
        .iter()
        .flat_map(|&offset| memory[offset..offset + item].iter().copied())
        .collect()
}

fn sample(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

fn check(memory: &[u8], first: usize, item: usize, shape: &[usize], strides: &[isize]) {
    let expected = Digest::of(&copied(memory, first, item, shape, strides));
    let view = View::strided(memory, first, item, shape, strides);
    let views = [view.clone(), view].map(|view| view.unwrap_or_else(|| View::whole(&[1, 2, 3])));
    for threads in [1, 3] {
        assert_eq!(
            digest_views(&views, threads),
            [expected, expected],
            "{item} {shape:?} {strides:?}"
        );
    }
}

#[test]
fn large_views_are_those_of_their_copies() {
    let memory = sample(6_000_000);
    check(&memory, 0, 8, &[700_000], &[8]);
    check(&memory, 8, 8, &[299_999], &[16]);
    check(&memory, 5_999_990, 8, &[300_000], &[-16]);
    check(&memory, 0, 8, &[1000, 500], &[8, 8000]);
    check(&memory, 0, 8, &[500, 1000], &[8, 4000]);
    check(&memory, 0, 3, &[400_000], &[5]);
    check(&memory, 0, 12, &[100, 1000], &[12, 5000]);
    check(&memory, 0, 10, &[300_000], &[16]);
    check(&memory, 0, 8, &[300_000, 2], &[0, 8]);
    check(&memory, 0, 2_500_000, &[2], &[3_000_000]);
    check(&memory, 0, 4, &[3, 200, 500], &[4, 6000, 12]);
}

#[test]
fn columns_of_one_matrix_are_digested_together() {
    let (rows, columns) = (140_000, 5);
    let memory = sample(rows * columns * 8);
    let views: Vec<_> = (0..columns)
        .filter_map(|column| View::strided(&memory, column * 8, 8, &[rows], &[40]))
        .collect();
    let expected: Vec<_> = (0..columns)
        .map(|column| Digest::of(&copied(&memory, column * 8, 8, &[rows], &[40])))
        .collect();

    assert_eq!(digest_views(&views, 2), expected);
}

#[test]
fn words_are_reversed() {
    let memory = sample(4096);
    let reversed: Vec<u8> = memory
        .chunks(4)
        .flat_map(|word| word.iter().rev().copied())
        .collect();

    assert_eq!(
        digest_views(&[View::whole(&memory).swapped(4)], 1),
        [Digest::of(&reversed)]
    );
}

#[test]
fn nothing_outside_of_the_memory_is_looked_at() {
    let memory = sample(100);

    assert!(View::strided(&memory, 0, 8, &[13], &[8]).is_none());
    assert!(View::strided(&memory, 0, 8, &[2], &[-8]).is_none());
    assert!(View::strided(&memory, 101, 8, &[1], &[8]).is_none());
    assert!(View::strided(&memory, 0, 8, &[usize::MAX, 2], &[8, 8]).is_none());
    assert!(View::strided(&memory, 0, 8, &[12], &[8]).is_some());
}

#[test]
fn no_views_have_no_digests() {
    assert!(digest_views(&[], 2).is_empty());
    assert_eq!(digest_views(&[View::whole(&[])], 2), [Digest::of(b"")]);
}

proptest! {
    #[test]
    fn any_view_is_that_of_its_copy(
        item in 1_usize..20,
        axes in proptest::collection::vec((1_usize..9, -40_isize..40), 0..4),
    ) {
        let (shape, strides): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
        let memory = sample(2500);
        check(&memory, 1240, item, &shape, &strides);
    }
}
