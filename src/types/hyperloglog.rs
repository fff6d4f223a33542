//! HyperLogLogs: strings that estimate how many different elements they have been shown.
//!
//! Owns the bytes, which are Redis's own, so that a string goes from one server to the other with GET and SET: 16 bytes
//! of header (`HYLL`, the encoding, three unused bytes, the cached count as 8 bytes little endian whose highest bit says
//! that it is out of date), then 2^14 registers of 6 bits (`dense`) or runs of equal registers (`sparse`). Must not
//! know what error a corrupt string is to a client.
//!
//! An element goes to one register, which keeps the longest run of zero bits among its hashes. The estimate is
//! `estimate::count`'s. Every function takes a string that [`encoding`] has accepted; the bytes behind the header may
//! be anything (a client can SET them), which costs a [`Corrupt`] where they make no sense and never more.

mod dense;
mod estimate;
mod sparse;

use bytes::BytesMut;

/// Registers of a HyperLogLog: 2^14, for a standard error of 0.81 %.
pub const REGISTERS: usize = 1 << INDEX_BITS;

/// Bits of an element's hash that choose its register.
const INDEX_BITS: u32 = 14;
/// Bits of the hash that are left for the run of zeros.
const RUN_BITS: u32 = u64::BITS - INDEX_BITS;
/// Seed of an element's hash.
const SEED: u64 = 0xadc8_3b19;

const MAGIC: &[u8] = b"HYLL";
const ENCODING: usize = 4;
const CACHED: std::ops::Range<usize> = 8..16;
/// The last byte of the cached count; its highest bit says that the count is out of date.
const STALE: usize = 15;
const STALE_BIT: u8 = 0x80;
const HEADER: usize = 16;

/// How the registers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// 6 bits each: 12304 bytes in all.
    Dense,
    /// Runs of equal registers.
    Sparse,
}

impl Encoding {
    /// The name that PFDEBUG answers.
    pub const fn name(self) -> &'static str {
        match self {
            Encoding::Dense => "dense",
            Encoding::Sparse => "sparse",
        }
    }
}

/// The runs of a sparse HyperLogLog do not make up its registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the runs of the HyperLogLog do not make up its registers")]
pub struct Corrupt;

/// The encoding of a string if it is a HyperLogLog by its header (and, if dense, its length). O(1).
pub fn encoding(text: &[u8]) -> Option<Encoding> {
    if text.len() < HEADER || !text.starts_with(MAGIC) {
        return None;
    }
    match text[ENCODING] {
        0 => (text.len() == HEADER + dense::BYTES).then_some(Encoding::Dense),
        1 => Some(Encoding::Sparse),
        _ => None,
    }
}

fn is_dense(text: &[u8]) -> bool {
    text[ENCODING] == 0
}

/// Makes `text` an empty HyperLogLog, sparse, its count cached and 0. O(1).
pub fn create(text: &mut BytesMut) {
    text.clear();
    text.resize(HEADER, 0);
    text[..MAGIC.len()].copy_from_slice(MAGIC);
    text[ENCODING] = 1;
    sparse::write_empty(text);
}

/// The count that the header remembers, unless it is out of date. O(1).
pub fn cached(text: &[u8]) -> Option<u64> {
    let count: [u8; 8] = text[CACHED].try_into().ok()?;
    (text[STALE] & STALE_BIT == 0).then_some(u64::from_le_bytes(count))
}

/// Has the header remember a count, which must be below 2^63. O(1).
pub fn cache(text: &mut [u8], count: u64) {
    text[CACHED].copy_from_slice(&count.to_le_bytes());
}

/// Marks the remembered count as out of date. O(1).
pub fn invalidate(text: &mut [u8]) {
    text[STALE] |= STALE_BIT;
}

/// The register of an element and the value that the element wants it to have at least, 1 to 51. O(length).
fn place(element: &[u8]) -> (usize, u8) {
    let hash = murmur64a(element, SEED);
    let register = hash as usize % REGISTERS;
    // A bit behind the last one ends the run.
    let rest = hash >> INDEX_BITS | 1 << RUN_BITS;
    (register, rest.trailing_zeros() as u8 + 1)
}

/// MurmurHash64A of Austin Appleby, who has put it in the public domain; the same on every machine. O(length).
fn murmur64a(bytes: &[u8], seed: u64) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const R: u32 = 47;
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(M);
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        let mut k = u64::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        hash = (hash ^ k.wrapping_mul(M)).wrapping_mul(M);
    }
    if !tail.is_empty() {
        let mut word = [0; 8];
        word[..tail.len()].copy_from_slice(tail);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(M);
    }
    hash = (hash ^ hash >> R).wrapping_mul(M);
    hash ^ hash >> R
}

