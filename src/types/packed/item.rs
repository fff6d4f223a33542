//! One element of a packed block: what it is, and its bytes.
//!
//! Owns the encoding, which is that of a listpack's element (the listpack specification,
//! <https://github.com/antirez/listpack/blob/master/listpack.md>), so that sizes equal Redis's and blocks can be written to and
//! read from its files: a head that tells the kind and the length, the text if there is one, and the length of both again,
//! readable from behind (the "backlen"). An element that is the text of an integer is kept as that integer, in the least of
//! seven widths. Every text has exactly one encoding here, so equal elements are equal bytes. Must not know of blocks.

use crate::base::num::parse_i64;

/// An element as it is stored: the value of its text if that is the canonical decimal form of an `i64`, else its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// The text is this integer in decimal: no plus sign, no leading zero, no `-0`.
    Int(i64),
    /// Any other text.
    Str(&'a [u8]),
}

/// Room for the text of an integer, for [`Item::text`].
#[derive(Clone, Copy, Default)]
pub struct ItemText(itoa::Buffer);

impl<'a> Item<'a> {
    /// The item of a text. O(1): a text of more than 20 bytes is no integer.
    #[inline]
    pub fn of(text: &'a [u8]) -> Self {
        let may_be_int = text.len() <= 20 && text.first().is_some_and(|&b| b.is_ascii_digit() || b == b'-');
        match may_be_int.then(|| parse_i64(text)).flatten() {
            Some(int) => Item::Int(int),
            None => Item::Str(text),
        }
    }

    /// Bytes of the text. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        match *self {
            Item::Int(int) => {
                let digits = int.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
                digits + usize::from(int < 0)
            }
            Item::Str(text) => text.len(),
        }
    }

    /// Whether the text is empty.
    #[inline]
    pub fn is_empty(&self) -> bool {
        matches!(self, Item::Str([]))
    }

    /// Whether the text is this one. O(length).
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "compares with another type, and takes arrays of bytes as well")]
    pub fn eq(&self, text: &[u8]) -> bool {
        match *self {
            Item::Int(_) => Item::of(text) == *self,
            Item::Str(own) => own == text,
        }
    }

    /// The text: that of an integer is printed into `buf`. O(1).
    #[inline]
    pub fn text<'b>(&self, buf: &'b mut ItemText) -> &'b [u8]
    where
        'a: 'b,
    {
        match *self {
            Item::Int(int) => buf.0.format(int).as_bytes(),
            Item::Str(text) => text,
        }
    }

    /// The text, owned. O(length).
    pub fn to_vec(&self) -> Vec<u8> {
        self.text(&mut ItemText::default()).to_vec()
    }

    /// The value, if it is an integer.
    #[inline]
    pub fn int(&self) -> Option<i64> {
        match *self {
            Item::Int(int) => Some(int),
            Item::Str(_) => None,
        }
    }
}

/// The bytes of an element, in three parts.
#[derive(Clone, Copy)]
pub(super) struct Encoded<'a> {
    head: [u8; 9],
    head_len: u8,
    back_len: u8,
    back: [u8; 5],
    body: &'a [u8],
}

impl<'a> Encoded<'a> {
    #[inline]
    pub(super) fn of(item: Item<'a>) -> Self {
        let (head, head_len, body): ([u8; 9], usize, &[u8]) = match item {
            Item::Int(int) => {
                let (head, len) = int_head(int);
                (head, len, &[])
            }
            Item::Str(text) => {
                let (head, len) = str_head(text.len());
                (head, len, text)
            }
        };
        let (back, back_len) = backlen(head_len + body.len());
        Self { head, head_len: head_len as u8, back_len: back_len as u8, back, body }
    }

    /// The head and the text, which no two different elements share.
    #[inline]
    pub(super) fn head(&self) -> &[u8] {
        &self.head[..usize::from(self.head_len)]
    }

    /// The text of a string, nothing of an integer.
    #[inline]
    pub(super) fn body(&self) -> &'a [u8] {
        self.body
    }

    #[inline]
    pub(super) fn parts(&self) -> [&[u8]; 3] {
        [self.head(), self.body, &self.back[..usize::from(self.back_len)]]
    }

    /// Bytes of all parts.
    #[inline]
    pub(super) fn len(&self) -> usize {
        usize::from(self.head_len) + self.body.len() + usize::from(self.back_len)
    }
}

/// Room of a [`Run`].
const RUN_MAX: usize = 256;
/// The greatest integer whose head is its value.
pub(super) const SMALL_MAX: u8 = 0x7f;
/// The longest text whose head is one byte.
const SHORT_MAX: usize = 0x3f;

/// A few short elements, encoded one after the other.
pub(super) struct Run {
    bytes: [u8; RUN_MAX],
    len: usize,
}

