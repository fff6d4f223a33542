//! Sparse registers: runs of equal ones, most of them 0.
//!
//! Owns the opcodes (ZERO `00nnnnnn`: 1 to 64 registers of 0; XZERO `01nnnnnn nnnnnnnn`: 1 to 16384; VAL `1vvvvvnn`: 1 to
//! 4 registers of 1 to 32) and how a run is split and joined, which decides the bytes: they are the same as Redis's after
//! the same elements. Must not know elements or dense registers.
//!
//! The bytes are a client's if it likes: every read is checked, and a run counts for at least one register and one
//! byte, so every walk ends.

use super::{Corrupt, HEADER, REGISTERS};
use bytes::BytesMut;
use std::fmt::Write as _;

const XZERO: u8 = 0x40;
const VAL: u8 = 0x80;
/// Registers of the longest ZERO.
const ZERO_MAX: usize = 64;
/// Registers of the longest VAL.
const VAL_RUN_MAX: usize = 4;
/// The greatest value of a VAL.
const VALUE_MAX: u8 = 32;
/// Runs looked at for joining after a change: the one before, up to three that a split has left, the one behind.
const JOIN_RUNS: usize = 5;

/// A run of equal registers.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// Value of each register.
    pub(super) value: u8,
    /// Registers, at least 1.
    pub(super) len: usize,
    /// Bytes of the opcode.
    width: usize,
}

/// The run whose opcode starts at `at`; `None` past the end, or if its second byte is.
#[inline]
fn run_at(text: &[u8], at: usize) -> Option<Run> {
    let op = *text.get(at)?;
    if op & VAL != 0 {
        Some(Run { value: (op >> 2 & 31) + 1, len: usize::from(op & 3) + 1, width: 1 })
    } else if op & XZERO != 0 {
        let low = *text.get(at + 1)?;
        Some(Run { value: 0, len: (usize::from(op & 63) << 8 | usize::from(low)) + 1, width: 2 })
    } else {
        Some(Run { value: 0, len: usize::from(op) + 1, width: 1 })
    }
}

/// Up to three runs of at most two bytes.
#[derive(Default)]
struct Ops {
    bytes: [u8; 6],
    len: usize,
}

impl Ops {
    fn push(&mut self, op: u8) {
        self.bytes[self.len] = op;
        self.len += 1;
    }

    /// Adds a run of `value` that a single opcode can hold; nothing if it has no registers.
    fn run(&mut self, value: u8, len: usize) {
        let Some(rest) = len.checked_sub(1) else { return };
        if value > 0 {
            self.push(VAL | (value - 1) << 2 | rest as u8);
        } else if len > ZERO_MAX {
            self.push(XZERO | (rest >> 8) as u8);
            self.push(rest as u8);
        } else {
            self.push(rest as u8);
        }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Appends all registers, each 0.
pub(super) fn write_empty(text: &mut BytesMut) {
    let mut ops = Ops::default();
    ops.run(0, REGISTERS);
    text.extend_from_slice(ops.as_slice());
}

/// Calls `f` with every run in order, whose registers never exceed [`REGISTERS`] in all. O(bytes).
pub(super) fn walk(text: &[u8], mut f: impl FnMut(Run)) -> Result<(), Corrupt> {
    let (mut at, mut left) = (HEADER, REGISTERS);
    while at < text.len() {
        let run = run_at(text, at).ok_or(Corrupt)?;
        left = left.checked_sub(run.len).ok_or(Corrupt)?;
        f(run);
        at += run.width;
    }
    if left == 0 { Ok(()) } else { Err(Corrupt) }
}

/// What became of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raised {
    /// It was as high already.
    No,
    /// It is higher now.
    Yes,
    /// It cannot be, sparse: the value is too great, or the string would be too long. Nothing has changed.
    Beyond,
}

/// The start of an opcode, and the first register of its run.
#[derive(Clone, Copy)]
struct Place {
    at: usize,
    first: usize,
}

/// Where a search starts. Registers can be raised in ascending order without searching from the front each time: the
/// cursor stands two runs before the last change, as the run right before it may have been joined with it, and the one
/// before that is needed to join with.
#[derive(Clone, Copy)]
pub(super) struct Cursor(Place);

impl Default for Cursor {
    fn default() -> Self {
        Self(Place { at: HEADER, first: 0 })
    }
}

/// Raises a register to `value` (1 to 51); the cursor returned serves for registers behind it. O(bytes).
pub(super) fn raise(
    text: &mut BytesMut,
    Cursor(start): Cursor,
    register: usize,
    value: u8,
    bytes_max: u64,
) -> Result<(Raised, Cursor), Corrupt> {
    if value > VALUE_MAX {
        return Ok((Raised::Beyond, Cursor(start)));
    }
    let (mut next_to_last, mut last, mut here) = (None, None, approach(text, start, register));
    let run = loop {
        let run = run_at(text, here.at).ok_or(Corrupt)?;
        if register < here.first + run.len {
            break run;
        }
        (next_to_last, last) = (last, Some(here));
        here = Place { at: here.at + run.width, first: here.first + run.len };
    };
    let cursor = next_to_last.map_or_else(Cursor::default, Cursor);
    if run.value >= value {
        return Ok((Raised::No, cursor));
    }
    let mut ops = Ops::default();
    let before = register - here.first;
    ops.run(run.value, before);
    ops.run(value, 1);
    ops.run(run.value, run.len - before - 1);
    let grown = ops.len > run.width;
    if grown && (text.len() + ops.len - run.width) as u64 > bytes_max {
        return Ok((Raised::Beyond, cursor));
    }
    replace(text, here.at, run.width, ops.as_slice());
    join(text, last.unwrap_or(here).at);
    Ok((Raised::Yes, cursor))
}

/// The same byte in all eight of a word.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Skips runs before the one with `register`, up to eight at a time; two are left before it, unless `start` is nearer.
/// O(bytes), two or three bytes a nanosecond: adding an element is little else.
fn approach(text: &[u8], start: Place, register: usize) -> Place {
    let (mut two_back, mut one_back, mut here) = (start, start, start);
    while let Some(ops) = text.get(here.at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*ops);
        // The opcodes before the first XZERO are a byte each; that one itself is skipped alone.
        let xzeros = !word & word << 1 & each(VAL);
        let singles = xzeros.trailing_zeros() / 8;
        let (len, width) = match singles {
            0 => ((usize::from(ops[0] & 63) << 8 | usize::from(ops[1])) + 1, 2),
            _ => (lens(word, singles), singles as usize),
        };
        if here.first + len > register {
            break;
        }
        (two_back, one_back) = (one_back, here);
        here = Place { at: here.at + width, first: here.first + len };
    }
    two_back
}

