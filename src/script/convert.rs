//! Replies to Lua's values, and Lua's values to replies.
//!
//! Owns both conversions for both protocols. A reply is read straight from its bytes, which our own writer made, and a value
//! is written straight into the client's reply, so that neither takes another form on the way. Whatever Lua raises here
//! (it has no memory left) leaves by a long jump: nothing is held that would have to be dropped. All of it is called from C
//! functions that have the names of the fields as upvalues ([`Name`]).
#![allow(unsafe_code)]

use super::names::{Name, push_error};
use super::raise::{push, text};
use crate::resp::Reply;
use mlua::ffi::{self, lua_State};
use std::os::raw::c_int;

/// Tables in tables that a reply may have.
const DEPTH_MAX: u32 = 1500;

/// A double as an integer of 64 bits, as the processor converts it: what is out of range is the least one.
fn to_i64(number: f64) -> i64 {
    const END: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "within the range")]
    if (-END..END).contains(&number) { number as i64 } else { i64::MIN }
}

/// Cuts the first line off, without its end.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'\r', bytes) {
        Some(at) => (&bytes[..at], bytes.get(at + 2..).unwrap_or_default()),
        None => (bytes, b""),
    }
}

fn number(text: &[u8]) -> i64 {
    crate::base::num::parse_i64(text).unwrap_or_default()
}

/// Pushes `{name = text}`.
unsafe fn push_named(state: *mut lua_State, name: Name, value: &[u8]) {
    // SAFETY: the caller has checked the stack.
    unsafe {
        ffi::lua_createtable(state, 0, 1);
        name.push(state);
        if value == b"OK" {
            Name::Done.push(state)
        } else {
            push(state, value)
        }
        ffi::lua_rawset(state, -3);
    }
}

/// Pushes the value of the first reply in `bytes`; returns what follows it.
///
/// # Safety
/// Called from a C function of Lua that has the names, holding nothing that has to be dropped.
pub unsafe fn push_reply(state: *mut lua_State, bytes: &[u8]) -> &[u8] {
    let Some((&kind, rest)) = bytes.split_first() else { return b"" };
    let (head, rest) = line(rest);
    // SAFETY: slots are checked before they are used; the caller's promise is for what Lua raises.
    unsafe {
        ffi::luaL_checkstack(state, 8, c"too many nested replies".as_ptr());
        match kind {
            b':' => ffi::lua_pushnumber(state, number(head) as f64),
            b'$' | b'=' => match usize::try_from(number(head)) {
                Ok(len) if len + 2 <= rest.len() => {
                    let (value, rest) = rest.split_at(len);
                    if kind == b'$' {
                        push(state, value)
                    } else {
                        push_verbatim(state, value)
                    }
                    return &rest[2..];
                }
                _ => ffi::lua_pushboolean(state, 0),
            },
            b'+' => push_named(state, Name::Ok, head),
            b'-' => push_error(state, head),
            b'#' => ffi::lua_pushboolean(state, c_int::from(head == b"t")),
            b',' => {
                ffi::lua_createtable(state, 0, 1);
                ffi::lua_pushnumber(state, crate::base::num::parse_f64(head).unwrap_or_default());
                Name::Double.set(state);
            }
            b'(' => push_named(state, Name::BigNumber, head),
            b'*' | b'>' => match usize::try_from(number(head)) {
                Ok(n) => return push_array(state, n, rest),
                Err(_) => ffi::lua_pushboolean(state, 0),
            },
            b'%' | b'~' => return push_keyed(state, kind == b'%', number(head), rest),
            b'|' => {
                // Facts about the reply that follows them: no script sees them.
                let mut rest = rest;
                for _ in 0..number(head) * 2 {
                    rest = push_reply(state, rest);
                    ffi::lua_settop(state, -2);
                }
                return push_reply(state, rest);
            }
            _ => ffi::lua_pushnil(state),
        }
    }
    rest
}

unsafe fn push_verbatim(state: *mut lua_State, value: &[u8]) {
    let (format, value) = value.split_at(value.len().min(4));
    // SAFETY: as the caller's.
    unsafe {
        ffi::lua_createtable(state, 0, 1);
        push_named(state, Name::String, value);
        push(state, &format[..format.len().min(3)]);
        Name::Format.set(state);
        Name::Verbatim.set(state);
    }
}

unsafe fn push_array(state: *mut lua_State, n: usize, mut rest: &[u8]) -> &[u8] {
    // SAFETY: as the caller's.
    unsafe {
        ffi::lua_createtable(state, n.min(1 << 20) as c_int, 0);
        for i in 1..=n {
            rest = push_reply(state, rest);
            ffi::lua_rawseti_(state, -2, i as c_int);
        }
    }
    rest
}

/// A map, or a set: a table whose values are true.
unsafe fn push_keyed(state: *mut lua_State, map: bool, n: i64, mut rest: &[u8]) -> &[u8] {
    // SAFETY: as the caller's.
    unsafe {
        ffi::lua_createtable(state, 0, 1);
        if map {
            Name::Map.push(state)
        } else {
            Name::Set.push(state)
        }
        ffi::lua_createtable(state, 0, n.clamp(0, 1 << 20) as c_int);
        for _ in 0..n {
            rest = push_reply(state, rest);
            if map {
                rest = push_reply(state, rest);
            } else {
                ffi::lua_pushboolean(state, 1);
            }
            if ffi::lua_type(state, -2) == ffi::LUA_TNIL {
                ffi::lua_settop(state, -3);
            } else {
                ffi::lua_rawset(state, -3);
            }
        }
        ffi::lua_rawset(state, -3);
    }
    rest
}

