//! Normalized code: the parts of a code object in, a digest of what it does and the names it refers to out.
//!
//! Line breaks leak into bytecode; they must not count.  The instructions become a flow graph whose nodes are an
//! operation, its resolved argument, the successors and the handler of exceptions; what the compiler does or leaves
//! undone because of lines is undone or done; the graph is minimised and numbered from the entry.  Names of globals are
//! numbered in the order in which the graph meets them, so that what they stand for counts and not how they are called.
//!
//! Everything here is plain data: recorded code objects of any supported Python are tested without one.  On the arrow:
//! *fingerprint*.

mod decode;
mod exits;
mod facts;
mod flow;
mod opcodes;
mod rewrite;
mod v311;
mod v312;
mod v313;

use std::fmt;

pub use facts::{Binding, Facts, Import, Load};
pub use opcodes::Table;

use crate::digest::Digest;

/// A constant of a code object, as its user digests it.
#[derive(Clone, Copy, Debug)]
pub struct Constant {
    /// Type and bits; for nested code its normalized digest.
    pub digest: Digest,
    /// Whether it is text, and so may be a docstring.
    pub text: bool,
}

/// The parts of a code object that decide what it does.
#[derive(Clone, Copy, Debug)]
pub struct Code<'a> {
    /// `co_code`, never the adaptive form.
    pub bytes: &'a [u8],
    /// `co_exceptiontable`.
    pub handlers: &'a [u8],
    /// `co_consts`.
    pub constants: &'a [Constant],
    /// `co_names`.
    pub names: &'a [String],
    /// Variables, then cells that are not variables, then free variables: what the interpreter calls fast locals.
    pub locals: &'a [String],
    /// How many of `locals`, at the end, are free variables.
    pub free: usize,
    /// Whether this is the body of a class, which notes things about itself that nobody reads.
    pub class_body: bool,
}

/// What a code object does and refers to.
#[derive(Debug)]
pub struct Normal<'a> {
    /// The digest of the minimal flow graph.
    pub digest: Digest,
    /// Indices of the names it reads from outside, in the order of the graph; the digest knows them by this order.
    pub names: Vec<u32>,
    /// Indices of the constants it uses, in the order of the graph.
    pub constants: Vec<u32>,
    /// Its loads, imports and attributes, for whoever resolves them.
    pub facts: Facts<'a>,
}

/// Why a code object has no normal form; its user then takes it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// An instruction that this Python is not known to have.
    Instruction(u8),
    /// An index or a jump that leads nowhere.
    Argument(u32),
    /// An exception table that ends in the middle.
    Handlers,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instruction(number) => write!(out, "instruction {number} is not known"),
            Self::Argument(argument) => write!(out, "argument {argument} leads nowhere"),
            Self::Handlers => write!(out, "the exception table is cut off"),
        }
    }
}

impl std::error::Error for Unreadable {}

/// Normalize a code object.
///
/// # Errors
/// [`Unreadable`] where the bytes are not code of that Python.
pub fn normalize<'a>(table: &Table, code: Code<'a>) -> Result<Normal<'a>, Unreadable> {
    let steps = decode::decode(table, code.bytes)?;
    let handlers = decode::handlers(code.handlers)?;
    let mut flow = flow::build(&steps, &handlers)?;
    rewrite::normalize(&mut flow, &code);
    let facts = facts::read(&flow, &code)?;
    let (digest, names, constants) = flow.digest(&code)?;
    Ok(Normal {
        digest,
        names,
        constants,
        facts,
    })
}

#[cfg(test)]
mod tests;
