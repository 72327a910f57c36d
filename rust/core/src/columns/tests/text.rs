//! Text and numbers: layouts and what lies under nulls do not count.

use proptest::prelude::*;

use super::*;

type Words = Vec<Option<String>>;

fn text(words: &Words, hidden: &str, wide: bool) -> Array {
    let mut bounds = vec![3_i64];
    let mut bytes = b"???".to_vec();
    for word in words {
        bytes.extend(word.as_deref().unwrap_or(hidden).bytes());
        bounds.push(i64::try_from(bytes.len()).unwrap_or(0));
    }
    let narrow = bounds
        .iter()
        .map(|bound| i32::try_from(*bound).unwrap_or(0));
    let offsets = if wide {
        Buffer::from_vec(bounds.clone())
    } else {
        Buffer::from_vec(narrow.collect::<Vec<_>>())
    };
    Array {
        length: words.len(),
        validity: Some(bitmap(words.iter().map(Option::is_some))),
        buffers: vec![offsets, Buffer::from_vec(bytes)],
        ..Array::default()
    }
}

fn views(words: &Words, hidden: &str) -> Array {
    let (mut views, mut bytes) = (Vec::new(), b"??".to_vec());
    for word in words {
        let word = word.as_deref().unwrap_or(hidden).as_bytes();
        let mut view = u32::try_from(word.len())
            .unwrap_or(0)
            .to_ne_bytes()
            .to_vec();
        if word.len() <= 12 {
            view.extend(word);
            view.resize(16, 0);
        } else {
            view.extend(&word[..4]);
            view.extend(0_u32.to_ne_bytes());
            view.extend(u32::try_from(bytes.len()).unwrap_or(0).to_ne_bytes());
            bytes.extend(word);
        }
        views.extend(view);
    }
    Array {
        length: words.len(),
        validity: Some(bitmap(words.iter().map(Option::is_some))),
        buffers: vec![Buffer::from_vec(views), Buffer::from_vec(bytes)],
        ..Array::default()
    }
}

/// Every word stands in the dictionary twice, and nulls half in the indices and half there.
fn indexed(words: &Words) -> Array {
    let mut values = words.clone();
    values.extend(words.clone());
    let index = |place: usize| i32::try_from(place + words.len() * (place % 2)).unwrap_or(0);
    let indices: Vec<_> = (0..words.len())
        .map(|place| (words[place].is_some() || place % 2 == 0).then(|| index(place)))
        .collect();
    Array {
        dictionary: Some(Box::new(text(&values, "hidden", false))),
        ..numbers(&indices, 1 << 20)
    }
}

fn runs(words: &Words) -> Array {
    let ends: Vec<Option<i32>> = (1..=words.len())
        .map(|end| i32::try_from(end).ok())
        .collect();
    Array {
        length: words.len(),
        children: vec![numbers(&ends, 0), text(words, "", true)],
        ..Array::default()
    }
}

fn layouts(words: &Words) -> Vec<(Field, Array)> {
    vec![
        (field("u"), text(words, "", false)),
        (field("u"), text(words, "hidden", false)),
        (field("U"), text(words, "hidden", true)),
        (field("vu"), views(words, "hidden behind a null")),
        (dictionary(field("u")), indexed(words)),
        (nested("+r", vec![field("i"), field("U")]), runs(words)),
    ]
}

fn words() -> impl Strategy<Value = Words> {
    prop::collection::vec(prop::option::of("[a-c]{0,20}"), 0..150)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn layouts_of_text_do_not_count(
        words in words(),
        cuts in prop::collection::vec(0_usize..150, 0..4),
        skipped in 0_usize..70,
    ) {
        let plain = digest(&field("u"), &[text(&words, "", false)]);
        let mut longer: Words = vec![None; skipped];
        longer.extend(words.clone());
        for (field, array) in layouts(&longer) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| skipped + cut % (words.len() + 1)).collect();
            cuts.extend([skipped, longer.len()]);
            cuts.sort_unstable();
            let chunks: Vec<_> = cuts.windows(2).map(|cut| slice(&array, cut[0], cut[1] - cut[0])).collect();

            prop_assert_eq!(digest(&field, &chunks), plain, "{:?}", field);
        }
    }

    #[test]
    fn columns_of_text_are_equal_only_if_their_words_are(left in words(), right in words()) {
        let digests = [&left, &right].map(|words| digest(&field("vu"), &[views(words, "")]));

        prop_assert_eq!(digests[0] == digests[1], left == right);
    }

    #[test]
    fn what_lies_under_nulls_and_offsets_of_numbers_do_not_count(
        values in prop::collection::vec(prop::option::of(any::<i64>()), 1..300),
        start in 0_usize..300,
        hidden: i64,
    ) {
        let start = start % values.len();
        let whole = integers(&values, hidden);
        let rest = integers(&values[start..], 0);

        prop_assert_eq!(
            digest(&field("l"), &[slice(&whole, start, values.len() - start)]),
            digest(&field("l"), &[rest])
        );
    }
}
