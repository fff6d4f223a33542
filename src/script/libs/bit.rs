//! `bit`: operations on the 32 low bits of numbers.
//!
//! Owns the normalisation: a number is rounded to an integer, of which the low 32 bits count, and every result is a
//! signed integer of 32 bits.

use mlua::{Lua, Table};

use super::{Args, Fault, Native, Results, functions, number, string};

/// Added to a double it moves the ones digit to the lowest bit of the significand, rounding half to even: 2^52 + 2^51.
const TO_LOW_BITS: f64 = 6_755_399_441_055_744.0;

/// The table `bit`.
pub fn library(lua: &Lua) -> mlua::Result<Table> {
    let rows: [(&str, Native); 12] = [
        ("tobit", |_, args| reply(bits(args, 1)?)),
        ("bnot", |_, args| reply(!bits(args, 1)?)),
        ("bswap", |_, args| reply(bits(args, 1)?.swap_bytes())),
        ("band", |_, args| fold(args, |a, b| a & b)),
        ("bor", |_, args| fold(args, |a, b| a | b)),
        ("bxor", |_, args| fold(args, |a, b| a ^ b)),
        ("lshift", |_, args| shift(args, |a, n| a << n)),
        ("rshift", |_, args| shift(args, |a, n| a >> n)),
        ("arshift", |_, args| shift(args, |a, n| (a.cast_signed() >> n).cast_unsigned())),
        ("rol", |_, args| shift(args, u32::rotate_left)),
        ("ror", |_, args| shift(args, u32::rotate_right)),
        ("tohex", tohex),
    ];
    functions(lua, &rows)
}

/// The low 32 bits of an argument.
#[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
fn bits(args: &Args<'_>, n: usize) -> Result<u32, Fault> {
    Ok((args.number(n)? + TO_LOW_BITS).to_bits() as u32)
}

fn reply(bits: u32) -> Results {
    number(f64::from(bits.cast_signed()))
}

fn fold(args: &Args<'_>, f: fn(u32, u32) -> u32) -> Results {
    let mut result = bits(args, 1)?;
    for n in 2..=args.len() {
        result = f(result, bits(args, n)?);
    }
    reply(result)
}

/// Distances count modulo 32.
fn shift(args: &Args<'_>, f: fn(u32, u32) -> u32) -> Results {
    reply(f(bits(args, 1)?, bits(args, 2)? & 31))
}

/// The last digits, 8 or as many as asked for; in capitals where the count is negative.
fn tohex(lua: &Lua, args: &Args<'_>) -> Results {
    let value = bits(args, 1)?;
    let digits = if args.len() < 2 { 8 } else { bits(args, 2)?.cast_signed() };
    let text = if digits < 0 { format!("{value:08X}") } else { format!("{value:08x}") };
    let wanted = digits.unsigned_abs().min(8) as usize;
    string(lua, &text.as_bytes()[8 - wanted..])
}
