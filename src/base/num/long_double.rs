//! C's `long double` on x86-64, in software: the arithmetic of INCRBYFLOAT and HINCRBYFLOAT.
//!
//! Owns the 80-bit extended format's reading, sum and printing, so that `0.1 + 0.2` is `0.3` as clients of Redis have
//! it, on every processor. It must not know the commands. The library does parsing and the sum; printing is exact
//! here, because a value has to come out with seventeen places at any magnitude.

use rustc_apfloat::{
    Float, FloatConvert, Round,
    ieee::{Double, X87DoubleExtended},
};

use super::float::{in_range, is_hex, parse_hex};

/// Redis reads a `long double` through a buffer of this size; what does not fit (with its final NUL) is no float.
const TEXT_MAX: usize = 5 * 1024 - 1;
/// Places after the point in [`LongDouble::format_human`].
const PLACES: u32 = 17;
const PLACES_UNIT: u128 = 10_u128.pow(PLACES);
/// The largest power of ten in a `u64`.
const LIMB_UNIT: u64 = 10_u64.pow(19);

/// An x87 80-bit extended-precision number: 64 bits of significand, 15 of exponent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LongDouble(X87DoubleExtended);

impl LongDouble {
    /// Parses a float as Redis does through `strtold`.
    ///
    /// Takes decimal and hexadecimal floats and infinities with an optional sign (the command refuses an infinite
    /// result). `None` for all else: `nan`, spaces, overflow, underflow to zero, text of 5120 bytes and more. O(n^2) for
    /// n digits, n limited as said.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > TEXT_MAX {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        let body = text.strip_prefix(['+', '-']).unwrap_or(text);
        if is_hex(body) {
            return parse_hex(text).map(Self);
        }
        if body.eq_ignore_ascii_case("inf") || body.eq_ignore_ascii_case("infinity") {
            let infinity = X87DoubleExtended::INFINITY;
            return Some(Self(if text.starts_with('-') { -infinity } else { infinity }));
        }
        if !is_decimal(body.as_bytes()) {
            return None;
        }
        in_range(X87DoubleExtended::from_str_r(text, Round::NearestTiesToEven).ok()?).map(Self)
    }

    /// The exact value of an integer.
    pub fn from_i64(value: i64) -> Self {
        // 64 bits of significand hold every i64.
        Self(X87DoubleExtended::from_i128(i128::from(value)).value)
    }

    /// The nearest double, infinite beyond their range; what is not zero does not become zero.
    pub fn nearest_f64(self) -> f64 {
        let double: Double = self.0.convert(&mut false).value;
        let nearest = f64::from_bits(double.to_bits() as u64);
        if nearest == 0.0 && !self.0.is_zero() { f64::MIN_POSITIVE.copysign(nearest) } else { nearest }
    }

    /// The exact value of a double (infinities and NaN stay what they are).
    pub fn from_f64(value: f64) -> Self {
        Self(Double::from_bits(u128::from(value.to_bits())).convert(&mut false).value)
    }

    /// The sum, rounded to nearest, ties to even.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "the operator would hide that this is software arithmetic")]
    pub fn add(self, other: Self) -> Self {
        Self((self.0 + other.0).value)
    }

    /// False for infinities and NaN.
    pub fn is_finite(self) -> bool {
        self.0.is_finite()
    }

    /// Appends what C prints for `%.17Lf` without trailing zeros and point, and `0` for `-0`: exact, never an exponent.
    /// Infinities and NaN print as `inf`, `-inf`, `nan`. At most 4953 bytes; O(1) below 2^128, O(digits^2) above.
    pub fn format_human(self, out: &mut Vec<u8>) {
        if self.0.is_nan() {
            return out.extend_from_slice(b"nan");
        }
        let start = out.len();
        if self.0.is_negative() {
            out.push(b'-');
        }
        if self.0.is_infinite() {
            return out.extend_from_slice(b"inf");
        }
        let (significand, exponent) = self.parts();
        if exponent >= 0 {
            write_shifted(significand, exponent.unsigned_abs(), out);
        } else {
            write_fixed(scale_to_places(significand, exponent.unsigned_abs()), out);
        }
        if &out[start..] == b"-0" {
            out.remove(start);
        }
    }

    /// Significand and exponent: the magnitude is `significand * 2^exponent`.
    fn parts(self) -> (u64, i32) {
        /// Bias of the 15-bit exponent, and the 63 bits after the significand's integer bit.
        const BIAS: i32 = 16383 + 63;
        let bits = self.0.to_bits();
        #[expect(clippy::cast_possible_truncation, reason = "the low 64 bits are the significand")]
        let significand = bits as u64;
        let biased = i32::from(u16::try_from((bits >> 64) & 0x7fff).unwrap_or(0));
        // A denormal's exponent field is 0 but means 1.
        (significand, biased.max(1) - BIAS)
    }
}

