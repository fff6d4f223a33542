//! The libraries that scripts find beside Lua's own: `cjson`, `cmsgpack`, `struct` and `bit`.
//!
//! Owns their functions, down to the quirks and error texts that programs have come to depend on. Knows Lua and nothing
//! of ours: no key, command, client or lock. All state is inside the Lua state that [`install`] is given (cjson's
//! settings last as long as it), so there is nothing to lock, and it goes when the state goes.
//!
//! A function gets its arguments ([`Args`]) and returns values or a [`Fault`]. A fault becomes a Lua error whose value
//! is a *string*, as that of a C library is: scripts catch it with `pcall` and match on it. The binding's own errors are
//! opaque objects to a script, so they are never let through: `native` wraps each function in a C closure that raises
//! the text after the Rust function has returned and all it held is dropped. It has to be a C closure, as a Lua function
//! would lose its caller's line in a tail call (`return cjson.decode(x)`), which the text names.
//!
//! What a script can make these functions take is bounded: nesting by the stack that Lua gives a C function
//! (`SLOTS_MAX`, as for the C libraries, though ours keep their place on the heap and use no more stack for it), bytes
//! written by `OUTPUT_MAX`, everything else by the length of what they are given.

pub mod bit;
pub mod cjson;
pub mod cmsgpack;
mod stack;
pub mod structs;

use std::os::raw::c_int;

use mlua::{Function, Lua, LuaString, MultiValue, Table, Value, ffi};

/// Stack slots that Lua lends one C function: what bounds nesting and the number of results.
const SLOTS_MAX: usize = 8000;

/// Values that one call may return: a few less than fit into the slots, of which the binding needs some.
const RESULTS_MAX: usize = 7900;

/// Bytes that one call may write: a string that is longer could not be sent to anyone.
const OUTPUT_MAX: usize = 512 << 20;

/// Sets the globals `cjson`, `cmsgpack`, `struct` and `bit` of a Lua state.
pub fn install(lua: &Lua) -> mlua::Result<()> {
    let globals = lua.globals();
    globals.raw_set("bit", bit::library(lua)?)?;
    globals.raw_set("struct", structs::library(lua)?)?;
    globals.raw_set("cmsgpack", cmsgpack::library(lua)?)?;
    globals.raw_set("cjson", cjson::library(lua)?)
}

/// Why a function failed.
#[derive(Debug)]
pub enum Fault {
    /// A text that opens with the place of the call.
    Here(Vec<u8>),
    /// A text as it is.
    Bare(String),
    /// A wrong argument, counted from 1, and what is wrong with it.
    Argument(usize, Vec<u8>),
}

impl Fault {
    /// A fault of the data, at the place of the call.
    fn here(text: impl Into<Vec<u8>>) -> Fault {
        Fault::Here(text.into())
    }

    fn argument(n: usize, text: impl Into<Vec<u8>>) -> Fault {
        Fault::Argument(n, text.into())
    }

    /// Lua's stack is used up; `what` was too much for it.
    fn stack(what: &str) -> Fault {
        Fault::here(format!("stack overflow ({what})"))
    }

    fn memory() -> Fault {
        Fault::Bare("not enough memory".to_owned())
    }

    /// The text of the error that the script sees. The function that failed is one level below the closure that was called.
    fn text(self, lua: &Lua) -> Vec<u8> {
        match self {
            Fault::Bare(text) => text.into_bytes(),
            Fault::Here(text) => place_of_call(lua, &text),
            Fault::Argument(n, text) => {
                let (name, is_method) = lua
                    .inspect_stack(1, |debug| {
                        let names = debug.names();
                        (names.name.map(std::borrow::Cow::into_owned), names.name_what == Some("method"))
                    })
                    .unwrap_or_default();
                let name = name.unwrap_or_else(|| "?".to_owned());
                let mut message = match n {
                    1 if is_method => format!("calling '{name}' on bad self ("),
                    _ => format!("bad argument #{} to '{name}' (", n - usize::from(is_method && n > 0)),
                }
                .into_bytes();
                message.extend_from_slice(&text);
                message.push(b')');
                place_of_call(lua, &message)
            }
        }
    }
}

/// The binding's errors: what Lua itself raised, as text, or its own limits.
impl From<mlua::Error> for Fault {
    fn from(error: mlua::Error) -> Fault {
        match error {
            mlua::Error::RuntimeError(text) => Fault::Bare(text),
            mlua::Error::MemoryError(_) => Fault::memory(),
            mlua::Error::StackError => Fault::stack("too many values"),
            other => Fault::Bare(other.to_string()),
        }
    }
}

/// `text` behind the source and line of the Lua code that called, if it was Lua code.
fn place_of_call(lua: &Lua, text: &[u8]) -> Vec<u8> {
    let place = lua.inspect_stack(2, |debug| {
        let line = debug.current_line()?;
        let source = debug.source().short_src?.into_owned();
        Some(format!("{source}:{line}: "))
    });
    let mut message = place.flatten().unwrap_or_default().into_bytes();
    message.extend_from_slice(text);
    message
}

/// Gives every pair of a table, in Lua's order, to `f`, until that fails. `f` must not come back here for another table:
/// Lua lets its protected calls nest some 200 deep.
fn each(table: &Table, mut f: impl FnMut(Value, Value) -> Result<(), Fault>) -> Result<(), Fault> {
    let mut stopped = None;
    let done = table.for_each(|key: Value, value: Value| {
        f(key, value).map_err(|fault| {
            stopped = Some(fault);
            mlua::Error::StackError
        })
    });
    match stopped {
        Some(fault) => Err(fault),
        None => Ok(done?),
    }
}

