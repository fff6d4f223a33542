//! BITFIELD: a string as an array of integers of 1 to 64 bits at any bit offset.
//!
//! Owns the field types, their offsets, and what happens when a value does not fit. Must not know keys, replies, or
//! how the list of operations was written. Arithmetic is done in 128 bits, where nothing overflows, and then fitted to
//! the field: one rule for every width and sign.

use super::string::zero_extend;
use crate::base::num::parse_i64;
use bytes::BytesMut;

/// The type of a field: `i1` to `i64`, `u1` to `u63` (a `u64` would not fit an integer reply).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldType {
    signed: bool,
    bits: u8,
}

impl FieldType {
    /// Parses `i16`, `u8`; `None` for any other text (the letter is lower-case).
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (kind, width) = text.split_first()?;
        let (signed, bits_max) = match kind {
            b'i' => (true, 64),
            b'u' => (false, 63),
            _ => return None,
        };
        let bits = u8::try_from(parse_i64(width)?).ok()?;
        (1..=bits_max).contains(&bits).then_some(Self { signed, bits })
    }

    /// Width in bits, 1 to 64.
    pub const fn bits(self) -> u8 {
        self.bits
    }

    /// True for `i` types.
    pub const fn is_signed(self) -> bool {
        self.signed
    }

    /// Parses the offset of a field of this type: bits, or `#n` for the n-th field.
    ///
    /// `None` if it is no integer, negative, or lies at or past `bytes_max` bytes (the limit on strings).
    pub fn parse_offset(self, text: &[u8], bytes_max: u64) -> Option<u64> {
        let offset = match text.strip_prefix(b"#") {
            Some(index) => parse_i64(index)?.checked_mul(i64::from(self.bits))?,
            None => parse_i64(text)?,
        };
        u64::try_from(offset).ok().filter(|offset| offset / 8 < bytes_max)
    }

    fn min(self) -> i128 {
        if self.signed { -(1 << (self.bits - 1)) } else { 0 }
    }

    fn max(self) -> i128 {
        if self.signed { (1 << (self.bits - 1)) - 1 } else { (1 << self.bits) - 1 }
    }

    /// The value whose low bits are those of `wide`.
    fn truncate(self, wide: i128) -> i64 {
        let unused = 128 - u32::from(self.bits);
        let shifted = wide << unused;
        let value = if self.signed { shifted >> unused } else { (shifted.cast_unsigned() >> unused).cast_signed() };
        #[expect(clippy::cast_possible_truncation, reason = "at most 64 signed or 63 unsigned bits")]
        {
            value as i64
        }
    }
}

/// What a write does with a value that the field cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// Keeps the low bits.
    #[default]
    Wrap,
    /// Takes the nearest value that fits.
    Sat,
    /// Writes nothing and answers nil.
    Fail,
}

/// What to do with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Answers the value.
    Get,
    /// Writes a value, answers the old one.
    Set(i64, Overflow),
    /// Adds to the value, answers the new one.
    IncrBy(i64, Overflow),
}

/// One operation of BITFIELD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldOp {
    /// The field's type.
    pub field: FieldType,
    /// Where it starts, in bits.
    pub offset: u64,
    /// What to do.
    pub action: Action,
}

impl FieldOp {
    /// The length in bytes that the string must have for this operation; 0 if it only reads.
    pub fn bytes_needed(&self) -> u64 {
        match self.action {
            Action::Get => 0,
            _ => (self.offset + u64::from(self.field.bits)).div_ceil(8),
        }
    }

    /// Reads the field; past the end all bits are 0. O(1).
    pub fn get(&self, bytes: &[u8]) -> i64 {
        let mut window = 0_u128;
        for at in self.window() {
            window = (window << 8) | u128::from(bytes.get(at).copied().unwrap_or(0));
        }
        self.field.truncate((window >> self.bits_below()).cast_signed())
    }

