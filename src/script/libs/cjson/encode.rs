//! Lua values to JSON.
//!
//! A table is written in one pass. What follows a table inside of it is put off: a list of work has the pieces of text
//! and the tables that come between them, in reverse, so that any nesting takes no more of our stack, and no more of
//! Lua's than one table. Faults are put off as well, so that of several the first in the text is raised.

use mlua::{Lua, Table, Value};

use super::super::stack::Stack;
use super::super::{Fault, OUTPUT_MAX, SLOTS_MAX, each, type_name};
use super::{InvalidNumbers, Settings};
use crate::base::num::format_general;

/// Slots that the C library asks for at each level.
const SLOTS_A_LEVEL: usize = 3;

/// What is still to be written.
enum Work {
    Text(Vec<u8>),
    /// The table at this index of the encoder's stack.
    Table(usize, Level),
    /// The tables beyond the first so many are done with.
    Done(usize),
    Fault(Fault),
}

/// How deep a table lies: its levels, and the slots that they would take of a C function's stack.
#[derive(Clone, Copy)]
struct Level {
    depth: i32,
    slots: usize,
}

struct Encoder<'a> {
    lua: &'a Lua,
    settings: &'a Settings,
    tables: Stack,
    out: Vec<u8>,
    /// Bytes of text that are put off.
    later: usize,
}

/// Text and tables of one table, in order. The text before its first table goes straight to the output.
struct Pieces {
    out: Vec<u8>,
    rest: Vec<Work>,
}

impl Pieces {
    fn text(&mut self) -> &mut Vec<u8> {
        match self.rest.last_mut() {
            Some(Work::Text(text)) => text,
            _ => &mut self.out,
        }
    }
}

/// The JSON of a value.
pub fn encode(lua: &Lua, value: Value, settings: &Settings) -> Result<Vec<u8>, Fault> {
    let mut encoder = Encoder { lua, settings, tables: Stack::default(), out: Vec::new(), later: 0 };
    let Value::Table(table) = value else {
        scalar(&value, settings, &mut encoder.out)?;
        return Ok(encoder.out);
    };
    let mut work = Vec::new();
    encoder.table(&table, Level { depth: 1, slots: 1 }, &mut work)?;
    while let Some(item) = work.pop() {
        match item {
            Work::Text(text) => {
                encoder.later -= text.len();
                encoder.out.extend_from_slice(&text);
            }
            Work::Table(at, level) => {
                let Value::Table(table) = encoder.tables.get(at)? else { return Err(Fault::memory()) };
                encoder.table(&table, level, &mut work)?;
            }
            Work::Done(len) => encoder.tables.truncate(len),
            Work::Fault(fault) => return Err(fault),
        }
        if encoder.out.len() + encoder.later > OUTPUT_MAX {
            return Err(Fault::memory());
        }
    }
    Ok(encoder.out)
}

impl Encoder<'_> {
    /// Writes a table up to its first table, and leaves the rest to do.
    fn table(&mut self, table: &Table, level: Level, work: &mut Vec<Work>) -> Result<(), Fault> {
        if level.depth > self.settings.encode_depth_max || level.slots + SLOTS_A_LEVEL > SLOTS_MAX {
            return Err(Fault::here(format!("Cannot serialise, excessive nesting ({})", level.depth)));
        }
        let kept = self.tables.len();
        let length = array_length(table, self.settings)?;
        let mut pieces = Pieces { out: std::mem::take(&mut self.out), rest: Vec::new() };
        let written = match length {
            Some(length) if length > 0 => self.array(table, length, level, &mut pieces),
            _ => self.object(table, level, &mut pieces),
        };
        self.out = pieces.out;
        if let Err(fault) = written {
            if pieces.rest.is_empty() {
                return Err(fault);
            }
            pieces.rest.push(Work::Fault(fault));
        }
        if !pieces.rest.is_empty() {
            for piece in &pieces.rest {
                self.later += if let Work::Text(text) = piece { text.len() } else { 0 };
            }
            work.push(Work::Done(kept));
            work.extend(pieces.rest.into_iter().rev());
        }
        Ok(())
    }

    fn array(&mut self, table: &Table, length: i32, level: Level, pieces: &mut Pieces) -> Result<(), Fault> {
        pieces.text().push(b'[');
        let inner = Level { depth: level.depth + 1, slots: level.slots + 1 };
        for n in 1..=length {
            if n > 1 {
                pieces.text().push(b',');
            }
            self.value(table.raw_get(n)?, inner, pieces)?;
        }
        pieces.text().push(b']');
        Ok(())
    }

    fn object(&mut self, table: &Table, level: Level, pieces: &mut Pieces) -> Result<(), Fault> {
        pieces.text().push(b'{');
        let inner = Level { depth: level.depth + 1, slots: level.slots + 2 };
        let mut is_first = true;
        each(table, |key, value| {
            if !std::mem::take(&mut is_first) {
                pieces.text().push(b',');
            }
            self.key(&key, pieces.text())?;
            self.value(value, inner, pieces)
        })?;
        pieces.text().push(b'}');
        Ok(())
    }

    fn key(&self, key: &Value, out: &mut Vec<u8>) -> Result<(), Fault> {
        match key {
            Value::String(text) => quote(&text.as_bytes(), out),
            Value::Integer(_) | Value::Number(_) => {
                out.push(b'"');
                scalar(key, self.settings, out)?;
                out.push(b'"');
            }
            other => return Err(unfit(other, "table key must be a number or string")),
        }
        out.push(b':');
        Ok(())
    }

    fn value(&mut self, value: Value, level: Level, pieces: &mut Pieces) -> Result<(), Fault> {
        if let Value::Table(table) = value {
            let at = self.tables.push(self.lua, table)?;
            pieces.rest.push(Work::Table(at, level));
            pieces.rest.push(Work::Text(Vec::new()));
            return Ok(());
        }
        let out = pieces.text();
        scalar(&value, self.settings, out)?;
        if out.len() > OUTPUT_MAX { Err(Fault::memory()) } else { Ok(()) }
    }
}

