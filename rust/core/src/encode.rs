//! The canonical token stream: values in, bytes that no other values share out.
//!
//! Each token is a tag, then a length where the token has one, then its bytes.  Lengths come first, so that
//! `("ab", "c")` and `("a", "bc")` do not collide.  The stream of a list of tokens tells the list back, which is
//! what makes equal digests mean equal tokens.

use blake3::Hasher;

use crate::digest::{Digest, Domain};
use crate::subtree;

/// What kind of token follows.  The numbers are part of the scheme: they are pinned by `tests/vectors`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    /// Nothing.
    None = 0,
    /// Python's `False`.
    False = 1,
    /// Python's `True`.
    True = 2,
    /// An integer of any size.
    Integer = 3,
    /// The 8 bytes of a float.
    Float = 4,
    /// Real and imaginary part.
    Complex = 5,
    /// Text, in UTF-8 (lone surrogates as three bytes each).
    Text = 6,
    /// Immutable bytes.
    Bytes = 7,
    /// Mutable bytes.
    ByteArray = 8,
    /// Text of 64 KiB and more, by its digest.
    LongText = 9,
    /// Bytes of 64 KiB and more, by their digest.
    LongBytes = 10,
    /// Mutable bytes of 64 KiB and more, by their digest.
    LongByteArray = 11,
    /// Python's `...`.
    Ellipsis = 12,
    /// Python's `NotImplemented`.
    NotImplemented = 13,
    /// A tuple of so many elements.
    Tuple = 14,
    /// A list of so many elements.
    List = 15,
    /// A dict of so many pairs, in order.
    Dict = 16,
    /// A set of so many elements, by ascending digest.
    Set = 17,
    /// A frozenset, likewise.
    FrozenSet = 18,
    /// The digest of something that is known elsewhere.
    Digest = 19,
    /// A part of the stream that grew long, by its digest.
    Capsule = 20,
    /// A container that is being walked, by how far back it was met.
    Back = 21,
    /// A member of a circle of containers that was walked from another one.
    Member = 22,
    /// A code object, by its ordinal.
    Reference = 23,
    /// A thing with a name and one payload.
    Leaf = 24,
    /// A thing with a name and named parts.
    Node = 25,
    /// A thing with a name, a header and a block of memory.
    Buffer = 26,
}

/// Text and bytes from this length on stand in the stream by their digest (hashing.md: "hashed in place").
pub const LONG: usize = 64 * 1024;

/// A token stream in memory.
#[derive(Default)]
pub struct Tokens {
    bytes: Vec<u8>,
}

impl Tokens {
    /// An empty stream with room for so many bytes.
    #[must_use]
    pub fn with_room(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
        }
    }

    /// How many bytes the stream has.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is no token yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The stream from a place on.
    #[must_use]
    pub fn tail(&self, start: usize) -> &[u8] {
        self.bytes.get(start..).unwrap_or_default()
    }

    /// Forget everything from a place on.
    pub fn truncate(&mut self, start: usize) {
        self.bytes.truncate(start);
    }

    /// Append tokens that were encoded before.
    pub fn splice(&mut self, tokens: &[u8]) {
        self.bytes.extend_from_slice(tokens);
    }

    /// A tag that says everything.
    #[inline]
    pub fn tag(&mut self, tag: Tag) {
        self.bytes.push(tag as u8);
    }

    /// A tag and a number: a count, a distance, an ordinal.
    pub fn count(&mut self, tag: Tag, number: u64) {
        self.tag(tag);
        self.number(number);
    }

    /// A number without a tag, 7 bits per byte, low bits first.
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.bytes.push(number.to_le_bytes()[0]);
    }

    /// Bytes without a tag, behind their length.
    #[inline]
    pub fn framed(&mut self, data: &[u8]) {
        self.number(data.len() as u64);
        self.bytes.extend_from_slice(data);
    }

    /// A tag and bytes behind their length.
    #[inline]
    pub fn block(&mut self, tag: Tag, data: &[u8]) {
        // What `number` would write, in one go: most blocks are short.
        if let Ok(length @ 0..0x80) = u8::try_from(data.len()) {
            self.bytes.reserve(2 + data.len());
            self.bytes.extend_from_slice(&[tag as u8, length]);
            self.bytes.extend_from_slice(data);
        } else {
            self.tag(tag);
            self.framed(data);
        }
    }

    /// A tag and the length and plain digest of bytes that were hashed apart.
    pub fn long(&mut self, tag: Tag, length: u64, digest: &Digest) {
        self.count(tag, length);
        self.bytes.extend_from_slice(digest.as_bytes());
    }

    /// A tag and a digest.
    pub fn digest(&mut self, tag: Tag, digest: &Digest) {
        self.tag(tag);
        self.bytes.extend_from_slice(digest.as_bytes());
    }

    /// An integer of a machine word.
    #[inline]
    pub fn integer(&mut self, number: i64) {
        self.big_integer(&number.to_le_bytes());
    }

    /// An integer as two's complement, low byte first; superfluous sign bytes do not count.
    pub fn big_integer(&mut self, little_endian: &[u8]) {
        self.block(Tag::Integer, shortest(little_endian));
    }

    /// A float, by its bits: `-0.0` is not `0.0`, and a NaN is itself.
    #[inline]
    pub fn float(&mut self, number: f64) {
        self.tag(Tag::Float);
        self.bytes
            .extend_from_slice(&number.to_bits().to_le_bytes());
    }

    /// A complex number, by the bits of both parts.
    pub fn complex(&mut self, real: f64, imaginary: f64) {
        self.tag(Tag::Complex);
        self.bytes.extend_from_slice(&real.to_bits().to_le_bytes());
        self.bytes
            .extend_from_slice(&imaginary.to_bits().to_le_bytes());
    }
}

