//! The commands: one file a family, each a `const` table of rows on top and the handlers below.
//!
//! Owns what a row is ([`Row`]: a [`Command`] of data and its handler) and how a name finds it ([`Commands`]). Handlers
//! parse their arguments with [`Args`], work on a transaction, and write into a [`Reply`]; semantics live in
//! [`crate::types`], changes go through [`WriteTx`]. It must not know sockets, nor how a command came (pipeline, EXEC,
//! later scripts and replication).
//!
//! The constructor of a row says what kind of handler it has, and so what the handler can do: [`read`] gets a
//! [`ReadTx`], which has no mutators; [`write()`] a [`WriteTx`]; [`admin`] a [`Cx`], which also reaches the server and
//! the client; [`control`] has no handler, the pipeline itself carries it out.

pub mod args;
pub mod error;

mod bitmap;
mod client;
mod command;
mod config;
mod connection;
pub(crate) mod debug;
mod expire;
pub mod fields;
mod function;
mod generic;
mod geo;
mod hash;
mod help;
mod hyperloglog;
mod info;
mod keyspace;
mod latency;
mod list;
mod memory;
mod mpop;
mod object;
pub(crate) mod pubsub;
mod run;
mod scan;
mod script;
mod server;
mod set;
mod shapes;
mod shards;
mod slowlog;
mod sort;
pub(crate) mod stream;
mod string;
mod timeout;
mod zset;

pub use args::Args;
pub use error::{Error, Result};
pub use run::{AdminFn, BlockFn, By, Caller, Control, Cx, LockFn, Locks, Nothing, ReadFn, Run, Served, WriteFn};

use crate::client::Client;
use crate::resp::{ArgView, Reply};
use crate::server::Server;
use crate::spec::{Categories, Command, Flags, Group, KeySpec, first_key};
use crate::store::{LockSet, ReadTx, Store, WriteTx};
use std::borrow::Cow;

/// One command: what it is, and what runs it.
pub struct Row {
    /// What it is.
    pub spec: Command,
    /// What runs it.
    pub run: Run,
    /// What it locks.
    pub locks: Locks,
    /// Its subcommands.
    pub subs: &'static [Row],
    /// Argument of its only key, or 0 if there is not exactly one.
    pub first_key: u8,
}

const fn row(name: &'static str, arity: i16, syntax: &'static str, run: Run, flags: Flags, locks: Locks) -> Row {
    let spec = Command {
        name,
        arity,
        flags,
        acl: Categories::empty(),
        keys: &[],
        group: Group::Server,
        since: "1.0.0",
        complexity: "O(1)",
        summary: "",
        syntax,
        tips: &[],
    };
    Row { spec, run, locks, subs: &[], first_key: 0 }
}

/// A command that reads keys.
pub const fn read(name: &'static str, arity: i16, syntax: &'static str, f: ReadFn) -> Row {
    row(name, arity, syntax, Run::Read(f), Flags::READONLY, Locks::Keys)
}

/// A command that changes keys.
pub const fn write(name: &'static str, arity: i16, syntax: &'static str, f: WriteFn) -> Row {
    row(name, arity, syntax, Run::Write(f), Flags::WRITE, Locks::Keys)
}

/// A command that changes keys and waits for them while there is nothing for it.
pub const fn block(name: &'static str, arity: i16, syntax: &'static str, f: BlockFn) -> Row {
    row(name, arity, syntax, Run::Block(f), Flags::WRITE.union(Flags::BLOCKING), Locks::Keys)
}

/// A command on the server or the connection; no flags of its own.
pub const fn admin(name: &'static str, arity: i16, syntax: &'static str, f: AdminFn) -> Row {
    row(name, arity, syntax, Run::Admin(f), Flags::empty(), Locks::Nothing)
}

/// A command that the pipeline carries out.
pub const fn control(name: &'static str, arity: i16, syntax: &'static str, c: Control) -> Row {
    row(name, arity, syntax, Run::Control(c), Flags::empty(), Locks::Nothing)
}

/// A command that runs a script. In an EXEC it holds everything: which keys a script touches only the run tells.
pub const fn script(name: &'static str, syntax: &'static str, caller: Caller) -> Row {
    row(name, -3, syntax, Run::Script(caller), Flags::empty(), Locks::Everything)
}

/// A command that only holds subcommands.
pub const fn container(name: &'static str, arity: i16, subs: &'static [Row]) -> Row {
    let mut row = row(name, arity, "", Run::Container, Flags::empty(), Locks::Nothing);
    row.subs = subs;
    row
}

