//! `redis.register_function`: how a library's code says which functions it has.
//!
//! Owns the reading of its two forms and their error texts. What is registered is gathered in the thread while a library is
//! loaded ([`gather`]): names and flags here, the functions themselves in a table of the Lua state, by name. Whatever Lua raises
//! leaves by a long jump, so that nothing is held then which would have to be dropped.
#![allow(unsafe_code)]

use super::functions::{BAD_NAME, Registered, is_name};
use super::raise::{push, raise, raw_field, text};
use super::table::{FLAG_NAMES, ScriptFlags};
use bytes::Bytes;
use mlua::ffi::{self, lua_State};
use mlua::{Lua, Table};
use std::cell::RefCell;
use std::os::raw::c_int;

/// Where the registry has the functions of the library that is loaded.
const REGISTERED: &str = "ostracon.registered";
/// Bytes of names and descriptions that a library may register.
const TEXT_MAX: usize = 16 << 20;

thread_local! {
    /// What the library that is loaded has registered so far.
    static LOADING: RefCell<Option<Vec<Registered>>> = const { RefCell::new(None) };
}

/// Runs what loads a library; returns what it has registered, and its functions by name.
pub(super) fn gather<R>(
    lua: &Lua,
    load: impl FnOnce() -> mlua::Result<R>,
) -> mlua::Result<(R, Vec<Registered>, Table)> {
    let functions = lua.create_table()?;
    lua.set_named_registry_value(REGISTERED, &functions)?;
    LOADING.set(Some(Vec::new()));
    let result = load();
    let registered = LOADING.take().unwrap_or_default();
    lua.unset_named_registry_value(REGISTERED)?;
    Ok((result?, registered, functions))
}

/// The function itself.
///
/// # Safety
/// Called by Lua.
pub(super) unsafe extern "C-unwind" fn register_function(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls with a valid state and 20 slots; `register` holds nothing when it returns.
    unsafe {
        if let Err(text) = register(state) {
            raise(state, text.as_bytes());
        }
    }
    0
}

/// Where the parts of a registration lie on the stack.
const NAME: c_int = 2;
const CALLBACK: c_int = 3;
const DESCRIPTION: c_int = 4;

unsafe fn register(state: *mut lua_State) -> Result<(), &'static str> {
    if LOADING.with_borrow(Option::is_none) {
        return Err("ERR redis.register_function can only be called on FUNCTION LOAD command");
    }
    // SAFETY: as the caller's.
    unsafe {
        let flags = match ffi::lua_gettop(state) {
            1 => named(state)?,
            2 => positional(state)?,
            _ => return Err("ERR wrong number of arguments to redis.register_function"),
        };
        // The place of a callback by its name, which also says whether there is one.
        raw_field(state, ffi::LUA_REGISTRYINDEX, REGISTERED.as_bytes());
        let table = ffi::lua_gettop(state);
        if !is_name(text(state, NAME).unwrap_or_default()) {
            return Err(BAD_NAME);
        }
        ffi::lua_pushvalue(state, NAME);
        if ffi::lua_rawget(state, table) != ffi::LUA_TNIL {
            return Err("ERR Function already exists in the library");
        }
        ffi::lua_pushvalue(state, NAME);
        ffi::lua_pushvalue(state, CALLBACK);
        ffi::lua_rawset(state, table);
        let name = text(state, NAME).unwrap_or_default();
        let description = match ffi::lua_type(state, DESCRIPTION) {
            ffi::LUA_TSTRING => text(state, DESCRIPTION),
            _ => None,
        };
        note(name, description, flags)
    }
}

/// Notes a registration whose function is in the table.
fn note(name: &[u8], description: Option<&[u8]>, flags: ScriptFlags) -> Result<(), &'static str> {
    LOADING.with_borrow_mut(|loading| {
        let Some(list) = loading else { return Ok(()) };
        let len = |f: &Registered| f.name.len() + f.description.as_ref().map_or(0, Bytes::len);
        let new = name.len() + description.map_or(0, <[u8]>::len);
        // Only long descriptions come near the limit, so that the sum is seldom drawn.
        if new > TEXT_MAX
            || list.len() >= TEXT_MAX / 64
            || new > 1024 && list.iter().map(len).sum::<usize>() + new > TEXT_MAX
        {
            return Err("ERR the library registers too much");
        }
        list.push(Registered {
            name: String::from_utf8_lossy(name).into_owned(),
            description: description.map(Bytes::copy_from_slice),
            flags,
        });
        Ok(())
    })
}