/// True for `ddd[.ddd][e[+-]ddd]` with a digit before the exponent.
fn is_decimal(body: &[u8]) -> bool {
    let (significand, exponent) = match memchr::memchr2(b'e', b'E', body) {
        Some(at) => (&body[..at], Some(&body[at + 1..])),
        None => (body, None),
    };
    let points = significand.iter().filter(|byte| **byte == b'.').count();
    let digits = significand.iter().filter(|byte| byte.is_ascii_digit()).count();
    if points > 1 || digits == 0 || digits + points != significand.len() {
        return false;
    }
    exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(b"-").or(exponent.strip_prefix(b"+")).unwrap_or(exponent);
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    })
}

/// `significand / 2^shift` in units of 10^-17, rounded to nearest, ties to even. The product has at most 121 bits.
fn scale_to_places(significand: u64, shift: u32) -> u128 {
    let scaled = u128::from(significand) * PLACES_UNIT;
    if shift >= u128::BITS {
        // Below half a unit.
        return 0;
    }
    let quotient = scaled >> shift;
    let remainder = scaled & ((1 << shift) - 1);
    let half = 1_u128 << (shift - 1);
    let up = remainder > half || (remainder == half && quotient & 1 == 1);
    quotient + u128::from(up)
}

/// Appends a count of 10^-17 units, without trailing zeros.
fn write_fixed(units: u128, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(units / PLACES_UNIT).as_bytes());
    let mut fraction = units % PLACES_UNIT;
    if fraction == 0 {
        return;
    }
    let mut digits = [b'0'; PLACES as usize];
    for digit in digits.iter_mut().rev() {
        *digit += u8::try_from(fraction % 10).unwrap_or(0);
        fraction /= 10;
    }
    let kept = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
    out.push(b'.');
    out.extend_from_slice(&digits[..kept]);
}

/// Appends `significand * 2^shift` in full.
fn write_shifted(significand: u64, shift: u32, out: &mut Vec<u8>) {
    if shift <= 64 {
        let value = u128::from(significand) << shift;
        return out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }
    // Little-endian limbs of the number, divided by 10^19 until nothing is left.
    let wide = u128::from(significand) << (shift % 64);
    let mut limbs = vec![0_u64; (shift / 64) as usize];
    #[expect(clippy::cast_possible_truncation, reason = "split into its two halves")]
    limbs.extend([wide as u64, (wide >> 64) as u64]);
    let mut groups = Vec::new();
    while limbs.pop_if(|limb| *limb == 0).is_some() {}
    while !limbs.is_empty() {
        groups.push(divide_by_limb_unit(&mut limbs));
        while limbs.pop_if(|limb| *limb == 0).is_some() {}
    }
    let mut buffer = itoa::Buffer::new();
    for (index, group) in groups.iter().rev().enumerate() {
        let text = buffer.format(*group).as_bytes();
        if index > 0 {
            out.extend(std::iter::repeat_n(b'0', 19 - text.len()));
        }
        out.extend_from_slice(text);
    }
}

