//! Strings seen as bits: GETBIT, SETBIT, BITCOUNT, BITPOS, BITOP.
//!
//! Owns the numbering (bit 0 is the highest bit of byte 0; past the end all bits are 0) and the index rules. Must not
//! know limits on offsets: the caller checks them. Loops run over plain byte slices or 8-byte chunks, which the compiler
//! turns into vector code, so no `unsafe` is needed to be fast.

use super::string::zero_extend;
use bytes::BytesMut;
use std::ops::Range;

/// Whether indexes of BITCOUNT and BITPOS count bytes or bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `BYTE`, the default.
    Byte,
    /// `BIT`.
    Bit,
}

/// The bit at `offset`. O(1).
#[inline]
pub fn getbit(bytes: &[u8], offset: u64) -> bool {
    usize::try_from(offset / 8).ok().and_then(|at| bytes.get(at)).is_some_and(|byte| byte & bit_mask(offset) != 0)
}

/// Sets the bit at `offset` and returns its old value. The string grows with zero bytes to hold the bit (also when the
/// bit is cleared). The caller has checked that `offset / 8` is an allowed length. O(1), and O(n) to grow.
pub fn setbit(bytes: &mut BytesMut, offset: u64, bit: bool) -> bool {
    let at = usize::try_from(offset / 8).unwrap_or(usize::MAX);
    zero_extend(bytes, at.saturating_add(1));
    let mask = bit_mask(offset);
    let old = bytes[at] & mask != 0;
    if bit {
        bytes[at] |= mask;
    } else {
        bytes[at] &= !mask;
    }
    old
}

const fn bit_mask(offset: u64) -> u8 {
    0x80 >> (offset % 8)
}

