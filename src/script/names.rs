//! The strings that our C functions need again and again, as values of Lua's.
//!
//! Owns the list. A string that is pushed is hashed and looked for in Lua's table of strings, and gives the collector its
//! occasion to work; an upvalue of the function that runs is only copied. So the functions that convert replies and
//! arguments have all of these as upvalues ([`push_function`]), and their helpers say which one by its [`Name`].
#![allow(unsafe_code)]

use super::raise::push;
use mlua::ffi::{self, lua_CFunction, lua_State};
use std::os::raw::c_int;

/// One of the strings: its number among the upvalues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Err = 1,
    /// The field of an error that the statistics have seen.
    Counted,
    Ok,
    /// The usual status.
    Done,
    Double,
    Map,
    Set,
    BigNumber,
    Verbatim,
    Format,
    String,
    Keys,
    Argv,
}

/// Their texts, in order.
const TEXTS: [&[u8]; 13] = [
    b"err",
    super::raise::COUNTED,
    b"ok",
    b"OK",
    b"double",
    b"map",
    b"set",
    b"big_number",
    b"verbatim_string",
    b"format",
    b"string",
    b"KEYS",
    b"ARGV",
];

/// The place of one more upvalue, which [`push_function`] takes from the stack.
pub(super) const EXTRA: c_int = ffi::lua_upvalueindex(TEXTS.len() as c_int + 1);

/// Makes the value on top and the strings upvalues of a C function, which is left in the value's place.
///
/// # Safety
/// `state` is a valid state with a value on top and enough free slots, in a protected call.
pub(super) unsafe fn push_function(state: *mut lua_State, f: lua_CFunction) {
    let n = TEXTS.len() as c_int;
    // SAFETY: as the caller's.
    unsafe {
        ffi::luaL_checkstack(state, n + 1, c"no stack".as_ptr());
        TEXTS.iter().for_each(|text| push(state, text));
        ffi::lua_pushvalue(state, -n - 1);
        ffi::lua_pushcclosure(state, f, n + 1);
        ffi::lua_replace(state, -2);
    }
}

impl Name {
    /// Pushes the string.
    ///
    /// # Safety
    /// Called from a function that [`push_function`] has made, with a free slot.
    pub(super) unsafe fn push(self, state: *mut lua_State) {
        // SAFETY: as the caller's.
        unsafe { ffi::lua_pushvalue(state, ffi::lua_upvalueindex(self as c_int)) };
    }

    /// Pushes this field of the table at `index`, an absolute one; returns its type.
    ///
    /// # Safety
    /// As [`Name::push`]; a table is at `index`.
    pub(super) unsafe fn field(self, state: *mut lua_State, index: c_int) -> c_int {
        // SAFETY: as the caller's.
        unsafe {
            self.push(state);
            ffi::lua_rawget(state, index)
        }
    }

    /// Takes the value on top off and sets this field of the table below it.
    ///
    /// # Safety
    /// As [`Name::push`], in a protected call.
    pub(super) unsafe fn set(self, state: *mut lua_State) {
        // SAFETY: as the caller's.
        unsafe {
            self.push(state);
            ffi::lua_insert(state, -2);
            ffi::lua_rawset(state, -3);
        }
    }
}

/// Pushes the error value of a command, marked as one that was counted already.
///
/// # Safety
/// As [`Name::push`], with four free slots, in a protected call.
pub(super) unsafe fn push_error(state: *mut lua_State, text: &[u8]) {
    // SAFETY: as the caller's.
    unsafe {
        ffi::lua_createtable(state, 0, 2);
        push(state, text);
        Name::Err.set(state);
        ffi::lua_pushboolean(state, 1);
        Name::Counted.set(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_text() {
        let texts = [(Name::Err, "err"), (Name::Done, "OK"), (Name::String, "string"), (Name::Argv, "ARGV")];
        for (name, text) in texts {
            assert_eq!(TEXTS[name as usize - 1], text.as_bytes());
        }
        assert_eq!(Name::Argv as usize, TEXTS.len());
    }
}
