//! What an instruction does with its argument and where it leads, by its name; the numbers differ between Pythons.

use std::sync::OnceLock;

use super::{v311, v312, v313};

/// How an instruction reads its argument and where control goes after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Does nothing that can be seen: caches, NOP, markers.
    Silent,
    /// The next argument's high bits.
    Extended,
    /// No argument, or a number.
    Plain,
    /// A number that only says where things stand.
    Bare,
    /// An index into the names, above so many bits of flags.
    Name(u8),
    /// A name that is looked up outside, above so many bits of flags.
    Outside(u8),
    /// An index into the constants.
    Constant,
    /// A constant that is returned.
    ReturnConstant,
    /// A local variable, a cell or a free variable.
    Local,
    /// Two locals, four bits each, done one after the other.
    Locals(&'static str, &'static str),
    /// A comparison, without the bit that turns the result into a bool for a test that follows.
    Compare,
    /// Always leads elsewhere: forward or backward.
    Jump(Direction),
    /// Tests the value on top and takes it away.
    Branch(Test, Direction),
    /// Tests the value on top and leaves it where it jumps.
    BranchOrPop(Test),
    /// Goes on or leads elsewhere, by what an iterator or generator gives.
    Iterate,
    /// Leads nowhere.
    Stop,
}

/// Which way a jump counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the next instruction on.
    Forward,
    /// From the next instruction back.
    Backward,
}

/// When a branch jumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// The value is true.
    True,
    /// The value is false.
    False,
    /// The value is `None`.
    None,
    /// The value is not `None`.
    NotNone,
}

/// An instruction of one Python.
#[derive(Clone, Copy, Debug)]
pub struct Opcode {
    /// Its name, as it stands in digests.
    pub name: &'static str,
    /// What it does with argument and flow.
    pub shape: Shape,
    /// How many cache entries follow it.
    pub caches: usize,
}

/// The instructions of one Python by number.
#[derive(Clone, Debug)]
pub struct Table {
    opcodes: [Option<Opcode>; 256],
}

impl Table {
    /// The table of a Python that is known by its numbers.
    #[must_use]
    pub fn of_minor(minor: u8) -> Option<&'static Self> {
        static TABLES: [OnceLock<Table>; 3] = [OnceLock::new(), OnceLock::new(), OnceLock::new()];
        let numbers = match minor {
            11 => v311::NUMBERS,
            12 => v312::NUMBERS,
            13 => v313::NUMBERS,
            _ => return None,
        };
        let table = &TABLES[usize::from(minor) - 11];
        Some(table.get_or_init(|| Self::new(minor, numbers.iter().copied())))
    }

    /// A table from numbers that the interpreter itself gives, for Python 3.14, whose names and meanings are documented.
    ///
    /// Names that are not known are left out: code that uses them is unreadable, which fails closed.
    pub fn new<'a>(minor: u8, numbers: impl Iterator<Item = (u8, &'a str, u8)>) -> Self {
        let mut opcodes = [None; 256];
        for (number, name, caches) in numbers {
            opcodes[usize::from(number)] = shape(minor, name).map(|(name, shape)| Opcode {
                name,
                shape,
                caches: usize::from(caches),
            });
        }
        Self { opcodes }
    }

    /// The instruction of a number.
    #[must_use]
    pub fn get(&self, number: u8) -> Option<Opcode> {
        self.opcodes[usize::from(number)]
    }
}

/// The name under which an instruction enters digests, and its shape.
fn shape(minor: u8, name: &str) -> Option<(&'static str, Shape)> {
    flow(name).or_else(|| argument(minor, name)).or_else(|| {
        let plain = PLAIN.iter().find(|known| **known == name)?;
        Some((*plain, Shape::Plain))
    })
}

