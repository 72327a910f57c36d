//! Sets: elements have no order, so they are encoded apart and sorted by their digests.

use pyo3::prelude::*;
use pyo3::types::PyString;
use whorl_core::Digest;

use super::super::leaf;
use super::Walker;
use crate::digest::PyDigest;
use crate::error::undigestable;

/// How many open containers the elements of sets may leave behind; see `seal_element`.
const FORGOTTEN: usize = 1_000_000;

/// The elements of a set that is being walked.
#[derive(Default)]
pub(super) struct Elements<'py> {
    done: Vec<(Digest, Vec<Bound<'py, PyAny>>)>,
    /// Where the tokens of the element that is being walked start, and how many containers were open then.
    current: Option<(usize, usize)>,
}

impl<'py> Walker<'_, 'py> {
    /// Seal the element that was walked, and walk the next one.
    pub(super) fn step_set(&mut self) -> PyResult<()> {
        self.seal_element()?;
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        let Some((_, child)) = frame.children.next(self.py)? else {
            return self.end();
        };
        if let Some(elements) = frame.elements.as_mut() {
            elements.current = Some((self.sink.tokens.len(), self.circles.height()));
        }
        self.scopes.enter();
        self.value(&child)
    }

    /// Take the element that was walked out of the stream.
    ///
    /// No element may see what another one left open, for there is no first one.  So containers that are in a circle
    /// with something around the set are forgotten after each element, and walked again where they are met again.
    fn seal_element(&mut self) -> PyResult<()> {
        let Some(elements) = self
            .frames
            .last_mut()
            .and_then(|frame| frame.elements.as_mut())
        else {
            return Ok(());
        };
        let Some((start, height)) = elements.current.take() else {
            return Ok(());
        };
        elements
            .done
            .push((self.sink.seal(start), self.scopes.leave()));
        self.forgotten += self.circles.close(height).len();
        if self.forgotten > FORGOTTEN {
            return Err(undigestable(
                self.py,
                "the elements of a set lead back to each other in too many ways",
                "they have no order to walk them in",
                "use a list, or say how they are digested: a method __whorl_digest__",
            ));
        }
        Ok(())
    }

    /// Write the sealed elements in their order.
    pub(super) fn write_elements(&mut self, elements: Elements<'py>) -> PyResult<()> {
        let mut keyed = Vec::with_capacity(elements.done.len());
        for (digest, refs) in elements.done {
            let keys = refs
                .iter()
                .map(|code| self.order_key(code))
                .collect::<PyResult<Vec<_>>>()?;
            keyed.push((digest, keys, refs));
        }
        keyed.sort_by(|left, right| (&left.0, &left.1).cmp(&(&right.0, &right.1)));
        for (digest, _, refs) in keyed {
            self.sink.tokens.splice(digest.as_bytes());
            self.sink.tokens.number(refs.len() as u64);
            for code in &refs {
                let ordinal = self.scopes.ordinal(code);
                self.sink.tokens.number(ordinal);
            }
        }
        Ok(())
    }

    /// What sorts elements that differ in their code objects alone.
    fn order_key(&self, code: &Bound<'py, PyAny>) -> PyResult<Vec<u8>> {
        let Some(order) = self.order else {
            return Ok(Vec::new());
        };
        let key = order.call1((code,))?;
        if let Ok(digest) = key.cast::<PyDigest>() {
            return Ok(digest.get().0.as_bytes().to_vec());
        }
        Ok(leaf::utf8(key.cast::<PyString>()?)?.into_owned())
    }
}
