//! Lengths, lines and arguments of a multibulk request.
//!
//! Owns the syntax from a header to the last argument, and the limits. Must not know of suspended commands: it is given
//! a place to start from and says how far it came.
//!
//! Every number has two readers: `decimal` takes the form that clients send, in one pass and inlined; whatever it does
//! not take goes to a slow path that finds the line's end first and words the error.

use bytes::Bytes;

use super::args::{ArgRange, BIG_ARG};
use super::request::{
    INLINE_MAX, Limits, MULTIBULK_MAX, ProtocolError, UNAUTHENTICATED_ARGS_MAX, UNAUTHENTICATED_BULK_MAX,
};

/// How far the arguments of a command were read.
pub(super) enum Scan {
    /// All were found.
    Whole,
    /// The buffer ends inside the argument at `Cursor::at`; `searched` as in `Partial`.
    Cut { searched: usize },
    /// The same, of a big argument of `total` bytes whose body starts at `body`.
    CutBig { total: usize, body: usize },
}

/// A place between two arguments.
pub(super) struct Cursor {
    pub(super) at: usize,
    pub(super) left: u32,
    pub(super) searched: usize,
}

/// Reads arguments from `cursor.at` on until all have been found or the buffer ends; appends them to `args`.
#[inline]
pub(super) fn scan(
    buf: &[u8],
    cursor: &mut Cursor,
    limits: &Limits,
    args: &mut Vec<ArgRange>,
    bigs: &mut Vec<Bytes>,
) -> Result<Scan, ProtocolError> {
    while cursor.left > 0 {
        let Some((len, body)) = bulk_header(buf, cursor.at, cursor.searched, limits)? else {
            return Ok(Scan::Cut { searched: buf.len().saturating_sub(cursor.at + 1) });
        };
        let end = body.saturating_add(len);
        let whole = buf.len() >= end.saturating_add(2);
        if len >= BIG_ARG {
            if !whole {
                return Ok(Scan::CutBig { total: len, body });
            }
            args.push(ArgRange::big(bigs.len()));
            bigs.push(Bytes::copy_from_slice(&buf[body..end]));
        } else {
            if !whole {
                return Ok(Scan::Cut { searched: 0 });
            }
            args.push(ArgRange::plain(body, len));
        }
        // The two bytes that end an argument are not looked at, as in Redis.
        cursor.at = end + 2;
        cursor.left -= 1;
        cursor.searched = 0;
    }
    Ok(Scan::Whole)
}

/// Reads `*count\r\n` at `at`: the count (0 where it is not positive) and the offset behind. `None`: incomplete.
#[inline]
pub(super) fn multibulk_header(
    buf: &[u8],
    at: usize,
    searched: usize,
    limits: &Limits,
) -> Result<Option<(u32, usize)>, ProtocolError> {
    let (count, next) = match decimal(buf, at + 1) {
        Some(fast) => fast,
        None => {
            let Some(end) = find_line(buf, at, searched, ProtocolError::MultibulkLine)? else {
                return Ok(None);
            };
            let count = strict_i64(&buf[at + 1..end]).ok_or(ProtocolError::MultibulkLength)?;
            (u64::try_from(count).unwrap_or(0), end + 2)
        }
    };
    if count > MULTIBULK_MAX {
        return Err(ProtocolError::MultibulkLength);
    }
    if count > UNAUTHENTICATED_ARGS_MAX && !limits.authenticated {
        return Err(ProtocolError::UnauthenticatedMultibulk);
    }
    Ok(Some((count as u32, next)))
}

/// Reads `$length\r\n` at `at`: the length and the offset behind. `None`: incomplete.
#[inline]
pub(super) fn bulk_header(
    buf: &[u8],
    at: usize,
    searched: usize,
    limits: &Limits,
) -> Result<Option<(usize, usize)>, ProtocolError> {
    let fast = match buf.get(at) {
        Some(b'$') => decimal(buf, at + 1),
        _ => None,
    };
    let (len, next) = match fast {
        Some(fast) => fast,
        None => {
            let Some(end) = find_line(buf, at, searched, ProtocolError::BulkLine)? else {
                return Ok(None);
            };
            if buf[at] != b'$' {
                return Err(ProtocolError::ExpectedDollar(buf[at]));
            }
            let len = strict_i64(&buf[at + 1..end]).ok_or(ProtocolError::BulkLength)?;
            (u64::try_from(len).map_err(|_| ProtocolError::BulkLength)?, end + 2)
        }
    };
    if len > limits.bulk_max {
        return Err(ProtocolError::BulkLength);
    }
    if len > UNAUTHENTICATED_BULK_MAX && !limits.authenticated {
        return Err(ProtocolError::UnauthenticatedBulk);
    }
    Ok(Some((len as usize, next)))
}

/// Reads a canonical number of at most 18 digits and the two bytes of a line end. `None`: anything else, which the
/// slow path looks into.
#[inline(always)]
pub(super) fn decimal(buf: &[u8], at: usize) -> Option<(u64, usize)> {
    let tail = buf.get(at..)?;
    if let Some(&[first, second, third, _]) = tail.first_chunk() {
        // Most numbers have one digit or two.
        let (tens, units) = (first.wrapping_sub(b'0'), second.wrapping_sub(b'0'));
        if second == b'\r' && tens <= 9 {
            return Some((u64::from(tens), at + 3));
        }
        if third == b'\r' && tens.wrapping_sub(1) < 9 && units <= 9 {
            return Some((u64::from(tens * 10 + units), at + 4));
        }
    }
    let mut number = 0;
    for (i, &byte) in tail.iter().enumerate().take(19) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            let canonical = i > 0 && (tail[0] != b'0' || i == 1);
            let whole = byte == b'\r' && i + 1 < tail.len();
            return (canonical && whole).then_some((number, at + i + 2));
        }
        number = number * 10 + u64::from(digit);
    }
    None
}

/// The number that is the whole of `text`, in the only form that a writer of numbers gives it: no plus sign, no
/// leading zeros, no `-0`.
pub(super) fn strict_i64(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [b'0'] => digits.len() == text.len(),
        [first, ..] => (b'1'..=b'9').contains(first) && digits.iter().all(u8::is_ascii_digit),
        [] => false,
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Offset of the first `byte` of the line at `at`, whose first `searched` bytes hold none. `None`: it has not come.
#[cold]
pub(super) fn find(
    byte: u8,
    buf: &[u8],
    at: usize,
    searched: usize,
    too_big: ProtocolError,
) -> Result<Option<usize>, ProtocolError> {
    let limit = at + INLINE_MAX + 1;
    let from = at + searched;
    let part = buf.get(from..buf.len().min(limit)).unwrap_or_default();
    match memchr::memchr(byte, part) {
        Some(i) => Ok(Some(from + i)),
        None if buf.len() >= limit => Err(too_big),
        None => Ok(None),
    }
}

/// Offset of the `\r` that ends the line at `at`, once the byte behind it has come too.
pub(super) fn find_line(
    buf: &[u8],
    at: usize,
    searched: usize,
    too_big: ProtocolError,
) -> Result<Option<usize>, ProtocolError> {
    let end = find(b'\r', buf, at, searched, too_big)?;
    Ok(end.filter(|end| end + 1 < buf.len()))
}
