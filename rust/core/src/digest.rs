//! 32 bytes of BLAKE3, and the domains that keep digests of different kinds apart.

use std::fmt;

pub use blake3::Hasher;
use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};

/// How many bytes a digest has.
pub const LENGTH: usize = 32;

/// Bytes that BLAKE3 takes in at a time.
pub const BLOCK: usize = blake3::BLOCK_LEN;

/// How many hexadecimal characters the short form shows.
pub const SHORT: usize = 12;

/// What a thing is known by: 32 bytes of BLAKE3.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; LENGTH]);

impl Digest {
    /// Take 32 bytes as they are.
    #[must_use]
    pub const fn new(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }

    /// The plain BLAKE3 digest of some bytes: what `b3sum` prints for a file of these.
    #[must_use]
    pub fn of(data: &[u8]) -> Self {
        blake3::hash(data).into()
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// 64 lower-case hexadecimal characters.
    #[must_use]
    pub fn to_hex(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// Read 64 hexadecimal characters of either case; anything else is `None`.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        blake3::Hash::from_hex(text).ok().map(Into::into)
    }
}

impl From<blake3::Hash> for Digest {
    fn from(hash: blake3::Hash) -> Self {
        Self(*hash.as_bytes())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Digest({})", self.to_hex())
    }
}

/// A kind of composed thing; digests of two kinds never meet, whatever their bytes.
#[derive(Clone, Copy)]
pub struct Domain(ContextKey);

impl Domain {
    /// The domain `whorl 1 <kind>`.  The number is the scheme's: it rises when a pinned vector changes.
    #[must_use]
    pub fn new(kind: &str) -> Self {
        Self(hash_derive_key_context(&format!("whorl 1 {kind}")))
    }

    /// A hasher of this domain that has seen nothing yet.
    #[must_use]
    pub fn hasher(&self) -> Hasher {
        Hasher::new_from_context_key(&self.0)
    }

    /// The digest of some bytes in this domain.
    #[must_use]
    pub fn digest(&self, data: &[u8]) -> Digest {
        self.hasher().update(data).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_text_comes_back_as_the_same_digest() {
        let digest = Digest::of(b"whorl");

        assert_eq!(Digest::from_hex(&digest.to_hex()), Some(digest));
        assert_eq!(Digest::from_hex("12"), None);
    }

    #[test]
    fn a_domain_is_what_derive_key_makes_of_its_name() {
        let expected = blake3::derive_key("whorl 1 call", b"abc");

        assert_eq!(Domain::new("call").digest(b"abc"), Digest::new(expected));
        assert_ne!(Domain::new("content").digest(b"abc"), Digest::new(expected));
    }
}
