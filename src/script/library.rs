//! The functions of libraries in a thread: loading their code and running them.
//!
//! Owns the thread's second Lua state, the one for functions, and what it has loaded. The state is apart from that of
//! scripts, as its globals are others: what a library finds while it is loaded is not what its functions find when they
//! run.
//!
//! **Each thread loads a library when it first needs it.** FUNCTION LOAD runs the library's code in the thread that was asked,
//! within [`LOAD_MS_MAX`] and the state's memory; if it ends well the library enters the server's table
//! ([`Functions`]) and its functions stay as they are. Any other thread runs the code again when one of the functions is
//! called there; as the code finds nothing but `redis.register_function` and `redis.log` it comes to the same functions
//! everywhere. When the table has changed, a thread throws away what is not there any more before it runs the next function; where no
//! library is left it throws away the whole state.
//!
//! So the local variables of a library's code, which its functions share, are there once a thread: a counter in one counts the
//! calls of this thread's clients. That is allowed: what a function is to remember belongs into keys, as such a
//! variable is neither saved nor replicated and is gone after a restart or REPLACE; what programs keep there are
//! constants, tables made once, and caches. Running a library on one thread alone would cost what functions are for: they run beside
//! one another on all cores.
//!
//! **What runs when a library is replaced** is the code that was there when the call came. A change of libraries holds
//! all shards, so an EXEC, and a script that holds any, sees none in its midst.
#![allow(unsafe_code)]

use super::engine::{self, COLLECT_AT, Call, Failure, MEMORY_MAX, Ran};
use super::entrance::{Entrance, Kept};
use super::functions::{Catalog, Functions, Library, Policy, folded, header};
use super::raise::{raw_field, text};
use super::sandbox::FunctionState;
use super::table::{Script, sha_of};
use super::{Called, Host, memory, raise, register, under_way};
use crate::base::clock::Clock;
use crate::resp::{ArgView, OutBuf, Proto, Reply};
use bytes::Bytes;
use mlua::chunk::ChunkMode;
use mlua::ffi::{self, lua_State};
use mlua::{Function, Table};
use smallvec::SmallVec;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

/// Milliseconds that FUNCTION LOAD lets a library's code run.
const LOAD_MS_MAX: u64 = 500;
/// The same for code that FUNCTION LOAD has let pass: another thread may be slower, but not without end.
const LOAD_AGAIN_MS_MAX: u64 = 10_000;

/// A function that this thread has loaded.
struct Known {
    script: Arc<Script>,
    function: Kept,
    library: Arc<Library>,
}

/// A thread's state. What it keeps goes before the state itself does.
struct State {
    /// By their folded names.
    known: HashMap<Box<[u8]>, Known>,
    entrance: Entrance,
    lua: FunctionState,
    epoch: u64,
    libraries: HashMap<String, Arc<Library>>,
    collect_at: usize,
    share: memory::Share,
}

thread_local! {
    /// Taken out while it is in use, as the other state.
    static STATE: Cell<Option<Box<State>>> = const { Cell::new(None) };
}

/// A library whose code has run.
struct Candidate {
    library: Arc<Library>,
    functions: Vec<Kept>,
}

/// The host of code that is loaded: it has no commands, and ends when its time is over.
struct Loading<'a> {
    clock: &'a Clock,
    until_ns: u64,
}

impl Host for Loading<'_> {
    fn call(&mut self, _: ArgView<'_>, _: Proto, _: &mut OutBuf) -> Called {
        Called::Refused("ERR redis.call and redis.pcall can only be called inside a script invocation")
    }

    fn replicate(&mut self, _: u8) {}

    fn goes_on(&mut self) -> bool {
        self.clock.mono_ns() < self.until_ns
    }

    fn may(&mut self, _: ArgView<'_>) -> Option<bool> {
        None
    }
}

/// An error of Lua's binding, as a client gets it.
fn failed(error: mlua::Error) -> String {
    let why = match error {
        mlua::Error::SyntaxError { message, .. } => return format!("ERR Error compiling function: {message}"),
        mlua::Error::MemoryError(_) => "not enough memory".into(),
        other => other.to_string(),
    };
    format!("ERR Error registering functions: {why}")
}

impl State {
    fn new() -> mlua::Result<Self> {
        let lua = FunctionState::new()?;
        lua.lua.set_memory_limit(MEMORY_MAX)?;
        Ok(Self {
            known: HashMap::new(),
            entrance: Entrance::new(&lua.lua, None)?,
            lua,
            epoch: 0,
            libraries: HashMap::new(),
            collect_at: COLLECT_AT,
            share: memory::Share::new(&memory::FUNCTIONS),
        })
    }

    /// Throws away what is not in the table any more.
    fn refresh(&mut self, epoch: u64, catalog: &Catalog) {
        let is_there = |library: &Arc<Library>| {
            catalog.library(&library.name).is_some_and(|current| Arc::ptr_eq(current, library))
        };
        self.libraries.retain(|_, library| is_there(library));
        self.known.retain(|_, known| is_there(&known.library));
        self.epoch = epoch;
    }

