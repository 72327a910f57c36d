//! Which entries of a tree count: patterns as in a .gitignore file, held against paths below the root.

use std::path::Path;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::error::Error;

/// What to take in and what to leave out; nothing named means everything counts.
pub struct Patterns {
    include: Option<Gitignore>,
    exclude: Gitignore,
}

/// What patterns say of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It counts, and so does everything below it that is not left out.
    In,
    /// A folder that counts only if something below it does.
    Perhaps,
    /// It does not count, nor does anything below it.
    Out,
}

impl Patterns {
    /// Everything counts.
    #[must_use]
    pub fn all() -> Self {
        Self {
            include: None,
            exclude: Gitignore::empty(),
        }
    }

    /// Read patterns; later ones win, and `!` takes back.
    ///
    /// # Errors
    /// [`Error::Pattern`] for one that cannot be read.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, Error> {
        Ok(Self {
            include: (!include.is_empty())
                .then(|| compile(include))
                .transpose()?,
            exclude: compile(exclude)?,
        })
    }

    /// Judge an entry by its path below the root; `inside` says that a folder above it was included.
    pub(super) fn judge(&self, path: &Path, is_folder: bool, inside: bool) -> Verdict {
        if self.exclude.matched(path, is_folder).is_ignore() {
            return Verdict::Out;
        }
        let Some(include) = &self.include else {
            return Verdict::In;
        };
        match include.matched(path, is_folder) {
            // What a .gitignore file ignores is what this one includes.
            Match::Ignore(_) => Verdict::In,
            Match::None if inside => Verdict::In,
            Match::None if is_folder => Verdict::Perhaps,
            Match::None | Match::Whitelist(_) => Verdict::Out,
        }
    }

    /// Whether nothing is left out.
    pub(super) fn is_all(&self) -> bool {
        self.include.is_none() && self.exclude.is_empty()
    }

    /// Whether the root itself counts as included.
    pub(super) fn includes_root(&self) -> bool {
        self.include.is_none()
    }
}

fn compile(patterns: &[String]) -> Result<Gitignore, Error> {
    // Paths are given relative to the root, so the root has no name here.
    let mut builder = GitignoreBuilder::new("");
    // Git takes an unclosed `[` for a pattern that matches nothing; that is a mistake worth hearing of.
    builder.allow_unclosed_class(false);
    for pattern in patterns {
        builder
            .add_line(None, pattern)
            .map_err(|error| Error::Pattern {
                pattern: pattern.clone(),
                reason: error.to_string(),
            })?;
    }
    builder.build().map_err(|error| Error::Pattern {
        pattern: patterns.join(" "),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(include: &[&str], exclude: &[&str], path: &str) -> Result<Verdict, Error> {
        let owned =
            |patterns: &[&str]| patterns.iter().map(ToString::to_string).collect::<Vec<_>>();
        let patterns = Patterns::new(&owned(include), &owned(exclude))?;
        Ok(patterns.judge(
            Path::new(path.trim_end_matches('/')),
            path.ends_with('/'),
            false,
        ))
    }

    #[test]
    fn patterns_mean_what_they_mean_to_git() -> Result<(), Error> {
        for (include, exclude, path, wanted) in [
            (&[][..], &[][..], "a", Verdict::In),
            (&[], &["*.tmp"], "a/b.tmp", Verdict::Out),
            (&[], &["/b.tmp"], "a/b.tmp", Verdict::In),
            (&[], &["/a/*.tmp"], "a/b.tmp", Verdict::Out),
            (&[], &["*.tmp", "!keep.tmp"], "keep.tmp", Verdict::In),
            (&[], &["build/"], "build", Verdict::In),
            (&[], &["build/"], "build/", Verdict::Out),
            (&[], &["a/**/z"], "a/b/c/z", Verdict::Out),
            (&["*.csv"], &[], "a/b.csv", Verdict::In),
            (&["*.csv"], &[], "a/", Verdict::Perhaps),
            (&["*.csv"], &[], "a/b.txt", Verdict::Out),
            (&["*.csv"], &["old.csv"], "old.csv", Verdict::Out),
            (&["*.csv", "!old.csv"], &[], "old.csv", Verdict::Out),
            (&["a/"], &[], "a/", Verdict::In),
        ] {
            assert_eq!(
                judge(include, exclude, path)?,
                wanted,
                "{include:?} {exclude:?} {path}"
            );
        }
        Ok(())
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_named() {
        let error = Patterns::new(&[], &["a[".to_owned()]);

        assert!(matches!(error, Err(Error::Pattern { pattern, .. }) if pattern == "a["));
    }
}
