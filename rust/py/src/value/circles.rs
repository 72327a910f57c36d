//! Which containers are being walked, and what those that are done came to.
//!
//! This is Tarjan's search for strongly connected components, on the way down a value.  A container that leads back
//! to itself stands in the stream as the distance to where it was met, counted in containers that are still *open*:
//! on the way down, or in a circle with one that is.  A container in no circle is closed when it ends and leaves no
//! trace in later distances, so that equal values give equal tokens whether their parts are shared or copied.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use pyo3::prelude::*;

/// Addresses are distinct already; one multiplication spreads them over the table.
#[derive(Default)]
pub struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }

    fn write_usize(&mut self, address: usize) {
        self.0 = (address as u64 >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0.rotate_left(20)
    }
}

/// A table by address of an object; whoever inserts keeps the object alive.
pub type ByAddress<V> = HashMap<usize, V, BuildHasherDefault<AddressHasher>>;

/// A set of addresses; likewise.
pub type Addresses = HashSet<usize, BuildHasherDefault<AddressHasher>>;

/// The address of an object.
pub fn address(object: &Bound<'_, PyAny>) -> usize {
    object.as_ptr() as usize
}

/// References beyond which an object is likely to be met again: the walk and one holder account for two.
const SHARED: isize = 2;

/// Whether the tokens of an object are worth keeping.  A guess that saves time; no digest depends on it.
#[allow(unsafe_code)]
pub fn is_shared(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: a `Bound` holds a valid object, and the interpreter is attached.
    unsafe { pyo3::ffi::Py_REFCNT(object.as_ptr()) > SHARED }
}

/// A container that is done: its tokens, and in which scope its ordinals hold.
struct Known<'py> {
    tokens: Box<[u8]>,
    /// The scope of the code objects in it; `None` where there are none, and the tokens hold everywhere.
    scope: Option<u64>,
    _alive: Bound<'py, PyAny>,
}

/// Open containers by position, and known ones by tokens.
#[derive(Default)]
pub struct Circles<'py> {
    stack: Vec<Bound<'py, PyAny>>,
    open: ByAddress<usize>,
    known: ByAddress<Known<'py>>,
}

impl<'py> Circles<'py> {
    /// The position of a container that is open.
    pub fn position(&self, object: &Bound<'py, PyAny>) -> Option<usize> {
        if self.open.is_empty() {
            None
        } else {
            self.open.get(&address(object)).copied()
        }
    }

    /// The tokens of an object that was met before, if they hold in this scope.
    pub fn recall(&self, object: &Bound<'py, PyAny>, scope: u64) -> Option<(&[u8], bool)> {
        if self.known.is_empty() {
            return None;
        }
        let known = self.known.get(&address(object))?;
        let holds = known.scope.is_none_or(|other| other == scope);
        holds.then_some((&*known.tokens, known.scope.is_some()))
    }

    /// Keep the tokens of an object.
    pub fn remember(&mut self, object: &Bound<'py, PyAny>, tokens: &[u8], scope: Option<u64>) {
        let known = Known {
            tokens: tokens.into(),
            scope,
            _alive: object.clone(),
        };
        self.known.insert(address(object), known);
    }

    /// Open a container and say at which position.
    pub fn open(&mut self, object: &Bound<'py, PyAny>) -> usize {
        let position = self.stack.len();
        self.stack.push(object.clone());
        self.open.insert(address(object), position);
        position
    }

    /// How many containers are open.
    pub fn height(&self) -> usize {
        self.stack.len()
    }

    /// Close all containers from a position on and hand them over.
    pub fn close(&mut self, position: usize) -> Vec<Bound<'py, PyAny>> {
        let closed = self.stack.split_off(position.min(self.stack.len()));
        for object in &closed {
            self.open.remove(&address(object));
        }
        closed
    }
}
