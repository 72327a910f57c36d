//! Where a walk over a value puts its tokens: containers in, one digest out.
//!
//! A container whose tokens grow beyond [`LIMIT`] bytes is replaced by their digest, a *capsule*.  That bounds memory,
//! and gives a walk something short to remember for a container that it meets again: without it, a list that holds
//! another one twice, thirty levels deep, would be walked a billion times.  Whether a capsule is made depends on the
//! tokens alone, never on sharing.

use blake3::Hasher;

use crate::digest::{Digest, Domain};
use crate::encode::{Tag, Tokens};

/// Bytes of tokens that stay in line; small enough to walk again, large enough that most containers cost no hash.
pub const LIMIT: usize = 4096;

/// Bytes that are collected before they are hashed: enough for BLAKE3 to use all lanes of the machine.
const BATCH: usize = 64 * 1024;

/// Bytes of room that a stream starts with: enough for the arguments of most calls.
const FIRST: usize = 512;

/// The tokens of a walk.
pub struct Sink {
    domain: Domain,
    /// The end of the stream: what has not been hashed yet.
    pub tokens: Tokens,
}

/// A container that is being written.
pub struct Part {
    start: usize,
    hasher: Option<Box<Hasher>>,
}

impl Sink {
    /// Start a stream of a domain.
    #[must_use]
    pub fn new(domain: Domain) -> Self {
        Self {
            domain,
            tokens: Tokens::with_room(FIRST),
        }
    }

    /// Start a container here.
    #[must_use]
    pub fn begin(&self) -> Part {
        Part {
            start: self.tokens.len(),
            hasher: None,
        }
    }

    /// Hash what a container has so far, if that is much.  Everything behind its start must be its own, and complete.
    pub fn spill(&mut self, part: &mut Part) {
        let length = self.tokens.len() - part.start;
        if length > BATCH || (length > LIMIT && part.hasher.is_none()) {
            self.flush(part);
        }
    }

    /// End a container; one that grew long leaves a capsule, which is returned.
    pub fn end(&mut self, mut part: Part) -> Option<Digest> {
        if part.hasher.is_none() && self.tokens.len() - part.start <= LIMIT {
            return None;
        }
        self.flush(&mut part);
        let digest = Digest::from(part.hasher?.finalize());
        self.tokens.digest(Tag::Capsule, &digest);
        Some(digest)
    }

    /// The digest of the tokens from a place on.
    #[must_use]
    pub fn digest_from(&self, start: usize) -> Digest {
        self.domain.digest(self.tokens.tail(start))
    }

    /// Take the tokens from a place on out of the stream, as a digest: an element of a set.
    pub fn seal(&mut self, start: usize) -> Digest {
        let digest = self.digest_from(start);
        self.tokens.truncate(start);
        digest
    }

    /// The digest of the stream.
    #[must_use]
    pub fn finish(&self) -> Digest {
        self.digest_from(0)
    }

    fn flush(&mut self, part: &mut Part) {
        let domain = self.domain;
        let hasher = part.hasher.get_or_insert_with(|| Box::new(domain.hasher()));
        hasher.update(self.tokens.tail(part.start));
        self.tokens.truncate(part.start);
    }
}

impl Part {
    /// Where the container's own tokens start.
    #[must_use]
    pub fn start(&self) -> usize {
        self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(lengths: &[usize], spill: bool) -> Digest {
        let mut sink = Sink::new(Domain::new("test"));
        let mut part = sink.begin();
        for &length in lengths {
            sink.tokens.block(Tag::Bytes, &vec![7; length]);
            if spill {
                sink.spill(&mut part);
            }
        }
        sink.end(part);
        sink.finish()
    }

    #[test]
    fn when_tokens_are_hashed_does_not_show() {
        for lengths in [
            &[10, 20][..],
            &[4000, 92],
            &[4000, 93],
            &[5000, 1],
            &[1, 5000],
            &[70_000, 70_000, 3],
        ] {
            assert_eq!(list(lengths, true), list(lengths, false), "{lengths:?}");
        }
    }
}