/// Number of bits set. O(n), several bytes a cycle.
///
/// Harley and Seal's way (Muła, Kurz, Lemire, "Faster Population Counts Using AVX2 Instructions", 2016): eight words are
/// added bit by bit with carry-save adders, so that only one word in eight has its bits counted.
pub fn bitcount(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<{ 8 * size_of::<Lanes>() }>();
    let (mut ones, mut twos, mut fours, mut eights) = ([0; LANES], [0; LANES], [0; LANES], 0);
    for block in blocks {
        let mut words = [[0_u64; LANES]; 8];
        for (word, bytes) in words.as_flattened_mut().iter_mut().zip(block.as_chunks().0) {
            *word = u64::from_ne_bytes(*bytes);
        }
        let [a, b, c, d, e, f, g, h] = words;
        let carries = [add(&mut ones, a, b), add(&mut ones, c, d), add(&mut ones, e, f), add(&mut ones, g, h)];
        let carries = [add(&mut twos, carries[0], carries[1]), add(&mut twos, carries[2], carries[3])];
        eights += count_lanes(add(&mut fours, carries[0], carries[1]));
    }
    let blocks = 8 * eights + 4 * count_lanes(fours) + 2 * count_lanes(twos) + count_lanes(ones);
    blocks + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

/// Words that are worked on side by side: two vector registers of the plainest x86-64.
const LANES: usize = 4;
type Lanes = [u64; LANES];

/// A carry-save adder: adds `a` and `b` to `sum`, bit by bit, and returns the carries.
#[inline]
fn add(sum: &mut Lanes, a: Lanes, b: Lanes) -> Lanes {
    std::array::from_fn(|lane| {
        let half = sum[lane] ^ a[lane];
        let carry = (sum[lane] & a[lane]) | (half & b[lane]);
        sum[lane] = half ^ b[lane];
        carry
    })
}

#[inline]
fn count_lanes(words: Lanes) -> u64 {
    words.iter().map(|word| u64::from(word.count_ones())).sum()
}

/// Number of bits set among the bits of `range`, which must lie within the string ([`bitcount_range`] makes such a one).
/// O(n).
pub fn bitcount_in(bytes: &[u8], range: Range<u64>) -> u64 {
    let Some(span) = Span::of(bytes, range) else {
        return 0;
    };
    let head = (span.head & span.head_mask).count_ones();
    let tail = (span.tail & span.tail_mask).count_ones();
    bitcount(span.middle) + u64::from(head + tail)
}

/// The bits that BITCOUNT's indexes mean, both included, negative ones from the end; `None` if there are none. `len` is
/// the string's length in bytes.
pub fn bitcount_range(start: i64, end: i64, unit: Unit, len: usize) -> Option<Range<u64>> {
    // BITCOUNT calls two negatives in the wrong order empty even where both would be cut off to 0; BITPOS does not.
    if start < 0 && end < 0 && start > end {
        return None;
    }
    bitpos_range(start, end, unit, len)
}

/// The bits that BITPOS's indexes mean; as [`bitcount_range`] but for the order of two negative indexes.
pub fn bitpos_range(start: i64, end: i64, unit: Unit, len: usize) -> Option<Range<u64>> {
    let scale = match unit {
        Unit::Byte => 8,
        Unit::Bit => 1,
    };
    // A slice has at most isize::MAX bytes; strings stay far below, so the product cannot wrap in practice.
    let total = i64::try_from(len).unwrap_or(i64::MAX).saturating_mul(8) / scale;
    let absolute = |index: i64| {
        if index < 0 { (index + total).max(0) } else { index }
    };
    let (start, end) = (absolute(start), absolute(end).min(total - 1));
    if start > end {
        return None;
    }
    Some((start * scale).unsigned_abs()..((end + 1) * scale).unsigned_abs())
}

/// BITPOS: the position of the first bit equal to `bit`, or -1.
///
/// `value` is `None` for a missing key: endless zeros, so 0 or -1 whatever the range. Without `end` a clear bit not
/// found inside an (existing) string is the one after its last; with `end` it is -1. O(n), 64 bytes a step.
pub fn bitpos(value: Option<&[u8]>, bit: bool, start: i64, end: Option<i64>, unit: Unit) -> i64 {
    let Some(bytes) = value else {
        return if bit { -1 } else { 0 };
    };
    let Some(range) = bitpos_range(start, end.unwrap_or(-1), unit, bytes.len()) else {
        return -1;
    };
    let past_end = (!bit && end.is_none()).then_some(bytes.len() as u64 * 8);
    find_bit(bytes, bit, range).or(past_end).map_or(-1, u64::cast_signed)
}

/// The first bit equal to `bit` in a range that lies within the string.
fn find_bit(bytes: &[u8], bit: bool, range: Range<u64>) -> Option<u64> {
    let first_byte = range.start / 8;
    let span = Span::of(bytes, range)?;
    // Turned over where a clear bit is sought, so that a set bit is sought always.
    let flip = if bit { 0 } else { u8::MAX };
    let in_byte = |byte: u8, at: u64| (byte != 0).then(|| at * 8 + u64::from(byte.leading_zeros()));
    if let Some(found) = in_byte((span.head ^ flip) & span.head_mask, first_byte) {
        return Some(found);
    }
    let middle_byte = first_byte + 1;
    let skip = u64::from_ne_bytes([flip; 8]);
    let (words, _) = span.middle.as_chunks::<8>();
    let skipped = words.iter().take_while(|word| u64::from_ne_bytes(**word) == skip).count() * 8;
    let found = span.middle[skipped..].iter().position(|byte| *byte != flip).map(|at| skipped + at);
    if let Some(at) = found {
        return in_byte(span.middle[at] ^ flip, middle_byte + at as u64);
    }
    in_byte((span.tail ^ flip) & span.tail_mask, middle_byte + span.middle.len() as u64)
}

/// A range of bits as a masked first byte, whole bytes, and a masked last byte (mask 0 where there is none).
struct Span<'a> {
    head: u8,
    head_mask: u8,
    middle: &'a [u8],
    tail: u8,
    tail_mask: u8,
}

impl<'a> Span<'a> {
    fn of(bytes: &'a [u8], range: Range<u64>) -> Option<Self> {
        if range.is_empty() {
            return None;
        }
        let last_bit = range.end - 1;
        let (first, last) = (usize::try_from(range.start / 8).ok()?, usize::try_from(last_bit / 8).ok()?);
        let (head, tail) = (*bytes.get(first)?, *bytes.get(last)?);
        let from_start = u8::MAX >> (range.start % 8);
        let to_end = u8::MAX << (7 - last_bit % 8);
        if first == last {
            return Some(Self { head, head_mask: from_start & to_end, middle: &[], tail: 0, tail_mask: 0 });
        }
        Some(Self { head, head_mask: from_start, middle: &bytes[first + 1..last], tail, tail_mask: to_end })
    }
}