impl Default for Run {
    #[inline]
    fn default() -> Self {
        Self { bytes: [0; RUN_MAX], len: 0 }
    }
}

impl Run {
    /// Adds an element; `false` if there is no room for it.
    #[inline]
    pub(super) fn push(&mut self, item: Item<'_>) -> bool {
        let room = &mut self.bytes[self.len..];
        let len = match item {
            Item::Int(int @ 0..=0x7f) if room.len() >= 2 => {
                (room[0], room[1]) = (int as u8, 1);
                2
            }
            Item::Str(text) if text.len() <= SHORT_MAX && room.len() >= text.len() + 2 => {
                let len = text.len();
                (room[0], room[len + 1]) = (0x80 | len as u8, len as u8 + 1);
                room[1..=len].copy_from_slice(text);
                len + 2
            }
            item => {
                let encoded = Encoded::of(item);
                let (mut at, len) = (0, encoded.len());
                if len > room.len() {
                    return false;
                }
                for part in encoded.parts() {
                    room[at..at + part.len()].copy_from_slice(part);
                    at += part.len();
                }
                len
            }
        };
        self.len += len;
        true
    }

    /// What they are encoded as.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

const STR_32: u8 = 0xf0;
const INT_16: u8 = 0xf1;
const INT_24: u8 = 0xf2;
const INT_32: u8 = 0xf3;
const INT_64: u8 = 0xf4;

/// The head of an integer, which is all of it.
#[inline]
fn int_head(int: i64) -> ([u8; 9], usize) {
    let mut head = [0; 9];
    let low = int.to_le_bytes();
    let len = match int {
        0..=0x7f => {
            head[0] = low[0];
            return (head, 1);
        }
        -0x1000..=0xfff => {
            head[..2].copy_from_slice(&[0xc0 | (low[1] & 0x1f), low[0]]);
            return (head, 2);
        }
        -0x8000..=0x7fff => 2,
        -0x80_0000..=0x7f_ffff => 3,
        -0x8000_0000..=0x7fff_ffff => 4,
        _ => 8,
    };
    head[0] = match len {
        2 => INT_16,
        3 => INT_24,
        4 => INT_32,
        _ => INT_64,
    };
    head[1..=len].copy_from_slice(&low[..len]);
    (head, 1 + len)
}

/// The head of a string of `len` bytes.
#[inline]
fn str_head(len: usize) -> ([u8; 9], usize) {
    let mut head = [0; 9];
    let low = (len as u32).to_le_bytes();
    let head_len = match len {
        0..=0x3f => {
            head[0] = 0x80 | low[0];
            1
        }
        0x40..=0xfff => {
            head[..2].copy_from_slice(&[0xe0 | low[1], low[0]]);
            2
        }
        _ => {
            head[0] = STR_32;
            head[1..5].copy_from_slice(&low);
            5
        }
    };
    (head, head_len)
}

/// Bytes that the backlen of an element of `len` bytes takes: 7 bits in each, but the largest number of each width already
/// takes one more, as Redis has it.
#[inline]
pub(super) const fn backlen_len(len: usize) -> usize {
    match len {
        0..=0x7f => 1,
        0x80..=0x3ffe => 2,
        0x3fff..=0x1f_fffe => 3,
        0x1f_ffff..=0xfff_fffe => 4,
        _ => 5,
    }
}

/// Bytes of the head and of the text of the element that starts at `at`. Looks at the head only.
#[inline]
pub(super) fn widths(bytes: &[u8], at: usize) -> (usize, usize) {
    match bytes[at] {
        0..=0x7f => (1, 0),
        first @ 0x80..=0xbf => (1, usize::from(first & 0x3f)),
        0xc0..=0xdf => (2, 0),
        INT_16 => (3, 0),
        INT_24 => (4, 0),
        INT_32 => (5, 0),
        INT_64 => (9, 0),
        _ => str_lengths(bytes, at),
    }
}

/// The backlen: groups of 7 bits, the lowest last; all but the first have the top bit set, so that it is read backwards.
#[inline]
pub(super) fn backlen(len: usize) -> ([u8; 5], usize) {
    let mut back = [0; 5];
    let back_len = backlen_len(len);
    let mut rest = len;
    for byte in back[..back_len].iter_mut().rev() {
        *byte = 0x80 | (rest & 0x7f) as u8;
        rest >>= 7;
    }
    back[0] &= 0x7f;
    (back, back_len)
}

/// For a first byte that settles the length of the whole element: that length. Else 0.
const LENGTHS: [u8; 256] = {
    let mut lengths = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        lengths[byte] = match byte as u8 {
            0..=0x7f => 2,
            0x80..=0xbf => 2 + (byte as u8 & 0x3f),
            0xc0..=0xdf => 3,
            INT_16 => 4,
            INT_24 => 5,
            INT_32 => 6,
            INT_64 => 10,
            _ => 0,
        };
        byte += 1;
    }
    lengths
};

