//! The libraries of functions that a server knows: code, functions, flags.
//!
//! Owns what lasts longer than a Lua state and is the same for all workers ([`Functions`]: a table behind a leaf lock, that
//! is taken for a moment). The table is replaced as a whole ([`Functions::update`]), so who looks sees all of a change or
//! nothing of it, and its epoch then changes: a worker that sees another epoch than its own throws away what is no longer
//! there (`library.rs`). What runs when a library is replaced runs on with the code that it began with.
//!
//! It must not know Lua: a library comes here when its code has run once and said which functions there are.

use super::table::{Script, ScriptFlags, Sha, next_epoch};
use crate::config::quote;
use bytes::Bytes;
use parking_lot::RwLock;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is wrong with a name.
pub(super) const BAD_NAME: &str =
    "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";
/// Bytes that a library and a function take beside their texts, about.
const OVERHEAD: usize = 120;

/// A function of a library.
pub struct Function {
    /// As what it is run: its name, its flags, and what was learnt of its keys.
    pub script: Arc<Script>,
    /// What it says of itself.
    pub description: Option<Bytes>,
}

/// A library.
pub struct Library {
    /// Its name.
    pub name: String,
    /// Its code, with the line that names it.
    pub code: Bytes,
    /// Where the Lua code begins.
    pub(super) code_at: usize,
    /// Its functions, in the order of their registration.
    pub functions: Vec<Function>,
}

/// What a library's first line says.
pub(super) struct Header {
    pub name: String,
    pub code_at: usize,
}

/// Whether a library or a function may have this name.
pub(super) fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Reads a library's first line.
///
/// # Errors
/// What is wrong with it, as the error that the client gets.
pub(super) fn header(code: &[u8]) -> Result<Header, String> {
    const INVALID: &str = "ERR Invalid library metadata";
    if !code.starts_with(b"#!") {
        return Err("ERR Missing library metadata".into());
    }
    let code_at = memchr::memchr(b'\n', code).ok_or(INVALID)?;
    let words = quote::split(&String::from_utf8_lossy(&code[..code_at])).ok_or(INVALID)?;
    let (engine, options) = words.split_first().ok_or(INVALID)?;
    let mut name = None;
    for option in options {
        match option.split_at_checked(5) {
            Some((key, value)) if key.eq_ignore_ascii_case("name=") => {
                if name.replace(value).is_some() {
                    return Err("ERR Invalid metadata value, name argument was given multiple times".into());
                }
            }
            _ => return Err(format!("ERR Invalid metadata value given: {option}")),
        }
    }
    let name = name.ok_or("ERR Library name was not given")?;
    if !is_name(name.as_bytes()) {
        return Err(BAD_NAME.into());
    }
    let engine = engine.strip_prefix("#!").unwrap_or(engine);
    if !engine.eq_ignore_ascii_case("lua") {
        return Err(format!("ERR Engine '{engine}' not found"));
    }
    Ok(Header { name: name.to_owned(), code_at })
}

/// The name under which a function is found: in small letters.
pub(super) fn folded(name: &str) -> Box<[u8]> {
    name.to_ascii_lowercase().into_bytes().into()
}

/// A function that is registered while a library's code runs.
pub(super) struct Registered {
    pub name: String,
    pub description: Option<Bytes>,
    pub flags: ScriptFlags,
}

impl Library {
    pub(super) fn new(header: Header, code: Bytes, sha: Sha, registered: Vec<Registered>) -> Self {
        let functions = registered
            .into_iter()
            .map(|f| Function { script: Arc::new(Script::function(f.name, sha, f.flags)), description: f.description });
        Self { name: header.name, code_at: header.code_at, code, functions: functions.collect() }
    }

    fn bytes(&self) -> usize {
        let of = |f: &Function| f.script.name.len() + f.description.as_ref().map_or(0, Bytes::len) + OVERHEAD;
        self.name.len() + self.code.len() + OVERHEAD + self.functions.iter().map(of).sum::<usize>()
    }
}

/// What RESTORE does with the libraries that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// They go.
    Flush,
    /// They stay; a library of the same name is an error.
    Append,
    /// They stay but for those of the same name.
    Replace,
}

/// The libraries of one moment.
#[derive(Clone, Default)]
pub struct Catalog {
    libraries: BTreeMap<String, Arc<Library>>,
    /// By their folded names.
    functions: HashMap<Box<[u8]>, Arc<Library>>,
}