    /// Runs a library's code for so many milliseconds at most: the functions in the order of their registration.
    fn execute(&mut self, code: &[u8], code_at: usize, (clock, ms): (&Clock, u64)) -> Result<Executed, String> {
        let lua = &self.lua.lua;
        let chunk = lua.load(&code[code_at..]).set_name("@user_function").set_mode(ChunkMode::Text);
        let chunk = chunk.into_function().map_err(failed)?;
        let mut host = Loading { clock, until_ns: clock.mono_ns() + ms * 1_000_000 };
        self.lua.show(true).map_err(failed)?;
        let mut error = None;
        let ran = register::gather(lua, || {
            // SAFETY: what the closure holds need not be dropped. It is in a protected call with the function on the stack.
            under_way::with_host(&mut host, || unsafe { lua.exec_raw::<()>(chunk, |state| error = execute_raw(state)) })
        });
        let shown = self.lua.show(false);
        if let Some(panic) = under_way::take_panic() {
            std::panic::resume_unwind(panic);
        }
        let ((), registered, table) = ran.map_err(failed)?;
        shown.map_err(failed)?;
        if let Some(error) = error {
            return Err(format!("ERR Error registering functions: {}", String::from_utf8_lossy(&error)));
        }
        Ok(Executed { registered, table })
    }

    /// The functions of these names that a library's code has registered.
    fn functions<'a>(&self, ran: &Executed, names: impl Iterator<Item = &'a str>) -> Result<Vec<Kept>, String> {
        let kept = names.map(|name| Kept::new(&self.lua.lua, ran.table.raw_get::<Function>(name)?));
        kept.collect::<mlua::Result<_>>().map_err(failed)
    }

    /// Keeps a library's functions.
    fn keep(&mut self, candidate: Candidate) {
        let Candidate { library, functions } = candidate;
        self.known.retain(|_, known| known.library.name != library.name);
        for (function, described) in functions.into_iter().zip(&library.functions) {
            let script = Arc::clone(&described.script);
            self.known.insert(folded(&script.name), Known { script, function, library: Arc::clone(&library) });
        }
        self.libraries.insert(library.name.clone(), library);
        self.collect();
    }

    /// Loads a library of the table.
    fn load(&mut self, library: &Arc<Library>, clock: &Clock) -> Result<(), String> {
        let ran = self.execute(&library.code, library.code_at, (clock, LOAD_AGAIN_MS_MAX))?;
        let functions = self.functions(&ran, library.functions.iter().map(|f| &*f.script.name))?;
        self.keep(Candidate { library: Arc::clone(library), functions });
        Ok(())
    }

    /// Runs the code of a library that is not in the table yet.
    fn audition(&mut self, catalog: Audience<'_>, code: &[u8], clock: &Clock) -> Result<Candidate, String> {
        let header = header(code)?;
        catalog.admits(&header.name)?;
        let ran = self.execute(code, header.code_at, (clock, LOAD_MS_MAX))?;
        if ran.registered.is_empty() {
            return Err("ERR No functions registered".into());
        }
        let functions = self.functions(&ran, ran.registered.iter().map(|f| &*f.name))?;
        let library = Library::new(header, Bytes::copy_from_slice(code), sha_of(code), ran.registered);
        Ok(Candidate { library: Arc::new(library), functions })
    }

    fn collect(&mut self) {
        engine::collect(&self.lua.lua, &mut self.collect_at);
        self.share.set(self.lua.lua.used_memory());
    }
}

/// What a library's code has left.
struct Executed {
    registered: Vec<super::functions::Registered>,
    table: Table,
}

/// Calls the function at 1; the text of its error.
///
/// # Safety
/// In a protected call, holding nothing that has to be dropped.
unsafe fn execute_raw(state: *mut lua_State) -> Option<Vec<u8>> {
    let mut error = None;
    // SAFETY: slots are checked; what Lua raises here leaves to the protected call, before the text is held.
    unsafe {
        ffi::luaL_checkstack(state, 10, c"no stack".as_ptr());
        under_way::begin(state);
        ffi::lua_pushcclosure(state, raise::handler, 0);
        ffi::lua_pushvalue(state, 1);
        let status = ffi::lua_pcall(state, 0, 0, 2);
        if under_way::stopped() {
            error = Some(b"ERR FUNCTION LOAD timeout".to_vec());
        } else if status != 0 {
            if ffi::lua_type(state, -1) == ffi::LUA_TTABLE {
                raw_field(state, ffi::lua_gettop(state), b"err");
            }
            error = Some(text(state, -1).unwrap_or(b"ERR unknown error").to_vec());
        }
        ffi::lua_settop(state, 0);
    }
    error
}

