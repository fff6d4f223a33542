//! The estimate: how many different elements registers have been shown, from how many registers have each value.
//!
//! Owns the arithmetic, in the order that makes the result the same number as Redis's. It is the improved raw estimation
//! of Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017, arXiv:1702.01284), algorithm 6:
//! no table of corrections, no switch between methods.

use super::{REGISTERS, RUN_BITS, Registers, place};

/// The greatest value that an element can give a register. Greater ones exist in hostile strings only.
const VALUE_MAX: usize = RUN_BITS as usize + 1;

/// Limit of the bias correction for many registers: 1 / (2 ln 2).
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// Registers by value. Four lanes, so that neighbours, which are often equal, do not wait for each other's sum.
pub(super) struct Histogram([[u32; 64]; 4]);

impl Default for Histogram {
    fn default() -> Self {
        Self([[0; 64]; 4])
    }
}

impl Histogram {
    /// `len` more registers of `value`, which is below 64.
    #[inline]
    pub(super) fn add(&mut self, value: u8, len: usize) {
        self.0[0][usize::from(value) % 64] += len as u32;
    }

    /// Four more registers, each value below 64.
    #[inline]
    pub(super) fn add_four(&mut self, values: [u8; 4]) {
        for (lane, value) in self.0.iter_mut().zip(values) {
            lane[usize::from(value) % 64] += 1;
        }
    }
}

/// The estimate, below 2^63. O(1).
pub(super) fn count(histogram: &Histogram) -> u64 {
    let registers = REGISTERS as f64;
    let of = |value: usize| f64::from(histogram.0.iter().map(|lane| lane[value]).sum::<u32>());
    let mut z = registers * tau((registers - of(VALUE_MAX)) / registers);
    for value in (1..VALUE_MAX).rev() {
        z = (z + of(value)) * 0.5;
    }
    z += registers * sigma(of(0) / registers);
    // Registers beyond any element's reach can make z 0; a conversion to an integer saturates.
    (ALPHA * registers * registers / z).round().min(i64::MAX as f64) as i64 as u64
}

/// x + the sum of x^(2^k) * 2^(k-1) over k from 1: the share of registers still 0.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

/// (1 - x - the sum of (1 - x^(2^-k))^2 * 2^-k over k from 1) / 3: the share of registers at their end.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

/// Elements of the self test.
const SELF_TEST: u64 = 1_000_000;

/// Estimates of 1, 10, 100… up to [`SELF_TEST`] elements must be within four standard errors of 1.04 / sqrt(registers).
pub(super) fn self_test() -> Result<(), String> {
    let error_max = 4.0 * 1.04 / (REGISTERS as f64).sqrt();
    let mut registers = Registers::default();
    let mut checkpoint = 1;
    for n in 1..=SELF_TEST {
        let (register, value) = place(&n.to_le_bytes());
        registers.0[register] = registers.0[register].max(value);
        if n == checkpoint {
            let count = registers.count();
            if count.abs_diff(n) as f64 > (n as f64 * error_max).ceil() {
                return Err(format!("{n} elements were counted as {count}"));
            }
            checkpoint *= 10;
        }
    }
    Ok(())
}