/// An operation of BITOP; X is the first source, Y all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitOp {
    /// Set in all.
    And,
    /// Set in any.
    Or,
    /// Set in an odd number.
    Xor,
    /// Clear in the (only) source.
    Not,
    /// Set in X and in no Y.
    Diff,
    /// Set in some Y and not in X.
    Diff1,
    /// Set in X and in some Y.
    AndOr,
    /// Set in exactly one.
    One,
}

/// Bytes combined at a time: the block stays in the first-level cache while all sources pass over it.
const BLOCK: usize = 4096;

/// BITOP: as long as the longest source; shorter ones and missing keys (empty) count as zeros. `Not` uses the first
/// source only. O(total length of the sources), vector code.
pub fn bitop(op: BitOp, sources: &[&[u8]]) -> Vec<u8> {
    let Some((&first, others)) = sources.split_first() else {
        return Vec::new();
    };
    let len = match op {
        BitOp::Not => first.len(),
        _ => sources.iter().map(|source| source.len()).max().unwrap_or(0),
    };
    let mut out = vec![0; len];
    for (index, block) in out.chunks_mut(BLOCK).enumerate() {
        let start = index * BLOCK;
        combine_block(op, block, part(first, start), others.iter().map(|other| part(other, start)));
    }
    out
}

/// What `source` has from `start` on, at most a block.
fn part(source: &[u8], start: usize) -> &[u8] {
    let rest = source.get(start..).unwrap_or_default();
    &rest[..rest.len().min(BLOCK)]
}

/// Computes one block of zeros from its part of each source (no part is longer than the block).
fn combine_block<'a>(op: BitOp, out: &mut [u8], x: &[u8], ys: impl Iterator<Item = &'a [u8]>) {
    match op {
        BitOp::Not => zip(out, x, |_, x| !x),
        BitOp::And => {
            or_into(out, x);
            ys.for_each(|y| and_into(out, y));
        }
        BitOp::Diff => {
            or_into(out, x);
            ys.for_each(|y| zip(out, y, |out, y| out & !y));
        }
        BitOp::Or => {
            or_into(out, x);
            ys.for_each(|y| or_into(out, y));
        }
        BitOp::Xor => {
            or_into(out, x);
            ys.for_each(|y| zip(out, y, |out, y| out ^ y));
        }
        BitOp::Diff1 => {
            ys.for_each(|y| or_into(out, y));
            zip(out, x, |out, x| out & !x);
        }
        BitOp::AndOr => {
            ys.for_each(|y| or_into(out, y));
            and_into(out, x);
        }
        BitOp::One => {
            or_into(out, x);
            let mut repeated = [0; BLOCK];
            for y in ys {
                for ((out, repeated), y) in out.iter_mut().zip(&mut repeated).zip(y) {
                    *repeated |= *out & y;
                    *out |= y;
                }
            }
            zip(out, &repeated, |out, repeated| out & !repeated);
        }
    }
}

fn or_into(out: &mut [u8], source: &[u8]) {
    zip(out, source, |out, source| out | source);
}

/// And with a source whose missing end is zeros.
fn and_into(out: &mut [u8], source: &[u8]) {
    zip(out, source, |out, source| out & source);
    if let Some(rest) = out.get_mut(source.len()..) {
        rest.fill(0);
    }
}

