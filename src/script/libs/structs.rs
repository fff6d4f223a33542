//! `struct`: values to bytes and back by a format.
//!
//! Owns the format: sizes, byte order, alignment, each with the C library's arithmetic. The letters are those of C on
//! a 64-bit machine, whatever ours is: `b` 1, `h` 2, `i` 4 or the size that follows, `l` and `T` 8 bytes (capitals:
//! unsigned), `f`, `d`, `x` a byte of padding, `s` a string that ends in NUL, `cN` N bytes, `c0` as many as the number
//! before says; `<`, `>`, `!N` set byte order and alignment, a space does nothing.

use mlua::{Lua, MultiValue, Table, Value};

use super::{Args, Fault, Native, OUTPUT_MAX, RESULTS_MAX, Results, functions, number, string, to_i64};

const INTEGER_SIZE_MAX: usize = 32;

/// The alignment that a `!` without a number sets.
const ALIGNMENT_DEFAULT: usize = 8;

/// The table `struct`.
pub fn library(lua: &Lua) -> mlua::Result<Table> {
    let rows: [(&str, Native); 3] = [("pack", pack), ("unpack", unpack), ("size", size)];
    functions(lua, &rows)
}

/// One letter of a format with what belongs to it.
struct Item {
    letter: u8,
    size: usize,
    /// Bytes of padding before it.
    padding: usize,
}

impl Item {
    /// Whether the letter sets something and stands for no data.
    fn is_control(&self) -> bool {
        matches!(self.letter, b' ' | b'<' | b'>' | b'!')
    }
}

/// A format being read.
struct Format<'f> {
    rest: &'f [u8],
    big_endian: bool,
    alignment: usize,
}