/// Registers of the runs of the first `count` (1 to 8) bytes of a word, which are ZEROs and VALs.
fn lens(word: u64, count: u32) -> usize {
    let vals = word >> 7 & each(1);
    // 6 bits of length, of VALs 2.
    let counted = each(63) - vals * 60;
    let lens = ((word & counted) + each(1)) & u64::MAX >> (64 - 8 * count);
    let pairs = (lens & 0x00ff_00ff_00ff_00ff) + (lens >> 8 & 0x00ff_00ff_00ff_00ff);
    (pairs.wrapping_mul(0x0001_0001_0001_0001) >> 48) as usize
}

/// Puts `new` in the place of `old` bytes. O(bytes behind).
fn replace(text: &mut BytesMut, at: usize, old: usize, new: &[u8]) {
    let (len, behind) = (text.len(), at + old);
    if new.len() > old {
        text.resize(len + new.len() - old, 0);
    }
    text.copy_within(behind..len, at + new.len());
    text.truncate(len + new.len() - old);
    text[at..at + new.len()].copy_from_slice(new);
}

/// Joins neighbours of the same value among the runs from `at` on, where one VAL can hold both. O(bytes behind).
fn join(text: &mut BytesMut, mut at: usize) {
    for _ in 0..JOIN_RUNS {
        let Some(run) = run_at(text, at) else { return };
        match run_at(text, at + run.width) {
            Some(next) if run.value > 0 && next.value == run.value && run.len + next.len <= VAL_RUN_MAX => {
                let mut ops = Ops::default();
                ops.run(run.value, run.len + next.len);
                replace(text, at, 2, ops.as_slice());
            }
            _ => at += run.width,
        }
    }
}

/// The runs as PFDEBUG DECODE prints them. O(bytes).
pub(super) fn decode(text: &[u8]) -> Result<String, Corrupt> {
    let (mut out, mut at) = (String::new(), HEADER);
    while at < text.len() {
        let run = run_at(text, at).ok_or(Corrupt)?;
        let space = if out.is_empty() { "" } else { " " };
        let written = match (run.value, run.width) {
            (0, 1) => write!(out, "{space}z:{}", run.len),
            (0, _) => write!(out, "{space}Z:{}", run.len),
            (value, _) => write!(out, "{space}v:{value},{}", run.len),
        };
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
        at += run.width;
    }
    Ok(out)
}
