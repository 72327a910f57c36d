//! Arrays that contradict themselves: an error, whatever they hold.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn nothing_that_contradicts_itself_panics(field in any_field(), array in any_array()) {
        let _ = digest_column(&field, &[array.clone(), array]);
    }
}

fn any_field() -> impl Strategy<Value = Field> {
    let format = prop::sample::select(vec![
        "n",
        "b",
        "c",
        "l",
        "w:3",
        "w:0",
        "u",
        "Z",
        "vu",
        "d:5,2,256",
        "tss:UTC",
        "?",
    ]);
    let leaf = format.prop_map(field);
    leaf.prop_recursive(3, 8, 2, |inner| {
        let format = prop::sample::select(vec![
            "+l",
            "+L",
            "+vl",
            "+vL",
            "+w:2",
            "+w:0",
            "+w:9999999999999999",
            "+s",
            "+m",
            "+r",
            "+ud:0,1",
            "+us:7",
        ]);
        prop_oneof![
            (format, prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(format, children)| nested(format, children)),
            inner.prop_map(dictionary),
        ]
    })
}

fn any_array() -> impl Strategy<Value = Array> {
    let number = prop::sample::select(vec![0, 1, 2, 3, 7, 255]);
    let buffer = prop::collection::vec(number, 0..64).prop_map(Buffer::from_vec);
    let size = prop_oneof![0_usize..6, Just(usize::MAX)];
    let leaf = (
        size.clone(),
        size,
        prop::option::of(buffer.clone()),
        prop::collection::vec(buffer, 0..3),
    );
    let leaf = leaf.prop_map(|(length, offset, validity, buffers)| Array {
        length: length.min(1000),
        offset,
        validity,
        buffers,
        ..Array::default()
    });
    leaf.prop_recursive(3, 8, 2, |inner| {
        (
            inner.clone(),
            prop::collection::vec(inner.clone(), 0..3),
            prop::option::of(inner),
        )
            .prop_map(|(array, children, dictionary)| Array {
                children,
                dictionary: dictionary.map(Box::new),
                ..array
            })
    })
}

#[test]
fn offsets_that_run_backwards_or_too_far_are_refused() {
    let bounds = |bounds: &[i32]| Array {
        length: bounds.len() - 1,
        buffers: vec![
            Buffer::from_vec(bounds.to_vec()),
            Buffer::from_vec(vec![0_u8; 4]),
        ],
        children: vec![integers(&[None; 4], 0)],
        ..Array::default()
    };

    for bad in [&[0, 3, 1][..], &[-1, 0], &[0, 5], &[0, i32::MAX, 3]] {
        assert_eq!(fault(&field("u"), bounds(bad)), Fault::Offsets, "{bad:?}");
        let fault = fault(&list_type("+l"), bounds(bad));
        assert!(matches!(fault, Fault::Offsets | Fault::Child), "{bad:?}");
    }
}

#[test]
fn an_error_names_the_field() {
    let child = Field {
        name: b"x".to_vec(),
        ..field("l")
    };
    let record = Array {
        length: 1,
        children: vec![Array {
            length: 1,
            ..Array::default()
        }],
        ..Array::default()
    };
    let said =
        digest_column(&nested("+s", vec![child]), &[record]).map_err(|error| error.to_string());

    assert_eq!(
        said,
        Err("[\"x\"]: a buffer is too short for its length".to_owned())
    );
}
