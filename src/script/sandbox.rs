//! The globals of a Lua state as scripts find them: what is there, and that nothing of it can be changed.
//!
//! Owns the list of what scripts may use of Lua's own libraries, and the protection. Lua 5.1 has no tables that are
//! read-only, so a script gets *proxies*: empty tables whose metatable reads from the real table and refuses
//! assignments. What would pass by a metatable (`rawset`, `next`, `pairs`, `getmetatable`, `table.insert`...) is
//! replaced by a C function that looks for proxies first and then goes on with Lua's own. A proxy is known by a light
//! userdata in its metatable, which no script can make.
//!
//! Some functions are replaced for other reasons: `load` and `loadstring` take no bytecode; pattern matching takes
//! patterns of a bounded length, as it recurses; `pcall` does not keep the error that ends a script, and hands on the text
//! of an error that is a table; `math.random` is the generator that scripts for Redis know; `collectgarbage` only measures
//! and collects.
#![allow(unsafe_code)]

use super::raise::{push, raise_here, raise_text, raw_field, text};
use super::{api, libs, under_way};
use mlua::ffi::{self, lua_CFunction, lua_State};
use mlua::{Function, IntoLuaMulti, Lua, LuaOptions, StdLib, Table, Value};
use std::cell::Cell;
use std::os::raw::{c_int, c_void};

/// Bytes of a pattern: matching recurses once an item, on the thread's stack.
const PATTERN_MAX: usize = 4000;

/// The globals that stay of Lua's own.
const GLOBALS: [&str; 24] = [
    "_VERSION",
    "assert",
    "collectgarbage",
    "coroutine",
    "error",
    "gcinfo",
    "getmetatable",
    "ipairs",
    "load",
    "loadstring",
    "math",
    "next",
    "pairs",
    "pcall",
    "rawequal",
    "rawget",
    "rawset",
    "select",
    "setmetatable",
    "string",
    "table",
    "tonumber",
    "tostring",
    "type",
];

const MORE_GLOBALS: [&str; 6] = ["unpack", "xpcall", "cjson", "cmsgpack", "struct", "bit"];

/// Its address in the metatable of a table says that the table is a proxy.
static MARK: u8 = 0;

fn mark() -> *mut c_void {
    std::ptr::from_ref(&MARK).cast_mut().cast()
}

/// Where a proxy's metatable holds the real table, the mark, and what `getmetatable` shows.
const REAL: ffi::lua_Integer = 1;
const MARKED: ffi::lua_Integer = 2;
const SHOWN: ffi::lua_Integer = 3;

/// A state that is ready for scripts, and the real table of its globals.
pub(super) fn state() -> mlua::Result<(Lua, Table)> {
    let (lua, real, _, _) = build(Kind::Scripts)?;
    Ok((lua, real))
}

/// A state for the functions of libraries.
///
/// While a library is loaded it finds nothing but `redis`, with what registers functions; the same globals show functions that
/// run all that scripts find.
pub(super) struct FunctionState {
    pub lua: Lua,
    /// The metatable of the globals.
    meta: Table,
    loading: Table,
    running: Table,
}

impl FunctionState {
    pub(super) fn new() -> mlua::Result<Self> {
        let (lua, running, env, absent) = build(Kind::Functions)?;
        let meta = env.metatable().ok_or_else(|| mlua::Error::runtime("globals without a metatable"))?;
        let library = api::loading_library(&lua)?;
        library.set_metatable(Some(absent.clone()))?;
        let loading = lua.create_table()?;
        loading.raw_set("redis", proxy(&lua, library, Value::Nil)?)?;
        loading.set_metatable(Some(absent))?;
        Ok(Self { lua, meta, loading, running })
    }

    /// Shows what a library finds that is loaded, or what functions find.
    pub(super) fn show(&self, loading: bool) -> mlua::Result<()> {
        let real = if loading { &self.loading } else { &self.running };
        self.meta.raw_set("__index", real)?;
        self.meta.raw_set(REAL, real)
    }
}

