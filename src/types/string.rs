//! Strings: ranges, overwriting, length limits, and which strings are integers.
//!
//! Owns the index rules of GETRANGE and SETRANGE and the test for integer encoding. Must not know how an entry stores
//! the string; everything works on slices and buffers.

use crate::base::num::parse_i64;
use bytes::BytesMut;

/// How a string can be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoded {
    /// The text is exactly what printing this integer gives.
    Int(i64),
    /// Any other text.
    Bytes,
}

/// Decides the encoding of a string. O(1): text too long for an integer is not read.
#[inline]
pub fn encode(text: &[u8]) -> Encoded {
    parse_i64(text).map_or(Encoded::Bytes, Encoded::Int)
}

/// A string would be longer than the limit on strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the string would exceed the longest length allowed")]
pub struct TooLong;

/// The sum of two lengths in bytes, if it is at most `max`: for APPEND (old, added) and SETRANGE (offset, added).
pub fn checked_len(a: u64, b: u64, max: u64) -> Result<u64, TooLong> {
    a.checked_add(b).filter(|sum| *sum <= max).ok_or(TooLong)
}

/// The bytes from `start` to `end`, both included. Negative indexes count from the end (-1 is the last byte); what lies
/// outside is cut off; an empty range gives an empty slice. O(1).
pub fn getrange(text: &[u8], start: i64, end: i64) -> &[u8] {
    // Two negatives in the wrong order stay empty even where both would be cut off to 0.
    if start < 0 && end < 0 && start > end {
        return &[];
    }
    let len = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let absolute = |index: i64| {
        if index < 0 { (index + len).max(0) } else { index }
    };
    let (start, end) = (absolute(start), absolute(end).min(len - 1));
    if start > end {
        return &[];
    }
    let bound = |index: i64| usize::try_from(index).unwrap_or(0);
    text.get(bound(start)..=bound(end)).unwrap_or_default()
}

/// Writes `patch` over `text` from `offset` on; the text grows as needed, a gap is filled with zero bytes. An empty
/// patch changes nothing. The caller has checked the length ([`checked_len`]). O(patch), and O(n) to grow.
pub fn setrange(text: &mut BytesMut, offset: usize, patch: &[u8]) {
    if patch.is_empty() {
        return;
    }
    let end = offset.saturating_add(patch.len());
    zero_extend(text, end);
    text[offset..end].copy_from_slice(patch);
}

/// Growth in bytes from which memory that the system has zeroed already is worth a move of the text.
const ZEROED_MIN: usize = 1024 * 1024;

/// Extends `text` with zero bytes to `len`; a longer text stays as it is. Amortised O(growth); a jump far ahead, of
/// which SETRANGE and SETBIT are capable, costs O(old length), as untouched pages come zeroed from the system.
pub fn zero_extend(text: &mut BytesMut, len: usize) {
    if len > text.capacity() && len - text.len() >= ZEROED_MIN {
        let mut longer = BytesMut::zeroed(len);
        longer[..text.len()].copy_from_slice(text);
        *text = longer;
    } else if len > text.len() {
        text.resize(len, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::oracle::{Answer, Oracle};

    #[test]
    fn integers_are_recognised() {
        assert_eq!(encode(b"12"), Encoded::Int(12));
        assert_eq!(encode(b"-9223372036854775808"), Encoded::Int(i64::MIN));
        for text in ["", "012", "9223372036854775808", "1.0", " 1"] {
            assert_eq!(encode(text.as_bytes()), Encoded::Bytes, "{text}");
        }
    }

    #[test]
    fn lengths_are_limited() {
        assert_eq!(checked_len(3, 4, 7), Ok(7));
        assert_eq!(checked_len(3, 5, 7), Err(TooLong));
        assert_eq!(checked_len(u64::MAX, 1, u64::MAX), Err(TooLong));
    }

    #[test]
    fn ranges() {
        let text = b"This is a string";
        for (start, end, part) in [
            (0, 3, "This"),
            (-3, -1, "ing"),
            (0, -1, "This is a string"),
            (10, 100, "string"),
            (5, 3, ""),
            (-5, -20, ""),
            (-100, -90, "T"),
            (-1, -100, ""),
            (100, 200, ""),
            (i64::MIN, i64::MAX, "This is a string"),
            (i64::MAX, i64::MIN, ""),
        ] {
            assert_eq!(getrange(text, start, end), part.as_bytes(), "{start} {end}");
        }
        assert_eq!(getrange(b"", 0, -1), b"");
    }

    #[test]
    fn overwriting_pads_with_zeros() {
        let mut text = BytesMut::from("Hello");
        setrange(&mut text, 7, b"x");
        assert_eq!(text[..], b"Hello\0\0x"[..]);
        setrange(&mut text, 1, b"ipp");
        assert_eq!(text[..], b"Hippo\0\0x"[..]);
        setrange(&mut text, 100, b"");
        assert_eq!(text.len(), 8);
        setrange(&mut text, 2 * ZEROED_MIN, b"end");
        assert_eq!((&text[..8], &text[2 * ZEROED_MIN - 1..]), (&b"Hippo\0\0x"[..], &b"\0end"[..]));
        zero_extend(&mut text, 3);
        assert_eq!(text.len(), 2 * ZEROED_MIN + 3);
    }

    #[test]
    fn oracle_agrees_on_ranges() {
        let Some(mut oracle) = Oracle::start() else { return };
        for len in 0..4 {
            let text = &b"abc"[..len];
            oracle.ask(&[b"SET", b"k", text]);
            for start in -6..6_i64 {
                for end in -6..6_i64 {
                    let asked =
                        [b"GETRANGE".as_slice(), b"k", &start.to_string().into_bytes(), &end.to_string().into_bytes()];
                    let ours = Answer::Text(getrange(text, start, end).to_vec());
                    assert_eq!(ours, oracle.ask(&asked), "{len} {start} {end}");
                }
            }
        }
    }
}