    /// Executes the operation; `None` if the value does not fit and [`Overflow::Fail`] was asked for.
    ///
    /// A write lets the string grow to [`FieldOp::bytes_needed`], even one that fails, as in Redis (which makes room for
    /// all writes of the command before the first operation; reads cannot tell). O(1), and O(n) to grow.
    pub fn apply(&self, bytes: &mut BytesMut) -> Option<i64> {
        let needed = usize::try_from(self.bytes_needed()).unwrap_or(usize::MAX);
        zero_extend(bytes, needed);
        let old = self.get(bytes);
        match self.action {
            Action::Get => Some(old),
            Action::Set(value, overflow) => {
                // A negative value is a huge one to an unsigned field, so that saturation goes to the top.
                let wide = if self.field.signed { i128::from(value) } else { i128::from(value.cast_unsigned()) };
                self.put(bytes, self.fit(wide, overflow)?);
                Some(old)
            }
            Action::IncrBy(increment, overflow) => {
                let new = self.fit(i128::from(old) + i128::from(increment), overflow)?;
                self.put(bytes, new);
                Some(new)
            }
        }
    }

    fn fit(&self, wide: i128, overflow: Overflow) -> Option<i64> {
        let (min, max) = (self.field.min(), self.field.max());
        let fitted = match overflow {
            Overflow::Sat => wide.clamp(min, max),
            Overflow::Fail if !(min..=max).contains(&wide) => return None,
            Overflow::Wrap | Overflow::Fail => wide,
        };
        Some(self.field.truncate(fitted))
    }

    fn put(&self, bytes: &mut [u8], value: i64) {
        let mask = ((1_u128 << self.field.bits) - 1) << self.bits_below();
        let shifted = u128::from(value.cast_unsigned()) << self.bits_below();
        let window = self.window();
        let last = window.end - 1;
        for at in window {
            let shift = (last - at) * 8;
            let [mask, new, ..] = [(mask >> shift).to_le_bytes()[0], (shifted >> shift).to_le_bytes()[0]];
            if let Some(byte) = bytes.get_mut(at) {
                *byte = (*byte & !mask) | (new & mask);
            }
        }
    }

    /// The bytes that the field touches: one to nine.
    fn window(&self) -> std::ops::Range<usize> {
        let first = usize::try_from(self.offset / 8).unwrap_or(usize::MAX - 16);
        let bits = self.offset % 8 + u64::from(self.field.bits);
        first..first + usize::try_from(bits.div_ceil(8)).unwrap_or(9)
    }