impl Row {
    /// Adds flags.
    pub const fn flags(mut self, flags: Flags) -> Self {
        self.spec.flags = self.spec.flags.union(flags);
        self
    }

    /// Says where the keys are.
    pub const fn keys(mut self, keys: &'static [KeySpec]) -> Self {
        self.spec.keys = keys;
        self.first_key = first_key(keys);
        self
    }

    /// Says what it locks.
    pub const fn locks(mut self, locks: Locks) -> Self {
        self.locks = locks;
        self
    }

    /// Explicit ACL categories.
    pub const fn acl(mut self, acl: Categories) -> Self {
        self.spec.acl = acl;
        self
    }

    /// Subcommands beside a handler of its own (COMMAND).
    pub const fn subs(mut self, subs: &'static [Row]) -> Self {
        self.subs = subs;
        self
    }

    /// Documentation: group, version that brought it, complexity, summary.
    pub const fn doc(
        mut self,
        group: Group,
        since: &'static str,
        complexity: &'static str,
        summary: &'static str,
    ) -> Self {
        self.spec.group = group;
        self.spec.since = since;
        self.spec.complexity = complexity;
        self.spec.summary = summary;
        self
    }

    /// Hints for clients and proxies.
    pub const fn tips(mut self, tips: &'static [&'static str]) -> Self {
        self.spec.tips = tips;
        self
    }
}

/// Every table, in the order of the documentation's groups.
const FAMILIES: &[&[Row]] = &[
    string::TABLE,
    set::TABLE,
    zset::TABLE,
    geo::TABLE,
    bitmap::TABLE,
    hash::TABLE,
    hyperloglog::TABLE,
    list::TABLE,
    stream::TABLE,
    sort::TABLE,
    generic::TABLE,
    expire::TABLE,
    keyspace::TABLE,
    object::TABLE,
    connection::TABLE,
    pubsub::TABLE,
    script::TABLE,
    function::TABLE,
    client::TABLE,
    command::TABLE,
    config::TABLE,
    debug::TABLE,
    info::TABLE,
    memory::TABLE,
    slowlog::TABLE,
    latency::TABLE,
    shards::TABLE,
    server::TABLE,
];

/// Number of a row: index of the statistics.
pub type CommandId = u16;

/// All rows, found by name.
pub struct Commands {
    rows: Vec<&'static Row>,
    /// The names by which they are found: their own unless `rename-command` gave another.
    names: Vec<Cow<'static, str>>,
    /// For a container, the id of its first subcommand; they follow one another.
    first_sub: Vec<CommandId>,
    index: Box<[Slot; INDEX]>,
    top: Vec<CommandId>,
}

const INDEX: usize = 1024;

/// A place of the index.
#[derive(Clone, Copy)]
struct Slot {
    /// [`folded`] of the name.
    word: u64,
    /// Length of a name of at most 8 letters, which `word` therefore tells whole; else 0.
    letters: u16,
    /// The command, or [`NO_COMMAND`].
    id: CommandId,
}

const NO_COMMAND: CommandId = CommandId::MAX;

/// The first 8 bytes of a name with the bit set that makes letters small; missing bytes are 0x20.
#[inline]
fn folded(name: &[u8]) -> u64 {
    let n = name.len();
    let half = |at: usize| match name[at..].first_chunk::<4>() {
        Some(b) => u64::from(u32::from_le_bytes(*b)),
        None => 0,
    };
    let word = match name.first_chunk::<8>() {
        Some(b) => u64::from_le_bytes(*b),
        None if n >= 4 => half(0) | half(n - 4) << ((n - 4) * 8),
        // One to three bytes: first, middle and last, which may be the same.
        None if n > 0 => {
            u64::from(name[0]) | u64::from(name[n / 2]) << (n / 2 * 8) | u64::from(name[n - 1]) << ((n - 1) * 8)
        }
        None => 0,
    };
    word | 0x2020_2020_2020_2020
}

/// Where the search for a name starts: a multiplicative hash of its length, first 8 bytes and last byte.
#[inline]
fn index_slot(name: &[u8], word: u64) -> usize {
    let tail = if name.len() > 8 { u64::from(name[name.len() - 1] | 0x20) << 8 } else { 0 };
    let x = (word ^ tail.rotate_left(20) ^ (name.len() as u64) << 56).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (x >> 54) as usize & (INDEX - 1)
}

impl Default for Commands {
    fn default() -> Self {
        Self::build(&[]).0
    }
}