/// Divides in place, returns the remainder.
fn divide_by_limb_unit(limbs: &mut [u64]) -> u64 {
    let mut remainder = 0_u64;
    for limb in limbs.iter_mut().rev() {
        let part = (u128::from(remainder) << 64) | u128::from(*limb);
        // remainder < 10^19, so the quotient fits a limb.
        #[expect(clippy::cast_possible_truncation, reason = "a quotient below 2^64 and a remainder below 10^19")]
        {
            *limb = (part / u128::from(LIMB_UNIT)) as u64;
            remainder = (part % u128::from(LIMB_UNIT)) as u64;
        }
    }
    remainder
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::oracle::{Answer, Oracle};
    use crate::base::rng::Rng;

    fn human(value: LongDouble) -> String {
        let mut out = Vec::new();
        value.format_human(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn parsed(text: &str) -> LongDouble {
        LongDouble::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn sums_are_those_of_long_double() {
        for (a, b, sum) in [
            ("0.1", "0.2", "0.3"),
            ("10.5", "0.1", "10.6"),
            ("3", "-3", "0"),
            ("1", "-1e-20", "1"),
            ("0", "-1e-20", "0"),
            ("5.0e3", "200", "5200"),
            ("17179869185", "1.5", "17179869186.5"),
            ("1e18", "1", "1000000000000000001"),
            ("-0.5", "0.25", "-0.25"),
            ("0", "0x1.ffffffffffffffffp0", "2"),
        ] {
            assert_eq!(human(parsed(a).add(parsed(b))), sum, "{a} + {b}");
        }
        let infinite = parsed("inf").add(parsed("-inf"));
        assert!(!infinite.is_finite());
        assert_eq!(human(infinite), "nan");
        assert_eq!(human(parsed("-Infinity")), "-inf");
    }

    #[test]
    fn prints_exactly_at_every_magnitude() {
        assert_eq!(human(parsed("0x1p64")), "18446744073709551616");
        assert_eq!(human(parsed("0x1p127")), (1_u128 << 127).to_string());
        // std prints doubles exactly: a reference for the wide path.
        for exponent in 0..1000 {
            let value = 1.234_567_8 * 2.0_f64.powi(exponent);
            if value.fract() == 0.0 {
                assert_eq!(human(LongDouble::from_f64(value)), format!("{value:.0}"));
                assert_eq!(human(LongDouble::from_f64(-value)), format!("-{value:.0}"));
            }
        }
        let largest = human(parsed("0x1.fffffffffffffffep16383"));
        assert_eq!(largest.len(), 4933);
        assert!(largest.starts_with("1189731495357231765021263853030970205"), "{largest}");
    }

    #[test]
    fn integers_are_exact() {
        for value in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(human(LongDouble::from_i64(value)), value.to_string());
        }
    }

    #[test]
    fn refuses_what_is_no_float() {
        for text in [
            "",
            "+",
            "-",
            ".",
            "e5",
            "1e",
            "1e+",
            " 1",
            "1 ",
            "nan",
            "-nan",
            "1.2.3",
            "infi",
            "0x",
            "0x1p",
            "1e5000",
            "1e-5000",
            "0x1p16384",
            "0x1p-16446",
            "1e99999999999999999999",
            "1-",
            "--1",
            "1e5.",
            "١",
            "1\0",
        ] {
            assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text}");
        }
        let longest = format!("1.{}", "0".repeat(5117));
        assert_eq!(human(parsed(&longest)), "1");
        assert_eq!(LongDouble::parse(format!("{longest}0").as_bytes()), None);
    }

    #[test]
    fn extreme_text_is_answered_in_time() {
        let digits = "987654321".repeat(568);
        let zeros = "0".repeat(5_000);
        let exponents =
            ["", "e0", "e-4932", "e4000", "e-9000", "e2147483647", "e-2147483648", "e99999999999", "e-99999999999"];
        let hex = ["", "p0", "p-16445", "p-36000", "p2147483647", "p-2147483648", "p99999999999", "p-99999999999"];
        let mut finite = 0;
        for body in
            [digits.as_str(), &format!("0.{}", &digits[5..]), &format!(".{zeros}1"), &format!("1{zeros}"), &zeros]
        {
            let tails = exponents.map(|tail| format!("{body}{tail}"));
            let hex = hex.map(|tail| format!("0x{body}{tail}"));
            for text in tails.iter().chain(&hex) {
                if let Some(value) = LongDouble::parse(text.as_bytes()) {
                    assert!(human(value).len() <= 4953, "{text}");
                    finite += 1;
                }
                // Must not panic either; its range is another.
                let _ = super::super::parse_f64(text.as_bytes());
            }
        }
        assert!(finite > 20, "{finite}");
    }

    #[test]
    fn oracle_agrees() {
        let Some(mut oracle) = Oracle::start() else { return };
        let mut rng = Rng::new(3);
        for round in 0..40_000 {
            let (a, b) = (random_float(&mut rng), random_float(&mut rng));
            oracle.ask(&[b"SET", b"k", a.as_bytes()]);
            let expected = match oracle.ask(&[b"INCRBYFLOAT", b"k", b.as_bytes()]) {
                Answer::Text(text) => Some(String::from_utf8(text).unwrap()),
                _ => None,
            };
            let sum = LongDouble::parse(a.as_bytes())
                .zip(LongDouble::parse(b.as_bytes()))
                .map(|(a, b)| a.add(b))
                .filter(|sum| sum.is_finite())
                .map(human);
            assert_eq!(sum, expected, "round {round}: {a} + {b}");
        }
    }

    fn random_float(rng: &mut Rng) -> String {
        let sign = ["", "-", "+"][usize::try_from(rng.below(3)).unwrap()];
        let whole = rng.next_u64() >> rng.below(64);
        let fraction = rng.next_u64() >> rng.below(64);
        match rng.below(8) {
            0 => format!("{sign}{whole}"),
            1 | 2 => format!("{sign}{whole}.{fraction}"),
            3 => format!("{sign}{}.{:02}", whole % 1000, fraction % 100),
            4 => format!("{sign}{whole}.{fraction}e{}", rng.below(60).cast_signed() - 30),
            5 => format!("{sign}{whole}e{}", rng.below(10_000).cast_signed() - 5_000),
            6 => format!("{sign}0x{whole:x}.{fraction:x}p{}", rng.below(140).cast_signed() - 100),
            _ => format!("{sign}0x{whole:x}.{fraction:x}p{}", rng.below(33_000).cast_signed() - 16_500),
        }
    }
}