/// What runs in a state.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Scripts,
    Functions,
}

/// A state, the real table of its globals, their proxy, and the metatable of a table whose absent fields are errors.
fn build(kind: Kind) -> mlua::Result<(Lua, Table, Table, Table)> {
    let lua = Lua::new_with(StdLib::TABLE | StdLib::STRING | StdLib::MATH, LuaOptions::default())?;
    libs::install(&lua)?;
    let given = lua.globals();
    given.raw_set("redis", api::library(&lua, kind == Kind::Scripts)?)?;
    replace(&lua, &given)?;
    let real = lua.create_table()?;
    for name in GLOBALS.iter().chain(&MORE_GLOBALS).chain(&["redis"]) {
        let value: Value = given.raw_get(*name)?;
        match value {
            Value::Table(table) => real.raw_set(*name, proxy(&lua, table, Value::Nil)?)?,
            value => real.raw_set(*name, value)?,
        }
    }
    protect_strings(&lua)?;
    let absent = lua.create_table()?;
    absent.raw_set("__index", api::function(&lua, nonexistent)?)?;
    real.set_metatable(Some(absent.clone()))?;
    let shown = Value::Table(proxy(&lua, absent.clone(), Value::Nil)?);
    let env = proxy(&lua, real.clone(), shown)?;
    real.raw_set("_G", &env)?;
    lua.set_globals(env.clone())?;
    Ok((lua, real, env, absent))
}

/// A read-only view of a table.
fn proxy(lua: &Lua, real: Table, shown: Value) -> mlua::Result<Table> {
    let meta = lua.create_table()?;
    meta.raw_set("__index", &real)?;
    meta.raw_set("__newindex", api::function(lua, read_only)?)?;
    meta.raw_set(REAL, real)?;
    meta.raw_set(MARKED, Value::LightUserData(mlua::LightUserData(mark())))?;
    meta.raw_set(SHOWN, shown)?;
    let proxy = lua.create_table()?;
    proxy.set_metatable(Some(meta))?;
    Ok(proxy)
}

/// A C function with upvalues.
fn closure(lua: &Lua, f: lua_CFunction, upvalues: impl IntoLuaMulti, n: c_int) -> mlua::Result<Function> {
    // SAFETY: the state is in a protected call with the upvalues, and nothing else, on its stack.
    unsafe { lua.exec_raw(upvalues, |state| ffi::lua_pushcclosure(state, f, n)) }
}

/// Puts ours in place of functions of Lua's.
fn replace(lua: &Lua, given: &Table) -> mlua::Result<()> {
    let over = |table: &Table, name: &str, f: lua_CFunction| -> mlua::Result<()> {
        let old: Function = table.raw_get(name)?;
        table.raw_set(name, closure(lua, f, old, 1)?)
    };
    let next: Function = given.raw_get("next")?;
    over(given, "next", through_proxy)?;
    let ours: Function = given.raw_get("next")?;
    given.raw_set("pairs", closure(lua, pairs, (next, ours), 2)?)?;
    over(given, "rawget", through_proxy)?;
    over(given, "rawset", unless_proxy)?;
    over(given, "setmetatable", unless_proxy)?;
    over(given, "getmetatable", getmetatable)?;
    over(given, "loadstring", loadstring)?;
    let loads: Function = given.raw_get("loadstring")?;
    given.raw_set("load", closure(lua, load, loads, 1)?)?;
    given.raw_set("pcall", api::function(lua, pcall)?)?;
    over(given, "xpcall", xpcall)?;
    over(given, "collectgarbage", collectgarbage)?;
    let table: Table = given.raw_get("table")?;
    for name in ["insert", "sort", "remove"] {
        over(&table, name, unless_proxy)?;
    }
    over(&table, "foreach", through_proxy)?;
    let string: Table = given.raw_get("string")?;
    for name in ["find", "match", "gmatch", "gfind", "gsub"] {
        over(&string, name, bounded_pattern)?;
    }
    let math: Table = given.raw_get("math")?;
    math.raw_set("random", api::function(lua, random)?)?;
    math.raw_set("randomseed", api::function(lua, randomseed)?)
}

