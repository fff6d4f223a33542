//! The `redis` table: what a script can ask the server for.
//!
//! Owns its functions and their error texts. A function of Lua is one C function for all runs: what it needs of the run that
//! calls it is the thread's own (`under_way`). What may raise an error does so after everything that has to be dropped is
//! gone.
#![allow(unsafe_code)]

use super::names;
use super::raise::{push, push_error, raise, text};
use super::register::register_function;
use super::under_way::{RUN, SEAM, stop};
use super::{Called, convert};
use crate::base::num::format_general;
use crate::config::REDIS_VERSION;
use crate::resp::{ArgBuffer, Proto};
use mlua::ffi::{self, lua_CFunction, lua_State};
use mlua::{Function, Lua, Table};
use std::os::raw::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What came of a command.
enum Outcome {
    /// The bytes of its reply, in the thread's buffer.
    Reply(*const u8, usize),
    Refused(&'static str),
    Stop,
}

/// Takes the arguments of a call over.
///
/// # Safety
/// `state` is that of a C function that Lua has called.
unsafe fn gather(state: *mut lua_State, args: &mut ArgBuffer) -> Result<(), &'static str> {
    args.clear();
    // SAFETY: the arguments of a C function are at 1 to its top; nothing here raises.
    unsafe {
        let n = ffi::lua_gettop(state);
        if n == 0 {
            return Err("ERR Please specify at least one argument for this redis lib call");
        }
        for i in 1..=n {
            match ffi::lua_type(state, i) {
                ffi::LUA_TSTRING => args.push(text(state, i).unwrap_or_default()),
                ffi::LUA_TNUMBER => {
                    let number = ffi::lua_tonumber(state, i);
                    args.push_with(|digits| format_general(number, 17, digits));
                }
                _ => return Err("ERR Lua redis lib command arguments must be strings or integers"),
            }
        }
    }
    Ok(())
}

/// Runs the command that the arguments are.
unsafe fn run(state: *mut lua_State) -> Outcome {
    RUN.with(|run| {
        let mut args = run.args.borrow_mut();
        // SAFETY: as the caller's.
        if let Err(text) = unsafe { gather(state, &mut args) } {
            return Outcome::Refused(text);
        }
        if run.stop.get() {
            return Outcome::Stop;
        }
        if !SEAM.is_set() {
            return Outcome::Refused("ERR redis.call and redis.pcall can only be called inside a script invocation");
        }
        let mut out = run.out.borrow_mut();
        out.clear();
        let proto = run.proto.get();
        let call = || SEAM.with(|seam| seam.0.call(args.view(), proto, &mut out));
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(Called::Replied) => {
                let reply = out.flat();
                Outcome::Reply(reply.as_ptr(), reply.len())
            }
            Ok(Called::Refused(text)) => Outcome::Refused(text),
            Ok(Called::Stop) => Outcome::Stop,
            Err(panic) => {
                *run.panic.borrow_mut() = Some(panic);
                Outcome::Stop
            }
        }
    })
}

/// `redis.call` and, if not `RAISES`, `redis.pcall`.
unsafe extern "C-unwind" fn command<const RAISES: bool>(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls with a valid state. Everything that has to be dropped is gone when `run` returns; the thread's
    // buffer is not touched before the next command.
    unsafe {
        let failed = match run(state) {
            Outcome::Reply(bytes, len) => {
                let reply = std::slice::from_raw_parts(bytes, len);
                ffi::lua_settop(state, 0);
                convert::push_reply(state, reply);
                reply.first() == Some(&b'-')
            }
            Outcome::Refused(text) => {
                names::push_error(state, text.as_bytes());
                true
            }
            Outcome::Stop => stop(state),
        };
        if failed && RAISES {
            ffi::lua_error(state);
        }
        1
    }
}

