//! Sizes in bytes: how configuration spells them, how INFO shows them.
//!
//! Owns the unit letters. Must not know which directive or field it is.

/// Parses `1k`, `5GB`, `4M`, `1kb`, `100b`, `100`: digits and a unit in any case.
///
/// `k`, `m`, `g` are powers of 1000, `kb`, `mb`, `gb` of 1024. Digits may be left out (`mb` is 0), as Redis has it.
/// Digits that say more than 2^64 - 1 say that, as in Redis. `None` for signs, spaces, other units, and a product over
/// 2^64 - 1 (which Redis wraps: a limit that is not the one asked for).
pub fn parse_memory(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let scale: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    // Digits alone fail by overflow alone.
    let number: u64 = if number.is_empty() { 0 } else { number.parse().unwrap_or(u64::MAX) };
    number.checked_mul(scale)
}

/// Shows a size as INFO does: `512B`, `1.04M`, `23.00G`.
#[expect(clippy::cast_precision_loss, reason = "two decimal places are shown")]
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [(u32, char); 5] = [(50, 'P'), (40, 'T'), (30, 'G'), (20, 'M'), (10, 'K')];
    // From 1024 P on Redis falls back to plain bytes.
    if bytes < 1 << 60 {
        for (shift, unit) in UNITS {
            if bytes >> shift != 0 {
                return format!("{:.2}{unit}", bytes as f64 / (1_u64 << shift) as f64);
            }
        }
    }
    format!("{bytes}B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        for (text, bytes) in [
            ("1k", 1000),
            ("1KB", 1024),
            ("4M", 4_000_000),
            ("4mb", 4 << 20),
            ("5GB", 5 << 30),
            ("2g", 2_000_000_000),
            ("1b", 1),
            ("007", 7),
            ("0", 0),
            ("", 0),
            ("mb", 0),
            ("18446744073709551615", u64::MAX),
            ("18446744073709551616", u64::MAX),
            ("99999999999999999999999", u64::MAX),
        ] {
            assert_eq!(parse_memory(text), Some(bytes), "{text}");
        }
        for text in [
            "-1",
            "+1",
            " 1",
            "1 ",
            "1t",
            "1kbb",
            "1bk",
            "1.5k",
            "18446744073709551615k",
            "18446744073709551616kb",
            "1é",
        ] {
            assert_eq!(parse_memory(text), None, "{text}");
        }
    }

    #[test]
    fn shown_as_info_does() {
        for (bytes, text) in [
            (0, "0B"),
            (512, "512B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (1_090_519, "1.04M"),
            (23 << 30, "23.00G"),
            (1 << 40, "1.00T"),
            (3 << 50, "3.00P"),
            (1 << 60, "1152921504606846976B"),
        ] {
            assert_eq!(human_bytes(bytes), text);
        }
    }
}
