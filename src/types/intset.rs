//! A sorted set of integers in one block: what a small set of integers is.
//!
//! Owns the order, the search and the width of the integers: 2, 4 or 8 bytes each, the least that holds every integer that
//! was ever added (it never shrinks, as in Redis's intset, whose bytes [`Intset::to_bytes`] writes). The memory is
//! `types/block.rs`: bytes and integers in use stand in its header, so the width follows from them. Must not know when a set
//! has become too large for a structure whose every change moves the bytes behind it; that is the set's to decide, within
//! [`Intset::LEN_MAX`].

use std::cmp::Ordering;
use std::ptr::NonNull;

use super::block::{self, Block};

/// Bytes before the integers in Redis's form: the width and the number of integers.
const HEADER: usize = 8;

/// A sorted set of integers. Allocates nothing while it is empty.
pub struct Intset(Block);

impl Default for Intset {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for Intset {
    /// A copy, in a block that is just large enough. O(length).
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl std::fmt::Debug for Intset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The least width in bytes that holds an integer.
#[inline]
fn width_of(int: i64) -> usize {
    if i16::try_from(int).is_ok() {
        2
    } else if i32::try_from(int).is_ok() {
        4
    } else {
        8
    }
}

/// The integer at an index of an array of integers of `width` bytes.
#[inline]
fn read(bytes: &[u8], width: usize, index: usize) -> i64 {
    let own = &bytes[index * width..][..width];
    match *own {
        [a, b] => i64::from(i16::from_le_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => unreachable!("widths are 2, 4 and 8"),
    }
}

impl Intset {
    /// Most integers of a set.
    pub const LEN_MAX: usize = block::COUNT_MAX;

    /// A set without integers.
    #[inline]
    pub const fn new() -> Self {
        Self(Block::new())
    }

    /// Integers. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        self.0.count()
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of each integer: 2, 4 or 8. O(1).
    #[inline]
    pub fn width(&self) -> usize {
        // Products instead of a quotient: a division would cost as much as a search of a small set.
        match (self.0.bytes().len(), self.len()) {
            (bytes, len) if bytes == 2 * len => 2,
            (bytes, len) if bytes == 4 * len => 4,
            _ => 8,
        }
    }

    /// Bytes that the allocator has given. O(1).
    #[inline]
    pub fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    /// The index of an integer, or the one that it would get. O(log length).
    fn search(&self, int: i64) -> Result<usize, usize> {
        let (bytes, width) = (self.0.bytes(), self.width());
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match read(bytes, width, middle).cmp(&int) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Whether an integer is in the set. O(log length).
    #[inline]
    pub fn contains(&self, int: i64) -> bool {
        self.search(int).is_ok()
    }

    /// Adds an integer; `false` if it is in the set already. O(length).
    ///
    /// # Panics
    /// If the set has [`Intset::LEN_MAX`] integers.
    pub fn add(&mut self, int: i64) -> bool {
        let width = width_of(int);
        if !self.is_empty() && width > self.width() {
            self.widen(width);
        }
        let Err(index) = self.search(int) else { return false };
        let width = if self.is_empty() { width } else { self.width() };
        self.0.splice(index * width, 0, &[&int.to_le_bytes()[..width]], self.len() + 1);
        true
    }

    /// Gives every integer `width` bytes.
    fn widen(&mut self, width: usize) {
        let wide: Vec<u8> = self.iter().flat_map(|int| int.to_le_bytes().into_iter().take(width)).collect();
        self.0.splice(0, self.0.bytes().len(), &[&wide], self.len());
    }

    /// Removes an integer; `false` if it is not in the set. O(length).
    pub fn remove(&mut self, int: i64) -> bool {
        let Ok(index) = self.search(int) else { return false };
        let width = self.width();
        self.0.splice(index * width, width, &[], self.len() - 1);
        true
    }

    /// The integer at an index, in ascending order. O(1).
    #[inline]
    pub fn nth(&self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| read(self.0.bytes(), self.width(), index))
    }

    /// The integers in ascending order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = i64> + DoubleEndedIterator + Clone + '_ {
        let (bytes, width) = (self.0.bytes(), self.width());
        (0..self.len()).map(move |index| read(bytes, width, index))
    }

    /// Gives up ownership.
    #[inline]
    pub fn into_raw(self) -> NonNull<u8> {
        self.0.into_raw()
    }

    /// Takes ownership back.
    ///
    /// # Safety
    /// The pointer came from [`Intset::into_raw`] and nobody else owns it.
    #[inline]
    #[allow(unsafe_code)]
    pub unsafe fn from_raw(p: NonNull<u8>) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { Block::from_raw(p) })
    }