/// Bytes of the element that starts at `at`, all parts.
///
/// # Panics
/// If `at` lies outside of `entries`.
#[inline]
pub(super) fn length(entries: &[u8], at: usize) -> usize {
    match LENGTHS[usize::from(entries[at])] {
        0 => long_length(entries, at),
        length => usize::from(length),
    }
}

#[inline(never)]
fn long_length(entries: &[u8], at: usize) -> usize {
    let (head, text) = str_lengths(entries, at);
    head + text + backlen_len(head + text)
}

/// Bytes of the head and of the text of a string of 12 or 32 bits of length.
#[inline]
fn str_lengths(entries: &[u8], at: usize) -> (usize, usize) {
    let first = entries[at];
    if first == STR_32 {
        let len = [1, 2, 3, 4].map(|i| entries[at + i]);
        (5, u32::from_le_bytes(len) as usize)
    } else {
        (2, usize::from(first & 0x0f) << 8 | usize::from(entries[at + 1]))
    }
}

/// The element that starts at `at`.
///
/// # Panics
/// If `at` is not the start of an element, perhaps.
#[inline]
pub(super) fn decode(entries: &[u8], at: usize) -> Item<'_> {
    let first = entries[at];
    if first < 0x80 {
        Item::Int(i64::from(first))
    } else if first < 0xc0 {
        Item::Str(&entries[at + 1..][..usize::from(first & 0x3f)])
    } else if first < 0xe0 {
        let bits = u16::from(first & 0x1f) << 8 | u16::from(entries[at + 1]);
        Item::Int(i64::from((bits << 3).cast_signed() >> 3))
    } else {
        decode_wide(entries, at)
    }
}

#[inline]
fn decode_wide(entries: &[u8], at: usize) -> Item<'_> {
    let width = match entries[at] {
        INT_16 => 2,
        INT_24 => 3,
        INT_32 => 4,
        INT_64 => 8,
        _ => {
            let (head, text) = str_lengths(entries, at);
            return Item::Str(&entries[at + head..][..text]);
        }
    };
    let mut low = [0; 8];
    low[..width].copy_from_slice(&entries[at + 1..][..width]);
    let unused = 64 - 8 * width;
    Item::Int((i64::from_le_bytes(low) << unused) >> unused)
}

/// The element that starts at `at`, and where the next one starts: one look at the first byte for both.
#[inline]
pub(super) fn decode_to_end(entries: &[u8], at: usize) -> (Item<'_>, usize) {
    let first = entries[at];
    if (0x80..0xc0).contains(&first) {
        let len = usize::from(first & 0x3f);
        (Item::Str(&entries[at + 1..][..len]), at + 2 + len)
    } else if first < 0x80 {
        (Item::Int(i64::from(first)), at + 2)
    } else {
        (decode(entries, at), at + length(entries, at))
    }
}

/// Where the element before the one at `at` (not 0) starts.
#[inline]
pub(super) fn before(entries: &[u8], at: usize) -> usize {
    let mut last = at - 1;
    let mut byte = entries[last];
    let mut len = usize::from(byte & 0x7f);
    let mut shift = 7;
    while byte & 0x80 != 0 {
        last -= 1;
        byte = entries[last];
        len |= usize::from(byte & 0x7f) << shift;
        shift += 7;
    }
    last - len
}

