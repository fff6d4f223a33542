//! Random ranks: one of `n`, or `k` different ones, every choice as likely.
//!
//! Owns the sampling, not the source of random bits: that is the caller's, so that tests can repeat it.

use std::collections::HashSet;

/// A number in `0..bound`, each as likely; 0 if `bound` is 0. Multiply and reject, as in [`crate::base::rng::Rng::below`].
pub(super) fn below(random: &mut impl FnMut() -> u64, bound: usize) -> usize {
    let bound = bound as u64;
    let mut product = u128::from(random()) * u128::from(bound);
    if (product as u64) < bound {
        let uneven = bound.wrapping_neg() % bound;
        while (product as u64) < uneven {
            product = u128::from(random()) * u128::from(bound);
        }
    }
    (product >> 64) as usize
}

/// `k` different ranks of `0..n` in ascending order, each set of ranks as likely; all if `k` is `n` or more. O(k log k), and
/// of memory O(k): Floyd's algorithm (Bentley, "Programming pearls: a sample of brilliance", 1987); or a pass over all
/// ranks (Knuth's algorithm S) where most are wanted.
pub(super) fn distinct(random: &mut impl FnMut() -> u64, n: usize, k: usize) -> Vec<usize> {
    if k >= n {
        return (0..n).collect();
    }
    if k > n / 4 {
        let mut wanted = k;
        return (0..n)
            .filter(|rank| {
                let takes = below(random, n - rank) < wanted;
                wanted -= usize::from(takes);
                takes
            })
            .collect();
    }
    let mut chosen = HashSet::with_capacity(k);
    for last in n - k..n {
        let rank = below(random, last + 1);
        if !chosen.insert(rank) {
            chosen.insert(last);
        }
    }
    let mut ranks: Vec<usize> = chosen.into_iter().collect();
    ranks.sort_unstable();
    ranks
}
