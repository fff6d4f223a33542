//! Doubles: arguments as C's `strtod` reads them, replies in the fewest digits that read back the same.
//!
//! Owns the spelling of scores, increments and timeouts. Reading is std's correctly rounded parser plus the two things
//! C has and Rust has not: hexadecimal floats, and telling overflow and underflow from a written `inf` or `0`.
//! Printing follows Redis 7.2 and later (7.0 printed 17 digits always: `3.1` was `3.1000000000000001`).

use std::io::Write as _;

use rustc_apfloat::{Float, Round, Status, StatusAnd, ieee::Double};

/// Integers up to this magnitude print without an exponent, as Redis prints them: 2^62.
const PLAIN_INTEGER_MAX: f64 = 4_611_686_018_427_387_904.0;

/// Parses a float argument.
///
/// Takes decimal and hexadecimal (`0x1.8p3`) floats, `inf` and `infinity` in any case, each with an optional sign.
/// `None` for everything else: empty text, spaces, `nan`, trailing bytes, and values that overflow to infinity or
/// underflow to zero. O(n).
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    if is_hex(body) {
        let parsed = parse_hex::<Double>(text)?;
        return Some(f64::from_bits(u64::try_from(parsed.to_bits()).ok()?));
    }
    let value: f64 = text.parse().ok()?;
    let out_of_range = match value {
        _ if value.is_nan() => return None,
        _ if value.is_infinite() => !body.starts_with(['i', 'I']),
        0.0 => has_nonzero_digit(body),
        _ => false,
    };
    (!out_of_range).then_some(value)
}

/// True if the significand of a decimal float has a digit other than 0.
fn has_nonzero_digit(body: &str) -> bool {
    body.bytes().take_while(|byte| !matches!(byte, b'e' | b'E')).any(|byte| matches!(byte, b'1'..=b'9'))
}

/// True if an unsigned number opens as a hexadecimal float.
pub(super) fn is_hex(body: &str) -> bool {
    body.starts_with("0x") || body.starts_with("0X")
}

/// Parses a hexadecimal float with an optional sign; `None` if it is malformed or out of the range of `F`.
pub(super) fn parse_hex<F: Float>(text: &str) -> Option<F> {
    // C may leave the exponent out, the library may not.
    let parsed = if text.contains(['p', 'P']) {
        F::from_str_r(text, Round::NearestTiesToEven)
    } else {
        F::from_str_r(&format!("{text}p0"), Round::NearestTiesToEven)
    };
    in_range(parsed.ok()?)
}

/// The value, unless rounding made it infinite, or zero of something that was not.
pub(super) fn in_range<F: Float>(parsed: StatusAnd<F>) -> Option<F> {
    let vanished = parsed.value.is_zero() && parsed.status != Status::OK;
    (!vanished && !parsed.value.is_infinite()).then_some(parsed.value)
}

/// Appends `value` as Redis prints a double in a reply.
///
/// The fewest digits that read back as `value`; integers up to 2^62 in full; `1e+20` and `1.5e-9` once the plain form
/// would be long; `inf`, `-inf`, `nan`; the sign of zero is kept. At most 25 bytes.
pub fn format_f64(value: f64, out: &mut Vec<u8>) {
    if value.is_nan() {
        out.extend_from_slice(b"nan");
    } else if value.is_infinite() {
        out.extend_from_slice(if value < 0.0 { b"-inf" } else { b"inf" });
    } else if value == 0.0 {
        out.extend_from_slice(if value.is_sign_negative() { b"-0" } else { b"0" });
    } else if value.abs() <= PLAIN_INTEGER_MAX && value.trunc() == value {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number within 2^62")]
        super::write_i64(value as i64, out);
    } else {
        if value < 0.0 {
            out.push(b'-');
        }
        let shortest = Shortest::of(value.abs());
        shortest.write(out);
    }
}

/// The fewest decimal digits that identify a positive finite double: `0.d1d2… * 10^point`.
struct Shortest {
    digits: [u8; 17],
    len: usize,
    /// Where the decimal point stands, counted from before the first digit.
    point: i32,
}

impl Shortest {
    fn of(value: f64) -> Self {
        // std prints `d.ddde-x`: at most 17 digits, a point, and an exponent of up to five bytes.
        let mut text = [0_u8; 32];
        let mut rest = &mut text[..];
        let fits = write!(rest, "{value:e}").is_ok();
        debug_assert!(fits, "the exponent form of a double fits 32 bytes");
        let mut shortest = Self { digits: [0; 17], len: 0, point: 1 };
        let mut bytes = text.iter().copied().take_while(|byte| *byte != 0);
        for byte in bytes.by_ref().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit) {
            shortest.digits[shortest.len] = byte;
            shortest.len += 1;
        }
        let mut negative = false;
        let mut exponent = 0;
        for byte in bytes {
            if byte == b'-' {
                negative = true;
            } else {
                exponent = exponent * 10 + i32::from(byte - b'0');
            }
        }
        shortest.point += if negative { -exponent } else { exponent };
        shortest
    }

    /// Writes the plain or the exponent form. The choice between them is Redis's: plain for a fraction of at most six
    /// places or a value of 0.0001 to 9999.…, and for an integer that ends in at most seven zeros.
    fn write(&self, out: &mut Vec<u8>) {
        #[expect(clippy::cast_possible_wrap, clippy::cast_possible_truncation, reason = "at most 17")]
        let len = self.len as i32;
        let places = len - self.point;
        let exponent = self.point - 1;
        if places <= 0 && exponent.abs() < len + 7 {
            out.extend_from_slice(self.digits());
            zeros(-places, out);
        } else if places > 0 && (places < 7 || exponent.abs() < 4) {
            self.write_fraction(out);
        } else {
            out.push(self.digits[0]);
            if len > 1 {
                out.push(b'.');
                out.extend_from_slice(&self.digits()[1..]);
            }
            out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
            super::write_i64(i64::from(exponent.abs()), out);
        }
    }

    fn write_fraction(&self, out: &mut Vec<u8>) {
        if let Ok(whole @ 1..) = usize::try_from(self.point) {
            let (whole, fraction) = self.digits().split_at(whole);
            out.extend_from_slice(whole);
            out.push(b'.');
            out.extend_from_slice(fraction);
        } else {
            out.extend_from_slice(b"0.");
            zeros(-self.point, out);
            out.extend_from_slice(self.digits());
        }
    }

    fn digits(&self) -> &[u8] {
        &self.digits[..self.len]
    }
}

