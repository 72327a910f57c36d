//! The pure core of whorl: bytes, files and folders in, digests out.
//!
//! Everything here works without Python; `rust/py` converts and delegates.  On the arrow: *digest*.

pub mod automaton;
pub mod bytecode;
pub mod columns;
pub mod control;
pub mod digest;
pub mod encode;
pub mod error;
pub mod file;
pub mod gather;
pub mod glance;
pub mod sink;
pub mod stat;
pub mod stat_table;
pub mod stream;
pub mod subtree;
pub mod tree;

pub use digest::Digest;
pub use encode::Encoder;
pub use error::Error;
