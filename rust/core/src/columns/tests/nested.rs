//! Nested columns: what a parent does not show does not count.

use super::*;

fn list(bounds: &[i32], valid: &[bool], child: Array) -> Array {
    Array {
        length: valid.len(),
        validity: Some(bitmap(valid.iter().copied())),
        buffers: vec![Buffer::from_vec(bounds.to_vec())],
        children: vec![child],
        ..Array::default()
    }
}

#[test]
fn what_a_list_does_not_show_does_not_count() {
    let shown = list(
        &[0, 2, 2, 3],
        &[true, false, true],
        integers(&[Some(1), None, Some(3)], 0),
    );
    let hidden = [Some(8), Some(1), None, Some(9), Some(3), Some(8)];
    let hiding = list(&[1, 3, 4, 5], &[true, false, true], integers(&hidden, 7));
    let views = Array {
        buffers: vec![
            Buffer::from_vec(vec![1, 0, 4]),
            Buffer::from_vec(vec![2, 5, 1]),
        ],
        ..hiding.clone()
    };

    let expected = digest(&list_type("+l"), &[shown]);
    assert_eq!(digest(&list_type("+l"), &[hiding]), expected);
    assert_eq!(digest(&list_type("+vl"), &[views]), expected);
}

#[test]
fn rows_of_a_struct_that_is_null_do_not_count() {
    let records = |hidden| Array {
        length: 2,
        offset: 1,
        validity: Some(bitmap([true, false, true])),
        children: vec![integers(&[Some(hidden), Some(hidden), Some(3)], 0)],
        ..Array::default()
    };
    let kind = nested("+s", vec![field("l")]);

    assert_eq!(digest(&kind, &[records(1)]), digest(&kind, &[records(2)]));
}

#[test]
fn branches_that_a_union_does_not_select_do_not_count() {
    let kind = |format| nested(format, vec![field("l"), field("l")]);
    let sparse = |hidden| Array {
        length: 2,
        buffers: vec![Buffer::from_vec(vec![5_u8, 0])],
        children: vec![
            integers(&[Some(hidden), Some(1)], 0),
            integers(&[Some(2), Some(hidden)], 0),
        ],
        ..Array::default()
    };
    let dense = Array {
        buffers: vec![
            Buffer::from_vec(vec![5_u8, 0]),
            Buffer::from_vec(vec![1_i32, 1]),
        ],
        ..sparse(9)
    };

    assert_eq!(
        digest(&kind("+us:0,5"), &[sparse(8)]),
        digest(&kind("+us:0,5"), &[sparse(9)])
    );
    assert_ne!(
        digest(&kind("+us:0,5"), &[sparse(8)]),
        digest(&kind("+ud:0,5"), &[dense])
    );
    assert_eq!(fault(&kind("+us:0,4"), sparse(8)), Fault::Index);
}

#[test]
fn a_list_across_many_blocks_is_what_its_items_are() {
    let bounds: Vec<i32> = (0..=40_000).collect();
    let valid: Vec<bool> = (0..40_000).map(|row| row % 3 > 0).collect();
    let items: Vec<_> = (0..40_000).map(Some).collect();
    let shown: Vec<_> = items
        .iter()
        .zip(&valid)
        .filter(|(_, valid)| **valid)
        .map(|(item, _)| *item)
        .collect();
    let lengths = valid.iter().scan(0, |end, valid| {
        *end += i32::from(*valid);
        Some(*end)
    });
    let tight: Vec<i32> = std::iter::once(0).chain(lengths).collect();
    let kind = list_type("+l");

    assert_eq!(
        digest(&kind, &[list(&bounds, &valid, integers(&items, 0))]),
        digest(&kind, &[list(&tight, &valid, integers(&shown, 0))])
    );
}
