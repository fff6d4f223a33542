//! Errors as scripts see them, and how they are raised.
//!
//! Owns the shape of an error value (a table with `err`), the handler that adds where it was raised, and the line that the
//! client gets. The functions here are called by Lua and leave by a long jump when they raise; none of them holds anything that
//! would have to be dropped then.
#![allow(unsafe_code)]

use crate::resp::Reply;
use mlua::ffi::{self, lua_State};
use std::os::raw::c_int;

/// Pushes a string.
///
/// # Safety
/// `state` is a valid state with a free slot, in a protected call.
pub unsafe fn push(state: *mut lua_State, text: &[u8]) {
    // SAFETY: as the caller's.
    unsafe { ffi::lua_pushlstring_(state, text.as_ptr().cast(), text.len()) };
}

/// The string, or the number as text, at an index; `None` where it is neither. A number is changed into a string in place.
///
/// # Safety
/// `state` is valid; the slice lives as long as the value stays on the stack.
pub unsafe fn text<'a>(state: *mut lua_State, index: c_int) -> Option<&'a [u8]> {
    let mut len = 0;
    // SAFETY: as the caller's; the pointer is to `len` bytes of the string.
    unsafe {
        let bytes = ffi::lua_tolstring(state, index, &mut len);
        (!bytes.is_null()).then(|| std::slice::from_raw_parts(bytes.cast(), len))
    }
}

/// Sets `err` of the table on top.
unsafe fn set_field(state: *mut lua_State, name: &[u8], value: &[u8]) {
    // SAFETY: a table is on top; slots were checked by the callers.
    unsafe {
        push(state, name);
        push(state, value);
        ffi::lua_rawset(state, -3);
    }
}

/// Pushes an error value with this text.
///
/// # Safety
/// As [`push`], with three free slots.
pub unsafe fn push_error(state: *mut lua_State, text: &[u8]) {
    // SAFETY: as the caller's.
    unsafe {
        ffi::lua_createtable(state, 0, 2);
        set_field(state, b"err", text);
    }
}

/// The field of an error that the statistics have seen.
pub(super) const COUNTED: &[u8] = b"ignore_error_stats_update";

/// Raises an error value with this text.
///
/// # Safety
/// Called from a C function of Lua, holding nothing that has to be dropped.
pub unsafe fn raise(state: *mut lua_State, text: &[u8]) -> ! {
    // SAFETY: as the caller's; a C function has 20 slots.
    unsafe {
        push_error(state, text);
        ffi::lua_error(state)
    }
}

/// Raises a string, as a C library does.
///
/// # Safety
/// As [`raise`].
pub unsafe fn raise_text(state: *mut lua_State, text: &[u8]) -> ! {
    // SAFETY: as the caller's.
    unsafe {
        push(state, text);
        ffi::lua_error(state)
    }
}

/// Raises a string that opens with the place of the Lua code that called.
///
/// # Safety
/// As [`raise`].
pub unsafe fn raise_here(state: *mut lua_State, text: &[u8]) -> ! {
    // SAFETY: as the caller's.
    unsafe {
        ffi::luaL_where(state, 1);
        push(state, text);
        ffi::lua_concat(state, 2);
        ffi::lua_error(state)
    }
}

/// Pushes the field of the table at `index`, an absolute one.
///
/// # Safety
/// As [`push`]; a table is at `index`.
pub unsafe fn raw_field(state: *mut lua_State, index: c_int, name: &[u8]) -> c_int {
    // SAFETY: as the caller's.
    unsafe {
        push(state, name);
        ffi::lua_rawget(state, index)
    }
}

/// The handler of a script's errors: makes whatever was raised a table with `err`, `source` and `line`.
///
/// # Safety
/// Called by Lua.
pub unsafe extern "C-unwind" fn handler(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls with the error value and 20 free slots.
    unsafe {
        ffi::lua_settop(state, 1);
        if ffi::lua_type(state, 1) != ffi::LUA_TTABLE {
            match ffi::lua_type(state, 1) {
                ffi::LUA_TSTRING | ffi::LUA_TNUMBER => ffi::lua_pushvalue(state, 1),
                ffi::LUA_TNIL => push(state, b"nil"),
                ffi::LUA_TBOOLEAN if ffi::lua_toboolean(state, 1) == 0 => push(state, b"false"),
                ffi::LUA_TBOOLEAN => push(state, b"true"),
                _ => push(state, b"(error object is not a string)"),
            }
            push(state, b"ERR ");
            ffi::lua_insert(state, 2);
            ffi::lua_concat(state, 2);
            ffi::lua_createtable(state, 0, 3);
            push(state, b"err");
            ffi::lua_pushvalue(state, 2);
            ffi::lua_rawset(state, 3);
        }
        let mut debug: ffi::lua_Debug = std::mem::zeroed();
        let mut level = 1;
        while ffi::lua_getstack(state, level, &mut debug) != 0 && level < 3 {
            ffi::lua_getinfo(state, c"Sl".as_ptr(), &mut debug);
            if debug.currentline >= 0 {
                push(state, b"source");
                ffi::lua_pushstring(state, debug.source);
                ffi::lua_rawset(state, -3);
                push(state, b"line");
                ffi::lua_pushnumber(state, debug.currentline.into());
                ffi::lua_rawset(state, -3);
                break;
            }
            level += 1;
        }
        1
    }
}

/// The line where the error on top was raised, as [`handler`] left it.
///
/// # Safety
/// As [`push`], with two free slots.
pub unsafe fn line(state: *mut lua_State) -> Option<u32> {
    // SAFETY: as the caller's.
    unsafe {
        let at = ffi::lua_gettop(state);
        let known = ffi::lua_type(state, at) == ffi::LUA_TTABLE && raw_field(state, at, b"line") == ffi::LUA_TNUMBER;
        let line = known.then(|| ffi::lua_tonumber(state, -1) as u32);
        ffi::lua_settop(state, at);
        line
    }
}

/// Writes the error on top, as [`handler`] left it, as the reply of the script `name`. Returns whether the statistics have
/// counted it already.
///
/// # Safety
/// As [`push`], with four free slots.
pub unsafe fn write(state: *mut lua_State, name: &str, reply: &mut Reply<'_>) -> bool {
    // SAFETY: as the caller's.
    unsafe {
        let at = ffi::lua_gettop(state);
        if ffi::lua_type(state, at) != ffi::LUA_TTABLE {
            // Out of memory: there was none for a table.
            let what = text(state, at).unwrap_or(b"unknown error");
            reply.error_parts(&[b"ERR ", what, b" script: ", name.as_bytes()]);
            return false;
        }
        raw_field(state, at, b"err");
        raw_field(state, at, b"source");
        raw_field(state, at, b"line");
        raw_field(state, at, COUNTED);
        let what = text(state, at + 1).unwrap_or(b"ERR unknown error");
        match (text(state, at + 2), text(state, at + 3)) {
            (Some(source), Some(line)) => {
                reply.error_parts(&[what, b" script: ", name.as_bytes(), b", on ", source, b":", line, b"."]);
            }
            _ => reply.error_parts(&[what, b" script: ", name.as_bytes()]),
        }
        let counted = ffi::lua_toboolean(state, at + 4) != 0;
        ffi::lua_settop(state, at);
        counted
    }
}
