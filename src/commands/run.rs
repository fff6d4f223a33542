//! What runs a command, on what, and with which shards held.
//!
//! Owns the kinds of handlers: which one a row has says what it can do. It must not know any command.

use super::{Args, Result};
use crate::client::Client;
use crate::resp::{ArgView, Reply};
use crate::server::Server;
use crate::store::{LockSet, ReadTx, Store, WriteTx};

/// A handler that reads keys.
pub type ReadFn = fn(&mut ReadTx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result;
/// A handler that changes keys.
pub type WriteFn = fn(&mut WriteTx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result;
/// A handler that changes keys, or finds nothing to do and would wait.
pub type BlockFn = fn(&mut WriteTx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result<Served>;
/// A handler that needs the server or the client.
pub type AdminFn = fn(&mut Cx<'_, '_>, &mut Args<'_>, &mut Reply<'_>) -> Result;
/// Adds the shards of a command whose key specification does not say it all (another database).
pub type LockFn = fn(&Store, u32, ArgView<'_>, &mut LockSet);

/// What a [`BlockFn`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// It has replied.
    Done,
    /// There is nothing for it; it has changed and replied nothing. It waits for its keys unless it runs in a
    /// transaction or a script, and is called again, with the same arguments, when something happened to one of them.
    Wait {
        /// So long, in milliseconds; `None`: for ever.
        timeout_ms: Option<u64>,
        /// What is replied instead of waiting. When the time is over that is [`Nothing::Array`], whatever it is.
        nothing: Nothing,
    },
}

/// The reply of a blocking command that got nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// The null of an array.
    Array,
    /// The null of a bulk string.
    Bulk,
}

/// What [`admin`](super::admin) handlers work on.
pub struct Cx<'a, 's> {
    /// The server.
    pub server: &'a Server,
    /// The client that asks.
    pub client: &'a mut Client,
    /// The transaction, with the shards that the row's [`Locks`] ask for.
    pub tx: &'a mut WriteTx<'s>,
}

/// What runs a command.
#[derive(Clone, Copy)]
pub enum Run {
    /// Reads.
    Read(ReadFn),
    /// Changes.
    Write(WriteFn),
    /// Changes, or waits for its keys.
    Block(BlockFn),
    /// Needs server or client.
    Admin(AdminFn),
    /// Runs a script, which the pipeline does.
    Script(Caller),
    /// Carried out by the pipeline.
    Control(Control),
    /// Only its subcommands run.
    Container,
}

/// Commands that steer the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// MULTI.
    Multi,
    /// EXEC.
    Exec,
    /// DISCARD.
    Discard,
    /// WATCH.
    Watch,
    /// UNWATCH.
    Unwatch,
    /// RESET.
    Reset,
    /// QUIT.
    Quit,
}

/// How a command calls a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What its first argument is.
    pub by: By,
    /// The script must not change anything.
    pub read_only: bool,
}

/// What a script is called by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Its source.
    Source,
    /// The SHA1 of its source.
    Sha,
    /// The name of a function.
    Function,
}

/// Which shards a command holds while it runs.
#[derive(Clone, Copy)]
pub enum Locks {
    /// Those of its keys.
    Keys,
    /// None: it does not touch the store.
    Nothing,
    /// One at a time, by itself; all of the databases in use when it runs in an EXEC.
    Walk,
    /// All of the selected database.
    Database,
    /// All of all databases in use.
    Everything,
    /// What this function adds.
    By(LockFn),
}
