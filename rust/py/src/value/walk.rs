//! The walk over a value, with a stack of its own: values may be nested 100,000 deep.
//!
//! Exact built-in types are encoded here; every other object is described by Python (`describe`).

use std::sync::LazyLock;

use pyo3::exceptions::PyRecursionError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyList, PySet, PyString, PyTuple, PyType};
use whorl_core::Digest;
use whorl_core::digest::Domain;
use whorl_core::encode::Tag;
use whorl_core::sink::{Part, Sink};
use whorl_core::subtree::digest_slice;

use super::children::Children;
use super::circles::{ByAddress, Circles, is_shared};
use super::describe::Description;
use super::leaf;
use super::located::located;
use super::scopes::Scopes;
use crate::buffer::Memory;
use crate::digest::{PyDigest, released};

static VALUE: LazyLock<Domain> = LazyLock::new(|| Domain::new("value"));

/// Children between two looks for Ctrl-C.
const PATIENCE: u32 = 1 << 18;

/// How many open containers the elements of sets may leave behind; see `seal_element`.
const FORGOTTEN: usize = 1_000_000;

/// What a walk found.
pub struct Walk<'py> {
    pub digest: Digest,
    pub refs: Vec<Bound<'py, PyAny>>,
    pub types: Vec<Bound<'py, PyType>>,
}

/// Walk a value.
pub fn walk<'py>(
    value: Bound<'py, PyAny>,
    describe: &Bound<'py, PyAny>,
    order: Option<&Bound<'py, PyAny>>,
    path: &str,
) -> PyResult<Walk<'py>> {
    let py = value.py();
    let mut walker = Walker::new(describe, order);
    if let Err(error) = walker.run(&value) {
        return Err(located(py, error, &walker.path(path)));
    }
    Ok(Walk {
        digest: walker.sink.finish(),
        refs: walker.scopes.into_refs(),
        types: walker.types,
    })
}

struct Walker<'a, 'py> {
    describe: &'a Bound<'py, PyAny>,
    order: Option<&'a Bound<'py, PyAny>>,
    sink: Sink,
    frames: Vec<Frame<'py>>,
    circles: Circles<'py>,
    scopes: Scopes<'py>,
    types: Vec<Bound<'py, PyType>>,
    types_seen: ByAddress<()>,
    /// How many code objects were written so far: tells whether a container holds any.
    references: usize,
    forgotten: usize,
    patience: u32,
    /// A child that was met while its container was begun, and is to be walked next.
    pending: Option<Bound<'py, PyAny>>,
}

/// A container on the way down.
struct Frame<'py> {
    object: Bound<'py, PyAny>,
    children: Children<'py>,
    part: Part,
    /// Where it is open; `None` for immutable containers, which close no circle.
    position: Option<usize>,
    /// The lowest position that something inside leads back to.
    low: usize,
    /// `Walker::references` when it began.
    references: usize,
    /// The elements of a set that are done.
    elements: Option<Elements<'py>>,
    /// Whether its tokens are worth keeping although they are few.
    keep: bool,
}

#[derive(Default)]
struct Elements<'py> {
    done: Vec<(Digest, Vec<Bound<'py, PyAny>>)>,
    /// Where the tokens of the element that is being walked start, and how many containers were open then.
    current: Option<(usize, usize)>,
}

/// What a container is, besides its children.
struct Opening {
    part: Part,
    mutable: bool,
    keep: bool,
}

impl<'a, 'py> Walker<'a, 'py> {
    fn new(describe: &'a Bound<'py, PyAny>, order: Option<&'a Bound<'py, PyAny>>) -> Self {
        Self {
            describe,
            order,
            sink: Sink::new(*VALUE),
            frames: Vec::new(),
            circles: Circles::default(),
            scopes: Scopes::default(),
            types: Vec::new(),
            types_seen: ByAddress::default(),
            references: 0,
            forgotten: 0,
            patience: PATIENCE,
            pending: None,
        }
    }

    fn run(&mut self, value: &Bound<'py, PyAny>) -> PyResult<()> {
        self.value(value)?;
        while !self.frames.is_empty() {
            self.step()?;
        }
        Ok(())
    }

    /// The path of the object that is being walked.
    fn path(&self, start: &str) -> String {
        let mut path = if start.is_empty() {
            "value".to_owned()
        } else {
            start.to_owned()
        };
        for frame in &self.frames {
            path.push_str(&frame.children.segment());
        }
        path
    }