    /// Bits of the last byte of the window that lie below the field.
    const fn bits_below(&self) -> u64 {
        7 - (self.offset + self.field.bits as u64 - 1) % 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::oracle::{Answer, Oracle};
    use crate::base::rng::Rng;

    fn op(field: &str, offset: u64, action: Action) -> FieldOp {
        FieldOp { field: FieldType::parse(field.as_bytes()).unwrap(), offset, action }
    }

    #[test]
    fn types_and_offsets() {
        for (text, signed, bits) in [("u8", false, 8), ("i64", true, 64), ("u63", false, 63), ("i1", true, 1)] {
            let field = FieldType::parse(text.as_bytes()).unwrap();
            assert_eq!((field.is_signed(), field.bits()), (signed, bits));
        }
        for text in ["", "u", "i", "u0", "u64", "i65", "U8", "8", "i+8", "i08", "x8", "u-1", "u256", "u264"] {
            assert_eq!(FieldType::parse(text.as_bytes()), None, "{text}");
        }
        let byte = FieldType::parse(b"u8").unwrap();
        assert_eq!(byte.parse_offset(b"7", 100), Some(7));
        assert_eq!(byte.parse_offset(b"#7", 100), Some(56));
        assert_eq!(byte.parse_offset(b"799", 100), Some(799));
        for text in ["800", "#100", "-1", "#-1", "", "#", "a", "##1", "#9223372036854775807"] {
            assert_eq!(byte.parse_offset(text.as_bytes(), 100), None, "{text}");
        }
    }

    #[test]
    fn overflow_rules() {
        let incr = |field, by, overflow| {
            let mut bytes = BytesMut::new();
            let first = op(field, 0, Action::IncrBy(by, overflow)).apply(&mut bytes);
            (first, bytes.to_vec())
        };
        assert_eq!(incr("u8", 257, Overflow::Wrap), (Some(1), vec![1]));
        assert_eq!(incr("u8", 257, Overflow::Sat), (Some(255), vec![255]));
        assert_eq!(incr("u8", -1, Overflow::Sat), (Some(0), vec![0]));
        assert_eq!(incr("u8", 257, Overflow::Fail), (None, vec![0]));
        assert_eq!(incr("i8", 128, Overflow::Wrap), (Some(-128), vec![0x80]));
        assert_eq!(incr("i8", -129, Overflow::Sat), (Some(-128), vec![0x80]));
        let mut bytes = BytesMut::from(&[0xff; 8][..]);
        assert_eq!(op("i64", 0, Action::IncrBy(i64::MIN, Overflow::Wrap)).apply(&mut bytes), Some(i64::MAX));
        assert_eq!(op("u4", 0, Action::Set(-1, Overflow::Sat)).apply(&mut bytes), Some(7));
        assert_eq!(op("u4", 0, Action::Get).apply(&mut bytes), Some(15));
        assert_eq!(op("u4", 800, Action::Get).apply(&mut bytes), Some(0));
        assert_eq!(bytes.len(), 8);
    }

    #[test]
    fn oracle_agrees_on_types_and_offsets() {
        let Some(mut oracle) = Oracle::start() else { return };
        let types =
            ["u8", "i64", "u63", "u64", "i65", "i0", "u0", "U8", "i08", "i+8", "i 8", "u", "i", "x8", "i-1", "u99999"];
        let offsets = [
            "0",
            "7",
            "#7",
            "-1",
            "#-1",
            "#",
            "##1",
            "+1",
            "01",
            "4294967295",
            "4294967296",
            "#536870911",
            "#536870912",
            "#67108863",
            "#67108864",
            "9223372036854775807",
        ];
        for name in types {
            for offset in offsets {
                let reply = oracle.ask(&[b"BITFIELD", b"k", b"GET", name.as_bytes(), offset.as_bytes()]);
                let parsed = FieldType::parse(name.as_bytes())
                    .and_then(|field| field.parse_offset(offset.as_bytes(), 512 << 20));
                assert_eq!(parsed.is_some(), matches!(reply, Answer::Array(_)), "{name} {offset}: {reply:?}");
            }
        }
    }

    #[test]
    fn oracle_agrees() {
        let Some(mut oracle) = Oracle::start() else { return };
        let mut rng = Rng::new(12);
        let mut bytes = BytesMut::new();
        for round in 0..60_000 {
            if round % 200 == 0 {
                bytes.clear();
                oracle.ask(&[b"DEL", b"k"]);
            }
            let (overflow, overflow_name) =
                [(Overflow::Wrap, "WRAP"), (Overflow::Sat, "SAT"), (Overflow::Fail, "FAIL")]
                    [usize::try_from(rng.below(3)).unwrap()];
            let signed = rng.below(2) == 0;
            let bits = 1 + rng.below(if signed { 64 } else { 63 });
            let field = format!("{}{bits}", if signed { 'i' } else { 'u' });
            let offset = rng.below(150);
            let value = (rng.next_u64().cast_signed() >> rng.below(64)).saturating_sub(rng.below(3).cast_signed());
            let (action, words) = match rng.below(3) {
                0 => (Action::Get, format!("GET {field} {offset}")),
                1 => (Action::Set(value, overflow), format!("SET {field} {offset} {value}")),
                _ => (Action::IncrBy(value, overflow), format!("INCRBY {field} {offset} {value}")),
            };
            let command = format!("BITFIELD k OVERFLOW {overflow_name} {words}");
            let words: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
            let theirs = oracle.ask(&words);
            let ours = op(&field, offset, action).apply(&mut bytes).map_or(Answer::Nil, Answer::Int);
            assert_eq!(Answer::Array(vec![ours]), theirs, "round {round}: {command}");
            let stored = match oracle.ask(&[b"GET", b"k"]) {
                Answer::Text(text) => text,
                _ => Vec::new(),
            };
            assert_eq!(bytes, stored, "round {round}: {command}");
        }
    }
}
