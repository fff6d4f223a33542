//! What the allocator really hands out for a request: the size classes of jemalloc.
//!
//! The table and the entry round every request up to a class themselves.  So no slot is wasted
//! inside a block, two layouts of one class may share a block under the rules of `GlobalAlloc`
//! (equal `Layout`s), and memory accounting is arithmetic instead of a call into the allocator.

/// The smallest allocation unit above 8 bytes.
const QUANTUM: usize = 16;

/// The bytes that a request of `n` bytes occupies: 8, the multiples of 16 up to 128, then four
/// classes a doubling (160, 192, 224, 256, 320, …).  O(1).
pub(super) const fn good_size(n: usize) -> usize {
    if n <= 8 {
        return 8;
    }
    let spacing = (1usize << (n - 1).ilog2()) >> 2;
    let spacing = if spacing < QUANTUM { QUANTUM } else { spacing };
    (n + (spacing - 1)) & !(spacing - 1)
}

#[cfg(test)]
mod tests {
    use super::good_size;

    #[test]
    fn classes_are_those_of_jemalloc() {
        let classes = [
            8, 16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280,
            1536, 1792, 2048, 2560, 3072, 3584, 4096, 5120, 6144, 7168, 8192, 10240, 12288, 14336, 16384, 20480, 24576,
            28672, 32768, 40960,
        ];
        let mut below = 0;
        for class in classes {
            for n in below + 1..=class {
                assert_eq!(good_size(n), class, "{n}");
            }
            below = class;
        }
    }
}