impl<'f> Format<'f> {
    /// It ends at a NUL byte.
    fn new(format: &'f [u8]) -> Format<'f> {
        let end = format.iter().position(|byte| *byte == 0).unwrap_or(format.len());
        Format { rest: &format[..end], big_endian: cfg!(target_endian = "big"), alignment: 1 }
    }

    /// The next letter, for data at `offset`. Controls take effect.
    fn next(&mut self, offset: usize) -> Result<Option<Item>, Fault> {
        let Some((&letter, rest)) = self.rest.split_first() else { return Ok(None) };
        self.rest = rest;
        let size = self.size(letter)?;
        let padding = match self.alignment.min(size) {
            _ if letter == b'c' => 0,
            alignment if size == 0 || alignment <= 1 => 0,
            // For a size that is no power of two this is what the C library makes of it.
            alignment => (alignment - (offset & (alignment - 1))) & (alignment - 1),
        };
        match letter {
            b'<' => self.big_endian = false,
            b'>' => self.big_endian = true,
            b'!' => {
                let alignment = self.digits()?.unwrap_or(ALIGNMENT_DEFAULT);
                if !alignment.is_power_of_two() {
                    return Err(Fault::here(format!("alignment {alignment} is not a power of 2")));
                }
                self.alignment = alignment;
            }
            _ => {}
        }
        Ok(Some(Item { letter, size, padding }))
    }

    fn size(&mut self, letter: u8) -> Result<usize, Fault> {
        Ok(match letter {
            b'b' | b'B' | b'x' => 1,
            b'h' | b'H' => 2,
            b'l' | b'L' | b'T' | b'd' => 8,
            b'f' => 4,
            b'c' => self.digits()?.unwrap_or(1),
            b'i' | b'I' => {
                let size = self.digits()?.unwrap_or(4);
                if size > INTEGER_SIZE_MAX {
                    let text = format!("integral size {size} is larger than limit of {INTEGER_SIZE_MAX}");
                    return Err(Fault::here(text));
                }
                size
            }
            _ => 0,
        })
    }

    /// The number that comes next, if there is one.
    fn digits(&mut self) -> Result<Option<usize>, Fault> {
        let len = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if len == 0 {
            return Ok(None);
        }
        let mut value = 0_i32;
        for byte in &self.rest[..len] {
            let digit = i32::from(byte - b'0');
            value = value
                .checked_mul(10)
                .and_then(|tens| tens.checked_add(digit))
                .ok_or_else(|| Fault::here("integral size overflow"))?;
        }
        self.rest = &self.rest[len..];
        Ok(usize::try_from(value).ok())
    }
}

fn invalid(letter: u8) -> Fault {
    Fault::argument(1, [b"invalid format option '", &[letter][..], b"'"].concat())
}

/// A double as C converts it to an unsigned integer of 64 bits.
fn to_u64(number: f64) -> u64 {
    const SIGN: f64 = 9_223_372_036_854_775_808.0;
    if number >= SIGN { to_i64(number - SIGN).cast_unsigned() ^ (1 << 63) } else { to_i64(number).cast_unsigned() }
}

fn push_integer(value: u64, size: usize, big_endian: bool, out: &mut Vec<u8>) {
    let from = out.len();
    out.extend((0..size).map(|at| if at < 8 { value.to_le_bytes()[at] } else { 0 }));
    if big_endian {
        out[from..].reverse();
    }
}

/// Of more than 8 bytes the low ones count.
#[expect(clippy::cast_precision_loss, reason = "every number of Lua 5.1 is a double")]
fn read_integer(bytes: &[u8], big_endian: bool, signed: bool) -> f64 {
    let mut raw = [0; 8];
    for (at, low) in raw.iter_mut().enumerate().take(bytes.len()) {
        *low = if big_endian { bytes[bytes.len() - 1 - at] } else { bytes[at] };
    }
    let value = u64::from_le_bytes(raw);
    if !signed {
        return value as f64;
    }
    let unused = 64_u32.saturating_sub(u32::try_from(bytes.len() * 8).unwrap_or(64)).min(63);
    (((value << unused).cast_signed()) >> unused) as f64
}

fn pack(lua: &Lua, args: &Args<'_>) -> Results {
    let format = args.string(1)?;
    let format = format.as_bytes();
    let mut format = Format::new(&format);
    let (mut out, mut n) = (Vec::new(), 1);
    while let Some(item) = format.next(out.len())? {
        out.resize(out.len() + item.padding, 0);
        if matches!(item.letter, b'x') {
            out.push(0);
        } else if !item.is_control() {
            n += 1;
            pack_one(args, n, &item, format.big_endian, &mut out)?;
        }
        if out.len() > OUTPUT_MAX {
            return Err(Fault::memory());
        }
    }
    string(lua, &out)
}

/// Packs argument `n`.
fn pack_one(args: &Args<'_>, n: usize, item: &Item, big_endian: bool, out: &mut Vec<u8>) -> Result<(), Fault> {
    let number = || {
        // Behind the arguments the C library has a nil.
        if n > args.len() { Err(Fault::argument(n, "number expected, got nil")) } else { args.number(n) }
    };
    match item.letter {
        b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
            let value = number()?;
            let value = if value < 0.0 { to_i64(value).cast_unsigned() } else { to_u64(value) };
            push_integer(value, item.size, big_endian, out);
        }
        b'f' => {
            #[expect(clippy::cast_possible_truncation, reason = "rounded to single precision")]
            let value = number()? as f32;
            out.extend_from_slice(&if big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
        }
        b'd' => {
            let value = number()?;
            out.extend_from_slice(&if big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
        }
        b's' | b'c' => {
            if n > args.len() {
                return Err(Fault::argument(n, "string expected, got nil"));
            }
            let text = args.string(n)?;
            let text = text.as_bytes();
            let size = if item.letter == b's' || item.size == 0 { text.len() } else { item.size };
            // The C library has moved on to the next argument when it looks.
            let bytes = text.get(..size).ok_or_else(|| Fault::argument(n + 1, "string too short"))?;
            out.extend_from_slice(bytes);
            if item.letter == b's' {
                out.push(0);
            }
        }
        letter => return Err(invalid(letter)),
    }
    Ok(())
}

fn unpack(lua: &Lua, args: &Args<'_>) -> Results {
    let (format, data) = (args.string(1)?, args.string(2)?);
    let (format, data) = (format.as_bytes(), data.as_bytes());
    let offset = args.integer_or(3, 1)?;
    if offset == 0 {
        return Err(Fault::argument(3, "offset must be 1 or greater"));
    }
    // A negative offset is beyond any end.
    let mut at = usize::try_from(offset.saturating_sub(1)).unwrap_or(usize::MAX);
    let mut format = Format::new(&format);
    let mut values: Vec<Value> = Vec::new();
    let too_short = || Fault::argument(2, "data string too short");
    while let Some(item) = format.next(at)? {
        at = at.saturating_add(item.padding);
        let mut bytes = at.checked_add(item.size).and_then(|end| data.get(at..end)).ok_or_else(too_short)?;
        if values.len() >= RESULTS_MAX {
            return Err(Fault::stack("too many results"));
        }
        match item.letter {
            b'x' => {}
            b'c' => {
                if item.size == 0 {
                    let size = values.pop().and_then(|value| size_before(lua, value).transpose()).transpose()?;
                    let size = size.ok_or_else(|| Fault::here("format 'c0' needs a previous size"))?;
                    let size = usize::try_from(size).unwrap_or(usize::MAX);
                    bytes = at.checked_add(size).and_then(|end| data.get(at..end)).ok_or_else(too_short)?;
                }
                values.push(Value::String(lua.create_string(bytes)?));
            }
            b's' => {
                let rest = &data[at..];
                let len = rest.iter().position(|byte| *byte == 0);
                let len = len.ok_or_else(|| Fault::here("unfinished string in data"))?;
                values.push(Value::String(lua.create_string(&rest[..len])?));
                at += 1;
                bytes = &rest[..len];
            }
            _ if item.is_control() => {}
            letter => values.push(Value::Number(read_number(letter, bytes, format.big_endian)?)),
        }
        at += bytes.len();
    }
    values.push(Value::Integer(i64::try_from(at).unwrap_or(i64::MAX).saturating_add(1)));
    Ok(MultiValue::from_vec(values))
}

/// The number of bytes that a value is, for `c0`.
fn size_before(lua: &Lua, value: Value) -> Result<Option<u64>, Fault> {
    let number = match value {
        Value::Number(number) => Some(number),
        other => lua.coerce_number(other)?,
    };
    Ok(number.map(to_u64))
}

fn read_number(letter: u8, bytes: &[u8], big_endian: bool) -> Result<f64, Fault> {
    let signed = match letter {
        b'b' | b'h' | b'l' | b'i' => true,
        b'B' | b'H' | b'L' | b'T' | b'I' => false,
        b'f' | b'd' => {
            let mut raw = [0; 8];
            raw[..bytes.len()].copy_from_slice(bytes);
            if big_endian {
                raw[..bytes.len()].reverse();
            }
            let [a, b, c, d, ..] = raw;
            let single = f64::from(f32::from_le_bytes([a, b, c, d]));
            return Ok(if letter == b'f' { single } else { f64::from_le_bytes(raw) });
        }
        letter => return Err(invalid(letter)),
    };
    Ok(read_integer(bytes, big_endian, signed))
}

/// The size of what a format of fixed size packs. Letters that are none count nothing.
fn size(_: &Lua, args: &Args<'_>) -> Results {
    let format = args.string(1)?;
    let format = format.as_bytes();
    let mut format = Format::new(&format);
    let mut size = 0_usize;
    while let Some(item) = format.next(size)? {
        match item.letter {
            b's' => return Err(Fault::argument(1, "option 's' has no fixed size")),
            b'c' if item.size == 0 => return Err(Fault::argument(1, "option 'c0' has no fixed size")),
            letter if !letter.is_ascii_alphanumeric() && !item.is_control() => return Err(invalid(letter)),
            _ => size = size.saturating_add(item.padding + item.size),
        }
    }
    number(size as f64)
}
