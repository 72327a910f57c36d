//! Types: everything counts but layout.

use super::*;

#[test]
fn types_and_what_is_said_of_them_count() {
    let with = |key: &str| Field {
        metadata: vec![(key.into(), vec![0xff])],
        ..field("l")
    };
    let ordered = Field {
        ordered: true,
        ..dictionary(field("u"))
    };
    let sorted = Field {
        sorted: true,
        ..nested("+m", vec![field("l")])
    };
    let named = Field {
        name: b"x".to_vec(),
        ..field("l")
    };
    let required = Field {
        nullable: false,
        ..field("l")
    };
    let mut different: Vec<Field> = [
        "n",
        "b",
        "l",
        "L",
        "g",
        "u",
        "z",
        "w:2",
        "w:3",
        "d:5,2",
        "d:5,3",
        "d:5,2,256",
    ]
    .into_iter()
    .chain([
        "tdD",
        "tss:",
        "tsm:",
        "tss:UTC",
        "tss:Asia/Tokyo",
        "tDs",
        "tiM",
        "_pli128",
        "_plu128",
    ])
    .map(field)
    .collect();
    different.extend([
        with("a"),
        with("b"),
        ordered,
        sorted,
        dictionary(field("l")),
    ]);
    different.extend([named, required, field("l")].map(|child| nested("+l", vec![child])));
    different.extend(["+m", "+s", "+w:2", "+w:3", "+us:0", "+us:1", "+ud:0"].map(list_type));
    let digests: Vec<_> = different.iter().map(type_digest).collect();

    for (place, digest) in digests.iter().enumerate() {
        let same = digests.iter().position(|other| other == digest);
        assert_eq!(same, Some(place), "{:?}", different[place]);
    }
}

#[test]
fn layouts_are_one_type() {
    let same = |fields: &[Field]| {
        let digests: Vec<_> = fields.iter().map(type_digest).collect();
        assert!(
            digests.windows(2).all(|pair| pair[0] == pair[1]),
            "{fields:?}"
        );
    };

    same(&[
        field("u"),
        field("U"),
        field("vu"),
        dictionary(field("vu")),
        dictionary(dictionary(field("u"))),
    ]);
    same(&[
        field("z"),
        field("Z"),
        field("vz"),
        nested("+r", vec![field("s"), field("z")]),
    ]);
    same(&["+l", "+L", "+vl", "+vL"].map(list_type));
    same(&[field("d:5,2"), field("d:5,2,128")]);
}

#[test]
fn a_type_nested_without_end_is_refused() {
    let mut deep = field("l");
    for _ in 1..DEPTH {
        deep = nested("+l", vec![deep]);
    }
    let deeper = nested("+l", vec![deep.clone()]);

    assert!(digest_type(&deep).is_ok());
    assert_eq!(
        digest_type(&deeper).map_err(|error| error.fault),
        Err(Fault::Depth)
    );
}
