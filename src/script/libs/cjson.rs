//! `cjson`: JSON to Lua values and back.
//!
//! Owns the settings, and with `decode` and `encode` the quirks that programs depend on: what is an array, what is
//! refused, the words for it, and how numbers are spelt. Each `cjson.new()` has settings of its own, shared by its
//! functions and by nothing else.

mod decode;
mod encode;

use std::cell::Cell;
use std::rc::Rc;

use mlua::{LightUserData, Lua, MultiValue, Table, Value};

use super::{Args, Fault, Results, native, one, string};

pub use decode::decode;
use encode::encode;

/// What a number that JSON cannot spell becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InvalidNumbers {
    Refused,
    Written,
    Null,
}

/// The settings of one `cjson` table.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// An excessively sparse array becomes an object; else it is refused.
    sparse_convert: bool,
    /// An array is excessively sparse if its last index is beyond so many times its elements; 0 is never …
    sparse_ratio: i32,
    /// … and beyond this.
    sparse_safe: i32,
    encode_depth_max: i32,
    decode_depth_max: i32,
    number_precision: i32,
    /// Kept because it can be asked for; our buffers are not kept.
    keep_buffer: bool,
    encode_invalid: InvalidNumbers,
    decode_invalid: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            sparse_convert: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_depth_max: 1000,
            decode_depth_max: 1000,
            number_precision: 14,
            keep_buffer: true,
            encode_invalid: InvalidNumbers::Refused,
            decode_invalid: true,
        }
    }
}

/// A function of the library with the settings of its table.
type WithSettings = fn(&Lua, &Args<'_>, &mut Settings) -> Results;

/// A table `cjson` with default settings.
pub fn library(lua: &Lua) -> mlua::Result<Table> {
    let rows: [(&str, WithSettings); 10] = [
        ("encode", |lua, args, settings| {
            alone(args)?;
            string(lua, &encode(lua, args.get(1).cloned().unwrap_or(Value::Nil), settings)?)
        }),
        ("decode", |lua, args, settings| {
            alone(args)?;
            one(decode(lua, &args.string(1)?.as_bytes(), settings)?)
        }),
        ("encode_sparse_array", sparse_array),
        ("encode_max_depth", |_, args, s| at_most(args, 1)?.integer(1, 1, i32::MAX, &mut s.encode_depth_max)),
        ("decode_max_depth", |_, args, s| at_most(args, 1)?.integer(1, 1, i32::MAX, &mut s.decode_depth_max)),
        ("encode_number_precision", |_, args, s| at_most(args, 1)?.integer(1, 1, 14, &mut s.number_precision)),
        ("encode_keep_buffer", |_, args, s| at_most(args, 1)?.boolean(1, &mut s.keep_buffer)),
        ("encode_invalid_numbers", encode_invalid_numbers),
        ("decode_invalid_numbers", |_, args, s| at_most(args, 1)?.boolean(1, &mut s.decode_invalid)),
        ("new", |lua, _, _| one(Value::Table(library(lua)?))),
    ];
    let settings = Rc::new(Cell::new(Settings::default()));
    let table = lua.create_table_with_capacity(0, rows.len() + 3)?;
    for (name, function) in rows {
        let settings = Rc::clone(&settings);
        let function = native(lua, move |lua, args| {
            let mut own = settings.get();
            let results = function(lua, args, &mut own);
            settings.set(own);
            results
        })?;
        table.raw_set(name, function)?;
    }
    table.raw_set("null", null())?;
    table.raw_set("_NAME", "cjson")?;
    table.raw_set("_VERSION", "2.1.0")?;
    Ok(table)
}

/// `cjson.null`: a null pointer, the one value that is not nil and says nothing.
fn null() -> Value {
    Value::LightUserData(LightUserData(std::ptr::null_mut()))
}

fn alone(args: &Args<'_>) -> Result<(), Fault> {
    if args.len() == 1 { Ok(()) } else { Err(Fault::argument(1, "expected 1 argument")) }
}

fn at_most<'a, 'l>(args: &'a Args<'l>, max: usize) -> Result<Options<'a, 'l>, Fault> {
    if args.len() > max { Err(Fault::argument(max + 1, "found too many arguments")) } else { Ok(Options(args)) }
}

/// Arguments that change a setting where they are given; each method returns the setting.
struct Options<'a, 'l>(&'a Args<'l>);

impl Options<'_, '_> {
    fn integer(&self, n: usize, min: i32, max: i32, setting: &mut i32) -> Results {
        if !self.0.is_nil(n) {
            #[expect(clippy::cast_possible_truncation, reason = "as the C library takes it")]
            let value = self.0.integer(n)? as i32;
            if !(min..=max).contains(&value) {
                // Whichever argument it was.
                return Err(Fault::argument(1, format!("expected integer between {min} and {max}")));
            }
            *setting = value;
        }
        one(Value::Integer(i64::from(*setting)))
    }

    /// The index of the word that the argument is, if it is given; booleans are the first two words.
    fn word(&self, n: usize, words: &[&str]) -> Result<Option<usize>, Fault> {
        match self.0.get(n) {
            None | Some(Value::Nil) => Ok(None),
            Some(Value::Boolean(on)) => Ok(Some(usize::from(*on))),
            Some(_) => {
                let text = self.0.string(n)?;
                let text = text.as_bytes();
                let found = words.iter().position(|word| word.as_bytes() == &*text);
                let refusal = || Fault::argument(n, [b"invalid option '", &*text, b"'"].concat());
                found.map(Some).ok_or_else(refusal)
            }
        }
    }

    fn boolean(&self, n: usize, setting: &mut bool) -> Results {
        if let Some(word) = self.word(n, &["off", "on"])? {
            *setting = word == 1;
        }
        one(Value::Boolean(*setting))
    }
}

fn sparse_array(_: &Lua, args: &Args<'_>, settings: &mut Settings) -> Results {
    let options = at_most(args, 3)?;
    let mut results = options.boolean(1, &mut settings.sparse_convert)?;
    results.extend(options.integer(2, 0, i32::MAX, &mut settings.sparse_ratio)?);
    results.extend(options.integer(3, 0, i32::MAX, &mut settings.sparse_safe)?);
    Ok(results)
}

fn encode_invalid_numbers(lua: &Lua, args: &Args<'_>, settings: &mut Settings) -> Results {
    let values = [InvalidNumbers::Refused, InvalidNumbers::Written, InvalidNumbers::Null];
    if let Some(word) = at_most(args, 1)?.word(1, &["off", "on", "null"])? {
        settings.encode_invalid = values[word];
    }
    Ok(match settings.encode_invalid {
        InvalidNumbers::Null => return string(lua, b"null"),
        other => MultiValue::from_iter([Value::Boolean(other == InvalidNumbers::Written)]),
    })
}