/// Whose names a new library must not have.
enum Audience<'a> {
    /// FUNCTION LOAD.
    Load(&'a Catalog),
    /// FUNCTION LOAD with REPLACE.
    Replace,
    /// FUNCTION RESTORE: the libraries that the payload had before.
    Restore(&'a [Candidate]),
}

impl Audience<'_> {
    fn admits(&self, name: &str) -> Result<(), String> {
        let taken = match self {
            Audience::Load(catalog) => catalog.library(name).is_some(),
            Audience::Replace => false,
            Audience::Restore(candidates) => candidates.iter().any(|candidate| candidate.library.name == name),
        };
        if taken { Err(format!("ERR Library '{name}' already exists")) } else { Ok(()) }
    }
}

/// Lends the thread's state, brought up to date, to `f`.
fn with_state<R>(functions: &Functions, f: impl FnOnce(&mut State) -> Result<R, String>) -> Result<R, String> {
    let epoch = functions.epoch();
    let state = STATE.take();
    let mut state = match state {
        Some(state) if state.epoch == epoch => state,
        old => {
            let catalog = functions.catalog();
            let old = old.filter(|_| !catalog.is_empty());
            let mut state = match old {
                Some(state) => state,
                None => Box::new(State::new().map_err(|error| format!("ERR {error}"))?),
            };
            state.refresh(epoch, &catalog);
            state
        }
    };
    let result = f(&mut state);
    STATE.set(Some(state));
    result
}

/// FUNCTION LOAD: runs a library's code and enters it in the table; its name.
///
/// # Errors
/// The text for the client.
pub fn load(functions: &Functions, clock: &Clock, code: &[u8], replace: bool) -> Result<String, String> {
    let catalog = functions.catalog();
    with_state(functions, |state| {
        let audience = if replace { Audience::Replace } else { Audience::Load(&catalog) };
        let candidate = state.audition(audience, code, clock)?;
        functions.update(|catalog| {
            // Somebody may have been faster.
            if !replace {
                Audience::Load(catalog).admits(&candidate.library.name)?;
            }
            catalog.put(&candidate.library)
        })?;
        let name = candidate.library.name.clone();
        state.keep(candidate);
        Ok(name)
    })
}

/// FUNCTION RESTORE: runs the code of libraries and enters them in the table, all or none.
///
/// # Errors
/// The text for the client.
pub fn restore(functions: &Functions, clock: &Clock, codes: &[Vec<u8>], policy: Policy) -> Result<(), String> {
    if codes.is_empty() {
        if policy == Policy::Flush {
            functions.flush();
        }
        return Ok(());
    }
    with_state(functions, |state| {
        let mut candidates = Vec::new();
        for code in codes {
            let candidate = state.audition(Audience::Restore(&candidates), code, clock)?;
            candidates.push(candidate);
        }
        functions.update(|catalog| {
            let mut new = if policy == Policy::Flush { Catalog::default() } else { Catalog::clone(catalog) };
            for Candidate { library, .. } in &candidates {
                if policy == Policy::Append && new.library(&library.name).is_some() {
                    return Err(format!("ERR Library {} already exists", library.name));
                }
                // Names of functions may move from one library to another.
                new.remove(library.name.as_bytes());
            }
            candidates.iter().try_for_each(|candidate| new.put(&candidate.library))?;
            *catalog = new;
            Ok(())
        })?;
        candidates.into_iter().for_each(|candidate| state.keep(candidate));
        Ok(())
    })
}

/// What is replied where there is no such function.
pub const NOT_FOUND: &str = "ERR Function not found";

/// A name in small letters.
fn fold(name: &[u8]) -> SmallVec<[u8; 64]> {
    name.iter().map(u8::to_ascii_lowercase).collect()
}

/// A function by its name, in whatever case, loaded by this thread.
///
/// # Errors
/// There is none, or its library cannot be loaded here (there is no memory left).
pub fn find(functions: &Functions, clock: &Clock, name: &[u8]) -> Result<Arc<Script>, Failure> {
    let name = fold(name);
    let found = with_state(functions, |state| {
        if let Some(known) = state.known.get(&*name) {
            return Ok(Some(Arc::clone(&known.script)));
        }
        let catalog = functions.catalog();
        let Some(library) = catalog.owner(&name) else { return Ok(None) };
        state.load(library, clock)?;
        Ok(state.known.get(&*name).map(|known| Arc::clone(&known.script)))
    });
    found.map_err(Failure::Text)?.ok_or(Failure::Unknown)
}

/// Runs a function that this thread has found. A panic in one of its commands goes on here.
pub(super) fn run(host: &mut dyn Host, script: &Script, call: Call<'_>, reply: &mut Reply<'_>) -> Ran {
    let mut ran = Ran::default();
    let Some(mut state) = STATE.take() else {
        reply.error(NOT_FOUND);
        return ran;
    };
    if let Some(known) = state.known.get(&*fold(script.name.as_bytes())).filter(|k| std::ptr::eq(&*k.script, script)) {
        ran = state.entrance.run(host, (&known.function, &script.name), call, reply);
    } else {
        reply.error(NOT_FOUND);
    }
    if let Some(panic) = under_way::take_panic() {
        // The state is thrown away.
        std::panic::resume_unwind(panic);
    }
    state.collect();
    STATE.set(Some(state));
    ran
}