/// The last index of a table that is an array, 0 for an empty one; `None` if it is to be an object: where a key is no
/// positive integer, or where there are too few elements for an array and such are converted.
fn array_length(table: &Table, settings: &Settings) -> Result<Option<i32>, Fault> {
    let Some((last, count)) = indexes(table)? else { return Ok(None) };
    let (ratio, safe) = (settings.sparse_ratio, settings.sparse_safe);
    if ratio > 0 && i64::from(last) > count.saturating_mul(i64::from(ratio)) && last > safe {
        if settings.sparse_convert {
            return Ok(None);
        }
        return Err(Fault::here("Cannot serialise table: excessively sparse array"));
    }
    // Every hole is a `null,`: known before it is written.
    let holes = (i64::from(last) - count) * 5;
    if usize::try_from(holes).is_ok_and(|holes| holes > OUTPUT_MAX) {
        return Err(Fault::memory());
    }
    Ok(Some(last))
}

/// The last index and the number of elements, if all keys are positive integers of 32 bits.
fn indexes(table: &Table) -> Result<Option<(i32, i64)>, Fault> {
    let (mut last, mut count, mut all) = (0, 0, true);
    let looked = each(table, |key, _| {
        let index = key.as_i64().and_then(|n| i32::try_from(n).ok()).filter(|n| *n >= 1);
        all = index.is_some();
        last = last.max(index.unwrap_or(0));
        count += 1;
        if all { Ok(()) } else { Err(Fault::here("")) }
    });
    match looked {
        Err(_) if !all => Ok(None),
        other => other.map(|()| Some((last, count))),
    }
}

fn unfit(value: &Value, reason: &str) -> Fault {
    Fault::here(format!("Cannot serialise {}: {reason}", type_name(Some(value))))
}

/// Any value but a table.
fn scalar(value: &Value, settings: &Settings, out: &mut Vec<u8>) -> Result<(), Fault> {
    match value {
        Value::Nil => out.extend_from_slice(b"null"),
        Value::Boolean(true) => out.extend_from_slice(b"true"),
        Value::Boolean(false) => out.extend_from_slice(b"false"),
        Value::LightUserData(pointer) if pointer.0.is_null() => out.extend_from_slice(b"null"),
        Value::String(text) => quote(&text.as_bytes(), out),
        #[expect(clippy::cast_precision_loss, reason = "every number of Lua 5.1 is a double")]
        Value::Integer(number) => return write_number(*number as f64, settings, out),
        Value::Number(number) => return write_number(*number, settings, out),
        other => return Err(unfit(other, "type not supported")),
    }
    Ok(())
}

fn write_number(number: f64, settings: &Settings, out: &mut Vec<u8>) -> Result<(), Fault> {
    match settings.encode_invalid {
        InvalidNumbers::Refused if !number.is_finite() => {
            return Err(Fault::here("Cannot serialise number: must not be NaN or Inf"));
        }
        InvalidNumbers::Null if !number.is_finite() => out.extend_from_slice(b"null"),
        _ => format_general(number, usize::try_from(settings.number_precision).unwrap_or(1), out),
    }
    Ok(())
}

/// A string between quotes. Bytes that are no UTF-8 pass as they are.
fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut plain = 0;
    for (at, byte) in text.iter().enumerate() {
        let short = match byte {
            b'"' | b'\\' | b'/' => *byte,
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0..0x20 | 0x7f => 0,
            _ => continue,
        };
        out.extend_from_slice(&text[plain..at]);
        plain = at + 1;
        if short == 0 {
            let hex = |digit: u8| b"0123456789abcdef"[usize::from(digit)];
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 15)]);
        } else {
            out.extend_from_slice(&[b'\\', short]);
        }
    }
    out.extend_from_slice(&text[plain..]);
    out.push(b'"');
}
