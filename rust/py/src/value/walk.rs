//! The walk over a value, with a stack of its own: values may be nested 100,000 deep.
//!
//! Exact built-in types are encoded here; every other object is described by Python (`describe`).

use std::sync::LazyLock;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyList, PySet, PyTuple, PyType};
use whorl_core::Digest;
use whorl_core::digest::Domain;
use whorl_core::encode::{Tag, Tokens};
use whorl_core::sink::{Part, Sink};

use super::children::{Children, Stop};
use super::circles::{Addresses, Circles};
use super::elements::PyElements;
use super::leaf;
use super::located::located;
use super::scopes::Scopes;

mod described;
mod sets;

use sets::Elements;

static VALUE: LazyLock<Domain> = LazyLock::new(|| Domain::new("value"));

/// Steps between two looks for Ctrl-C.
const PATIENCE: u32 = 1 << 10;

/// Bytes of leaves that are written in one step, before they are hashed: measured, they fit into the second cache and
/// BLAKE3 takes them in whole chunks.
const ROOM: usize = 256 * 1024;

/// Circles of so few containers are walked again when they are entered at another one.
const SMALL_CIRCLE: usize = 8;

/// What a walk found.
pub struct Walk<'py> {
    pub digest: Digest,
    pub refs: Vec<Bound<'py, PyAny>>,
    pub types: Vec<Bound<'py, PyType>>,
}

/// Walk a value.
pub fn walk<'py>(
    value: &Bound<'py, PyAny>,
    describe: &Bound<'py, PyAny>,
    order: Option<&Bound<'py, PyAny>>,
    path: &str,
) -> PyResult<Walk<'py>> {
    let py = value.py();
    let mut walker = Walker::new(describe, order);
    if let Err(error) = walker.run(value) {
        return Err(located(py, error, &walker.path(path)));
    }
    Ok(Walk {
        digest: walker.sink.finish(),
        refs: walker.scopes.into_refs(),
        types: walker.types,
    })
}

struct Walker<'a, 'py> {
    py: Python<'py>,
    describe: &'a Bound<'py, PyAny>,
    order: Option<&'a Bound<'py, PyAny>>,
    sink: Sink,
    frames: Vec<Frame<'py>>,
    circles: Circles<'py>,
    scopes: Scopes<'py>,
    types: Vec<Bound<'py, PyType>>,
    types_seen: Addresses,
    /// How many code objects were written so far: tells whether a container holds any.
    references: usize,
    forgotten: usize,
    patience: u32,
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
    /// Whether something long is inside, so that walking it again would take long.
    heavy: bool,
    /// The elements of a set that are done.
    elements: Option<Elements<'py>>,
    /// Whether its tokens are worth keeping although they are few.
    keep: bool,
}

/// What the walk must know of a container besides its children.
#[derive(Clone, Copy)]
struct Nature {
    /// Whether it can lead back to itself.
    mutable: bool,
    /// Whether its tokens are worth keeping although they are few.
    keep: bool,
}

const MUTABLE: Nature = Nature {
    mutable: true,
    keep: false,
};
const IMMUTABLE: Nature = Nature {
    mutable: false,
    keep: false,
};