/// Instructions that do nothing, jump, branch or stop.
#[rustfmt::skip]
fn flow(name: &str) -> Option<(&'static str, Shape)> {
    use Direction::{Backward, Forward};
    use Shape::{Branch, BranchOrPop, Extended, Iterate, Jump, ReturnConstant, Silent, Stop};
    Some(match name {
        // TO_BOOL stands before tests alone, and only where no comparison makes a bool already: the test says it all.
        "CACHE" | "NOP" | "RESUME" | "PRECALL" | "TO_BOOL" | "NOT_TAKEN" => ("", Silent),
        "EXTENDED_ARG" => ("", Extended),
        "JUMP_FORWARD" => ("", Jump(Forward)),
        "JUMP_BACKWARD" | "JUMP_BACKWARD_NO_INTERRUPT" => ("", Jump(Backward)),
        "POP_JUMP_IF_TRUE" | "POP_JUMP_FORWARD_IF_TRUE" => (TRUTH, Branch(Test::True, Forward)),
        "POP_JUMP_IF_FALSE" | "POP_JUMP_FORWARD_IF_FALSE" => (TRUTH, Branch(Test::False, Forward)),
        "POP_JUMP_IF_NONE" | "POP_JUMP_FORWARD_IF_NONE" => (NONE, Branch(Test::None, Forward)),
        "POP_JUMP_IF_NOT_NONE" | "POP_JUMP_FORWARD_IF_NOT_NONE" => (NONE, Branch(Test::NotNone, Forward)),
        "POP_JUMP_BACKWARD_IF_TRUE" => (TRUTH, Branch(Test::True, Backward)),
        "POP_JUMP_BACKWARD_IF_FALSE" => (TRUTH, Branch(Test::False, Backward)),
        "POP_JUMP_BACKWARD_IF_NONE" => (NONE, Branch(Test::None, Backward)),
        "POP_JUMP_BACKWARD_IF_NOT_NONE" => (NONE, Branch(Test::NotNone, Backward)),
        "JUMP_IF_TRUE_OR_POP" => (TRUTH, BranchOrPop(Test::True)),
        "JUMP_IF_FALSE_OR_POP" => (TRUTH, BranchOrPop(Test::False)),
        "FOR_ITER" => ("FOR_ITER", Iterate),
        "SEND" => ("SEND", Iterate),
        "RETURN_VALUE" => (RETURN, Stop),
        "RETURN_CONST" => (RETURN, ReturnConstant),
        "RAISE_VARARGS" => ("RAISE_VARARGS", Stop),
        "RERAISE" => ("RERAISE", Stop),
        _ => return None,
    })
}

/// Instructions whose argument is an index.
#[rustfmt::skip]
fn argument(minor: u8, name: &str) -> Option<(&'static str, Shape)> {
    use Shape::{Compare, Constant, Local, Locals, Name, Outside};
    Some(match name {
        "LOAD_GLOBAL" => (GLOBAL, Outside(1)),
        "LOAD_NAME" => (NAME, Outside(0)),
        "LOAD_FROM_DICT_OR_GLOBALS" => ("LOAD_FROM_DICT_OR_GLOBALS", Outside(0)),
        "LOAD_ATTR" => (ATTRIBUTE, Name(u8::from(minor >= 12))),
        "LOAD_METHOD" => ("LOAD_METHOD", Name(0)),
        "LOAD_SUPER_ATTR" => ("LOAD_SUPER_ATTR", Name(2)),
        "STORE_NAME" => (STORE_NAME, Name(0)),
        "DELETE_NAME" => ("DELETE_NAME", Name(0)),
        "STORE_GLOBAL" => (STORE_GLOBAL, Name(0)),
        "DELETE_GLOBAL" => ("DELETE_GLOBAL", Name(0)),
        "STORE_ATTR" => ("STORE_ATTR", Name(0)),
        "DELETE_ATTR" => ("DELETE_ATTR", Name(0)),
        "IMPORT_NAME" => (IMPORT, Name(0)),
        "IMPORT_FROM" => (IMPORT_FROM, Name(0)),
        "LOAD_CONST" => (CONSTANT, Constant),
        "KW_NAMES" => ("KW_NAMES", Constant),
        // The check is left out where the compiler proves it needless, which depends on how blocks were copied.
        "LOAD_FAST" | "LOAD_FAST_CHECK" | "LOAD_FAST_BORROW" => (FAST, Local),
        "LOAD_FAST_AND_CLEAR" => ("LOAD_FAST_AND_CLEAR", Local),
        "STORE_FAST" => (STORE_FAST, Local),
        "DELETE_FAST" => ("DELETE_FAST", Local),
        "LOAD_DEREF" => (DEREF, Local),
        "LOAD_CLASSDEREF" => ("LOAD_CLASSDEREF", Local),
        "LOAD_FROM_DICT_OR_DEREF" => ("LOAD_FROM_DICT_OR_DEREF", Local),
        "LOAD_CLOSURE" => ("LOAD_CLOSURE", Local),
        "STORE_DEREF" => (STORE_DEREF, Local),
        "DELETE_DEREF" => ("DELETE_DEREF", Local),
        "MAKE_CELL" => ("MAKE_CELL", Local),
        "LOAD_FAST_LOAD_FAST" | "LOAD_FAST_BORROW_LOAD_FAST_BORROW" => ("", Locals(FAST, FAST)),
        "STORE_FAST_LOAD_FAST" => ("", Locals(STORE_FAST, FAST)),
        "STORE_FAST_STORE_FAST" => ("", Locals(STORE_FAST, STORE_FAST)),
        // From 3.14 on its argument leads back to the loop, for monitoring alone.
        "END_ASYNC_FOR" => ("END_ASYNC_FOR", Shape::Bare),
        "COMPARE_OP" => ("COMPARE_OP", if minor >= 13 { Compare } else { Shape::Plain }),
        _ => return None,
    })
}