unsafe extern "C-unwind" fn error_reply(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls with a valid state and 20 slots.
    unsafe {
        if ffi::lua_gettop(state) != 1 || ffi::lua_type(state, 1) != ffi::LUA_TSTRING {
            push_error(state, b"ERR wrong number or type of arguments");
            return 1;
        }
        let given = text(state, 1).unwrap_or_default();
        let given = given.strip_prefix(b"-").unwrap_or(given);
        ffi::lua_createtable(state, 0, 1);
        push(state, b"err");
        if given.contains(&b' ') {
            push(state, given);
        } else {
            push(state, b"ERR ");
            push(state, given);
            ffi::lua_concat(state, 2);
        }
        ffi::lua_rawset(state, -3);
        1
    }
}

unsafe extern "C-unwind" fn status_reply(state: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        if ffi::lua_gettop(state) != 1 || ffi::lua_type(state, 1) != ffi::LUA_TSTRING {
            push_error(state, b"ERR wrong number or type of arguments");
            return 1;
        }
        ffi::lua_createtable(state, 0, 1);
        push(state, b"ok");
        ffi::lua_pushvalue(state, 1);
        ffi::lua_rawset(state, -3);
        1
    }
}

unsafe extern "C-unwind" fn sha1hex(state: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        if ffi::lua_gettop(state) != 1 {
            raise(state, b"ERR wrong number of arguments");
        }
        let sha = super::table::sha_of(text(state, 1).unwrap_or_default());
        let mut digits = [0; 40];
        for (two, byte) in digits.chunks_exact_mut(2).zip(sha) {
            two[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
            two[1] = b"0123456789abcdef"[usize::from(byte & 15)];
        }
        push(state, &digits);
        1
    }
}

unsafe extern "C-unwind" fn log(state: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        let n = ffi::lua_gettop(state);
        if n < 2 {
            raise(state, b"ERR redis.log() requires two arguments or more.");
        }
        if ffi::lua_isnumber(state, 1) == 0 || ffi::lua_type(state, 1) != ffi::LUA_TNUMBER {
            raise(state, b"ERR First argument must be a number (log level).");
        }
        let level = ffi::lua_tonumber(state, 1);
        if !(0.0..4.0).contains(&level) {
            raise(state, b"ERR Invalid debug level.");
        }
        write_log(state, level as u8, n);
        0
    }
}

unsafe fn write_log(state: *mut lua_State, level: u8, n: c_int) {
    // SAFETY: as the caller's. Numbers become strings, which may raise, before anything is held.
    (2..=n).for_each(|i| _ = unsafe { text(state, i) });
    // SAFETY: as above.
    let words = (2..=n).filter_map(|i| unsafe { text(state, i) });
    let line = String::from_utf8_lossy(&words.collect::<Vec<_>>().join(&b' ')).into_owned();
    match level {
        0 | 1 => tracing::debug!("{line}"),
        2 => tracing::info!("{line}"),
        _ => tracing::warn!("{line}"),
    }
}

unsafe extern "C-unwind" fn setresp(state: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        if ffi::lua_gettop(state) != 1 {
            raise(state, b"ERR redis.setresp() requires one argument.");
        }
        let proto = match ffi::lua_tonumber(state, 1) {
            2.0 => Proto::Resp2,
            3.0 => Proto::Resp3,
            _ => raise(state, b"ERR RESP version must be 2 or 3."),
        };
        RUN.with(|run| run.proto.set(proto));
        0
    }
}

unsafe extern "C-unwind" fn set_repl(state: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        if ffi::lua_gettop(state) != 1 {
            raise(state, b"ERR redis.set_repl() requires two arguments.");
        }
        let flags = ffi::lua_tonumber(state, 1);
        if !(0.0..4.0).contains(&flags) {
            raise(state, b"ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
        }
        if SEAM.is_set() {
            SEAM.with(|seam| seam.0.replicate(flags as u8));
        }
        0
    }
}

unsafe extern "C-unwind" fn replicate_commands(state: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe { ffi::lua_pushboolean(state, 1) };
    1
}

unsafe extern "C-unwind" fn breakpoint(state: *mut lua_State) -> c_int {
    // SAFETY: as above. No debugger is attached.
    unsafe { ffi::lua_pushboolean(state, 0) };
    1
}

