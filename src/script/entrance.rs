//! How a run enters a Lua state.
//!
//! Owns the two C functions of a state through which every run goes: [`enter`] hands the arguments over, calls, and writes the
//! result; [`lament`] writes an error. They are made once a state, as is the handler of errors, and kept in its registry
//! ([`Kept`]), so that a run makes nothing but its arguments and is one protected call. What a run takes along lies on the
//! thread's stack ([`Visit`]) and is handed through as a bare pointer: whatever Lua raises passes by it with a long jump, and
//! nothing in it has to be dropped.
#![allow(unsafe_code)]

use super::engine::{Call, Ran};
use super::names::{self, EXTRA, Name};
use super::recycle::Recycler;
use super::{Host, api, convert, raise, under_way};
use crate::resp::{ArgView, Reply};
use mlua::ffi::{self, lua_CFunction, lua_State};
use mlua::{IntoLuaMulti, Lua, Value};
use std::os::raw::c_int;
use std::ptr::NonNull;

/// Bytes of arguments from which on they are let go after the run, not only before the next.
const ARGUMENTS_KEPT: usize = 64 * 1024;

/// A value that a state keeps until this is dropped, which has to be before the state is.
pub(super) struct Kept {
    state: NonNull<lua_State>,
    id: c_int,
}

impl Kept {
    /// Keeps a value.
    ///
    /// # Errors
    /// There is no memory left.
    pub(super) fn new(lua: &Lua, value: impl IntoLuaMulti) -> mlua::Result<Self> {
        Self::made(lua, value, |_| {})
    }

    /// Keeps what `make` leaves on the stack, where it finds the values.
    fn made(lua: &Lua, values: impl IntoLuaMulti, make: impl FnOnce(*mut lua_State)) -> mlua::Result<Self> {
        let mut kept = None;
        // SAFETY: the closure runs in a protected call; what it holds need not be dropped.
        let done: mlua::Result<()> = unsafe {
            lua.exec_raw(values, |state| {
                make(state);
                let id = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
                kept = NonNull::new(state).map(|state| (state, id));
            })
        };
        done?;
        let (state, id) = kept.ok_or_else(|| mlua::Error::runtime("no state"))?;
        Ok(Self { state, id })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // SAFETY: the state lives; this changes a table where it has its place already, and so raises nothing.
        unsafe { ffi::luaL_unref(self.state.as_ptr(), ffi::LUA_REGISTRYINDEX, self.id) };
    }
}

/// What a run takes along.
struct Visit<'a, 'r> {
    function: c_int,
    /// The arguments are globals, not those of the function.
    globals: bool,
    call: Call<'a>,
    name: &'a str,
    reply: &'a mut Reply<'r>,
    ran: Ran,
    /// Bytes of the arguments.
    bytes: usize,
}

/// The way into a state.
pub(super) struct Entrance {
    handler: Kept,
    enter: Kept,
    lament: Kept,
    recycler: Recycler,
    /// The arguments are globals.
    globals: bool,
}

impl Entrance {
    /// That of a state. `globals`: the real table of its globals, where the arguments are to go there.
    ///
    /// # Errors
    /// There is no memory left.
    pub(super) fn new(lua: &Lua, globals: Option<&mlua::Table>) -> mlua::Result<Self> {
        let table = globals.cloned().map_or(Value::Nil, Value::Table);
        let named = |f: lua_CFunction| {
            // SAFETY: in a protected call, with the table on top.
            Kept::made(lua, table.clone(), |state| unsafe { names::push_function(state, f) })
        };
        Ok(Self {
            handler: Kept::new(lua, api::function(lua, raise::handler)?)?,
            enter: named(enter)?,
            lament: named(lament)?,
            recycler: Recycler::new(lua)?,
            globals: globals.is_some(),
        })
    }

