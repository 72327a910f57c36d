//! What can be wrong with a column, and where inside it.

use std::fmt;

/// Why a column has no digest, and in which field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// Names of the fields on the way, each as `["name"]`.
    pub path: String,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with an array or its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Types within types without end.
    #[error("its type is nested more than {} levels deep", super::DEPTH)]
    Depth,
    /// A type's format is not one of Arrow's.
    #[error("the type {0:?} is not known")]
    Unknown(String),
    /// A type or an array lacks children, or has too many.
    #[error("its children do not belong to its type")]
    Children,
    /// A buffer is missing or ends too early.
    #[error("a buffer is too short for its length")]
    Buffer,
    /// A child ends too early.
    #[error("a child is too short for its length")]
    Child,
    /// Offsets, views or runs lead backwards or out of what they point into.
    #[error("its offsets lead out of its values")]
    Offsets,
    /// A dictionary's index, or a union's type id, means nothing.
    #[error("an index points to nothing")]
    Index,
}

impl Error {
    /// Say in which field it was.
    #[must_use]
    pub fn within(mut self, name: &[u8]) -> Self {
        self.path = format!("[{:?}]{}", String::from_utf8_lossy(name), self.path);
        self
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self {
            path: String::new(),
            fault,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(out, "{}: ", self.path)?;
        }
        self.fault.fmt(out)
    }
}
