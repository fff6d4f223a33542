//! `cmsgpack`: Lua values to MessagePack and back.
//!
//! Owns the choice of forms: integers as short as they go, doubles as floats where none of their value is lost, tables
//! with the keys 1 to n as arrays, every other as a map, tables more than `NESTING_MAX` deep as nil. Binary and
//! extension types are not known. Packing is recursive, as it is at most so deep; unpacking keeps its open tables on
//! the heap.

use mlua::{Lua, MultiValue, Table, Value};

use super::stack::Stack;
use super::{Args, Fault, Native, OUTPUT_MAX, RESULTS_MAX, Results, SLOTS_MAX, functions, string};

/// Tables in tables that are packed.
const NESTING_MAX: usize = 16;

const TOO_MANY: &str = "too many return values at once; use unpack_one or unpack_limit instead.";

/// The table `cmsgpack`.
pub fn library(lua: &Lua) -> mlua::Result<Table> {
    let rows: [(&str, Native); 4] = [
        ("pack", pack),
        ("unpack", |lua, args| unpack(lua, args, 0, 0)),
        ("unpack_one", |lua, args| {
            let offset = args.string(1).and_then(|_| args.integer_or(2, 0))?;
            unpack(lua, args, 1, offset)
        }),
        ("unpack_limit", |lua, args| {
            args.string(1)?;
            let limit = args.integer(2)?;
            unpack(lua, args, limit, args.integer_or(3, 0)?)
        }),
    ];
    let table = functions(lua, &rows)?;
    table.raw_set("_NAME", "cmsgpack")?;
    table.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    table.raw_set("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo")?;
    table.raw_set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    Ok(table)
}

/// All arguments, one behind the other.
fn pack(lua: &Lua, args: &Args<'_>) -> Results {
    if args.len() == 0 {
        return Err(Fault::argument(0, "MessagePack pack needs input."));
    }
    if args.len() * 2 > SLOTS_MAX {
        return Err(Fault::argument(0, "Too many arguments for MessagePack pack."));
    }
    let mut out = Vec::new();
    for n in 1..=args.len() {
        if let Some(value) = args.get(n) {
            pack_value(value, 0, &mut out)?;
        }
    }
    string(lua, &out)
}

fn pack_value(value: &Value, level: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    match value {
        Value::Boolean(boolean) => out.push(0xc2 + u8::from(*boolean)),
        Value::Integer(number) => pack_integer(*number, out),
        Value::Number(number) => pack_number(*number, out),
        Value::String(text) => {
            let text = text.as_bytes();
            pack_length(text.len(), Some((0xa0, 32)), Some(0xd9), 0xda, out);
            out.extend_from_slice(&text);
        }
        Value::Table(table) if level < NESTING_MAX => pack_table(table, level, out)?,
        _ => out.push(0xc0),
    }
    if out.len() > OUTPUT_MAX { Err(Fault::memory()) } else { Ok(()) }
}