/// Name and function as arguments: moved to their places.
unsafe fn positional(state: *mut lua_State) -> Result<ScriptFlags, &'static str> {
    // SAFETY: as the caller's. A number becomes a string in place.
    unsafe {
        if text(state, 1).is_none() {
            return Err("ERR first argument to redis.register_function must be a string");
        }
        if ffi::lua_type(state, 2) != ffi::LUA_TFUNCTION {
            return Err("ERR second argument to redis.register_function must be a function");
        }
        push(state, b"");
        ffi::lua_insert(state, 1);
        ffi::lua_pushnil(state);
    }
    Ok(ScriptFlags::DECLARED)
}

/// A table of named arguments, each laid in its place.
unsafe fn named(state: *mut lua_State) -> Result<ScriptFlags, &'static str> {
    let mut flags = ScriptFlags::DECLARED;
    // SAFETY: as the caller's. At 5 is the key, at 6 its value, at 7 the key again, as a string: what `next` gets is left alone.
    unsafe {
        if ffi::lua_type(state, 1) != ffi::LUA_TTABLE {
            return Err(
                "ERR calling redis.register_function with a single argument is only applicable to Lua table (representing \
                 named arguments).",
            );
        }
        ffi::lua_settop(state, DESCRIPTION);
        ffi::lua_pushnil(state);
        while ffi::lua_next(state, 1) != 0 {
            ffi::lua_pushvalue(state, 5);
            let Some(key) = text(state, 7) else {
                return Err("ERR named argument key given to redis.register_function is not a string");
            };
            let is = |name: &str| key.eq_ignore_ascii_case(name.as_bytes());
            if is("function_name") {
                if text(state, 6).is_none() {
                    return Err("ERR function_name argument given to redis.register_function must be a string");
                }
                ffi::lua_pushvalue(state, 6);
                ffi::lua_replace(state, NAME);
            } else if is("description") {
                if text(state, 6).is_none() {
                    return Err("ERR description argument given to redis.register_function must be a string");
                }
                ffi::lua_pushvalue(state, 6);
                ffi::lua_replace(state, DESCRIPTION);
            } else if is("callback") {
                if ffi::lua_type(state, 6) != ffi::LUA_TFUNCTION {
                    return Err("ERR callback argument given to redis.register_function must be a function");
                }
                ffi::lua_pushvalue(state, 6);
                ffi::lua_replace(state, CALLBACK);
            } else if is("flags") {
                flags = ScriptFlags::DECLARED | read_flags(state)?;
            } else {
                return Err("ERR unknown argument given to redis.register_function");
            }
            ffi::lua_settop(state, 5);
        }
        if ffi::lua_type(state, NAME) == ffi::LUA_TNIL {
            return Err("ERR redis.register_function must get a function name argument");
        }
        if ffi::lua_type(state, CALLBACK) == ffi::LUA_TNIL {
            return Err("ERR redis.register_function must get a callback argument");
        }
    }
    Ok(flags)
}

/// The flags in the list at 6.
unsafe fn read_flags(state: *mut lua_State) -> Result<ScriptFlags, &'static str> {
    let mut flags = ScriptFlags::empty();
    // SAFETY: as the caller's.
    unsafe {
        if ffi::lua_type(state, 6) != ffi::LUA_TTABLE {
            return Err("ERR flags argument to redis.register_function must be a table representing function flags");
        }
        for i in 1.. {
            let name = match ffi::lua_rawgeti(state, 6, i) {
                ffi::LUA_TNIL => break,
                ffi::LUA_TSTRING => text(state, -1).unwrap_or_default(),
                _ => b"",
            };
            let known = FLAG_NAMES.iter().find(|(known, _)| known.as_bytes() == name);
            flags |= known.ok_or("ERR unknown flag given")?.1;
            ffi::lua_settop(state, 7);
        }
    }
    Ok(flags)
}