/// Writes the value on top as a reply and takes it off the stack. `resp3`: the script has asked for that protocol's truth
/// values.
///
/// # Safety
/// In a protected call, from a C function that has the names, holding nothing that has to be dropped.
pub unsafe fn write(state: *mut lua_State, reply: &mut Reply<'_>, resp3: bool, depth: u32) {
    // SAFETY: slots are checked before they are used.
    unsafe {
        if depth > DEPTH_MAX || ffi::lua_checkstack(state, 6) == 0 {
            reply.error("ERR reached lua stack limit");
            ffi::lua_settop(state, -2);
            return;
        }
        let at = ffi::lua_gettop(state);
        match ffi::lua_type(state, at) {
            ffi::LUA_TSTRING => reply.bulk(text(state, at).unwrap_or_default()),
            ffi::LUA_TNUMBER => reply.int(to_i64(ffi::lua_tonumber(state, at))),
            ffi::LUA_TBOOLEAN => match ffi::lua_toboolean(state, at) != 0 {
                value if resp3 => reply.bool(value),
                true => reply.int(1),
                false => reply.null(),
            },
            ffi::LUA_TTABLE => {
                if !write_special(state, at, reply, resp3, depth) {
                    ffi::lua_settop(state, at);
                    write_array(state, at, reply, resp3, depth);
                }
            }
            _ => reply.null(),
        }
        ffi::lua_settop(state, at - 1);
    }
}

unsafe fn write_array(state: *mut lua_State, at: c_int, reply: &mut Reply<'_>, resp3: bool, depth: u32) {
    let header = reply.defer_array();
    let mut n = 0;
    // SAFETY: as the caller's.
    unsafe {
        while ffi::lua_rawgeti(state, at, n as ffi::lua_Integer + 1) != ffi::LUA_TNIL {
            write(state, reply, resp3, depth + 1);
            n += 1;
        }
    }
    reply.set_array(header, n);
}

/// Writes a table that stands for another reply than an array; `false`: this one does not.
unsafe fn write_special(state: *mut lua_State, at: c_int, reply: &mut Reply<'_>, resp3: bool, depth: u32) -> bool {
    // SAFETY: as the caller's.
    unsafe {
        if Name::Err.field(state, at) == ffi::LUA_TSTRING {
            reply.error_bytes(text(state, -1).unwrap_or_default());
            return true;
        }
        if Name::Ok.field(state, at) == ffi::LUA_TSTRING {
            reply.simple_bytes(text(state, -1).unwrap_or_default());
            return true;
        }
        ffi::lua_settop(state, at);
        if Name::Double.field(state, at) == ffi::LUA_TNUMBER {
            reply.double(ffi::lua_tonumber(state, -1));
            return true;
        }
        if Name::Map.field(state, at) == ffi::LUA_TTABLE {
            write_pairs(state, reply, (true, resp3), depth);
            return true;
        }
        ffi::lua_settop(state, at);
        if Name::Set.field(state, at) == ffi::LUA_TTABLE {
            write_pairs(state, reply, (false, resp3), depth);
            return true;
        }
        if Name::BigNumber.field(state, at) == ffi::LUA_TSTRING {
            reply.big_number_bytes(text(state, -1).unwrap_or_default());
            return true;
        }
        ffi::lua_settop(state, at);
        if Name::Verbatim.field(state, at) == ffi::LUA_TTABLE {
            let table = ffi::lua_gettop(state);
            if Name::Format.field(state, table) == ffi::LUA_TSTRING
                && Name::String.field(state, table) == ffi::LUA_TSTRING
            {
                let mut format = *b"   ";
                format.iter_mut().zip(text(state, -2).unwrap_or_default()).for_each(|(to, from)| *to = *from);
                reply.verbatim(&format, text(state, -1).unwrap_or_default());
                return true;
            }
        }
        false
    }
}

/// Writes the table on top as a map, or its keys as a set.
unsafe fn write_pairs(state: *mut lua_State, reply: &mut Reply<'_>, (map, resp3): (bool, bool), depth: u32) {
    // SAFETY: as the caller's.
    unsafe {
        let table = ffi::lua_gettop(state);
        let header = reply.defer_array();
        let mut n = 0;
        ffi::lua_pushnil(state);
        while ffi::lua_next(state, table) != 0 {
            // Copied: writing a key takes it away, and might make it a string under `next`.
            ffi::lua_pushvalue(state, -2);
            write(state, reply, resp3, depth + 1);
            if map {
                ffi::lua_pushvalue(state, -1);
                write(state, reply, resp3, depth + 1);
            }
            ffi::lua_settop(state, -2);
            n += 1;
        }
        if map { reply.set_map(header, n) } else { reply.set_set(header, n) }
    }
}

/// Whether the value on top is an error that the statistics have counted already.
///
/// # Safety
/// As [`write`].
pub unsafe fn is_counted_error(state: *mut lua_State) -> bool {
    // SAFETY: as the caller's.
    unsafe {
        let at = ffi::lua_gettop(state);
        let counted =
            ffi::lua_type(state, at) == ffi::LUA_TTABLE && Name::Counted.field(state, at) == ffi::LUA_TBOOLEAN;
        ffi::lua_settop(state, at);
        counted
    }
}