/// Shows the HyperLogLog an element; returns whether that changed a register. The caller then [`invalidate`]s the
/// count. A sparse one becomes dense when it would grow beyond `sparse_max` bytes, header included, or when a register
/// goes beyond 32. O(1) dense, O(bytes) sparse.
///
/// # Errors
/// [`Corrupt`]: the runs end before the element's register; nothing has changed.
pub fn add(text: &mut BytesMut, element: &[u8], sparse_max: u64) -> Result<bool, Corrupt> {
    let (register, value) = place(element);
    if is_dense(text) {
        return Ok(dense::raise(&mut text[HEADER..], register, value));
    }
    match sparse::raise(text, sparse::Cursor::default(), register, value, sparse_max)?.0 {
        sparse::Raised::No => Ok(false),
        sparse::Raised::Yes => Ok(true),
        sparse::Raised::Beyond => {
            to_dense(text)?;
            Ok(dense::raise(&mut text[HEADER..], register, value))
        }
    }
}

/// Makes a sparse HyperLogLog dense, header unchanged but for the encoding; returns whether it was sparse. O(registers).
///
/// # Errors
/// [`Corrupt`]; nothing has changed.
pub fn to_dense(text: &mut BytesMut) -> Result<bool, Corrupt> {
    if is_dense(text) {
        return Ok(false);
    }
    let mut registers = Registers::default();
    registers.merge(text)?;
    write_dense(text, &registers);
    Ok(true)
}

fn write_dense(text: &mut BytesMut, registers: &Registers) {
    text.resize(HEADER + dense::BYTES, 0);
    text[ENCODING] = 0;
    dense::pack(&mut text[HEADER..], &registers.0);
}

/// How many different elements the HyperLogLog has been shown, estimated from the registers. O(bytes).
///
/// # Errors
/// [`Corrupt`].
pub fn count(text: &[u8]) -> Result<u64, Corrupt> {
    let mut histogram = estimate::Histogram::default();
    if is_dense(text) {
        dense::unpack(&text[HEADER..]).for_each(|values| histogram.add_four(values));
    } else {
        sparse::walk(text, |run| histogram.add(run.value, run.len))?;
    }
    Ok(estimate::count(&histogram))
}

/// The registers of a HyperLogLog or of the union of several, a byte each.
pub struct Registers([u8; REGISTERS]);

impl Default for Registers {
    fn default() -> Self {
        Self([0; REGISTERS])
    }
}

impl Registers {
    /// Raises each register to that of a HyperLogLog. O(registers).
    ///
    /// # Errors
    /// [`Corrupt`]; some registers may have been raised.
    pub fn merge(&mut self, text: &[u8]) -> Result<(), Corrupt> {
        if is_dense(text) {
            for (four, values) in self.0.as_chunks_mut::<4>().0.iter_mut().zip(dense::unpack(&text[HEADER..])) {
                *four = std::array::from_fn(|i| four[i].max(values[i]));
            }
            return Ok(());
        }
        let mut rest = &mut self.0[..];
        sparse::walk(text, |run| {
            let (these, others) = std::mem::take(&mut rest).split_at_mut(run.len);
            rest = others;
            if run.value > 0 {
                these.iter_mut().for_each(|register| *register = (*register).max(run.value));
            }
        })
    }

    /// How many different elements the registers have been shown, estimated. O(registers).
    pub fn count(&self) -> u64 {
        let mut histogram = estimate::Histogram::default();
        self.0.as_chunks().0.iter().for_each(|values| histogram.add_four(*values));
        estimate::count(&histogram)
    }

    /// The values.
    pub fn values(&self) -> &[u8; REGISTERS] {
        &self.0
    }
}

/// Raises the registers of a HyperLogLog to `union`, which must include them already. It becomes dense if `dense` says
/// so, or as [`add`] says. O(registers); sparse O(registers raised * bytes) at worst, as one run may move all behind.
///
/// # Errors
/// [`Corrupt`]; some registers may have been raised.
pub fn raise_all(text: &mut BytesMut, union: &Registers, dense: bool, sparse_max: u64) -> Result<(), Corrupt> {
    if dense || is_dense(text) {
        write_dense(text, union);
        return Ok(());
    }
    let mut cursor = sparse::Cursor::default();
    for (register, value) in union.0.iter().enumerate().filter(|(_, value)| **value > 0) {
        let raised;
        (raised, cursor) = sparse::raise(text, cursor, register, *value, sparse_max)?;
        if raised == sparse::Raised::Beyond {
            write_dense(text, union);
            return Ok(());
        }
    }
    Ok(())
}

/// The runs of a sparse HyperLogLog as PFDEBUG DECODE prints them: `z:len`, `Z:len` (of two bytes), `v:value,len`,
/// parted by spaces. O(bytes).
///
/// # Errors
/// [`Corrupt`]: a run is cut off.
pub fn decode(text: &[u8]) -> Result<String, Corrupt> {
    sparse::decode(text)
}

/// Whether registers, encodings and estimates are sound on this machine: PFSELFTEST. About 0.1 s.
///
/// # Errors
/// What is not.
pub fn self_test() -> Result<(), String> {
    dense::self_test()?;
    estimate::self_test()
}

#[cfg(test)]
mod tests;