impl Catalog {
    /// All libraries, by name.
    pub fn libraries(&self) -> impl Iterator<Item = &Arc<Library>> {
        self.libraries.values()
    }

    /// How many libraries there are.
    pub fn len(&self) -> usize {
        self.libraries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.libraries.is_empty()
    }

    /// How many functions there are.
    pub fn functions(&self) -> usize {
        self.libraries.values().map(|library| library.functions.len()).sum()
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> usize {
        self.libraries.values().map(|library| library.bytes()).sum()
    }

    /// A library by its name.
    pub fn library(&self, name: &str) -> Option<&Arc<Library>> {
        self.libraries.get(name)
    }

    /// The library that has the function of this folded name.
    pub(super) fn owner(&self, folded: &[u8]) -> Option<&Arc<Library>> {
        self.functions.get(folded)
    }

    /// Takes a library out.
    pub(super) fn remove(&mut self, name: &[u8]) -> bool {
        let library = std::str::from_utf8(name).ok().and_then(|name| self.libraries.remove(name));
        let Some(library) = library else { return false };
        self.functions.retain(|_, owner| !Arc::ptr_eq(owner, &library));
        true
    }

    /// Puts a library in the place of the one of its name, if there is one.
    pub(super) fn put(&mut self, library: &Arc<Library>) -> Result<(), String> {
        self.remove(library.name.as_bytes());
        for function in &library.functions {
            let name = folded(&function.script.name);
            match self.functions.get(&name) {
                Some(owner) if !Arc::ptr_eq(owner, library) => {
                    return Err(format!("ERR Function {} already exists", function.script.name));
                }
                _ => self.functions.insert(name, Arc::clone(library)),
            };
        }
        self.libraries.insert(library.name.clone(), Arc::clone(library));
        Ok(())
    }
}

/// All libraries of a server.
pub struct Functions {
    catalog: RwLock<Arc<Catalog>>,
    epoch: AtomicU64,
}

impl Default for Functions {
    fn default() -> Self {
        Self { catalog: RwLock::default(), epoch: AtomicU64::new(next_epoch()) }
    }
}

impl Functions {
    /// Names this content of the table.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The libraries as they are now.
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.read())
    }

    /// Changes the table, unless `change` fails. One at a time; it must not take long.
    pub(super) fn update<R, E>(&self, change: impl FnOnce(&mut Catalog) -> Result<R, E>) -> Result<R, E> {
        let mut catalog = self.catalog.write();
        let mut new = Catalog::clone(&catalog);
        let result = change(&mut new)?;
        let old = std::mem::replace(&mut *catalog, Arc::new(new));
        self.epoch.store(next_epoch(), Ordering::Release);
        drop(catalog);
        drop(old);
        Ok(result)
    }

    /// Takes a library out; `false`: there is none of this name.
    pub fn delete(&self, name: &[u8]) -> bool {
        self.update(|catalog| if catalog.remove(name) { Ok(()) } else { Err(()) }).is_ok()
    }

    /// Takes all out.
    pub fn flush(&self) {
        let _: Result<(), ()> = self.update(|catalog| {
            *catalog = Catalog::default();
            Ok(())
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(name: &str, functions: &[&str]) -> Arc<Library> {
        let header = Header { name: name.into(), code_at: 0 };
        let registered =
            functions.iter().map(|f| Registered { name: (*f).into(), description: None, flags: ScriptFlags::DECLARED });
        Arc::new(Library::new(header, Bytes::new(), [0; 20], registered.collect()))
    }

    #[test]
    fn a_change_happens_as_a_whole() {
        let functions = Functions::default();
        functions.update(|c| c.put(&library("a", &["f", "g"]))).expect("put");
        functions.update(|c| c.put(&library("b", &["h"]))).expect("put");
        let before = functions.epoch();
        let clash = functions.update(|c| {
            c.put(&library("b", &["x"]))?;
            c.put(&library("c", &["G"]))
        });
        assert_eq!(clash, Err("ERR Function G already exists".into()));
        assert_eq!(functions.epoch(), before);
        let catalog = functions.catalog();
        assert!(catalog.owner(b"h").is_some() && catalog.owner(b"x").is_none());
        assert!(!functions.delete(b"c") && functions.delete(b"a"));
        let catalog = functions.catalog();
        assert_eq!((catalog.len(), catalog.functions()), (1, 1));
        assert!(catalog.owner(b"f").is_none());
        functions.flush();
        assert!(functions.catalog().is_empty());
    }
}
