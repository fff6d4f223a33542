//! Integers: the strict decimal form that makes a string an integer, and the lenient one of cursors and ids.
//!
//! Owns the rule "this text is an integer": INCR, integer encoding of strings and every integer argument hang on it,
//! so it must accept the canonical spelling alone (what printing the number gives back) and be quick to say no.

/// Longest canonical form of a 64-bit integer: `-9223372036854775808` and `18446744073709551615`.
const DIGITS_MAX: usize = 20;

/// Parses the canonical decimal form of a signed 64-bit integer.
///
/// `None` for anything that printing an `i64` would not give: empty text, spaces, `+`, leading zeros, `-0`, a value out
/// of range. O(1): longer text than an `i64` can have is refused unread.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    // Nineteen digits cannot overflow a u64, so only the result has to be checked.
    if digits.len() >= DIGITS_MAX {
        return None;
    }
    let magnitude = canonical_digits(digits)?;
    if negative {
        if magnitude == 0 || magnitude > i64::MIN.unsigned_abs() {
            return None;
        }
        Some(0_i64.wrapping_sub_unsigned(magnitude))
    } else {
        i64::try_from(magnitude).ok()
    }
}

/// Parses the canonical decimal form of an unsigned 64-bit integer; `None` as for [`parse_i64`], and for a sign. O(1).
#[inline]
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    if text.len() < DIGITS_MAX {
        return canonical_digits(text);
    }
    if text.len() > DIGITS_MAX {
        return None;
    }
    let (last, head) = text.split_last()?;
    let last = last.wrapping_sub(b'0');
    if last > 9 {
        return None;
    }
    canonical_digits(head)?.checked_mul(10)?.checked_add(u64::from(last))
}

/// Parses an unsigned 64-bit integer as C's `strtoull` would take the whole text, but for leading spaces: `+`, leading
/// zeros and (wrapping round) `-` are accepted.
///
/// SCAN cursors and the parts of stream ids have always been read like this, so clients may send `007`. Empty text is
/// `None` here (as an id's part; SCAN itself takes an empty cursor for 0). O(n).
pub fn parse_u64_lenient(text: &[u8]) -> Option<u64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = 0_u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(if negative { value.wrapping_neg() } else { value })
}

/// Reads up to 19 digits without a superfluous leading zero.
#[inline]
fn canonical_digits(digits: &[u8]) -> Option<u64> {
    let (first, rest) = digits.split_first()?;
    let mut value = u64::from(first.wrapping_sub(b'0'));
    if value > 9 || (value == 0 && !rest.is_empty()) {
        return None;
    }
    for byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value)
}

/// Appends the decimal form of `value`.
#[inline]
pub fn write_i64(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends the decimal form of `value`.
#[inline]
pub fn write_u64(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: [&[u8]; 18] = [
        b"",
        b"-",
        b"+",
        b"+1",
        b"-0",
        b"00",
        b"01",
        b"-01",
        b" 1",
        b"1 ",
        b"1a",
        b"a",
        b"1.0",
        b"0x1",
        b"--1",
        b"1\0",
        b"99999999999999999999",
        b"100000000000000000000",
    ];

    #[test]
    fn accepts_what_printing_gives() {
        let mut values = vec![0, 1, -1, 9, 10, i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1];
        let mut rng = crate::base::rng::Rng::new(1);
        values.extend((0..10_000).map(|_| (rng.next_u64() >> rng.below(64)).cast_signed()));
        for value in values {
            let mut text = Vec::new();
            write_i64(value, &mut text);
            assert_eq!(parse_i64(&text), Some(value));
            text.clear();
            write_u64(value.cast_unsigned(), &mut text);
            assert_eq!(parse_u64(&text), Some(value.cast_unsigned()));
        }
    }

    #[test]
    fn refuses_other_spellings() {
        for text in REFUSED {
            assert_eq!(parse_i64(text), None, "{text:?}");
            assert_eq!(parse_u64(text), None, "{text:?}");
        }
        for text in ["9223372036854775808", "-9223372036854775809", "-10000000000000000000"] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
        }
        for text in ["18446744073709551616", "-1", "1844674407370955161x", "01844674407370955161"] {
            assert_eq!(parse_u64(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn lenient_takes_signs_and_zeros() {
        for (text, value) in [("007", 7), ("+5", 5), ("-1", u64::MAX), ("18446744073709551615", u64::MAX)] {
            assert_eq!(parse_u64_lenient(text.as_bytes()), Some(value), "{text}");
        }
        assert_eq!(parse_u64_lenient(b"-18446744073709551615"), Some(1));
        for text in ["", "+", "-", " 1", "1 ", "x", "+-1", "18446744073709551616", "-18446744073709551616"] {
            assert_eq!(parse_u64_lenient(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn oracle_agrees() {
        let Some(mut oracle) = crate::base::oracle::Oracle::start() else { return };
        let fixed =
            ["9223372036854775808", "-9223372036854775808", "-9223372036854775809", "7", "-7"].map(str::as_bytes);
        for text in REFUSED.into_iter().chain(fixed) {
            oracle.ask(&[b"SET", b"k", text]);
            let taken = matches!(oracle.ask(&[b"INCRBY", b"k", b"0"]), crate::base::oracle::Answer::Int(_));
            assert_eq!(parse_i64(text).is_some(), taken, "{text:?}");
        }
    }
}