    /// The set in Redis's form: width, number of integers, integers, all in little endian. O(length).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + self.0.bytes().len());
        bytes.extend_from_slice(&(self.width() as u32).to_le_bytes());
        bytes.extend_from_slice(&(self.len() as u32).to_le_bytes());
        bytes.extend_from_slice(self.0.bytes());
        bytes
    }

    /// Reads Redis's form from anywhere; `None` if it is none, or the integers do not ascend. O(length).
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let width = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
        let len = u32::from_le_bytes(bytes.get(4..HEADER)?.try_into().ok()?) as usize;
        let ints = &bytes[HEADER..];
        if !matches!(width, 2 | 4 | 8) || len > Self::LEN_MAX || ints.len() != len * width {
            return None;
        }
        if !(1..len).all(|index| read(ints, width, index - 1) < read(ints, width, index)) {
            return None;
        }
        let mut block = Block::new();
        block.splice(0, 0, &[ints], len);
        Some(Self(block))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::oracle::{Answer, Oracle};
    use crate::base::rng::Rng;
    use std::collections::BTreeSet;

    /// Narrow integers most of the time, so that sets of every width arise.
    fn random_int(rng: &mut Rng) -> i64 {
        let bits = [8, 8, 8, 8, 8, 16, 17, 32, 33, 64][rng.below(10) as usize];
        rng.next_u64().cast_signed() >> (64 - bits)
    }

    #[test]
    fn behaves_as_a_sorted_set() {
        for seed in 0..60 {
            let mut rng = Rng::new(seed);
            let (mut set, mut model, mut width) = (Intset::new(), BTreeSet::new(), 2);
            for _ in 0..400 {
                let int = if seed % 3 == 0 { random_int(&mut rng) >> 32 } else { random_int(&mut rng) };
                if rng.below(3) > 0 {
                    width = if model.is_empty() { width_of(int) } else { width.max(width_of(int)) };
                    assert_eq!(set.add(int), model.insert(int));
                } else {
                    let some = model.iter().nth(rng.below(2 * model.len() as u64 + 1) as usize).copied();
                    let int = some.unwrap_or(int);
                    assert_eq!(set.remove(int), model.remove(&int));
                }
                assert_eq!((set.len(), set.is_empty()), (model.len(), model.is_empty()));
                assert!(set.iter().eq(model.iter().copied()) && set.iter().rev().eq(model.iter().rev().copied()));
                assert_eq!((set.contains(int), set.nth(model.len())), (model.contains(&int), None));
                assert!(model.is_empty() || set.width() == width);
                assert!(set.heap_bytes() >= model.len() * width);
            }
            let index = rng.below(model.len() as u64) as usize;
            assert_eq!(set.nth(index), model.iter().nth(index).copied());
            let copy = Intset::from_bytes(&set.clone().to_bytes()).unwrap();
            // SAFETY: the pointer is given up in the same expression.
            #[allow(unsafe_code)]
            let copy = unsafe { Intset::from_raw(copy.into_raw()) };
            assert!(copy.iter().eq(model.iter().copied()));
            assert_eq!(format!("{copy:?}"), format!("{model:?}"));
        }
    }

    #[test]
    fn extremes_are_ordered() {
        let mut set = Intset::new();
        for int in [i64::MAX, 0, i64::MIN, -1, 32767, -32768, 32768, -32769] {
            assert!(set.add(int) && !set.add(int));
        }
        assert!(set.iter().eq([i64::MIN, -32769, -32768, -1, 0, 32767, 32768, i64::MAX]));
        assert_eq!((set.nth(0), set.nth(7), set.width()), (Some(i64::MIN), Some(i64::MAX), 8));
    }

    #[test]
    fn damaged_bytes_are_refused_or_sound() {
        let mut rng = Rng::new(5);
        let mut accepted = 0;
        for _ in 0..20_000 {
            let mut set = Intset::new();
            for _ in 0..rng.below(6) {
                set.add(random_int(&mut rng));
            }
            let mut bytes = set.to_bytes();
            for _ in 0..rng.below(3) {
                let at = rng.below(bytes.len() as u64) as usize;
                match rng.below(3) {
                    0 => bytes[at] ^= 1 << rng.below(8),
                    1 => bytes.truncate(at.max(1)),
                    _ => bytes.insert(at, rng.next_u64() as u8),
                }
            }
            if let Some(set) = Intset::from_bytes(&bytes) {
                accepted += 1;
                let ints: Vec<i64> = set.iter().collect();
                assert!(ints.is_sorted() && ints.iter().all(|&int| set.contains(int)));
                assert_eq!(set.to_bytes()[4..], bytes[4..]);
            }
        }
        assert!(accepted > 2000, "{accepted}");
        assert!(Intset::from_bytes(b"").is_none());
    }

    #[test]
    fn oracle_writes_the_same_bytes() {
        let Some(mut oracle) = Oracle::start() else { return };
        oracle.ask(&[b"CONFIG", b"SET", b"rdbcompression", b"no"]);
        for ints in [&[1, 2, -3][..], &[40_000, 1, -5], &[1 << 40, -1, 7, i64::MIN]] {
            let mut set = Intset::new();
            oracle.ask(&[b"DEL", b"k"]);
            for &int in ints {
                assert_eq!(oracle.ask(&[b"SADD", b"k", int.to_string().as_bytes()]), Answer::Int(1));
                assert!(set.add(int));
            }
            let Answer::Text(dump) = oracle.ask(&[b"DUMP", b"k"]) else { panic!("no dump") };
            // The type and a length of one byte each, the set, a version of two bytes, a checksum of eight.
            assert_eq!(dump[2..dump.len() - 10], set.to_bytes());
        }
    }
}