unsafe extern "C-unwind" fn debug(_: *mut lua_State) -> c_int {
    0
}

unsafe extern "C-unwind" fn acl_check_cmd(state: *mut lua_State) -> c_int {
    // SAFETY: as above; everything is dropped when `may` returns.
    unsafe {
        match may(state) {
            Ok(allowed) => ffi::lua_pushboolean(state, c_int::from(allowed)),
            Err(text) => raise(state, text.as_bytes()),
        }
    }
    1
}

unsafe fn may(state: *mut lua_State) -> Result<bool, &'static str> {
    RUN.with(|run| {
        let mut args = run.args.borrow_mut();
        // SAFETY: as the caller's.
        unsafe { gather(state, &mut args)? };
        if !SEAM.is_set() {
            return Err("ERR redis.acl_check_cmd() can only be called inside a script invocation");
        }
        let allowed = SEAM.with(|seam| seam.0.may(args.view()));
        allowed.ok_or("ERR Invalid command passed to redis.acl_check_cmd()")
    })
}

/// The functions.
const FUNCTIONS: [(&str, lua_CFunction); 9] = [
    ("call", command::<true>),
    ("pcall", command::<false>),
    ("error_reply", error_reply),
    ("status_reply", status_reply),
    ("sha1hex", sha1hex),
    ("log", log),
    ("setresp", setresp),
    ("set_repl", set_repl),
    ("acl_check_cmd", acl_check_cmd),
];

/// Those that scripts have and functions have not.
const OF_SCRIPTS: [(&str, lua_CFunction); 3] =
    [("replicate_commands", replicate_commands), ("breakpoint", breakpoint), ("debug", debug)];

/// How many of the constants belong to `redis.log`.
const LEVELS: usize = 4;

/// The constants.
const CONSTANTS: [(&str, u32); 9] = [
    ("LOG_DEBUG", 0),
    ("LOG_VERBOSE", 1),
    ("LOG_NOTICE", 2),
    ("LOG_WARNING", 3),
    ("REPL_NONE", 0),
    ("REPL_AOF", 1),
    ("REPL_SLAVE", 2),
    ("REPL_REPLICA", 2),
    ("REPL_ALL", 3),
];

/// A C function without upvalues as a value of Lua's.
pub(super) fn function(lua: &Lua, f: lua_CFunction) -> mlua::Result<Function> {
    // SAFETY: one value is pushed, in a protected call with free slots.
    unsafe { lua.exec_raw((), |state| ffi::lua_pushcclosure(state, f, 0)) }
}

/// A C function that has the names of fields.
fn named_function(lua: &Lua, f: lua_CFunction) -> mlua::Result<Function> {
    // SAFETY: in a protected call, with a value on top.
    unsafe { lua.exec_raw(mlua::Value::Nil, |state| names::push_function(state, f)) }
}

/// The table; with what only scripts have, or without.
pub(super) fn library(lua: &Lua, of_scripts: bool) -> mlua::Result<Table> {
    let more: &[_] = if of_scripts { &OF_SCRIPTS } else { &[] };
    fill(lua, FUNCTIONS.iter().chain(more), &CONSTANTS)
}

/// The table that the code of a library finds while it is loaded.
pub(super) fn loading_library(lua: &Lua) -> mlua::Result<Table> {
    let functions: [(&str, lua_CFunction); 2] = [("register_function", register_function), ("log", log)];
    fill(lua, functions.iter(), &CONSTANTS[..LEVELS])
}

fn fill<'a>(
    lua: &Lua,
    functions: impl Iterator<Item = &'a (&'a str, lua_CFunction)>,
    constants: &[(&str, u32)],
) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    for (name, f) in functions {
        table.raw_set(*name, named_function(lua, *f)?)?;
    }
    for (name, n) in constants {
        table.raw_set(*name, *n)?;
    }
    let parts = REDIS_VERSION.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    table.raw_set("REDIS_VERSION", REDIS_VERSION)?;
    table.raw_set("REDIS_VERSION_NUM", parts.fold(0, |sum, part| sum << 8 | part))?;
    Ok(table)
}