/// The name of a value's type as Lua's messages have it; `None` is an argument that was not given.
fn type_name(value: Option<&Value>) -> &'static str {
    match value {
        None => "no value",
        Some(Value::Integer(_) | Value::Number(_)) => "number",
        Some(Value::LightUserData(_) | Value::UserData(_) | Value::Error(_)) => "userdata",
        Some(other) => other.type_name(),
    }
}

/// A double as an integer of 64 bits, as the processor converts it: what is out of range is the least one.
fn to_i64(number: f64) -> i64 {
    const END: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "within the range")]
    if (-END..END).contains(&number) { number as i64 } else { i64::MIN }
}

/// The arguments of a call, counted from 1, with Lua's conversions and its words for what is wrong.
pub struct Args<'l> {
    lua: &'l Lua,
    values: MultiValue,
}

impl Args<'_> {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn get(&self, n: usize) -> Option<&Value> {
        self.values.get(n - 1)
    }

    /// Whether the argument is nil or was not given.
    fn is_nil(&self, n: usize) -> bool {
        self.get(n).is_none_or(Value::is_nil)
    }

    fn expected(&self, n: usize, what: &str) -> Fault {
        Fault::argument(n, format!("{what} expected, got {}", type_name(self.get(n))))
    }

    /// A string, or a number as the text that Lua gives it.
    fn string(&self, n: usize) -> Result<LuaString, Fault> {
        let text = match self.get(n) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(number @ (Value::Integer(_) | Value::Number(_))) => self.lua.coerce_string(number.clone())?,
            _ => None,
        };
        text.ok_or_else(|| self.expected(n, "string"))
    }

    /// A number, or a string that is one.
    fn number(&self, n: usize) -> Result<f64, Fault> {
        let number = match self.get(n) {
            Some(Value::Number(number)) => Some(*number),
            #[expect(clippy::cast_precision_loss, reason = "every number of Lua 5.1 is a double")]
            Some(Value::Integer(number)) => Some(*number as f64),
            Some(text @ Value::String(_)) => self.lua.coerce_number(text.clone())?,
            _ => None,
        };
        number.ok_or_else(|| self.expected(n, "number"))
    }

    fn integer(&self, n: usize) -> Result<i64, Fault> {
        self.number(n).map(to_i64)
    }

    fn integer_or(&self, n: usize, default: i64) -> Result<i64, Fault> {
        if self.is_nil(n) { Ok(default) } else { self.integer(n) }
    }
}

/// What a function returns.
type Results = Result<MultiValue, Fault>;

/// A function of a library.
type Native = fn(&Lua, &Args<'_>) -> Results;

fn one(value: Value) -> Results {
    Ok(MultiValue::from_iter([value]))
}

fn string(lua: &Lua, text: &[u8]) -> Results {
    one(Value::String(lua.create_string(text)?))
}

fn number(number: f64) -> Results {
    one(Value::Number(number))
}

/// A table of functions.
fn functions(lua: &Lua, rows: &[(&str, Native)]) -> mlua::Result<Table> {
    let table = lua.create_table_with_capacity(0, rows.len())?;
    for (name, function) in rows {
        table.raw_set(*name, native(lua, *function)?)?;
    }
    Ok(table)
}

/// Makes a function of ours one of Lua's, whose errors are strings.
fn native(lua: &Lua, f: impl Fn(&Lua, &Args<'_>) -> Results + 'static) -> mlua::Result<Function> {
    let function = lua.create_function(move |lua, values: MultiValue| {
        let args = Args { lua, values };
        let results = f(lua, &args).and_then(|results| {
            let fit = results.len() + args.len() < SLOTS_MAX - 20;
            if fit { Ok(results) } else { Err(Fault::stack("too many results")) }
        });
        Ok(match results {
            Ok(mut results) => {
                results.push_front(Value::Boolean(true));
                results
            }
            Err(fault) => {
                let text = Value::String(lua.create_string(fault.text(lua))?);
                MultiValue::from_iter([Value::Boolean(false), text])
            }
        })
    })?;
    // SAFETY: the state is the binding's, in a protected call with the function, and nothing else, on its stack; the
    // closure takes it off and puts itself there.
    #[allow(unsafe_code)]
    unsafe {
        lua.exec_raw(function, |state| ffi::lua_pushcclosure(state, raise_or_return, 1))
    }
}

/// Calls the function that is its upvalue, and raises the second result if the first is false; else returns all but
/// the first.
#[allow(unsafe_code)]
unsafe extern "C-unwind" fn raise_or_return(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: Lua calls this with a valid state and at least 20 free slots, of which one is used. An error leaves this
    // frame by unwinding or a long jump; it holds nothing that would have to be dropped.
    unsafe {
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_insert(state, 1);
        ffi::lua_call(state, ffi::lua_gettop(state) - 1, ffi::LUA_MULTRET);
        if ffi::lua_toboolean(state, 1) == 0 {
            ffi::lua_settop(state, 2);
            ffi::lua_error(state);
        }
        ffi::lua_gettop(state) - 1
    }
}

#[cfg(test)]
mod tests;
