//! The hash of the members of collections: 32 bits, seeded once a process.
//!
//! Owns the seed, so that nobody outside can choose members that collide. The keys of the store are hashed by
//! the store, with a seed of its own. Must not know what is hashed.

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

static STATE: OnceLock<SeedableRandomState> = OnceLock::new();

/// Fixes the seed, for tests that want one order of members in every run. `false`: something was hashed before.
pub fn seed_members(seed: u64) -> bool {
    STATE.set(SeedableRandomState::with_seed(seed, SharedSeed::global_fixed())).is_ok()
}

/// The hash of a member, field or the like. O(length).
#[inline]
pub fn member(bytes: &[u8]) -> u32 {
    let mut h = STATE.get_or_init(SeedableRandomState::random).build_hasher();
    h.write(bytes);
    (h.finish() >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_bytes_have_equal_hashes_and_others_nearly_never() {
        let hashes: std::collections::BTreeSet<u32> = (0..10_000u32).map(|i| member(&i.to_le_bytes())).collect();
        assert!(hashes.len() > 9_990, "{}", hashes.len());
        assert_eq!(member(b"a field"), member(b"a field"));
    }
}