/// Makes the metatable of strings show a proxy, and reads through one.
fn protect_strings(lua: &Lua) -> mlua::Result<()> {
    let string: Table = lua.globals().raw_get("string")?;
    let view = proxy(lua, string.clone(), Value::Nil)?;
    let meta = lua.create_table()?;
    meta.raw_set("__index", view)?;
    let shown = proxy(lua, meta, Value::Nil)?;
    // Values other than strings get it by `getmetatable`, which knows strings.
    lua.set_named_registry_value(STRINGS, shown)
}

/// Where the registry has what `getmetatable` shows of a string.
const STRINGS: &str = "ostracon.strings";

/// Pushes the real table if there is a proxy at `index`; `false`: it is none, and nothing is pushed.
unsafe fn push_real(state: *mut lua_State, index: c_int, what: ffi::lua_Integer) -> bool {
    // SAFETY: the callers are C functions with free slots.
    unsafe {
        if ffi::lua_type(state, index) != ffi::LUA_TTABLE || ffi::lua_getmetatable(state, index) == 0 {
            return false;
        }
        let is_proxy =
            ffi::lua_rawgeti(state, -1, MARKED) == ffi::LUA_TLIGHTUSERDATA && ffi::lua_touserdata(state, -1) == mark();
        ffi::lua_settop(state, -2);
        if is_proxy {
            ffi::lua_rawgeti(state, -1, what);
            ffi::lua_remove(state, -2);
        } else {
            ffi::lua_settop(state, -2);
        }
        is_proxy
    }
}

/// Calls the C function that is the first upvalue, which has none itself, in this frame: its errors name this call.
unsafe fn original(state: *mut lua_State) -> c_int {
    // SAFETY: as the caller's.
    unsafe { ffi::lua_tocfunction(state, ffi::lua_upvalueindex(1)).map_or(0, |f| f(state)) }
}

/// A function whose first argument is read: through a proxy.
unsafe extern "C-unwind" fn through_proxy(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls with a valid state and 20 slots; as all below.
    unsafe {
        if push_real(state, 1, REAL) {
            ffi::lua_replace(state, 1);
        }
        original(state)
    }
}

/// A function whose first argument is changed: not a proxy.
unsafe extern "C-unwind" fn unless_proxy(state: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        if push_real(state, 1, REAL) {
            if ffi::lua_gettop(state) == 2 {
                // `table.sort(t)`, `table.remove(t)`: of an empty table.
                return 0;
            }
            raise_text(state, b"Attempt to modify a readonly table");
        }
        original(state)
    }
}

unsafe extern "C-unwind" fn read_only(state: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe { raise_here(state, b"Attempt to modify a readonly table") }
}

unsafe extern "C-unwind" fn nonexistent(state: *mut lua_State) -> c_int {
    // SAFETY: as above; the name is the second argument.
    unsafe {
        ffi::luaL_where(state, 1);
        push(state, b"Script attempted to access nonexistent global variable '");
        match ffi::lua_type(state, 2) {
            ffi::LUA_TSTRING | ffi::LUA_TNUMBER => ffi::lua_pushvalue(state, 2),
            other => ffi::lua_pushstring_(state, ffi::lua_typename(state, other)),
        }
        push(state, b"'");
        ffi::lua_concat(state, 4);
        ffi::lua_error(state)
    }
}