/// Two's complement without the sign bytes that say nothing; zero is empty.
fn shortest(little_endian: &[u8]) -> &[u8] {
    let mut length = little_endian.len();
    while let Some(&last) = little_endian[..length].last() {
        let negative_below = length >= 2 && little_endian[length - 2] & 0x80 != 0;
        match last {
            0x00 if !negative_below => length -= 1,
            0xff if negative_below => length -= 1,
            _ => break,
        }
    }
    &little_endian[..length]
}

/// Tokens in, one digest of a domain out: how keys and other records are composed.
#[derive(Clone)]
pub struct Encoder {
    hasher: Hasher,
}

impl Encoder {
    /// Start a record of one kind.
    #[must_use]
    pub fn new(kind: &str) -> Self {
        Self {
            hasher: Domain::new(kind).hasher(),
        }
    }

    /// Append text, given as UTF-8.
    pub fn text(&mut self, utf8: &[u8]) {
        self.long_or_short(Tag::Text, Tag::LongText, utf8);
    }

    /// Append bytes.
    pub fn bytes(&mut self, data: &[u8]) {
        self.long_or_short(Tag::Bytes, Tag::LongBytes, data);
    }

    /// Append an integer, given as two's complement.
    pub fn integer(&mut self, little_endian: &[u8]) {
        self.append(|tokens| tokens.big_integer(little_endian));
    }

    /// Append a digest.
    pub fn digest(&mut self, digest: &Digest) {
        self.append(|tokens| tokens.digest(Tag::Digest, digest));
    }

    /// Append the token that stands for nothing.
    pub fn none(&mut self) {
        self.append(|tokens| tokens.tag(Tag::None));
    }

    /// The digest of everything appended so far.
    #[must_use]
    pub fn finish(&self) -> Digest {
        self.hasher.finalize().into()
    }

    fn long_or_short(&mut self, short: Tag, long: Tag, data: &[u8]) {
        self.append(|tokens| {
            if data.len() < LONG {
                tokens.block(short, data);
            } else {
                tokens.long(long, data.len() as u64, &subtree::digest_slice(data));
            }
        });
    }

    fn append(&mut self, write: impl FnOnce(&mut Tokens)) {
        let mut tokens = Tokens::default();
        write(&mut tokens);
        self.hasher.update(tokens.tail(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn integer(number: i64) -> Vec<u8> {
        let mut tokens = Tokens::default();
        tokens.integer(number);
        tokens.tail(0).to_vec()
    }

    #[test]
    fn integers_take_as_few_bytes_as_they_need() {
        assert_eq!(integer(0), [3, 0]);
        assert_eq!(integer(127), [3, 1, 127]);
        assert_eq!(integer(128), [3, 2, 128, 0]);
        assert_eq!(integer(-1), [3, 1, 255]);
        assert_eq!(integer(-128), [3, 1, 128]);
        assert_eq!(integer(-129), [3, 2, 127, 255]);
    }

    #[test]
    fn parts_that_join_to_the_same_text_differ() {
        let digest = |parts: [&str; 2]| {
            let mut encoder = Encoder::new("test");
            for part in parts {
                encoder.text(part.as_bytes());
            }
            encoder.finish()
        };

        assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
    }

    proptest! {
        #[test]
        fn two_integers_never_share_their_tokens(left: i64, right: i64) {
            prop_assert_eq!(left == right, integer(left) == integer(right));
        }

        #[test]
        fn sign_bytes_do_not_count(number: i64, more in 0_usize..9) {
            let sign = if number < 0 { 0xff } else { 0 };
            let mut bytes = number.to_le_bytes().to_vec();
            bytes.extend(std::iter::repeat_n(sign, more));
            let mut tokens = Tokens::default();
            tokens.big_integer(&bytes);

            prop_assert_eq!(tokens.tail(0).to_vec(), integer(number));
        }
    }
}
