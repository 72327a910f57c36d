//! The order of a dictionary's values, where the type says that it means something.

use super::pieces::Piece;
use super::{Array, Error, Fault, Field, digest_column};
use crate::digest::Digest;
use crate::encode::{Tag, Tokens};

/// How many ordered dictionaries may hold each other: each is looked at once for itself and once for the one around it.
const NESTED: usize = 8;

/// The values of ordered dictionaries, those that no row names included; equal ones of neighbouring chunks once.
pub struct Order {
    field: Field,
    found: Vec<Digest>,
    /// The address of the array whose dictionary was seen last: all arrays outlive a digest.
    last: usize,
}

impl Order {
    pub fn of(field: &Field) -> Result<Self, Error> {
        if nested(field) > NESTED {
            return Err(Fault::Depth.into());
        }
        Ok(Self {
            field: field.clone(),
            found: Vec::new(),
            last: 0,
        })
    }

    /// Look at the dictionaries of some rows.
    pub fn push(&mut self, pieces: &[Piece<'_>]) -> Result<(), Error> {
        for array in pieces.iter().filter_map(|piece| piece.array) {
            let address = std::ptr::from_ref::<Array>(array) as usize;
            if address == self.last {
                continue;
            }
            self.last = address;
            let values = std::slice::from_ref(array.values()?);
            let digest = digest_column(&self.field, values)?;
            if self.found.last() != Some(&digest) {
                self.found.push(digest);
            }
        }
        Ok(())
    }

    pub fn finish(self, tokens: &mut Tokens) {
        tokens.count(Tag::List, self.found.len() as u64);
        for digest in &self.found {
            tokens.digest(Tag::Digest, digest);
        }
    }
}

/// How many ordered dictionaries hold each other in a type, which is not nested beyond its own limit.
fn nested(field: &Field) -> usize {
    let inside = field.children.iter().chain(field.dictionary.as_deref());
    inside.map(nested).max().unwrap_or(0) + usize::from(field.ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dictionaries_of_dictionaries_have_an_end() {
        let around = |values: Field| Field {
            format: "c".to_owned(),
            ordered: true,
            dictionary: Some(Box::new(values)),
            ..Field::default()
        };
        let mut field = around(Field {
            format: "u".to_owned(),
            ..Field::default()
        });
        let mut levels = 0;
        while digest_column(&field, &[]).is_ok() && levels < 20 {
            field = around(field);
            levels += 1;
        }

        assert_eq!(levels, NESTED + 1);
    }
}