unsafe extern "C-unwind" fn pairs(state: *mut lua_State) -> c_int {
    // SAFETY: as above; upvalues: Lua's `next` and ours.
    unsafe {
        ffi::luaL_checktype(state, 1, ffi::LUA_TTABLE);
        let is_proxy = push_real(state, 1, REAL);
        ffi::lua_settop(state, 1);
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(if is_proxy { 2 } else { 1 }));
        ffi::lua_pushvalue(state, 1);
        ffi::lua_pushnil(state);
        3
    }
}

unsafe extern "C-unwind" fn getmetatable(state: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        if ffi::lua_type(state, 1) == ffi::LUA_TSTRING {
            return match raw_field(state, ffi::LUA_REGISTRYINDEX, STRINGS.as_bytes()) {
                ffi::LUA_TNIL => 0,
                _ => 1,
            };
        }
        if push_real(state, 1, SHOWN) { 1 } else { original(state) }
    }
}

/// Lua's own `loadstring`, for source alone.
unsafe extern "C-unwind" fn loadstring(state: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        if ffi::lua_type(state, 1) == ffi::LUA_TSTRING && text(state, 1).unwrap_or_default().first() == Some(&0x1b) {
            ffi::lua_pushnil(state);
            push(state, b"bytecode is not allowed");
            return 2;
        }
        original(state)
    }
}

/// `load`: the pieces are put together and loaded as one string.
unsafe extern "C-unwind" fn load(state: *mut lua_State) -> c_int {
    // SAFETY: as above; three slots are used beside the arguments.
    unsafe {
        ffi::luaL_checktype(state, 1, ffi::LUA_TFUNCTION);
        ffi::lua_settop(state, 2);
        if ffi::lua_type(state, 2) != ffi::LUA_TSTRING {
            push(state, b"=(load)");
            ffi::lua_replace(state, 2);
        }
        push(state, b"");
        loop {
            ffi::lua_pushvalue(state, 1);
            if ffi::lua_pcall(state, 0, 1, 0) != 0 {
                if under_way::stopped() {
                    under_way::stop(state);
                }
                ffi::lua_pushnil(state);
                ffi::lua_insert(state, -2);
                return 2;
            }
            match ffi::lua_type(state, -1) {
                ffi::LUA_TNIL => break,
                ffi::LUA_TSTRING | ffi::LUA_TNUMBER if !text(state, -1).unwrap_or_default().is_empty() => {
                    ffi::lua_concat(state, 2);
                }
                ffi::LUA_TSTRING => break,
                _ => {
                    ffi::lua_pushnil(state);
                    push(state, b"reader function must return a string");
                    return 2;
                }
            }
        }
        ffi::lua_settop(state, 3);
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_insert(state, 3);
        ffi::lua_pushvalue(state, 2);
        ffi::lua_call(state, 2, 2);
        2
    }
}

/// `pcall`: an error that is a table with a text becomes the text, as scripts older than such tables expect.
unsafe extern "C-unwind" fn pcall(state: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        if ffi::lua_gettop(state) == 0 {
            ffi::lua_pushnil(state);
        }
        let failed = ffi::lua_pcall(state, ffi::lua_gettop(state) - 1, ffi::LUA_MULTRET, 0) != 0;
        if failed {
            if under_way::stopped() {
                // The caller's next instruction raises it again, and so names its own line.
                under_way::hasten(state);
            }
            let at = ffi::lua_gettop(state);
            if ffi::lua_type(state, at) == ffi::LUA_TTABLE {
                if raw_field(state, at, b"err") == ffi::LUA_TSTRING {
                    ffi::lua_replace(state, at);
                } else {
                    ffi::lua_settop(state, at);
                }
            }
        }
        ffi::luaL_checkstack(state, 1, c"too many results".as_ptr());
        ffi::lua_pushboolean(state, c_int::from(!failed));
        ffi::lua_insert(state, 1);
        ffi::lua_gettop(state)
    }
}

/// How often a handler of [`xpcall`] is called for its own errors, as Lua does until its C stack is used up.
const HANDLED_MAX: u32 = 200;

