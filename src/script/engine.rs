//! The Lua state of a thread: compiling scripts and running them.
//!
//! Owns the state, what it has compiled, and the bound of its memory. There is one a thread, made when it is first needed
//! and thrown away after a panic. A state that has grown is collected after the run that made it grow.
#![allow(unsafe_code)]

use super::table::{Script, Scripts, Sha, sha_of};
use super::{Host, api, convert, library, memory, raise, sandbox};
use crate::resp::{ArgView, Reply};
use bytes::Bytes;
use mlua::chunk::ChunkMode;
use mlua::ffi::{self, lua_State};
use mlua::{Function, Lua, Table};
use std::cell::Cell;
use std::collections::HashMap;
use std::os::raw::c_int;
use std::sync::Arc;

/// Bytes that the scripts of one thread may take.
pub const MEMORY_MAX: usize = 1 << 30;
/// Bytes of a state from which on it is collected after a run; later twice what is left then.
pub(super) const COLLECT_AT: usize = 16 << 20;
/// Bytes of arguments from which on they are let go after the run, not only before the next.
const ARGUMENTS_KEPT: usize = 64 * 1024;

/// Compiled scripts beyond those of the table, before the state forgets what the table does not have any more.
const STALE_MAX: usize = 512;

/// A thread's state.
struct Engine {
    lua: Lua,
    /// The globals.
    real: Table,
    /// The epoch of the table that `compiled` is of.
    epoch: u64,
    compiled: HashMap<Sha, (Arc<Script>, Function)>,
    collect_at: usize,
    share: memory::Share,
}

thread_local! {
    /// Taken out while it is in use: what runs meanwhile on this thread, while a script is busy, makes do with another.
    static ENGINE: Cell<Option<Box<Engine>>> = const { Cell::new(None) };
}

/// Why there is no script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody knows its SHA1.
    Unknown,
    /// The text of the error.
    Text(String),
}

/// A script that this thread has compiled.
pub type Ready = Result<Arc<Script>, Failure>;

/// What a script is called with.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The arguments of the command: keys, then the others.
    pub args: ArgView<'a>,
    /// How many of them are keys.
    pub keys: usize,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// The host made it stop; nothing is written.
    pub stopped: bool,
    /// Its reply is an error that the statistics have counted already.
    pub counted: bool,
}

impl Engine {
    fn new(epoch: u64) -> mlua::Result<Self> {
        let (lua, real) = sandbox::state()?;
        lua.set_memory_limit(MEMORY_MAX)?;
        let share = memory::Share::new(&memory::SCRIPTS);
        Ok(Self { lua, real, epoch, compiled: HashMap::new(), collect_at: COLLECT_AT, share })
    }

    /// Compiles a script unless it is.
    fn compile(&mut self, script: &Arc<Script>) -> Result<(), Failure> {
        let chunk = self.lua.load(&script.source[script.code_at..]).set_name("@user_script");
        let function = chunk.set_mode(ChunkMode::Text).into_function().map_err(|error| {
            let why = match error {
                mlua::Error::SyntaxError { message, .. } => message,
                mlua::Error::MemoryError(_) => "not enough memory".into(),
                other => other.to_string(),
            };
            Failure::Text(format!("ERR Error compiling script (new function): {why}"))
        })?;
        self.compiled.insert(script.sha, (Arc::clone(script), function));
        Ok(())
    }

    /// Frees what a run has left, if it is much.
    fn collect(&mut self) {
        collect(&self.lua, &mut self.collect_at);
        self.share.set(self.lua.used_memory());
    }
}

/// Frees what a run has left in a state that has grown beyond `collect_at`, which is set anew then.
pub(super) fn collect(lua: &Lua, collect_at: &mut usize) {
    if lua.used_memory() > *collect_at {
        // What it raises can only be that of a finaliser, and scripts have none.
        let _ = lua.gc_collect();
        *collect_at = COLLECT_AT.max(lua.used_memory().saturating_mul(2));
    }
}

/// Lends the thread's state, of this table, to `f`.
fn with_engine<R>(scripts: &Scripts, f: impl FnOnce(&mut Engine) -> Result<R, Failure>) -> Result<R, Failure> {
    let epoch = scripts.epoch();
    let mut engine = match ENGINE.take() {
        Some(engine) => engine,
        None => Box::new(Engine::new(epoch).map_err(|e| Failure::Text(format!("ERR {e}")))?),
    };
    if engine.epoch != epoch {
        engine.epoch = epoch;
        engine.compiled.clear();
    }
    let result = f(&mut engine);
    ENGINE.set(Some(engine));
    result
}

/// A script by its SHA1, compiled by this thread.
///
/// # Errors
/// Nobody knows it, or it cannot be compiled (there is no memory left).
pub fn ready(scripts: &Scripts, sha: &Sha) -> Ready {
    with_engine(scripts, |engine| {
        if let Some((script, _)) = engine.compiled.get(sha) {
            return Ok(Arc::clone(script));
        }
        let script = scripts.get(sha).ok_or(Failure::Unknown)?;
        engine.compile(&script)?;
        Ok(script)
    })
}

