//! Bytes in, steps out: instructions with whole arguments, superinstructions taken apart; and the exception table, read.

use super::Unreadable;
use super::opcodes::{CONSTANT, COPY, Direction, POP, RETURN, Shape, Table, Test};

/// One thing that the interpreter does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The operation, under the name that enters digests; empty where nothing is done.
    pub name: &'static str,
    /// Its argument.
    pub argument: Argument,
    /// Where it leads.
    pub exit: Exit,
    /// The place of its instruction, counted in units of two bytes.
    pub unit: u32,
}

/// An argument, by what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Argument {
    /// A number, or nothing.
    Number(u32),
    /// An index into the names, with flags.
    Name(u32, u32),
    /// An index into the names that is looked up outside, with flags.
    Outside(u32, u32),
    /// An index into the constants.
    Constant(u32),
    /// An index into the locals.
    Local(u32),
}

/// Where a step leads; targets are units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// To the next step.
    Next,
    /// Nowhere.
    Stop,
    /// To a target.
    Jump(u32),
    /// To the next step or, by what an iterator gives, to a target.
    Either(u32),
    /// To a target when the tested fact holds.
    When(u32),
    /// To a target when the tested fact does not hold.
    Unless(u32),
}

/// A range of units and where an exception in it leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handler {
    /// The first unit of the range.
    pub start: u32,
    /// The first unit behind it.
    pub end: u32,
    /// Where the handler starts.
    pub target: u32,
    /// How deep the stack is when it does, and whether the place of the exception is put there.
    pub depth: u32,
}

/// Take code bytes apart.
pub fn decode(table: &Table, bytes: &[u8]) -> Result<Vec<Step>, Unreadable> {
    let mut steps = Vec::new();
    let mut high = 0_u32;
    let mut unit = 0;
    while let Some(&[number, low]) = bytes.get(2 * unit..2 * unit + 2) {
        let opcode = table.get(number).ok_or(Unreadable::Instruction(number))?;
        let argument = high << 8 | u32::from(low);
        let place = u32::try_from(unit).map_err(|_| Unreadable::Argument(argument))?;
        unit += 1 + opcode.caches;
        high = if opcode.shape == Shape::Extended {
            argument
        } else {
            0
        };
        let next = u32::try_from(unit).map_err(|_| Unreadable::Argument(argument))?;
        lower(
            &mut steps,
            opcode.name,
            opcode.shape,
            argument,
            Span { place, next },
        )?;
    }
    Ok(steps)
}

/// Where an instruction stands and where the next one does.
#[derive(Clone, Copy)]
struct Span {
    place: u32,
    next: u32,
}

impl Span {
    fn target(self, direction: Direction, argument: u32) -> Result<u32, Unreadable> {
        match direction {
            Direction::Forward => self.next.checked_add(argument),
            Direction::Backward => self.next.checked_sub(argument),
        }
        .ok_or(Unreadable::Argument(argument))
    }

    fn step(self, name: &'static str, argument: Argument, exit: Exit) -> Step {
        Step {
            name,
            argument,
            exit,
            unit: self.place,
        }
    }
}

/// Append the steps of one instruction.
fn lower(
    steps: &mut Vec<Step>,
    name: &'static str,
    shape: Shape,
    argument: u32,
    span: Span,
) -> Result<(), Unreadable> {
    const NOTHING: Argument = Argument::Number(0);
    let flags = |bits: u8| argument & ((1 << bits) - 1);
    let one = match shape {
        // The place stays, since jumps may lead to it.
        Shape::Silent | Shape::Extended => span.step("", NOTHING, Exit::Next),
        Shape::Plain => span.step(name, Argument::Number(argument), Exit::Next),
        Shape::Bare => span.step(name, NOTHING, Exit::Next),
        Shape::Compare => span.step(name, Argument::Number(argument & !16), Exit::Next),
        Shape::Name(bits) => span.step(
            name,
            Argument::Name(argument >> bits, flags(bits)),
            Exit::Next,
        ),
        Shape::Outside(bits) => span.step(
            name,
            Argument::Outside(argument >> bits, flags(bits)),
            Exit::Next,
        ),
        Shape::Constant => span.step(name, Argument::Constant(argument), Exit::Next),
        Shape::Local => span.step(name, Argument::Local(argument), Exit::Next),
        Shape::Stop => span.step(name, Argument::Number(argument), Exit::Stop),
        Shape::Jump(direction) => {
            span.step("", NOTHING, Exit::Jump(span.target(direction, argument)?))
        }
        Shape::Iterate => span.step(
            name,
            NOTHING,
            Exit::Either(span.target(Direction::Forward, argument)?),
        ),
        Shape::Branch(test, direction) => span.step(
            name,
            NOTHING,
            branch(test, span.target(direction, argument)?),
        ),
        Shape::ReturnConstant => {
            steps.push(span.step(CONSTANT, Argument::Constant(argument), Exit::Next));
            span.step(RETURN, NOTHING, Exit::Stop)
        }
        Shape::Locals(first, second) => {
            steps.push(span.step(first, Argument::Local(argument >> 4), Exit::Next));
            span.step(second, Argument::Local(argument & 15), Exit::Next)
        }
        Shape::BranchOrPop(test) => {
            steps.push(span.step(COPY, Argument::Number(1), Exit::Next));
            steps.push(span.step(
                name,
                NOTHING,
                branch(test, span.target(Direction::Forward, argument)?),
            ));
            span.step(POP, NOTHING, Exit::Next)
        }
    };
    steps.push(one);
    Ok(())
}

fn branch(test: Test, target: u32) -> Exit {
    match test {
        Test::True | Test::None => Exit::When(target),
        Test::False | Test::NotNone => Exit::Unless(target),
    }
}

/// Read an exception table: numbers of six bits per byte, each entry's first byte marked.
pub fn handlers(table: &[u8]) -> Result<Vec<Handler>, Unreadable> {
    let mut bytes = table.iter().copied();
    let mut found = Vec::new();
    while let Some(first) = bytes.next() {
        let start = number(first, &mut bytes)?;
        let mut next = || {
            bytes
                .next()
                .ok_or(Unreadable::Handlers)
                .and_then(|byte| number(byte, &mut bytes))
        };
        let (length, target, depth) = (next()?, next()?, next()?);
        let end = start.checked_add(length).ok_or(Unreadable::Handlers)?;
        found.push(Handler {
            start,
            end,
            target,
            depth,
        });
    }
    Ok(found)
}

fn number(first: u8, rest: &mut impl Iterator<Item = u8>) -> Result<u32, Unreadable> {
    let mut byte = first;
    let mut value = u32::from(byte & 63);
    while byte & 64 != 0 {
        byte = rest.next().ok_or(Unreadable::Handlers)?;
        value = value.checked_mul(64).ok_or(Unreadable::Handlers)? | u32::from(byte & 63);
    }
    Ok(value)
}
