//! Maps whose keys come from a graph of this process: hashed quickly, and not kept safe from crafted keys.
//!
//! Code that would fill a map with keys of one hash can just as well loop; it runs here anyway.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

/// A map with the hasher below.
pub type Map<K, V> = HashMap<K, V, BuildHasherDefault<Quick>>;

/// The hash of one thing.
pub fn hash(thing: &(impl Hash + ?Sized)) -> u64 {
    BuildHasherDefault::<Quick>::default().hash_one(thing)
}

/// Multiplies each word into what came before; the golden ratio spreads bits upwards, `finish` brings them down.
#[derive(Clone, Copy, Default)]
pub struct Quick(u64);

const GOLDEN_RATIO: u64 = 0x9E37_79B9_7F4A_7C15;

impl Hasher for Quick {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    #[inline]
    fn write_u8(&mut self, number: u8) {
        self.write_u64(number.into());
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(23) ^ number).wrapping_mul(GOLDEN_RATIO);
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}
