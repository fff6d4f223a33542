//! The Lua state of a thread: compiling scripts and running them.
//!
//! Owns the state, what it has compiled, and the bound of its memory. There is one a thread, made when it is first needed
//! and thrown away after a panic. A state that has grown is collected after the run that made it grow.

use super::entrance::{Entrance, Kept};
use super::table::{Hex, Script, Scripts, hex, parse_sha, sha_of};
use super::{Host, library, memory, sandbox, under_way};
use crate::resp::{ArgView, Reply};
use bytes::Bytes;
use mlua::Lua;
use mlua::chunk::ChunkMode;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes that the scripts of one thread may take.
pub const MEMORY_MAX: usize = 1 << 30;
/// Bytes of a state from which on it is collected after a run; later twice what is left then.
pub(super) const COLLECT_AT: usize = 16 << 20;
/// Compiled scripts beyond those of the table, before the state forgets what the table does not have any more.
const STALE_MAX: usize = 512;

/// A thread's state. What it keeps goes before the state itself does.
struct Engine {
    /// By the names under which they are called.
    compiled: HashMap<Hex, (Arc<Script>, Kept), foldhash::fast::RandomState>,
    entrance: Entrance,
    lua: Lua,
    /// The epoch of the table that `compiled` is of.
    epoch: u64,
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
    /// The line of the code in which that was.
    pub line: Option<u32>,
    /// Its reply is an error that the statistics have counted already.
    pub counted: bool,
}

impl Engine {
    fn new(epoch: u64) -> mlua::Result<Self> {
        let (lua, real) = sandbox::state()?;
        lua.set_memory_limit(MEMORY_MAX)?;
        let share = memory::Share::new(&memory::SCRIPTS);
        let entrance = Entrance::new(&lua, Some(&real))?;
        Ok(Self { compiled: HashMap::default(), entrance, lua, epoch, collect_at: COLLECT_AT, share })
    }

    /// Compiles a script unless it is.
    fn compile(&mut self, script: &Arc<Script>) -> Result<(), Failure> {
        let chunk = self.lua.load(&script.source[script.code_at..]).set_name("@user_script");
        let kept = chunk.set_mode(ChunkMode::Text).into_function().and_then(|f| Kept::new(&self.lua, f));
        let function = kept.map_err(|error| {
            let why = match error {
                mlua::Error::SyntaxError { message, .. } => message,
                mlua::Error::MemoryError(_) => "not enough memory".into(),
                other => other.to_string(),
            };
            Failure::Text(format!("ERR Error compiling script (new function): {why}"))
        })?;
        self.compiled.insert(script.hex(), (Arc::clone(script), function));
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

/// A script by its SHA1 in hexadecimal, compiled by this thread.
///
/// # Errors
/// Nobody knows it, or it cannot be compiled (there is no memory left).
pub fn ready(scripts: &Scripts, name: &[u8]) -> Ready {
    let name: &Hex = name.try_into().map_err(|_| Failure::Unknown)?;
    with_engine(scripts, |engine| {
        if let Some((script, _)) = engine.compiled.get(name) {
            return Ok(Arc::clone(script));
        }
        // It may be written in capital letters.
        let script = parse_sha(name).and_then(|sha| scripts.get(&sha)).ok_or(Failure::Unknown)?;
        if !engine.compiled.contains_key(&script.hex()) {
            engine.compile(&script)?;
        }
        Ok(script)
    })
}

/// A script by its source, compiled by this thread and entered in the table. `stays`: it was loaded, not called.
///
/// # Errors
/// The shebang is wrong, or it cannot be compiled.
pub fn compile(scripts: &Scripts, source: &[u8], stays: bool) -> Ready {
    let sha = sha_of(source);
    match ready(scripts, hex(&sha).as_bytes()) {
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
        if let Some((script, _)) = engine.compiled.get_mut(&known.hex()) {
            // That of another worker, if it was first: what is learnt of a script is learnt once.
            *script = Arc::clone(&known);
        }
        if engine.compiled.len() > scripts.len() + STALE_MAX {
            engine.compiled.retain(|_, (script, _)| scripts.get(&script.sha).is_some());
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
    if let Some((_, function)) = engine.compiled.get(&script.hex()) {
        ran = engine.entrance.run(host, (function, &script.name), call, reply);
        engine.collect();
    } else {
        reply.error("ERR The script is not loaded");
    }
    if let Some(panic) = under_way::take_panic() {
        // The state is thrown away.
        std::panic::resume_unwind(panic);
    }
    ENGINE.set(Some(engine));
    ran
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
        assert!(ready(&scripts, script.name.as_bytes()).is_ok());
        assert!(ready(&scripts, script.name.to_ascii_uppercase().as_bytes()).is_ok());
        scripts.flush();
        assert_eq!(ready(&scripts, script.name.as_bytes()).map(|script| script.sha), Err(Failure::Unknown));
    }
}
