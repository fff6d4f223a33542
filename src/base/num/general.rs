//! Doubles as C's `printf` prints them with `%.Ng`: the spelling of numbers in JSON.

/// Appends `value` with at most `digits` significant digits, at least 1: the shorter of the plain and the exponential
/// form, without trailing zeros. `inf`, `-inf`, `nan`; the sign of zero is kept. At most `digits` + 8 bytes.
pub fn format_general(value: f64, digits: usize, out: &mut Vec<u8>) {
    if !value.is_finite() {
        out.extend_from_slice(if value.is_nan() {
            b"nan"
        } else if value < 0.0 {
            b"-inf"
        } else {
            b"inf"
        });
        return;
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let value = value.abs();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number below 1e9")]
    if value < 1e9 && value.trunc() == value && (digits >= 9 || value < 10.0) {
        super::write_u64(value as u64, out);
        return;
    }
    // `d.ddde-5`: the digits, rounded, and the exponent.
    let text = format!("{:.*e}", digits - 1, value);
    let (significand, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mut significant: Vec<u8> = significand.bytes().filter(|byte| *byte != b'.').collect();
    while significant.len() > 1 && significant.last() == Some(&b'0') {
        significant.pop();
    }
    match usize::try_from(exponent) {
        Ok(whole) if whole < digits => {
            significant.resize(significant.len().max(whole + 1), b'0');
            out.extend_from_slice(&significant[..=whole]);
            fraction(&significant[whole + 1..], out);
        }
        _ if (-4..0).contains(&exponent) => {
            out.extend_from_slice(b"0.");
            out.extend((exponent + 1..0).map(|_| b'0'));
            out.extend_from_slice(&significant);
        }
        _ => {
            out.push(significant[0]);
            fraction(&significant[1..], out);
            out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
            if exponent.abs() < 10 {
                out.push(b'0');
            }
            super::write_u64(u64::from(exponent.unsigned_abs()), out);
        }
    }
}

fn fraction(digits: &[u8], out: &mut Vec<u8>) {
    if !digits.is_empty() {
        out.push(b'.');
        out.extend_from_slice(digits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: f64, digits: usize) -> String {
        let mut out = Vec::new();
        format_general(value, digits, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn as_printf_prints() {
        for (value, digits, expected) in [
            (0.0, 14, "0"),
            (-0.0, 14, "-0"),
            (1.0, 14, "1"),
            (-12.0, 1, "-1e+01"),
            (0.1 + 0.2, 14, "0.3"),
            (1.0 / 3.0, 14, "0.33333333333333"),
            (2.0 / 3.0, 14, "0.66666666666667"),
            (1e14, 14, "1e+14"),
            (99_999_999_999_999.5, 14, "1e+14"),
            (99_999_999_999_999.0, 14, "99999999999999"),
            (123_456_789_012_345.0, 14, "1.2345678901234e+14"),
            (9_007_199_254_740_993.0, 14, "9.007199254741e+15"),
            (123_456.789_012_345_6, 14, "123456.78901235"),
            (5e-324, 14, "4.9406564584125e-324"),
            (f64::MAX, 14, "1.7976931348623e+308"),
            (0.0001, 14, "0.0001"),
            (0.00001, 14, "1e-05"),
            (0.000_123_45, 3, "0.000123"),
            (1e21, 14, "1e+21"),
            (1e100, 14, "1e+100"),
            (2.5, 1, "2"),
            (3.5, 1, "4"),
            (0.25, 1, "0.2"),
            (25.0, 1, "2e+01"),
            (9.5, 1, "1e+01"),
            (99.0, 1, "1e+02"),
            (100.0, 3, "100"),
            (1000.0, 3, "1e+03"),
            (1234.5, 3, "1.23e+03"),
            (0.125, 2, "0.12"),
            (0.375, 2, "0.38"),
            (135.0, 2, "1.4e+02"),
            (123_456_789.0, 8, "1.2345679e+08"),
            (f64::INFINITY, 14, "inf"),
            (f64::NEG_INFINITY, 14, "-inf"),
            (f64::NAN, 14, "nan"),
        ] {
            assert_eq!(text(value, digits), expected, "{value:e} {digits}");
        }
    }
}