/// A script by its source, compiled by this thread and entered in the table. `stays`: it was loaded, not called.
///
/// # Errors
/// The shebang is wrong, or it cannot be compiled.
pub fn compile(scripts: &Scripts, source: &[u8], stays: bool) -> Ready {
    let sha = sha_of(source);
    match ready(scripts, &sha) {
        Err(Failure::Unknown) => {}
        Ok(script) if stays => {
            script.keep();
            return Ok(scripts.add(script, true));
        }
        found => return found,
    }
    let script = Script::new(Bytes::copy_from_slice(source), sha).map_err(Failure::Text)?;
    with_engine(scripts, |engine| {
        let script = Arc::new(script);
        engine.compile(&script)?;
        let known = scripts.add(script, stays);
        if let Some((script, _)) = engine.compiled.get_mut(&sha) {
            // That of another worker, if it was first: what is learnt of a script is learnt once.
            *script = Arc::clone(&known);
        }
        if engine.compiled.len() > scripts.len() + STALE_MAX {
            engine.compiled.retain(|sha, _| scripts.get(sha).is_some());
        }
        Ok(known)
    })
}

/// Runs a script that is ready; its result goes to `reply`. A panic in one of its commands goes on here.
pub fn run(host: &mut dyn Host, script: &Script, call: Call<'_>, reply: &mut Reply<'_>) -> Ran {
    if script.is_function {
        return library::run(host, script, call, reply);
    }
    let mut ran = Ran::default();
    let Some(mut engine) = ENGINE.take() else {
        reply.error("ERR The script is not loaded");
        return ran;
    };
    if let Some((_, function)) = engine.compiled.get(&script.sha) {
        let mark = reply.mark();
        // SAFETY: what the closure holds need not be dropped. It is in a protected call with the function and the globals on
        // the stack.
        let done: mlua::Result<()> = api::with_host(host, || unsafe {
            engine.lua.exec_raw((function, &engine.real), |state| ran = run_raw(state, &script.name, call, reply))
        });
        if let Err(error) = done {
            reply.truncate(mark);
            reply.error(&format!("ERR {error}"));
        }
        engine.collect();
    } else {
        reply.error("ERR The script is not loaded");
    }
    if let Some(panic) = api::take_panic() {
        // The state is thrown away.
        std::panic::resume_unwind(panic);
    }
    ENGINE.set(Some(engine));
    ran
}

/// Calls the function at 1 with the globals at 2.
///
/// # Safety
/// In a protected call, holding nothing that has to be dropped.
unsafe fn run_raw(state: *mut lua_State, name: &str, call: Call<'_>, reply: &mut Reply<'_>) -> Ran {
    let ran;
    // SAFETY: slots are checked; what Lua raises here leaves to the protected call.
    unsafe {
        ffi::luaL_checkstack(state, 10, c"no stack".as_ptr());
        api::begin(state);
        let bytes = set_arguments(state, call);
        ffi::lua_pushcclosure(state, raise::handler, 0);
        ffi::lua_pushvalue(state, 1);
        ran = conclude(state, 0, 3, name, reply);
        if bytes > ARGUMENTS_KEPT {
            for global in [&b"KEYS"[..], b"ARGV"] {
                raise::push(state, global);
                ffi::lua_createtable(state, 0, 0);
                ffi::lua_rawset(state, 2);
            }
        }
        ffi::lua_settop(state, 0);
    }
    ran
}

/// Calls the function below the `n` arguments on top, and writes its result or error; the handler of errors is at `handler`.
///
/// # Safety
/// As [`run_raw`].
pub(super) unsafe fn conclude(
    state: *mut lua_State,
    n: c_int,
    handler: c_int,
    name: &str,
    reply: &mut Reply<'_>,
) -> Ran {
    let mut ran = Ran::default();
    // SAFETY: as the caller's.
    unsafe {
        let status = ffi::lua_pcall(state, n, 1, handler);
        if api::stopped() {
            ran.stopped = true;
        } else if status == 0 {
            ran.counted = convert::is_counted_error(state);
            convert::write(state, reply, api::resp3(), 0);
        } else {
            ran.counted = raise::write(state, name, reply);
        }
    }
    ran
}

/// Pushes a table of `n` arguments from `from` on; returns how many bytes they are.
///
/// # Safety
/// As [`run_raw`], with two free slots.
pub(super) unsafe fn push_arguments(state: *mut lua_State, args: ArgView<'_>, from: usize, n: usize) -> usize {
    let mut bytes = 0;
    // SAFETY: as the caller's.
    unsafe {
        ffi::lua_createtable(state, n.min(1 << 20) as c_int, 0);
        for i in 0..n {
            let arg = args.get(from + i).unwrap_or_default();
            bytes += arg.len();
            raise::push(state, arg);
            ffi::lua_rawseti(state, -2, i as ffi::lua_Integer + 1);
        }
    }
    bytes
}