fn zeros(count: i32, out: &mut Vec<u8>) {
    let count = usize::try_from(count).unwrap_or(0);
    out.extend(std::iter::repeat_n(b'0', count));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::oracle::{Answer, Oracle};
    use crate::base::rng::Rng;

    fn printed(value: f64) -> String {
        let mut out = Vec::new();
        format_f64(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn prints_as_redis() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (3.5, "3.5"),
            (-3.1, "-3.1"),
            (0.1, "0.1"),
            (0.00001, "0.00001"),
            (0.000_001_5, "1.5e-6"),
            (1e-7, "1e-7"),
            (1e17, "100000000000000000"),
            (4_611_686_018_427_387_904.0, "4611686018427387904"),
            (1e20, "1e+20"),
            (-1e300, "-1e+300"),
            (1.5e300, "1.5e+300"),
            (1.234_567_890_123_456_7e19, "12345678901234567000"),
            (12_345.678_901, "12345.678901"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1_700_000_000.123, "1700000000.123"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(printed(value), text);
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        let mut rng = Rng::new(7);
        for _ in 0..50_000 {
            let value = f64::from_bits(rng.next_u64());
            if value.is_finite() {
                let text = printed(value);
                assert!(text.len() <= 25, "{text}");
                assert_eq!(parse_f64(text.as_bytes()).map(f64::to_bits), Some(value.to_bits()), "{text}");
            }
        }
    }

    #[test]
    fn parses_as_strtod() {
        let nothing = None;
        for (text, value) in [
            ("inf", Some(f64::INFINITY)),
            ("+INF", Some(f64::INFINITY)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("nan", nothing),
            ("-nan", nothing),
            ("nan(1)", nothing),
            ("infi", nothing),
            ("0x10", Some(16.0)),
            ("-0X1p-3", Some(-0.125)),
            ("+0x.8", Some(0.5)),
            ("0x1.8p1", Some(3.0)),
            ("0x", nothing),
            ("0xp1", nothing),
            ("0x1p", nothing),
            ("0x1p1p", nothing),
            ("0x-1", nothing),
            ("0x1p-1080", nothing),
            ("0x1p2000", nothing),
            ("0x0p99999", Some(0.0)),
            ("0x1p99999999999999999999", nothing),
            ("1e5", Some(1e5)),
            ("1E+5", Some(1e5)),
            ("+.5", Some(0.5)),
            ("5.", Some(5.0)),
            (".", nothing),
            ("1e", nothing),
            ("", nothing),
            ("+", nothing),
            ("+-1", nothing),
            (" 1", nothing),
            ("1 ", nothing),
            ("1\0", nothing),
            ("1_0", nothing),
            ("1e308", Some(1e308)),
            ("1e309", nothing),
            ("-1e309", nothing),
            ("1e-320", Some(1e-320)),
            ("1e-400", nothing),
            ("0e-9999", Some(0.0)),
            ("0e99999999999999999999", Some(0.0)),
        ] {
            assert_eq!(parse_f64(text.as_bytes()), value, "{text}");
        }
        assert_eq!(parse_f64(b"\xff1"), None);
        assert!(parse_f64(b"-0").unwrap().is_sign_negative());
    }

    #[test]
    fn oracle_agrees() {
        let Some(mut oracle) = Oracle::start() else { return };
        let mut rng = Rng::new(11);
        for _ in 0..30_000 {
            let text = random_float(&mut rng);
            let reply = oracle.ask(&[b"ZADD", b"z", &text, b"m"]);
            let Some(value) = parse_f64(&text) else {
                assert!(matches!(reply, Answer::Error(_)), "{text:?}: {reply:?}");
                continue;
            };
            let Answer::Text(score) = oracle.ask(&[b"ZSCORE", b"z", b"m"]) else { panic!("{text:?}") };
            // Redis 7.0 prints more digits; the number must be the same.
            assert_eq!(parse_f64(&score), Some(value), "{}", text.escape_ascii());
        }
    }

    /// A string that is nearly a float.
    fn random_float(rng: &mut Rng) -> Vec<u8> {
        const PIECES: [&[u8]; 22] = [
            b"0", b"1", b"9", b"17", b".", b".5", b"e", b"E", b"e-", b"e+", b"-", b"+", b"0x", b"0X", b"p", b"p-",
            b"a", b"inf", b"3", b"308", b"000", b" ",
        ];
        let count = 1 + rng.below(6);
        let mut text = Vec::new();
        for _ in 0..count {
            text.extend_from_slice(PIECES[usize::try_from(rng.below(22)).unwrap()]);
        }
        text
    }
}
