//! What a code object refers to, as plain text: outside names with the attributes read from them at once, and imports.

use super::decode::Argument;
use super::flow::{Flow, Node, item};
use super::opcodes::{
    ATTRIBUTE, CONSTANT, IMPORT, IMPORT_FROM, STORE_DEREF, STORE_FAST, STORE_GLOBAL, STORE_NAME,
};
use super::{Code, Unreadable};

/// What a code object refers to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Names and variables that are loaded, in the order of the code.
    pub loads: Vec<Load>,
    /// Import statements.
    pub imports: Vec<Import>,
    /// Every attribute that is read.
    pub attributes: Vec<String>,
}

/// A load of a name, or of a variable that an import or enclosing code may have bound.
#[derive(Debug, PartialEq, Eq)]
pub struct Load {
    /// The name.
    pub name: String,
    /// Whether it is looked up outside; else it is a variable.
    pub outside: bool,
    /// The attributes that are read from it at once.
    pub chain: Vec<String>,
    /// The place of the load, in units of two bytes.
    pub unit: u32,
}

/// An import statement.
#[derive(Debug, PartialEq, Eq)]
pub struct Import {
    /// The module as written.
    pub module: String,
    /// The index of the constant that counts the leading dots.
    pub level: u32,
    /// The index of the constant with the names that are taken from the module, if any are.
    pub names: u32,
    /// Which variable each part was bound to.
    pub bindings: Vec<Binding>,
    /// The place of the import, in units of two bytes.
    pub unit: u32,
}

/// A variable that an import binds.
#[derive(Debug, PartialEq, Eq)]
pub struct Binding {
    /// The variable.
    pub variable: String,
    /// The name taken from the module; empty for the module itself.
    pub attribute: String,
    /// Whether `import a.b` bound `a`, and not the module itself.
    pub top: bool,
}

/// Instructions between an import and the store that ends it: `import a.b.c as d` takes two for each dot.
const LONGEST_IMPORT: usize = 32;

/// Read the facts off a graph.
pub fn read(flow: &Flow, code: &Code<'_>) -> Result<Facts, Unreadable> {
    let reader = Reader { flow, code };
    let mut facts = Facts::default();
    for (index, reached) in flow.reached().into_iter().enumerate() {
        if reached {
            reader.read(index, &mut facts)?;
        }
    }
    Ok(facts)
}

struct Reader<'a> {
    flow: &'a Flow,
    code: &'a Code<'a>,
}

impl Reader<'_> {
    fn node(&self, index: usize) -> &Node {
        &self.flow.nodes[index]
    }

    fn read(&self, index: usize, facts: &mut Facts) -> Result<(), Unreadable> {
        let node = self.node(index);
        match node.argument {
            Argument::Outside(name, _) => {
                let name = item(self.code.names, name)?.clone();
                facts.loads.push(Load {
                    name,
                    outside: true,
                    chain: self.chain(index)?,
                    unit: node.unit,
                });
            }
            Argument::Local(local) if is_load(node) => {
                let name = item(self.code.locals, local)?.clone();
                facts.loads.push(Load {
                    name,
                    outside: false,
                    chain: self.chain(index)?,
                    unit: node.unit,
                });
            }
            Argument::Name(name, _) if is_attribute(node) => {
                facts.attributes.push(item(self.code.names, name)?.clone());
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
    fn chain(&self, start: usize) -> Result<Vec<String>, Unreadable> {
        let mut chain = Vec::new();
        let mut index = start;
        while let [next] = self.node(index).next[..] {
            let Argument::Name(name, _) = self.node(next).argument else {
                break;
            };
            if !is_attribute(self.node(next)) || next == start {
                break;
            }
            chain.push(item(self.code.names, name)?.clone());
            index = next;
        }
        Ok(chain)
    }

    /// The import that starts with the level at a node, if there is one.
    fn import(&self, start: usize, level: u32) -> Result<Option<Import>, Unreadable> {
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
        let module = item(self.code.names, module)?.clone();
        let bindings = self.bindings(index)?;
        Ok(Some(Import {
            module,
            level,
            names: taken,
            bindings,
            unit: self.node(index).unit,
        }))
    }

    fn bindings(&self, import: usize) -> Result<Vec<Binding>, Unreadable> {
        let mut bindings = Vec::new();
        let mut attribute = String::new();
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
                attribute.clone_from(item(self.code.names, name)?);
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

    fn stored(&self, node: &Node) -> Result<Option<String>, Unreadable> {
        if !matches!(
            node.name,
            STORE_FAST | STORE_DEREF | STORE_NAME | STORE_GLOBAL
        ) {
            return Ok(None);
        }
        match node.argument {
            Argument::Local(local) => item(self.code.locals, local).cloned().map(Some),
            Argument::Name(name, _) => item(self.code.names, name).cloned().map(Some),
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
