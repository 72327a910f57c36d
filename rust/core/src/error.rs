//! What can go wrong between a path and its digest.

use std::io;
use std::path::PathBuf;

/// Why a file or folder has no digest; each variant names the path.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is there.
    #[error("{}: no such file or folder", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Something is there that has no content to digest, or the wrong kind of thing.
    #[error("{}: {found}, not {wanted}", path.display())]
    WrongKind {
        /// What was looked at.
        path: PathBuf,
        /// What it is, in words.
        found: &'static str,
        /// What was asked for, in words.
        wanted: &'static str,
    },
    /// A link points to one of the folders that it lies in.
    #[error("{}: the link leads back to a folder that it lies in", path.display())]
    Loop {
        /// The link.
        path: PathBuf,
    },
    /// The content was another one each time it was looked at.
    #[error("{}: changed each time while it was read", path.display())]
    Changed {
        /// The file, or the entry that vanished from its folder.
        path: PathBuf,
    },
    /// A pattern of names cannot be read.
    #[error("the pattern {pattern:?} cannot be read")]
    Pattern {
        /// As it was given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Somebody who was told how far it is said to stop.
    #[error("stopped before the end")]
    Stopped,
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// What was being read.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// Say which path an operating-system error is about.
    pub fn at(path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing { path },
            _ => Self::Io { path, source },
        }
    }
}
