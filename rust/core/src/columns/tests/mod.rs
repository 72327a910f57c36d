//! The laws of columns, and the builders of arrays that the tests of each law share.

use super::*;

mod malformed;
mod nested;
mod text;
mod types;

fn field(format: &str) -> Field {
    Field {
        format: format.to_owned(),
        nullable: true,
        ..Field::default()
    }
}

fn nested(format: &str, children: Vec<Field>) -> Field {
    Field {
        children,
        ..field(format)
    }
}

fn list_type(format: &str) -> Field {
    nested(format, vec![field("l")])
}

fn dictionary(values: Field) -> Field {
    Field {
        dictionary: Some(Box::new(values)),
        ..field("i")
    }
}

fn bitmap(valid: impl IntoIterator<Item = bool>) -> Buffer {
    let valid: Vec<bool> = valid.into_iter().collect();
    let mut bytes = vec![0_u8; valid.len().div_ceil(8)];
    for (place, _) in valid.iter().enumerate().filter(|(_, valid)| **valid) {
        bytes[place / 8] |= 1 << (place % 8);
    }
    Buffer::from_vec(bytes)
}

fn numbers<T: Copy>(values: &[Option<T>], hidden: T) -> Array
where
    Buffer: From<Vec<T>>,
{
    let bytes: Vec<T> = values.iter().map(|value| value.unwrap_or(hidden)).collect();
    Array {
        length: values.len(),
        validity: Some(bitmap(values.iter().map(Option::is_some))),
        buffers: vec![Buffer::from(bytes)],
        ..Array::default()
    }
}

fn integers(values: &[Option<i64>], hidden: i64) -> Array {
    numbers(values, hidden)
}

fn slice(array: &Array, start: usize, length: usize) -> Array {
    Array {
        length,
        offset: array.offset + start,
        ..array.clone()
    }
}

fn digest(field: &Field, chunks: &[Array]) -> Digest {
    digest_column(field, chunks).unwrap_or_else(|error| panic!("{error}"))
}

fn type_digest(field: &Field) -> Digest {
    digest_type(field).unwrap_or_else(|error| panic!("{error}"))
}

fn fault(field: &Field, array: Array) -> Fault {
    match digest_column(field, &[array]) {
        Ok(digest) => panic!("{digest:?}"),
        Err(error) => error.fault,
    }
}
