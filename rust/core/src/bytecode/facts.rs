//! What a code object refers to, as plain text: outside names with the attributes read from them at once, and imports.

use super::decode::Argument;
use super::flow::{Flow, Node, item};
use super::opcodes::{
    ATTRIBUTE, CONSTANT, IMPORT, IMPORT_FROM, STORE_DEREF, STORE_FAST, STORE_GLOBAL, STORE_NAME,
};
use super::{Code, Unreadable};

/// What a code object refers to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Facts<'a> {
    /// Names and variables that are loaded, in the order of the code.
    pub loads: Vec<Load<'a>>,
    /// Import statements.
    pub imports: Vec<Import<'a>>,
    /// Every attribute that is read.
    pub attributes: Vec<&'a str>,
}

/// A load of a name, or of a variable that an import or enclosing code may have bound.
#[derive(Debug, PartialEq, Eq)]
pub struct Load<'a> {
    /// The name.
    pub name: &'a str,
    /// Whether it is looked up outside; else it is a variable.
    pub outside: bool,
    /// The attributes that are read from it at once.
    pub chain: Vec<&'a str>,
    /// The place of the load, in units of two bytes.
    pub unit: u32,
}

/// An import statement.
#[derive(Debug, PartialEq, Eq)]
pub struct Import<'a> {
    /// The module as written.
    pub module: &'a str,
    /// The index of the constant that counts the leading dots.
    pub level: u32,
    /// The index of the constant with the names that are taken from the module, if any are.
    pub names: u32,
    /// Which variable each part was bound to.
    pub bindings: Vec<Binding<'a>>,
    /// The place of the import, in units of two bytes.
    pub unit: u32,
}

/// A variable that an import binds.
#[derive(Debug, PartialEq, Eq)]
pub struct Binding<'a> {
    /// The variable.
    pub variable: &'a str,
    /// The name taken from the module; empty for the module itself.
    pub attribute: &'a str,
    /// Whether `import a.b` bound `a`, and not the module itself.
    pub top: bool,
}

/// Instructions between an import and the store that ends it: `import a.b.c as d` takes two for each dot.
const LONGEST_IMPORT: usize = 32;

/// Read the facts off a graph.
pub fn read<'a>(flow: &Flow, code: &Code<'a>) -> Result<Facts<'a>, Unreadable> {
    let reader = Reader { flow, code };
    let mut facts = Facts::default();
    for (index, reached) in flow.reached().into_iter().enumerate() {
        if reached {
            reader.read(index, &mut facts)?;
        }
    }
    Ok(facts)
}

struct Reader<'f, 'a> {
    flow: &'f Flow,
    code: &'f Code<'a>,
}

impl<'a> Reader<'_, 'a> {
    fn node(&self, index: usize) -> &Node {
        &self.flow.nodes[index]
    }

    fn read(&self, index: usize, facts: &mut Facts<'a>) -> Result<(), Unreadable> {
        let node = self.node(index);
        match node.argument {
            Argument::Outside(name, _) => {
                let name = item(self.code.names, name)?;
                facts.loads.push(Load {
                    name,
                    outside: true,
                    chain: self.chain(index)?,
                    unit: node.unit,
                });
            }
            Argument::Local(local) if is_load(node) => {
                let name = item(self.code.locals, local)?;
                facts.loads.push(Load {
                    name,
                    outside: false,
                    chain: self.chain(index)?,
                    unit: node.unit,
                });
            }
            Argument::Name(name, _) if is_attribute(node) => {
                facts.attributes.push(item(self.code.names, name)?);
            }
            Argument::Constant(level) if node.name == CONSTANT => {
                if let Some(import) = self.import(index, level)? {
                    facts.imports.push(import);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The attributes read from what is loaded at a node.
    fn chain(&self, start: usize) -> Result<Vec<&'a str>, Unreadable> {
        let mut chain = Vec::new();
        let mut index = start;
        while let [next] = self.node(index).next[..] {
            let Argument::Name(name, _) = self.node(next).argument else {
                break;
            };
            if !is_attribute(self.node(next)) || next == start {
                break;
            }
            chain.push(item(self.code.names, name)?.as_str());
            index = next;
        }
        Ok(chain)
    }

    /// The import that starts with the level at a node, if there is one.
    fn import(&self, start: usize, level: u32) -> Result<Option<Import<'a>>, Unreadable> {
        let after = |index: usize| self.node(index).next.first().copied();
        let Some(names) = after(start) else {
            return Ok(None);
        };
        let Some(index) = after(names) else {
            return Ok(None);
        };
        let Argument::Constant(taken) = self.node(names).argument else {
            return Ok(None);
        };
        let Argument::Name(module, _) = self.node(index).argument else {
            return Ok(None);
        };
        if self.node(names).name != CONSTANT || self.node(index).name != IMPORT {
            return Ok(None);
        }
        let module = item(self.code.names, module)?;
        let bindings = self.bindings(index)?;
        Ok(Some(Import {
            module,
            level,
            names: taken,
            bindings,
            unit: self.node(index).unit,
        }))
    }

    fn bindings(&self, import: usize) -> Result<Vec<Binding<'a>>, Unreadable> {
        let mut bindings = Vec::new();
        let mut attribute = "";
        let mut index = import;
        for distance in 0..LONGEST_IMPORT {
            let [next] = self.node(index).next[..] else {
                break;
            };
            index = next;
            let node = self.node(index);
            if node.name == IMPORT_FROM
                && let Argument::Name(name, _) = node.argument
            {
                attribute = item(self.code.names, name)?;
            } else if let Some(variable) = self.stored(node)? {
                let attribute = std::mem::take(&mut attribute);
                bindings.push(Binding {
                    variable,
                    top: distance == 0,
                    attribute,
                });
                let more = self
                    .node(index)
                    .next
                    .first()
                    .is_some_and(|&next| self.node(next).name == IMPORT_FROM);
                if !more {
                    break;
                }
            }
        }
        Ok(bindings)
    }

    fn stored(&self, node: &Node) -> Result<Option<&'a str>, Unreadable> {
        if !matches!(
            node.name,
            STORE_FAST | STORE_DEREF | STORE_NAME | STORE_GLOBAL
        ) {
            return Ok(None);
        }
        match node.argument {
            Argument::Local(local) => Ok(Some(item(self.code.locals, local)?)),
            Argument::Name(name, _) => Ok(Some(item(self.code.names, name)?)),
            _ => Ok(None),
        }
    }
}

fn is_attribute(node: &Node) -> bool {
    matches!(node.name, ATTRIBUTE | "LOAD_METHOD")
}

fn is_load(node: &Node) -> bool {
    node.name.starts_with("LOAD") && node.name != "LOAD_CLOSURE"
}
