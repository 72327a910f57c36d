//! A type with what is said about it, and its canonical tokens.

use super::layout::Layout;
use crate::encode::{Tag, Tokens};

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// A named type, as in the C data interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// What the type is, as text; of a dictionary, what its indices are.
    pub format: String,
    /// What it is called.
    pub name: Vec<u8>,
    /// Whether values may be null.
    pub nullable: bool,
    /// Whether the order of a dictionary means something.
    pub ordered: bool,
    /// Whether a map's keys are said to be sorted.
    pub sorted: bool,
    /// Keys and values.
    pub metadata: Vec<Pair>,
    /// The fields of a nested type.
    pub children: Vec<Field>,
    /// The type of a dictionary's values.
    pub dictionary: Option<Box<Field>>,
}

impl Field {
    /// Write everything about the type that counts.
    pub(super) fn write(&self, tokens: &mut Tokens) {
        self.write_with(tokens, Vec::new());
    }

    fn write_with<'a>(&'a self, tokens: &mut Tokens, mut metadata: Vec<&'a Pair>) {
        metadata.extend(&self.metadata);
        if let Some(encoded) = self.encoded() {
            return encoded.write_with(tokens, metadata);
        }
        tokens.block(Tag::Text, self.canonical().as_bytes());
        tokens.tag(truth(self.ordered));
        tokens.tag(truth(self.sorted));
        write_metadata(tokens, metadata);
        if let Some(values) = &self.dictionary {
            return values.write(tokens);
        }
        tokens.count(Tag::List, self.children.len() as u64);
        for child in &self.children {
            tokens.block(Tag::Bytes, &child.name);
            tokens.tag(truth(child.nullable));
            child.write(tokens);
        }
    }

    /// The field that this one is only another layout of.
    fn encoded(&self) -> Option<&Self> {
        match &self.dictionary {
            Some(values) => self.is_layout().then_some(values),
            None if self.format == "+r" => self.children.get(1),
            None => None,
        }
    }

    /// Whether a dictionary is one of text in no order.
    pub(super) fn is_layout(&self) -> bool {
        let is_text = |values: &Self| {
            Layout::of(values).is_ok_and(|layout| layout.is_text())
                || (values.dictionary.is_some() && values.is_layout())
        };
        !self.ordered && self.dictionary.as_deref().is_some_and(is_text)
    }

    /// The format without what is layout.
    fn canonical(&self) -> &str {
        if self.dictionary.is_some() {
            return "dictionary";
        }
        match &*self.format {
            "U" | "vu" => "u",
            "Z" | "vz" => "z",
            "+L" | "+vl" | "+vL" => "+l",
            decimal if decimal.starts_with("d:") => decimal.strip_suffix(",128").unwrap_or(decimal),
            other => other,
        }
    }
}

fn write_metadata(tokens: &mut Tokens, mut metadata: Vec<&Pair>) {
    metadata.sort();
    tokens.count(Tag::Dict, metadata.len() as u64);
    for (key, value) in metadata {
        tokens.framed(key);
        tokens.framed(value);
    }
}

fn truth(truth: bool) -> Tag {
    if truth { Tag::True } else { Tag::False }
}