/// Reads the element at the start of foreign bytes: the element and its length, and whether the encoding is the one that
/// this module gives it. `None` if it is cut off or no element, or its backlen is wrong.
pub(super) fn check(bytes: &[u8]) -> Option<(Item<'_>, usize, bool)> {
    let width = match *bytes.first()? {
        0..=0x7f => 1,
        first @ 0x80..=0xbf => 1 + usize::from(first & 0x3f),
        0xc0..=0xdf => 2,
        first @ 0xe0..=0xef => 2 + (usize::from(first & 0x0f) << 8 | usize::from(*bytes.get(1)?)),
        STR_32 => 5 + u32::from_le_bytes(bytes.get(1..5)?.try_into().ok()?) as usize,
        INT_16 => 3,
        INT_24 => 4,
        INT_32 => 5,
        INT_64 => 9,
        _ => return None,
    };
    let entry = bytes.get(..width)?;
    let (back, back_len) = backlen(width);
    if bytes.get(width..width + back_len)? != &back[..back_len] {
        return None;
    }
    let item = decode(entry, 0);
    let ours = match item {
        Item::Int(int) => int_head(int).1 == width,
        Item::Str(text) => str_head(text.len()).1 + text.len() == width && Item::of(text) == item,
    };
    Some((item, width + back_len, ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_canonical_integers_or_text() {
        for (text, int) in [("0", 0), ("-1", -1), ("9223372036854775807", i64::MAX), ("-9223372036854775808", i64::MIN)]
        {
            assert_eq!(Item::of(text.as_bytes()), Item::Int(int));
        }
        for text in ["", "-", "-0", "+1", "01", " 1", "1 ", "9223372036854775808", "-9223372036854775809", "1.0", "a"] {
            assert_eq!(Item::of(text.as_bytes()), Item::Str(text.as_bytes()));
        }
        for int in [0, 7, 10, 99, 100, -1, -10, i64::MAX, i64::MIN] {
            let text = int.to_string().into_bytes();
            let item = Item::of(&text);
            assert_eq!((item.len(), item.to_vec(), item.int()), (text.len(), text.clone(), Some(int)));
            assert!(item.eq(&text) && !item.eq(b"-0") && !item.eq(b"") && !item.is_empty());
        }
        assert!(Item::of(b"").is_empty() && Item::Str(b"ab").eq(b"ab") && !Item::Str(b"ab").eq(b"abc"));
    }

    #[test]
    fn encodings_are_those_of_the_specification() {
        let bytes = |text: &[u8]| Encoded::of(Item::of(text)).parts().concat();
        assert_eq!(bytes(b"127"), [0x7f, 1]);
        assert_eq!(bytes(b"128"), [0xc0, 0x80, 2]);
        assert_eq!(bytes(b"-1"), [0xdf, 0xff, 2]);
        assert_eq!(bytes(b"-4096"), [0xd0, 0, 2]);
        assert_eq!(bytes(b"4096"), [0xf1, 0, 0x10, 3]);
        assert_eq!(bytes(b"-32769"), [0xf2, 0xff, 0x7f, 0xff, 4]);
        assert_eq!(bytes(b"8388608"), [0xf3, 0, 0, 0x80, 0, 5]);
        assert_eq!(bytes(b"-9223372036854775808"), [0xf4, 0, 0, 0, 0, 0, 0, 0, 0x80, 9]);
        assert_eq!(bytes(b"Hi"), [0x82, b'H', b'i', 3]);
        assert_eq!(bytes(b""), [0x80, 1]);
        let long = bytes(&[b'x'; 498]);
        // The example of the specification: 500 in two bytes.
        assert_eq!((&long[..2], &long[500..]), (&[0xe1, 0xf2][..], &[0x03, 0xf4][..]));
        let long = bytes(&[b'x'; 4096]);
        assert_eq!((&long[..5], &long[4101..]), (&[0xf0, 0, 0x10, 0, 0][..], &[0x20, 0x85][..]));
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let mut ints: Vec<i64> = (0..64).flat_map(|shift| [1_i64 << shift, -(1_i64 << shift.min(62))]).collect();
        ints.extend([0, i64::MIN, i64::MAX]);
        let ints = ints.iter().flat_map(|int| [-1, 0, 1].map(|off| int.wrapping_add(off).to_string().into_bytes()));
        let lengths =
            [0, 1, 62, 63, 64, 65, 125, 126, 127, 4094, 4095, 4096, 16377, 16378, 16379, 2_097_146, 2_097_147];
        for text in ints.chain(lengths.map(|len| vec![b'x'; len])) {
            let item = Item::of(&text);
            let encoded = Encoded::of(item);
            let bytes = encoded.parts().concat();
            assert_eq!(
                (bytes.len(), length(&bytes, 0), before(&bytes, bytes.len())),
                (encoded.len(), encoded.len(), 0)
            );
            assert_eq!(decode(&bytes, 0), item);
            assert_eq!(widths(encoded.head(), 0), (encoded.head().len(), encoded.body().len()));
            assert_eq!(check(&bytes), Some((item, bytes.len(), true)));
            assert_eq!(check(&bytes[..bytes.len() - 1]), None);
        }
    }

    #[test]
    fn foreign_encodings_are_told_apart() {
        assert_eq!(check(&[0x81, b'5', 2]), Some((Item::Str(b"5"), 3, false)));
        assert_eq!(check(&[0xf1, 5, 0, 3]), Some((Item::Int(5), 4, false)));
        assert_eq!(check(&[0xe0, 1, b'x', 3]), Some((Item::Str(b"x"), 4, false)));
        assert_eq!(check(&[0xf5, 1]), None);
        assert_eq!(check(&[0xff]), None);
        assert_eq!(check(&[]), None);
        assert_eq!(check(&[5, 2]), None);
    }
}