/// `xpcall`, whose handler runs when the error has left the function, not while it is raised: Lua looks at no hook while one
/// raises an error, so a handler that does not end could not be ended either. Without the `debug` library the two do not
/// differ.
unsafe extern "C-unwind" fn xpcall(state: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        if ffi::lua_gettop(state) < 2 {
            return original(state);
        }
        ffi::lua_settop(state, 2);
        ffi::lua_insert(state, 1);
        let mut status = ffi::lua_pcall(state, 0, ffi::LUA_MULTRET, 0);
        let failed = status != ffi::LUA_OK;
        let mut calls = 0;
        while status == ffi::LUA_ERRRUN && !under_way::stopped() {
            if calls == HANDLED_MAX || ffi::lua_type(state, 1) != ffi::LUA_TFUNCTION {
                ffi::lua_settop(state, 1);
                push(state, b"error in error handling");
                break;
            }
            calls += 1;
            ffi::lua_pushvalue(state, 1);
            ffi::lua_insert(state, 2);
            status = ffi::lua_pcall(state, 1, 1, 0);
        }
        if under_way::stopped() {
            under_way::stop(state);
        }
        ffi::luaL_checkstack(state, 1, c"too many results".as_ptr());
        ffi::lua_pushboolean(state, c_int::from(!failed));
        ffi::lua_replace(state, 1);
        ffi::lua_gettop(state)
    }
}

unsafe extern "C-unwind" fn collectgarbage(state: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        let what = if ffi::lua_type(state, 1) == ffi::LUA_TSTRING { text(state, 1).unwrap_or_default() } else { b"" };
        if matches!(what, b"stop" | b"restart" | b"setpause" | b"setstepmul") {
            ffi::lua_pushnumber(state, 0.0);
            return 1;
        }
        original(state)
    }
}

unsafe extern "C-unwind" fn bounded_pattern(state: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        if ffi::lua_type(state, 2) == ffi::LUA_TSTRING && ffi::lua_objlen(state, 2) > PATTERN_MAX {
            raise_here(state, b"pattern too long");
        }
        original(state)
    }
}

thread_local! {
    /// The state of `math.random`: that of POSIX's `drand48` family, which begins so.
    pub(super) static RANDOM: Cell<u64> = const { Cell::new(0x1234_abcd_330e) };
}

/// The next of `drand48`'s sequence of 31 bits, in [0, 1) as scripts for Redis know it: divided by 2^31 - 1.
fn next_random() -> f64 {
    const MAX: u64 = (1 << 31) - 1;
    let x = RANDOM.get().wrapping_mul(0x5_deec_e66d).wrapping_add(0xb) & ((1 << 48) - 1);
    RANDOM.set(x);
    ((x >> 17) % MAX) as f64 / MAX as f64
}

unsafe extern "C-unwind" fn random(state: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        let r = next_random();
        let bounds = match ffi::lua_gettop(state) {
            0 => None,
            1 => Some((1, ffi::luaL_checkinteger(state, 1), 1)),
            2 => Some((ffi::luaL_checkinteger(state, 1), ffi::luaL_checkinteger(state, 2), 2)),
            _ => raise_here(state, b"wrong number of arguments"),
        };
        match bounds {
            None => ffi::lua_pushnumber(state, r),
            Some((low, high, arg)) if low > high => {
                ffi::luaL_argerror(state, arg, c"interval is empty".as_ptr());
            }
            Some((low, high, _)) => {
                let span = high as f64 - low as f64 + 1.0;
                ffi::lua_pushnumber(state, (r * span).floor() + low as f64);
            }
        }
        1
    }
}

unsafe extern "C-unwind" fn randomseed(state: *mut lua_State) -> c_int {
    // SAFETY: as above.
    let seed = unsafe { ffi::luaL_checkinteger(state, 1) };
    RANDOM.set(u64::from(seed as u32) << 16 | 0x330e);
    0
}