impl Commands {
    /// All commands, some under other names (`rename-command`); an empty new name takes the command away.
    ///
    /// # Errors
    /// The text for the configuration's error: there is no such command, or the new name is taken.
    pub fn renamed(renames: &[(String, String)]) -> std::result::Result<Self, &'static str> {
        let (commands, unused) = Self::build(renames);
        if unused > 0 {
            return Err("No such command in rename-command");
        }
        let mut seen = std::collections::HashSet::new();
        let top = commands.top.iter().map(|&id| commands.names[id as usize].to_ascii_lowercase());
        if top.filter(|n| !n.is_empty()).all(|n| seen.insert(n)) {
            Ok(commands)
        } else {
            Err("Target command name already exists")
        }
    }

    /// Builds the index; beside it how many renames named no command. O(commands).
    fn build(renames: &[(String, String)]) -> (Self, usize) {
        let mut c = Self {
            rows: Vec::new(),
            names: Vec::new(),
            first_sub: Vec::new(),
            index: Box::new([Slot { word: 0, letters: 0, id: NO_COMMAND }; INDEX]),
            top: Vec::new(),
        };
        let mut used = 0;
        for row in FAMILIES.iter().flat_map(|f| f.iter()) {
            let id = c.push(row);
            c.top.push(id);
            c.first_sub[id as usize] = c.rows.len() as CommandId;
            for sub in row.subs {
                c.push(sub);
            }
            if let Some((_, new)) = renames.iter().rev().find(|(old, _)| old.eq_ignore_ascii_case(row.spec.name)) {
                used += 1;
                c.names[id as usize] = new.clone().into();
            }
            if c.names[id as usize].is_empty() {
                continue;
            }
            let name = c.names[id as usize].as_bytes();
            let word = folded(name);
            let letters = name.len() <= 8 && name.iter().all(u8::is_ascii_alphabetic);
            let mut at = index_slot(name, word);
            while c.index[at].id != NO_COMMAND {
                at = (at + 1) % INDEX;
            }
            c.index[at] = Slot { word, letters: if letters { name.len() as u16 } else { 0 }, id };
        }
        (c, renames.len().saturating_sub(used))
    }

    fn push(&mut self, row: &'static Row) -> CommandId {
        self.rows.push(row);
        self.names.push(row.spec.name.into());
        self.first_sub.push(0);
        (self.rows.len() - 1) as CommandId
    }

    /// Commands and subcommands.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none (there are).
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row of an id.
    #[inline]
    pub fn row(&self, id: CommandId) -> &'static Row {
        self.rows[id as usize]
    }

    /// The commands that are no subcommands.
    pub fn top_level(&self) -> impl Iterator<Item = &'static Row> {
        self.top.iter().map(|&id| self.row(id))
    }

    /// Every row with its id.
    pub fn all(&self) -> impl Iterator<Item = (CommandId, &'static Row)> {
        self.rows.iter().enumerate().map(|(i, r)| (i as CommandId, *r))
    }

    /// The command of a name, in whatever case. O(1).
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<(CommandId, &'static Row)> {
        let word = folded(name);
        let mut at = index_slot(name, word);
        loop {
            let slot = self.index[at];
            if slot.id == NO_COMMAND {
                return None;
            }
            if slot.word == word
                && (usize::from(slot.letters) == name.len()
                    || self.names[slot.id as usize].as_bytes().eq_ignore_ascii_case(name))
            {
                return Some((slot.id, self.row(slot.id)));
            }
            at = (at + 1) % INDEX;
        }
    }

    /// The subcommand of a container. O(subcommands).
    pub fn find_sub(&self, container: CommandId, sub: &[u8]) -> Option<(CommandId, &'static Row)> {
        let rows = self.row(container).subs;
        let i = rows.iter().position(|r| r.spec.short_name().as_bytes().eq_ignore_ascii_case(sub))?;
        Some((self.first_sub[container as usize] + i as CommandId, &rows[i]))
    }

    /// The row that the first arguments of a command name: a subcommand where there is one.
    #[inline]
    pub fn resolve(&self, args: ArgView<'_>) -> Option<(CommandId, &'static Row)> {
        let (id, row) = self.find(args.get(0)?)?;
        if row.subs.is_empty() {
            return Some((id, row));
        }
        args.get(1).and_then(|sub| self.find_sub(id, sub)).or(Some((id, row)))
    }
}

/// Writes the reply of a container's HELP: `lines` in between a first line and HELP's own two.
fn help(out: &mut Reply<'_>, container: &str, lines: &[&str]) {
    out.array(lines.len() + 3);
    out.simple(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    lines.iter().for_each(|l| out.simple(l));
    out.simple("HELP");
    out.simple("    Print this help.");
}