    /// Walk the next child of the innermost container, or end it.
    fn step(&mut self) -> PyResult<()> {
        self.be_patient()?;
        if let Some(child) = self.pending.take() {
            return self.value(&child);
        }
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        if frame.elements.is_some() {
            return self.step_set();
        }
        self.sink.spill(&mut frame.part);
        match frame.children.next()? {
            None => self.end(),
            Some((segment, child)) => {
                if let Some(segment) = segment {
                    self.sink.tokens.framed(&leaf::utf8(&segment)?);
                }
                self.value(&child)
            }
        }
    }

    fn be_patient(&mut self) -> PyResult<()> {
        self.patience -= 1;
        if self.patience == 0 {
            self.patience = PATIENCE;
            self.describe.py().check_signals()?;
        }
        Ok(())
    }

    /// Write one value, or begin it when it has parts.
    fn value(&mut self, object: &Bound<'py, PyAny>) -> PyResult<()> {
        if leaf::is_long(object) {
            return self.long(object);
        }
        if leaf::write(object, &mut self.sink.tokens)? || self.met_before(object) {
            return Ok(());
        }
        if let Ok(items) = object.cast_exact::<PyTuple>() {
            self.begin(object, Tag::Tuple, Children::of_tuple(items), false)
        } else if let Ok(items) = object.cast_exact::<PyList>() {
            self.begin(object, Tag::List, Children::of_list(items), true)
        } else if let Ok(items) = object.cast_exact::<PyDict>() {
            self.begin(object, Tag::Dict, Children::of_dict(items)?, true)
        } else if object.is_exact_instance_of::<PySet>() {
            self.begin(object, Tag::Set, Children::of_set(object)?, true)
        } else if object.is_exact_instance_of::<PyFrozenSet>() {
            self.begin(object, Tag::FrozenSet, Children::of_set(object)?, false)
        } else {
            self.described(object)
        }
    }

    /// Text and bytes that take time are hashed once.
    fn long(&mut self, object: &Bound<'py, PyAny>) -> PyResult<()> {
        if self.met_before(object) {
            return Ok(());
        }
        let start = self.sink.tokens.len();
        leaf::write(object, &mut self.sink.tokens)?;
        self.circles
            .remember(object, self.sink.tokens.tail(start), None);
        Ok(())
    }

    /// Write a distance or remembered tokens, if there are such.
    fn met_before(&mut self, object: &Bound<'py, PyAny>) -> bool {
        if let Some(position) = self.circles.position(object) {
            let distance = self.circles.height() - position;
            self.sink.tokens.count(Tag::Back, distance as u64);
            self.lower(position);
            return true;
        }
        let Some((tokens, has_references)) = self.circles.recall(object, self.scopes.current())
        else {
            return false;
        };
        self.sink.tokens.splice(tokens);
        self.references += usize::from(has_references);
        true
    }

    /// Something in the innermost container leads back to a position.
    fn lower(&mut self, position: usize) {
        if let Some(frame) = self.frames.last_mut() {
            frame.low = frame.low.min(position);
        }
    }

    fn begin(
        &mut self,
        object: &Bound<'py, PyAny>,
        tag: Tag,
        mut children: Children<'py>,
        mutable: bool,
    ) -> PyResult<()> {
        let mut part = self.sink.begin();
        self.sink.tokens.count(tag, children.count());
        if matches!(children, Children::Set { .. }) {
            return self.push(
                object,
                children,
                Opening {
                    part,
                    mutable,
                    keep: false,
                },
            );
        }
        // Most containers hold nothing but leaves and need no frame.
        while let Some((_, child)) = children.next()? {
            if leaf::is_long(&child) || !leaf::write(&child, &mut self.sink.tokens)? {
                // Not walked from here: the depth of a value must not become the depth of the machine's stack.
                self.pending = Some(child);
                return self.push(
                    object,
                    children,
                    Opening {
                        part,
                        mutable,
                        keep: false,
                    },
                );
            }
            self.sink.spill(&mut part);
        }
        let start = part.start();
        if self.sink.end(part).is_some() {
            self.circles
                .remember(object, self.sink.tokens.tail(start), None);
        }
        Ok(())
    }

    fn push(
        &mut self,
        object: &Bound<'py, PyAny>,
        children: Children<'py>,
        opening: Opening,
    ) -> PyResult<()> {
        let Opening {
            part,
            mutable,
            keep,
        } = opening;
        let elements = matches!(children, Children::Set { .. }).then(Elements::default);
        self.frames.push(Frame {
            object: object.clone(),
            children,
            part,
            position: mutable.then(|| self.circles.open(object)),
            low: usize::MAX,
            references: self.references,
            elements,
            keep,
        });
        Ok(())
    }

