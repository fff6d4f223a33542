//! Dense registers: 6 bits each, the first in the lowest bits of the first byte.
//!
//! Owns the packing. Must not know the header. Four registers are three bytes, so whole passes work on those, and only
//! a single register needs shifts.

use super::REGISTERS;
use crate::base::rng::Rng;

/// Bytes of all registers.
pub(super) const BYTES: usize = REGISTERS / 4 * 3;

/// Bits of a register.
const BITS: usize = 6;
const MASK: u16 = (1 << BITS) - 1;

/// Byte and shift of a register.
fn position(register: usize) -> (usize, usize) {
    (register * BITS / 8, register * BITS % 8)
}

/// The two bytes that hold a register; the last has only one, and needs no other.
fn pair(bytes: &[u8], at: usize) -> u16 {
    u16::from(bytes[at]) | u16::from(bytes.get(at + 1).copied().unwrap_or(0)) << 8
}

/// The value of a register. O(1).
fn get(bytes: &[u8], register: usize) -> u8 {
    let (at, shift) = position(register);
    (pair(bytes, at) >> shift & MASK) as u8
}

/// Raises a register to `value` (below 64); returns whether it was lower. O(1).
pub(super) fn raise(bytes: &mut [u8], register: usize, value: u8) -> bool {
    let (at, shift) = position(register);
    let old = pair(bytes, at);
    if (old >> shift & MASK) as u8 >= value {
        return false;
    }
    let [low, high] = (old & !(MASK << shift) | u16::from(value) << shift).to_le_bytes();
    bytes[at] = low;
    if let Some(next) = bytes.get_mut(at + 1) {
        *next = high;
    }
    true
}

/// The values of all registers in order, four at a time. O(registers).
pub(super) fn unpack(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    bytes.as_chunks::<3>().0.iter().map(|[a, b, c]| {
        let word = u32::from_le_bytes([*a, *b, *c, 0]);
        std::array::from_fn(|i| (word >> (i * BITS)) as u8 & MASK as u8)
    })
}

/// Sets all registers, each value below 64. O(registers).
pub(super) fn pack(bytes: &mut [u8], registers: &[u8; REGISTERS]) {
    for (three, four) in bytes.as_chunks_mut::<3>().0.iter_mut().zip(registers.as_chunks::<4>().0) {
        let word = (0..4).fold(0, |word, i| word | u32::from(four[i]) << (i * BITS));
        three.copy_from_slice(&word.to_le_bytes()[..3]);
    }
}

/// Random registers raised in random order, against an array of bytes; then read one by one and in passes.
pub(super) fn self_test() -> Result<(), String> {
    let mut rng = Rng::new(1);
    let (mut bytes, mut model) = (vec![0; BYTES], [0_u8; REGISTERS]);
    for round in 0..8 * REGISTERS {
        let (register, value) = (rng.below(REGISTERS as u64) as usize, rng.below(64) as u8);
        if raise(&mut bytes, register, value) != (value > model[register]) {
            return Err(format!("raising register {register} to {value}, round {round}"));
        }
        model[register] = model[register].max(value);
    }
    if let Some(bad) = (0..REGISTERS).find(|register| get(&bytes, *register) != model[*register]) {
        return Err(format!("register {bad} is {} and should be {}", get(&bytes, bad), model[bad]));
    }
    let mut packed = vec![0; BYTES];
    pack(&mut packed, &model);
    if packed != bytes || !unpack(&bytes).flatten().eq(model) {
        return Err("packing all registers differs from setting each".into());
    }
    Ok(())
}