#[inline]
fn zip(out: &mut [u8], source: &[u8], combine: impl Fn(u8, u8) -> u8) {
    for (out, source) in out.iter_mut().zip(source) {
        *out = combine(*out, *source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::oracle::{Answer, Oracle};
    use crate::base::rng::Rng;

    fn below(rng: &mut Rng, bound: usize) -> usize {
        usize::try_from(rng.below(bound as u64)).unwrap()
    }

    /// Bytes that are mostly all zeros or all ones, so that searches run far.
    fn random_bytes(rng: &mut Rng, len_max: usize) -> Vec<u8> {
        let filler = [0, 0xff][below(rng, 2)];
        let sparse = rng.below(2) == 0;
        (0..below(rng, len_max + 1))
            .map(|_| if sparse && rng.below(20) > 0 { filler } else { rng.next_u64().to_le_bytes()[0] })
            .collect()
    }

    #[test]
    fn single_bits() {
        let mut bytes = BytesMut::new();
        assert!(!setbit(&mut bytes, 7, true));
        assert_eq!(bytes[..], [1]);
        assert!(setbit(&mut bytes, 7, false));
        assert!(!setbit(&mut bytes, 16, false));
        assert_eq!(bytes[..], [0, 0, 0]);
        setbit(&mut bytes, 8, true);
        assert_eq!(bytes[..], [0, 0x80, 0]);
        assert!(getbit(&bytes, 8));
        assert!(!getbit(&bytes, 9) && !getbit(&bytes, 24) && !getbit(&bytes, u64::MAX));
    }

    #[test]
    fn counts_and_positions_match_bit_by_bit() {
        let mut rng = Rng::new(1);
        for _ in 0..1_000 {
            let bytes = random_bytes(&mut rng, 1_000);
            let bits = bytes.len() as u64 * 8;
            let start = rng.below(bits + 1);
            let range = start..start + rng.below(bits - start + 1);
            let slow = range.clone().filter(|at| getbit(&bytes, *at)).count() as u64;
            assert_eq!(bitcount_in(&bytes, range.clone()), slow, "{range:?}");
            for bit in [false, true] {
                let slow = range.clone().find(|at| getbit(&bytes, *at) == bit);
                assert_eq!(find_bit(&bytes, bit, range.clone()), slow, "{bit} {range:?}");
            }
            assert_eq!(bitcount(&bytes), bitcount_in(&bytes, 0..bits));
        }
        assert_eq!(bitcount_in(b"a", 0..9), 0, "a range that is not within the string");
    }

    #[test]
    fn positions_past_the_end() {
        let ones: &[u8] = &[0xff; 3];
        for (value, bit, start, end, expected) in [
            (None, false, 5, Some(7), 0),
            (None, true, 0, None, -1),
            (Some(ones), false, 0, None, 24),
            (Some(ones), false, 2, None, 24),
            (Some(ones), false, 3, None, -1),
            (Some(ones), false, 0, Some(-1), -1),
            (Some(ones), true, 1, None, 8),
            (Some(&[]), false, 0, None, -1),
        ] {
            assert_eq!(bitpos(value, bit, start, end, Unit::Byte), expected, "{bit} {start} {end:?}");
        }
        assert_eq!(bitpos(Some(&[0xff, 0xf0]), false, 7, Some(15), Unit::Bit), 12);
    }

    #[test]
    fn operations() {
        let (x, y, z): (&[u8], &[u8], &[u8]) = (&[0b1111_0000, 0xff], &[0b1100_1100], &[0b1010_1010]);
        for (op, expected) in [
            (BitOp::And, vec![0b1000_0000, 0]),
            (BitOp::Or, vec![0b1111_1110, 0xff]),
            (BitOp::Xor, vec![0b1001_0110, 0xff]),
            (BitOp::Not, vec![0b0000_1111, 0]),
            (BitOp::Diff, vec![0b0001_0000, 0xff]),
            (BitOp::Diff1, vec![0b0000_1110, 0]),
            (BitOp::AndOr, vec![0b1110_0000, 0]),
            (BitOp::One, vec![0b0001_0110, 0xff]),
        ] {
            assert_eq!(bitop(op, &[x, y, z]), expected, "{op:?}");
        }
        assert_eq!(bitop(BitOp::Or, &[]), b"");
        assert_eq!(bitop(BitOp::And, &[b"", b"abc"]), [0, 0, 0]);
    }

    #[test]
    fn operations_match_bit_by_bit_across_blocks() {
        let mut rng = Rng::new(8);
        for op in [BitOp::And, BitOp::Or, BitOp::Xor, BitOp::Not, BitOp::Diff, BitOp::Diff1, BitOp::AndOr, BitOp::One] {
            for _ in 0..20 {
                let count = if op == BitOp::Not { 1 } else { 1 + below(&mut rng, 4) };
                let sources: Vec<Vec<u8>> = (0..count).map(|_| random_bytes(&mut rng, 3 * BLOCK)).collect();
                let sources: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
                let out = bitop(op, &sources);
                assert_eq!(out.len(), sources.iter().map(|source| source.len()).max().unwrap());
                for _ in 0..500 {
                    let at = rng.below(out.len() as u64 * 8 + 1).saturating_sub(1);
                    if !out.is_empty() {
                        assert_eq!(getbit(&out, at), expected_bit(op, &sources, at), "{op:?} {at}");
                    }
                }
            }
        }
    }

    fn expected_bit(op: BitOp, sources: &[&[u8]], at: u64) -> bool {
        let bits: Vec<bool> = sources.iter().map(|source| getbit(source, at)).collect();
        let set = bits.iter().filter(|bit| **bit).count();
        let (x, any_y) = (bits[0], bits[1..].contains(&true));
        match op {
            BitOp::And => set == bits.len(),
            BitOp::Or => set > 0,
            BitOp::Xor => set % 2 == 1,
            BitOp::Not => !x,
            BitOp::Diff => x && !any_y,
            BitOp::Diff1 => !x && any_y,
            BitOp::AndOr => x && any_y,
            BitOp::One => set == 1,
        }
    }

    #[test]
    fn oracle_agrees_on_ranges() {
        let Some(mut oracle) = Oracle::start() else { return };
        let mut rng = Rng::new(6);
        for _ in 0..20_000 {
            let bytes = random_bytes(&mut rng, 5);
            oracle.ask(&[b"SET", b"k", &bytes]);
            let unit = [Unit::Byte, Unit::Bit][below(&mut rng, 2)];
            let name = format!("{unit:?}");
            let index = |rng: &mut Rng| rng.below(100).cast_signed() / if unit == Unit::Byte { 7 } else { 1 } - 50;
            let (start, end) = (index(&mut rng) + 25, index(&mut rng) + 25);
            let (start_text, end_text) = (start.to_string(), end.to_string());
            let (start_text, end_text) = (start_text.as_bytes(), end_text.as_bytes());

            let range = bitcount_range(start, end, unit, bytes.len());
            let count = range.map_or(0, |range| bitcount_in(&bytes, range)).cast_signed();
            let theirs = oracle.ask(&[b"BITCOUNT", b"k", start_text, end_text, name.as_bytes()]);
            assert_eq!(Answer::Int(count), theirs, "{bytes:?} {start} {end} {unit:?}");

            let bit = rng.below(2) == 1;
            let bit_text: &[u8] = if bit { b"1" } else { b"0" };
            let theirs = oracle.ask(&[b"BITPOS", b"k", bit_text, start_text, end_text, name.as_bytes()]);
            let ours = bitpos(Some(&bytes), bit, start, Some(end), unit);
            assert_eq!(Answer::Int(ours), theirs, "{bytes:?} {bit} {start} {end} {unit:?}");
            let theirs = oracle.ask(&[b"BITPOS", b"k", bit_text, start_text]);
            let ours = bitpos(Some(&bytes), bit, start, None, Unit::Byte);
            assert_eq!(Answer::Int(ours), theirs, "{bytes:?} {bit} {start}");
        }
        assert_eq!(oracle.ask(&[b"BITPOS", b"missing", b"0", b"3", b"4"]), Answer::Int(0));
    }

    #[test]
    fn oracle_agrees_on_operations() {
        let Some(mut oracle) = Oracle::start() else { return };
        let mut rng = Rng::new(10);
        let ops: [(BitOp, &[u8]); 4] =
            [(BitOp::And, b"AND"), (BitOp::Or, b"OR"), (BitOp::Xor, b"XOR"), (BitOp::Not, b"NOT")];
        for round in 0..4_000 {
            let (op, name) = ops[below(&mut rng, 4)];
            let count = if op == BitOp::Not { 1 } else { 1 + below(&mut rng, 4) };
            let sources: Vec<Vec<u8>> = (0..count).map(|_| random_bytes(&mut rng, 300)).collect();
            let keys: [&[u8]; 4] = [b"a", b"b", b"c", b"d"];
            let mut command: Vec<&[u8]> = vec![b"BITOP", name, b"out"];
            for (source, key) in sources.iter().zip(keys) {
                oracle.ask(&[b"SET", key, source]);
                command.push(key);
            }
            oracle.ask(&command);
            let sources: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
            assert_eq!(Answer::Text(bitop(op, &sources)), get(&mut oracle), "round {round} {op:?}");
        }
    }

    /// The result key; BITOP deletes it where the result is empty.
    fn get(oracle: &mut Oracle) -> Answer {
        match oracle.ask(&[b"GET", b"out"]) {
            Answer::Nil => Answer::Text(Vec::new()),
            answer => answer,
        }
    }
}