impl<'a, 'py> Walker<'a, 'py> {
    fn new(describe: &'a Bound<'py, PyAny>, order: Option<&'a Bound<'py, PyAny>>) -> Self {
        Self {
            py: describe.py(),
            describe,
            order,
            sink: Sink::new(*VALUE),
            frames: Vec::new(),
            circles: Circles::default(),
            scopes: Scopes::default(),
            types: Vec::new(),
            types_seen: Addresses::default(),
            references: 0,
            forgotten: 0,
            patience: PATIENCE,
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
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        if frame.elements.is_some() {
            return self.step_set();
        }
        self.sink.spill(&mut frame.part);
        let limit = self.sink.tokens.len() + ROOM;
        match frame
            .children
            .write_leaves(self.py, &mut self.sink.tokens, limit)
        {
            Stop::End => self.end(),
            Stop::Full => Ok(()),
            Stop::Other => self.step_into(),
        }
    }

    /// Walk a child that is more than a leaf.
    fn step_into(&mut self) -> PyResult<()> {
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        match frame.children.next(self.py)? {
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
            self.py.check_signals()?;
        }
        Ok(())
    }

    /// Write one value, or begin it when it has parts.
    fn value(&mut self, object: &Bound<'py, PyAny>) -> PyResult<()> {
        if leaf::write_quickly(object, &mut self.sink.tokens) {
            return Ok(());
        }
        if leaf::is_long(object) {
            return self.long(object);
        }
        if self.met_before(object) {
            return Ok(());
        }
        if let Ok(items) = object.cast_exact::<PyTuple>() {
            self.begin(object, Tag::Tuple, Children::of_tuple(items), IMMUTABLE);
        } else if let Ok(items) = object.cast_exact::<PyList>() {
            self.begin(object, Tag::List, Children::of_list(items), MUTABLE);
        } else if let Ok(items) = object.cast_exact::<PyDict>() {
            self.begin(object, Tag::Dict, Children::of_dict(items)?, MUTABLE);
        } else if object.is_exact_instance_of::<PySet>() {
            self.begin(object, Tag::Set, Children::of_set(object)?, MUTABLE);
        } else if object.is_exact_instance_of::<PyFrozenSet>() {
            self.begin(object, Tag::FrozenSet, Children::of_set(object)?, IMMUTABLE);
        } else if let Ok(elements) = object.cast_exact::<PyElements>() {
            self.begin(object, Tag::List, Children::of_elements(elements), MUTABLE);
        } else if !leaf::write(object, &mut self.sink.tokens)? {
            self.described(object)?;
        }
        Ok(())
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
        nature: Nature,
    ) {
        let part = self.sink.begin();
        self.sink.tokens.count(tag, children.count());
        // Most containers hold nothing but a few leaves and need no frame.  Others are not walked from here: the depth
        // of a value must not become that of the machine's stack.
        let limit = self.sink.tokens.len() + ROOM;
        if children.is_set()
            || children.write_leaves(self.py, &mut self.sink.tokens, limit) != Stop::End
        {
            self.push(object, children, part, nature);
            return;
        }
        let start = part.start();
        if self.sink.end(part).is_some() {
            let tokens = self.sink.tokens.tail(start);
            self.circles.remember(object, tokens, None);
            self.weigh(true);
        }
    }

    /// Tell the innermost container whether something long is inside.
    fn weigh(&mut self, heavy: bool) {
        if let Some(frame) = self.frames.last_mut() {
            frame.heavy |= heavy;
        }
    }

    fn push(
        &mut self,
        object: &Bound<'py, PyAny>,
        children: Children<'py>,
        part: Part,
        nature: Nature,
    ) {
        let elements = children.is_set().then(Elements::default);
        self.frames.push(Frame {
            object: object.clone(),
            children,
            part,
            position: nature.mutable.then(|| self.circles.open(object)),
            low: usize::MAX,
            heavy: false,
            references: self.references,
            elements,
            keep: nature.keep,
        });
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
        let heavy = frame.heavy || capsule.is_some();
        self.weigh(heavy);
        if frame.low < frame.position.unwrap_or(usize::MAX) {
            self.lower(frame.low);
            return Ok(());
        }
        let scope = (self.references > frame.references).then(|| self.scopes.current());
        if heavy || frame.keep {
            let tokens = self.sink.tokens.tail(start);
            self.circles.remember(&frame.object, tokens, scope);
        }
        if let Some(position) = frame.position {
            let circle = self.circles.close(position);
            if capsule.is_some() || circle.len() > SMALL_CIRCLE {
                let digest = capsule.unwrap_or_else(|| self.sink.digest_from(start));
                self.remember_members(&circle, &digest, scope);
            }
        }
        Ok(())
    }

    /// A circle that is entered again at another member is not walked again: in a mesh that would take forever.
    fn remember_members(
        &mut self,
        circle: &[Bound<'py, PyAny>],
        whole: &Digest,
        scope: Option<u64>,
    ) {
        for (index, member) in circle.iter().enumerate().skip(1) {
            let mut tokens = Tokens::default();
            tokens.digest(Tag::Member, whole);
            tokens.number(index as u64);
            self.circles.remember(member, tokens.tail(0), scope);
        }
    }
}
