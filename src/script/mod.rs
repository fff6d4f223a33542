//! Scripts: Lua 5.1 and what it is given.
//!
//! Owns the Lua states, the compiled scripts, the table of their sources, and the conversions between replies and Lua's
//! values. It must not know handlers, clients, the store or locks: a script runs commands through one seam, the
//! [`Host`] that is lent to it for one run.
//!
//! **One Lua state per worker thread**, made when the thread first needs one (`engine`). A state is used by one thread
//! and lent to one script at a time, so nothing in it is locked. It holds the compiled scripts by the SHA1 of their
//! source; the sources are in a table of the whole server ([`Scripts`]), behind a leaf lock that is taken for a moment
//! when a state meets a script for the first time. SCRIPT FLUSH changes the table's epoch, and a state that sees another
//! epoch than its own forgets what it has compiled.
//!
//! **The sandbox** (`sandbox`): the globals and the libraries are read-only and hold what Redis's scripts find; no
//! script leaves anything behind for the next. What one can take is bounded: memory by `engine::MEMORY_MAX`, the C stack
//! by Lua's own limit on nested calls (for which a worker's stack has room twice) and by a limit on the length of patterns,
//! results by Lua's limit on stack slots.
//!
//! **Ending a script** from outside, or because it has to start anew: the host answers [`Called::Stop`]. That raises an
//! error which no `pcall` of the script keeps: from then on every next instruction raises it again.
//!
//! **A panic** in a command that a script runs is kept until the script has ended, as it must not pass through C, and goes on
//! then. The state is thrown away.
//!
//! [`libs`] are the libraries `cjson`, `cmsgpack`, `struct` and `bit`.

mod api;
mod convert;
mod engine;
mod entrance;
mod functions;
mod library;
pub mod libs;
pub mod memory;
mod names;
mod raise;
mod recycle;
mod register;
mod running;
mod sandbox;
mod table;
mod under_way;

pub use engine::{Call, Failure, Ran, Ready, compile, ready, run};
pub use functions::{Catalog, Function, Functions, Library, Policy};
pub use library::{NOT_FOUND, find, load, restore};
pub use running::{Kill, Running, RunningFunction, RunningScripts};
pub use table::{Hex, Learnt, Script, ScriptFlags, Scripts, Sha, parse_sha};

use crate::resp::{ArgView, OutBuf, Proto};

/// What a script's commands run on: lent to one run.
pub trait Host {
    /// Runs a command and writes its reply in protocol `proto`.
    fn call(&mut self, args: ArgView<'_>, proto: Proto, out: &mut OutBuf) -> Called;

    /// Says where what follows is replicated to (`redis.set_repl`): a sum of 1, the journal, and 2, replicas.
    fn replicate(&mut self, to: u8);

    /// Looked in at every so many instructions; `false`: the script ends here.
    fn goes_on(&mut self) -> bool;

    /// Whether the user may run this command; `None`: there is no such command.
    fn may(&mut self, args: ArgView<'_>) -> Option<bool>;
}

/// What a [`Host`] made of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    /// Its reply is written.
    Replied,
    /// It did not run: the text of the error.
    Refused(&'static str),
    /// The script ends here.
    Stop,
}
