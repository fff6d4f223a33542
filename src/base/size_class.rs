//! Size classes of the allocator, computed instead of asked for.
//!
//! Owns one fact: how many bytes jemalloc really gives for a request. The store rounds its allocations up to it (what is
//! given is used) and accounts memory by it, in a few instructions and without a call. True for jemalloc with 64-bit
//! words, 4 KiB pages, a 16-byte quantum and four classes a doubling (its default on x86-64 and AArch64), at version 5.3.1
//! and later, which gives whole pages instead of classes above 32 KiB; a test asks jemalloc itself.

/// Largest request that is rounded; larger ones fail in the allocator anyhow.
const CLASS_MAX: usize = 7 << 60;
/// Up to here there are classes; above, jemalloc gives whole pages (its `limit_usize_gap`).
const CLASSED_MAX: usize = 8 * PAGE;
const PAGE: usize = 4096;

/// Bytes that a request for `bytes` gets: the smallest class that holds it. Classes: 8, then multiples of 16 up to 128,
/// then four evenly spaced ones between powers of two (160, 192, 224, 256, 320, …) up to 32 KiB, then multiples of 4 KiB.
#[inline]
pub const fn good_size(bytes: usize) -> usize {
    if bytes <= 8 {
        return 8;
    }
    if bytes > CLASS_MAX {
        return bytes;
    }
    let spacing = if bytes <= CLASSED_MAX {
        // A quarter of the power of two below the request; up to 128 the quantum is coarser.
        let quarter = (bytes - 1).ilog2().saturating_sub(2);
        if quarter < 4 { 16 } else { 1 << quarter }
    } else {
        PAGE
    };
    (bytes + spacing - 1) & !(spacing - 1)
}

/// The next class above the one that `bytes` falls into: the least growth that gains anything.
#[inline]
pub const fn class_at_least_growth(bytes: usize) -> usize {
    good_size(good_size(bytes).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What jemalloc gives for a request of `bytes`.
    #[allow(unsafe_code)]
    fn jemalloc_gives(bytes: usize) -> usize {
        use std::alloc::{GlobalAlloc, Layout};
        let allocator = tikv_jemallocator::Jemalloc;
        let layout = Layout::from_size_align(bytes, 1).unwrap();
        // SAFETY: the layout has a size above 0; the pointer is checked, asked about while it is live, and given back
        // with the layout it came with.
        unsafe {
            let pointer = allocator.alloc(layout);
            assert!(!pointer.is_null());
            let given = tikv_jemallocator::usable_size(pointer);
            allocator.dealloc(pointer, layout);
            given
        }
    }

    #[test]
    fn classes_are_jemallocs() {
        for bytes in 1..=40_000 {
            assert_eq!(good_size(bytes), jemalloc_gives(bytes), "{bytes}");
        }
        for shift in 15..30 {
            for eighth in 8..=16 {
                for off in [-1, 0, 1] {
                    let bytes = ((1_usize << shift) / 8 * eighth).saturating_add_signed(off);
                    assert_eq!(good_size(bytes), jemalloc_gives(bytes), "{bytes}");
                }
            }
        }
        assert_eq!(good_size(0), 8);
    }

    #[test]
    fn growth_is_one_class() {
        for (bytes, next) in [(0, 16), (8, 16), (9, 32), (100, 128), (128, 160), (129, 192), (256, 320), (4096, 5120)] {
            assert_eq!(class_at_least_growth(bytes), next, "{bytes}");
        }
        assert_eq!(good_size(usize::MAX), usize::MAX);
        assert_eq!(class_at_least_growth(usize::MAX), usize::MAX);
    }
}