/// The head of a string, array or map: one byte with the length in it where that is below a bound, else a byte and the
/// length in 1 (strings alone), 2 or 4 bytes.
#[expect(clippy::cast_possible_truncation, reason = "each length is below its bound")]
fn pack_length(len: usize, fixed: Option<(u8, usize)>, short: Option<u8>, long: u8, out: &mut Vec<u8>) {
    match (fixed, short) {
        (Some((code, end)), _) if len < end => out.push(code | len as u8),
        (_, Some(code)) if len < 1 << 8 => out.extend_from_slice(&[code, len as u8]),
        _ if len < 1 << 16 => {
            out.push(long);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            out.push(long + 1);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "each number is within its range")]
fn pack_integer(number: i64, out: &mut Vec<u8>) {
    match number {
        -32..0x80 => out.push(number as u8),
        0x80..0x100 => out.extend_from_slice(&[0xcc, number as u8]),
        -0x80..-32 => out.extend_from_slice(&[0xd0, number as u8]),
        0x100..0x1_0000 | -0x8000..-0x80 => {
            out.push(if number < 0 { 0xd1 } else { 0xcd });
            out.extend_from_slice(&(number as u16).to_be_bytes());
        }
        0x1_0000..0x1_0000_0000 | -0x8000_0000..-0x8000 => {
            out.push(if number < 0 { 0xd2 } else { 0xce });
            out.extend_from_slice(&(number as u32).to_be_bytes());
        }
        _ => {
            out.push(if number < 0 { 0xd3 } else { 0xcf });
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}

fn pack_number(number: f64, out: &mut Vec<u8>) {
    let whole = super::to_i64(number);
    #[expect(clippy::cast_precision_loss, reason = "compared with what it came from")]
    if whole as f64 == number && (whole != i64::MIN || number < 0.0) {
        return pack_integer(whole, out);
    }
    #[expect(clippy::cast_possible_truncation, reason = "compared with what it came from")]
    let single = number as f32;
    if f64::from(single) == number {
        out.push(0xca);
        out.extend_from_slice(&single.to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn pack_table(table: &Table, level: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
    let (mut count, mut last, mut is_array) = (0_usize, 0_usize, true);
    table.for_each(|key: Value, _: Value| {
        count += 1;
        match key {
            Value::Integer(n) if n > 0 => last = last.max(usize::try_from(n).unwrap_or(usize::MAX)),
            _ => is_array = false,
        }
        Ok(())
    })?;
    if is_array && last == count {
        pack_length(count, Some((0x90, 16)), None, 0xdc, out);
        for n in 1..=count {
            pack_value(&table.raw_get(n)?, level + 1, out)?;
        }
        return Ok(());
    }
    pack_length(count, Some((0x80, 16)), None, 0xde, out);
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair?;
        pack_value(&key, level + 1, out)?;
        pack_value(&value, level + 1, out)?;
    }
    Ok(())
}

/// Up to `limit` values from `offset` on; behind a limit or an offset, the first result says where it stopped, -1 for
/// the end. No limit and no offset: all values and nothing else.
fn unpack(lua: &Lua, args: &Args<'_>, limit: i64, offset: i64) -> Results {
    let text = args.string(1)?;
    let text = text.as_bytes();
    #[expect(clippy::cast_possible_truncation, reason = "printed as the C library prints them")]
    let (shown_offset, shown_len) = (offset as i32, text.len() as i32);
    if limit < 0 || offset < 0 {
        let text = format!("Invalid request to unpack with offset of {shown_offset} and limit of {shown_len}.");
        return Err(Fault::here(text));
    }
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    if start > text.len() {
        let text = format!("Start offset {shown_offset} greater than input length {shown_len}.");
        return Err(Fault::here(text));
    }
    let is_all = limit == 0 && offset == 0;
    let limit = if is_all { usize::MAX } else { usize::try_from(limit).unwrap_or(usize::MAX) };
    let mut reader = Reader { lua, text: &text, at: start };
    let mut values = Vec::new();
    while values.len() < limit && reader.at < text.len() {
        if values.len() >= RESULTS_MAX {
            return Err(Fault::stack(TOO_MANY));
        }
        values.push(reader.value(values.len() + 1)?);
    }
    let mut results = MultiValue::from_vec(values);
    if !is_all {
        let stopped = if reader.at == text.len() { -1 } else { i64::try_from(reader.at).unwrap_or(-1) };
        results.push_front(Value::Integer(stopped));
    }
    Ok(results)
}

/// MessagePack being read.
struct Reader<'a> {
    lua: &'a Lua,
    text: &'a [u8],
    at: usize,
}

/// A table that is being filled: the entries still to come, and the key whose value is next.
struct Open {
    table: Table,
    entries: Entries,
    key: Option<Value>,
}

#[derive(Clone, Copy)]
enum Entries {
    Array { next: u32, last: u32 },
    Map { left: u32 },
}

/// What a byte says.
enum Head {
    Value(Value),
    Array(u32),
    Map(u32),
}

impl Reader<'_> {
    /// One value; `slots` are the slots of Lua's stack that the C library would have used.
    fn value(&mut self, mut slots: usize) -> Result<Value, Fault> {
        // The innermost open table is in `inner`. Of those around it, the table and a map's key are in `kept`.
        let (mut inner, mut outer, mut kept): (Option<Open>, Vec<(Entries, bool)>, _) =
            (None, Vec::new(), Stack::default());
        loop {
            if slots + 1 > SLOTS_MAX {
                return Err(Fault::stack(TOO_MANY));
            }
            let entries = match self.head()? {
                Head::Value(value) => Err(value),
                Head::Array(_) if slots + 2 > SLOTS_MAX => {
                    return Err(Fault::stack("in function mp_decode_to_lua_array"));
                }
                Head::Array(last) => Ok(Entries::Array { next: 1, last }),
                Head::Map(left) => Ok(Entries::Map { left }),
            };
            let mut value = match entries {
                Err(value) => value,
                Ok(Entries::Array { last: 0, .. } | Entries::Map { left: 0 }) => Value::Table(self.lua.create_table()?),
                Ok(entries) => {
                    let table = self.lua.create_table()?;
                    if let Some(Open { table, entries, key }) = inner.replace(Open { table, entries, key: None }) {
                        kept.push(self.lua, table)?;
                        outer.push((entries, key.is_some()));
                        if let Some(key) = key {
                            kept.push(self.lua, key)?;
                        }
                    }
                    slots += if matches!(entries, Entries::Array { .. }) { 2 } else { 1 };
                    continue;
                }
            };
            loop {
                let Some(open) = inner.as_mut() else { return Ok(value) };
                let (is_full, change) = open.add(value)?;
                slots = slots.saturating_add_signed(change);
                if !is_full {
                    break;
                }
                value = Value::Table(open.table.clone());
                inner = reopen(&mut outer, &mut kept)?;
            }
        }
    }

    fn head(&mut self) -> Result<Head, Fault> {
        let [code] = self.take()?;
        #[expect(clippy::cast_precision_loss, reason = "every number of Lua 5.1 is a double")]
        let number = match code {
            0..=0x7f => f64::from(code),
            0xe0..=0xff => f64::from(code.cast_signed()),
            0x80..=0x8f => return Ok(Head::Map(u32::from(code & 15))),
            0x90..=0x9f => return Ok(Head::Array(u32::from(code & 15))),
            0xa0..=0xbf => return self.string(u32::from(code & 31)),
            0xc0 => return Ok(Head::Value(Value::Nil)),
            0xc2 | 0xc3 => return Ok(Head::Value(Value::Boolean(code == 0xc3))),
            0xca => f64::from(f32::from_be_bytes(self.take()?)),
            0xcb => f64::from_be_bytes(self.take()?),
            0xcc => f64::from(self.take::<1>()?[0]),
            0xcd => f64::from(u16::from_be_bytes(self.take()?)),
            0xce => f64::from(u32::from_be_bytes(self.take()?)),
            // The unsigned ones of 64 bits, too, are read as signed.
            0xcf | 0xd3 => i64::from_be_bytes(self.take()?) as f64,
            0xd0 => f64::from(i8::from_be_bytes(self.take()?)),
            0xd1 => f64::from(i16::from_be_bytes(self.take()?)),
            0xd2 => f64::from(i32::from_be_bytes(self.take()?)),
            0xd9 => {
                let [len] = self.take()?;
                return self.string(u32::from(len));
            }
            0xda => {
                let len = u16::from_be_bytes(self.take()?);
                return self.string(u32::from(len));
            }
            0xdb => {
                let len = u32::from_be_bytes(self.take()?);
                return self.string(len);
            }
            0xdc => return Ok(Head::Array(u32::from(u16::from_be_bytes(self.take()?)))),
            0xdd => return Ok(Head::Array(u32::from_be_bytes(self.take()?))),
            0xde => return Ok(Head::Map(u32::from(u16::from_be_bytes(self.take()?)))),
            0xdf => return Ok(Head::Map(u32::from_be_bytes(self.take()?))),
            0xc1 | 0xc4..=0xc9 | 0xd4..=0xd8 => return Err(Fault::here("Bad data format in input.")),
        };
        Ok(Head::Value(Value::Number(number)))
    }

    fn string(&mut self, len: u32) -> Result<Head, Fault> {
        let lua = self.lua;
        let bytes = self.bytes(len as usize)?;
        Ok(Head::Value(Value::String(lua.create_string(bytes)?)))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.bytes(N)?);
        Ok(bytes)
    }

    fn bytes(&mut self, len: usize) -> Result<&[u8], Fault> {
        let end = self.at.checked_add(len).filter(|end| *end <= self.text.len());
        let end = end.ok_or_else(|| Fault::here("Missing bytes in input."))?;
        let bytes = &self.text[self.at..end];
        self.at = end;
        Ok(bytes)
    }
}

impl Open {
    /// Takes a value. Returns whether that was the last, and by how much the slots in use change.
    fn add(&mut self, value: Value) -> Result<(bool, isize), Fault> {
        match &mut self.entries {
            Entries::Array { next, last } => {
                self.table.raw_set(*next, value)?;
                let is_full = next == last;
                *next = next.saturating_add(1);
                Ok((is_full, if is_full { -2 } else { 0 }))
            }
            Entries::Map { left } => {
                let Some(key) = self.key.take() else {
                    self.key = Some(value);
                    return Ok((false, 1));
                };
                match key {
                    Value::Nil => return Err(Fault::Bare("table index is nil".to_owned())),
                    Value::Number(number) if number.is_nan() => {
                        return Err(Fault::Bare("table index is NaN".to_owned()));
                    }
                    key => self.table.raw_set(key, value)?,
                }
                *left -= 1;
                Ok((*left == 0, if *left == 0 { -2 } else { -1 }))
            }
        }
    }
}

/// The table around the one that is full.
fn reopen(outer: &mut Vec<(Entries, bool)>, kept: &mut Stack) -> Result<Option<Open>, Fault> {
    let Some((entries, has_key)) = outer.pop() else { return Ok(None) };
    let key = if has_key { Some(kept.pop()?) } else { None };
    match kept.pop()? {
        Value::Table(table) => Ok(Some(Open { table, entries, key })),
        _ => Err(Fault::memory()),
    }
}
