//! How children are shown on the path in an error.

use pyo3::prelude::*;
use pyo3::types::PyList;

/// A key of a dict, or the value under it: `.name`, `["two words"]`, `[7]`.
pub fn of_pair(keys: &Bound<'_, PyList>, index: usize) -> String {
    let key = keys
        .get_item(index / 2)
        .map_or_else(|_| "[…]".to_owned(), |key| of_key(&key));
    if index.is_multiple_of(2) {
        format!("{key} (the key)")
    } else {
        key
    }
}

/// A named part, as its description wrote it.
pub fn of_part(items: &Bound<'_, PyList>, index: usize) -> String {
    let part = items.get_item(index).and_then(|part| part.get_item(0));
    part.map_or_else(|_| String::new(), |segment| segment.to_string())
}

fn of_key(key: &Bound<'_, PyAny>) -> String {
    match key.extract::<String>() {
        Ok(name) if is_identifier(&name) => format!(".{name}"),
        Ok(name) => format!("[{name:?}]"),
        Err(_) => match key.extract::<i64>() {
            Ok(number) => format!("[{number}]"),
            Err(_) => "[…]".to_owned(),
        },
    }
}

fn is_identifier(name: &str) -> bool {
    let plain = |character: char| character.is_alphanumeric() || character == '_';
    name.chars().all(plain) && name.chars().next().is_some_and(|first| !first.is_numeric())
}