    /// End the innermost container.
    fn end(&mut self) -> PyResult<()> {
        let Some(mut frame) = self.frames.pop() else {
            return Ok(());
        };
        if let Some(elements) = frame.elements.take() {
            self.write_elements(elements)?;
        }
        let start = frame.part.start();
        let capsule = self.sink.end(frame.part);
        let own = frame.position.unwrap_or(usize::MAX);
        if frame.low < own {
            self.lower(frame.low);
            return Ok(());
        }
        let scope = (self.references > frame.references).then(|| self.scopes.current());
        if capsule.is_some() || frame.keep {
            self.circles
                .remember(&frame.object, self.sink.tokens.tail(start), scope);
        }
        if let Some(position) = frame.position {
            let circle = self.circles.close(position);
            if let Some(capsule) = capsule {
                self.remember_members(&circle, &capsule, scope);
            }
        }
        Ok(())
    }

    /// A long circle that is entered again at another member is not walked again: that could take forever.
    fn remember_members(
        &mut self,
        circle: &[Bound<'py, PyAny>],
        capsule: &Digest,
        scope: Option<u64>,
    ) {
        for (index, member) in circle.iter().enumerate().skip(1) {
            let mut tokens = whorl_core::encode::Tokens::default();
            tokens.digest(Tag::Member, capsule);
            tokens.number(index as u64);
            self.circles.remember(member, tokens.tail(0), scope);
        }
    }

    // ── sets ──

    fn step_set(&mut self) -> PyResult<()> {
        self.seal_element()?;
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        let Some((_, child)) = frame.children.next()? else {
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
            return Err(PyRecursionError::new_err(
                "the elements of a set lead back to each other in too many ways",
            ));
        }
        Ok(())
    }

    fn write_elements(&mut self, elements: Elements<'py>) -> PyResult<()> {
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

    // ── described objects ──

    fn described(&mut self, object: &Bound<'py, PyAny>) -> PyResult<()> {
        let keep = is_shared(object);
        let start = self.sink.tokens.len();
        match Description::of(object, self.describe)? {
            Description::Reference(code) => {
                let ordinal = self.scopes.ordinal(&code);
                self.references += 1;
                self.sink.tokens.count(Tag::Reference, ordinal);
                return Ok(());
            }
            Description::Leaf { name, payload } => {
                self.name(Tag::Leaf, &name)?;
                self.payload(&payload)?;
                if keep {
                    self.circles
                        .remember(object, self.sink.tokens.tail(start), None);
                }
            }
            Description::Node { name, parts } => {
                let part = self.sink.begin();
                self.name(Tag::Node, &name)?;
                self.sink.tokens.number(parts.len() as u64);
                self.push(
                    object,
                    Children::of_parts(parts),
                    Opening {
                        part,
                        mutable: true,
                        keep,
                    },
                )?;
            }
            Description::Buffer {
                name,
                header,
                memory,
            } => {
                let part = self.sink.begin();
                self.name(Tag::Buffer, &name)?;
                self.memory(&memory)?;
                self.sink.tokens.number(header.len() as u64);
                self.push(
                    object,
                    Children::of_list(&header),
                    Opening {
                        part,
                        mutable: true,
                        keep,
                    },
                )?;
            }
        }
        self.note_type(object);
        Ok(())
    }

    fn name(&mut self, tag: Tag, name: &Bound<'py, PyString>) -> PyResult<()> {
        self.sink.tokens.block(tag, &leaf::utf8(name)?);
        Ok(())
    }

    fn payload(&mut self, payload: &Bound<'py, PyAny>) -> PyResult<()> {
        if let Ok(digest) = payload.cast_exact::<PyDigest>() {
            self.sink.tokens.digest(Tag::Digest, &digest.get().0);
            return Ok(());
        }
        leaf::write(payload, &mut self.sink.tokens).map(|_| ())
    }

    /// Write length and digest of a block of memory.
    fn memory(&mut self, memory: &Bound<'py, PyAny>) -> PyResult<()> {
        let memory = Memory::of(memory)?;
        let bytes = memory.bytes();
        let digest = released(self.describe.py(), bytes.len(), || digest_slice(bytes));
        self.sink.tokens.number(bytes.len() as u64);
        self.sink.tokens.splice(digest.as_bytes());
        Ok(())
    }

    fn note_type(&mut self, object: &Bound<'py, PyAny>) {
        let class = object.get_type();
        if self
            .types_seen
            .insert(super::circles::address(class.as_any()), ())
            .is_none()
        {
            self.types.push(class);
        }
    }
}