/// Sets KEYS and ARGV of the globals at 2; returns how many bytes they are.
unsafe fn set_arguments(state: *mut lua_State, call: Call<'_>) -> usize {
    let others = call.args.len() - call.keys;
    let mut bytes = 0;
    // SAFETY: as the caller's.
    unsafe {
        for (name, from, n) in [(&b"KEYS"[..], 0, call.keys), (b"ARGV", call.keys, others)] {
            raise::push(state, name);
            bytes += push_arguments(state, call.args, from, n);
            ffi::lua_rawset(state, 2);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::{OutBuf, OwnedCommand, Proto};
    use crate::script::Called;

    /// Answers ECHO; everything else ends the script.
    #[derive(Default)]
    struct Echo {
        looks: u32,
        looks_max: u32,
    }

    impl Host for Echo {
        fn call(&mut self, args: ArgView<'_>, proto: Proto, out: &mut OutBuf) -> Called {
            match args.get(0) {
                Some(b"ECHO") => Reply::new(out, proto).bulk(args.get(1).unwrap_or_default()),
                Some(b"NO") => return Called::Refused("ERR no"),
                Some(b"PANIC") => panic!("asked for"),
                _ => return Called::Stop,
            }
            Called::Replied
        }

        fn replicate(&mut self, _: u8) {}

        fn goes_on(&mut self) -> bool {
            self.looks += 1;
            self.looks < self.looks_max
        }

        fn may(&mut self, _: ArgView<'_>) -> Option<bool> {
            Some(true)
        }
    }

    fn run_with(host: &mut Echo, scripts: &Scripts, source: &str, args: &[&str]) -> (Ran, String) {
        let script = compile(scripts, source.as_bytes(), false).unwrap();
        let (command, mut out) = (OwnedCommand::new(args.iter().map(|arg| arg.as_bytes())), OutBuf::new());
        let call = Call { args: command.view(), keys: 1.min(args.len()) };
        let ran = run(host, &script, call, &mut Reply::new(&mut out, Proto::Resp2));
        (ran, String::from_utf8_lossy(&out.to_vec()).into_owned())
    }

    #[test]
    fn arguments_commands_and_errors() {
        let (scripts, mut host) = (Scripts::default(), Echo { looks: 0, looks_max: u32::MAX });
        let mut reply = |source: &str| run_with(&mut host, &scripts, source, &["k", "a", "b"]).1;
        assert_eq!(
            reply("return {KEYS[1], ARGV[1], ARGV[2], #KEYS, #ARGV}"),
            "*5\r\n$1\r\nk\r\n$1\r\na\r\n$1\r\nb\r\n:1\r\n:2\r\n"
        );
        assert_eq!(reply("return redis.call('ECHO', 12)"), "$2\r\n12\r\n");
        assert_eq!(reply("return redis.pcall('NO')"), "-ERR no\r\n");
        assert!(reply("return redis.call('NO')").starts_with("-ERR no script: "));
        assert!(reply("return redis.call()").starts_with("-ERR Please specify at least one argument"));
        assert!(reply("x = 1").contains("Attempt to modify a readonly table"));
    }

    #[test]
    fn no_pcall_keeps_what_ends_a_script() {
        let scripts = Scripts::default();
        for source in [
            "redis.call('STOP')",
            "pcall(redis.call, 'STOP') return 1",
            "while true do pcall(function() while true do pcall(redis.call, 'STOP') end end) end",
            "local c = coroutine.wrap(function() while true do pcall(redis.call, 'STOP') end end) while true do pcall(c) end",
            "while true do end",
            "while true do xpcall(function() while true do end end, function() while true do end end) end",
        ] {
            let mut host = Echo { looks: 0, looks_max: 3 };
            let (ran, reply) = run_with(&mut host, &scripts, source, &[]);
            assert!(ran.stopped && reply.is_empty(), "{source}: {reply}");
            // The next run is none the worse for it.
            let mut host = Echo { looks: 0, looks_max: u32::MAX };
            assert_eq!(run_with(&mut host, &scripts, "return redis.call('ECHO', 'x')", &[]).1, "$1\r\nx\r\n");
        }
    }

    #[test]
    fn a_panic_in_a_command_goes_on_after_the_script() {
        let (scripts, mut host) = (Scripts::default(), Echo { looks: 0, looks_max: u32::MAX });
        let source = "while true do pcall(redis.call, 'PANIC') end";
        let run = std::panic::AssertUnwindSafe(|| run_with(&mut host, &scripts, source, &[]));
        assert!(std::panic::catch_unwind(run).is_err());
        let mut host = Echo { looks: 0, looks_max: u32::MAX };
        assert_eq!(run_with(&mut host, &scripts, "return 1", &[]).1, ":1\r\n");
    }

    #[test]
    fn a_flush_is_seen_by_the_state() {
        let scripts = Scripts::default();
        let script = compile(&scripts, b"return 1", true).unwrap();
        assert!(ready(&scripts, &script.sha).is_ok());
        scripts.flush();
        assert_eq!(ready(&scripts, &script.sha).map(|script| script.sha), Err(Failure::Unknown));
    }
}