    /// Runs a function of this state; its result goes to `reply`.
    pub(super) fn run(
        &self,
        host: &mut dyn Host,
        (function, name): (&Kept, &str),
        call: Call<'_>,
        reply: &mut Reply<'_>,
    ) -> Ran {
        let (state, mark) = (self.enter.state.as_ptr(), reply.mark());
        let (function, globals) = (function.id, self.globals);
        let mut visit = Visit { function, globals, call, name, reply, ran: Ran::default(), bytes: 0 };
        let visitor = &raw mut visit;
        // SAFETY: a state that nothing runs in has more than the four slots that are used; what raises is called protected.
        under_way::with_host(host, || unsafe {
            let top = ffi::lua_gettop(state);
            self.recycler.stand_in(state);
            under_way::begin(state);
            ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, self.handler.id);
            ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, self.enter.id);
            ffi::lua_pushlightuserdata(state, visitor.cast());
            let status = ffi::lua_pcall(state, 1, 1, top + 1);
            if under_way::stopped() || status != 0 {
                (*visitor).reply.truncate(mark);
                ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, self.lament.id);
                ffi::lua_insert(state, -2);
                ffi::lua_pushlightuserdata(state, visitor.cast());
                if ffi::lua_pcall(state, 2, 0, 0) != 0 {
                    (*visitor).reply.truncate(mark);
                    (*visitor).reply.error("ERR not enough memory");
                }
            }
            ffi::lua_settop(state, top);
            self.recycler.withdraw(state);
        });
        visit.ran
    }
}

/// Calls the function of the visit at 1, and writes its result.
///
/// # Safety
/// Called by Lua, with such a pointer alone.
unsafe extern "C-unwind" fn enter(state: *mut lua_State) -> c_int {
    // SAFETY: the visit outlives the call; a C function has 20 slots, and what takes more checks for them.
    unsafe {
        let visit = &mut *ffi::lua_touserdata(state, 1).cast::<Visit<'_, '_>>();
        let Call { args, keys } = visit.call;
        let parts = [(Name::Keys, 0, keys), (Name::Argv, keys, args.len() - keys)];
        if visit.globals {
            for (name, from, n) in parts {
                name.push(state);
                visit.bytes += push_arguments(state, args, from, n);
                ffi::lua_rawset(state, EXTRA);
            }
            ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, visit.function);
            ffi::lua_call(state, 0, 1);
        } else {
            ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, visit.function);
            parts.into_iter().for_each(|(_, from, n)| _ = push_arguments(state, args, from, n));
            ffi::lua_call(state, 2, 1);
        }
        if !under_way::stopped() {
            visit.ran.counted = convert::is_counted_error(state);
            convert::write(state, visit.reply, under_way::resp3(), 0);
        }
        forget_arguments(state, visit.bytes);
    }
    0
}

/// Writes the error at 1 as the reply of the visit at 2, unless the script was made to end.
///
/// # Safety
/// Called by Lua, with these.
unsafe extern "C-unwind" fn lament(state: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        let visit = &mut *ffi::lua_touserdata(state, 2).cast::<Visit<'_, '_>>();
        ffi::lua_settop(state, 1);
        if under_way::stopped() {
            visit.ran = Ran { stopped: true, line: raise::line(state), counted: false };
        } else {
            visit.ran.counted = raise::write(state, visit.name, visit.reply);
        }
        forget_arguments(state, visit.bytes);
    }
    0
}

/// Lets go of the arguments in the globals if they are many bytes.
unsafe fn forget_arguments(state: *mut lua_State, bytes: usize) {
    if bytes > ARGUMENTS_KEPT {
        for name in [Name::Keys, Name::Argv] {
            // SAFETY: as the caller's.
            unsafe {
                name.push(state);
                ffi::lua_createtable(state, 0, 0);
                ffi::lua_rawset(state, EXTRA);
            }
        }
    }
}

/// Pushes a table of `n` arguments from `from` on; returns how many bytes they are.
///
/// # Safety
/// In a protected call with two free slots, holding nothing that has to be dropped.
unsafe fn push_arguments(state: *mut lua_State, args: ArgView<'_>, from: usize, n: usize) -> usize {
    let mut bytes = 0;
    // SAFETY: as the caller's.
    unsafe {
        ffi::lua_createtable(state, n.min(1 << 20) as c_int, 0);
        for i in 0..n {
            let arg = args.get(from + i).unwrap_or_default();
            bytes += arg.len();
            raise::push(state, arg);
            ffi::lua_rawseti_(state, -2, i as c_int + 1);
        }
    }
    bytes
}