/// The names that code of this module asks for.
pub const TRUTH: &str = "BRANCH_TRUTH";
pub const NONE: &str = "BRANCH_NONE";
pub const RETURN: &str = "RETURN_VALUE";
pub const GLOBAL: &str = "LOAD_GLOBAL";
pub const NAME: &str = "LOAD_NAME";
pub const ATTRIBUTE: &str = "LOAD_ATTR";
pub const STORE_NAME: &str = "STORE_NAME";
pub const STORE_GLOBAL: &str = "STORE_GLOBAL";
pub const STORE_FAST: &str = "STORE_FAST";
pub const STORE_DEREF: &str = "STORE_DEREF";
pub const CONSTANT: &str = "LOAD_CONST";
pub const FAST: &str = "LOAD_FAST";
pub const DEREF: &str = "LOAD_DEREF";
pub const IMPORT: &str = "IMPORT_NAME";
pub const IMPORT_FROM: &str = "IMPORT_FROM";
pub const POP: &str = "POP_TOP";
pub const SWAP: &str = "SWAP";
pub const COPY: &str = "COPY";

#[rustfmt::skip]
const PLAIN: &[&str] = &[
    "ASYNC_GEN_WRAP", "BEFORE_ASYNC_WITH", "BEFORE_WITH", "BINARY_OP", "BINARY_SLICE", "BINARY_SUBSCR",
    "BUILD_CONST_KEY_MAP", "BUILD_INTERPOLATION", "BUILD_LIST", "BUILD_MAP", "BUILD_SET", "BUILD_SLICE", "BUILD_STRING",
    "BUILD_TEMPLATE", "BUILD_TUPLE", "CALL", "CALL_FUNCTION_EX", "CALL_INTRINSIC_1", "CALL_INTRINSIC_2", "CALL_KW",
    "CHECK_EG_MATCH", "CHECK_EXC_MATCH", "CLEANUP_THROW", "CONTAINS_OP", "CONVERT_VALUE", COPY, "COPY_FREE_VARS",
    "DELETE_SUBSCR", "DICT_MERGE", "DICT_UPDATE", "END_FOR", "END_SEND", "FORMAT_SIMPLE",
    "FORMAT_VALUE", "FORMAT_WITH_SPEC", "GET_AITER", "GET_ANEXT", "GET_AWAITABLE", "GET_ITER", "GET_LEN",
    "GET_YIELD_FROM_ITER", "IMPORT_STAR", "IS_OP", "LIST_APPEND", "LIST_EXTEND", "LIST_TO_TUPLE",
    "LOAD_ASSERTION_ERROR", "LOAD_BUILD_CLASS", "LOAD_COMMON_CONSTANT", "LOAD_LOCALS", "LOAD_SMALL_INT", "LOAD_SPECIAL",
    "MAKE_FUNCTION", "MAP_ADD", "MATCH_CLASS", "MATCH_KEYS", "MATCH_MAPPING", "MATCH_SEQUENCE", "POP_EXCEPT", "POP_ITER",
    POP, "PREP_RERAISE_STAR", "PRINT_EXPR", "PUSH_EXC_INFO", "PUSH_NULL", "RETURN_GENERATOR", "SETUP_ANNOTATIONS",
    "SET_ADD", "SET_FUNCTION_ATTRIBUTE", "SET_UPDATE", "STORE_SLICE", "STORE_SUBSCR", SWAP, "UNARY_INVERT",
    "UNARY_NEGATIVE", "UNARY_NOT", "UNARY_POSITIVE", "UNPACK_EX", "UNPACK_SEQUENCE", "WITH_EXCEPT_START", "YIELD_VALUE",
];
