//! Random numbers: a small seedable generator, and bytes from the operating system for seeds and ids.
//!
//! Owns randomness for sampling (eviction, SPOP, RANDOMKEY, tests): fast and repeatable from a seed, **not** secret.
//! What must not be guessed (run ids, hash seeds, passwords) comes from the operating system. The generator is
//! xoshiro256** 1.0 and its seeding SplitMix64, after the public-domain descriptions of David Blackman and Sebastiano
//! Vigna (<https://prng.di.unimi.it>): ten lines, so no crate.

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("no random bytes from the operating system: {0}")]
pub struct EntropyError(#[from] getrandom::Error);

/// xoshiro256**: period 2^256 - 1, 32 bytes of state.
#[derive(Debug, Clone)]
pub struct Rng([u64; 4]);

impl Rng {
    /// The generator of a seed: the same seed, the same numbers.
    pub fn new(seed: u64) -> Self {
        let mut state = seed;
        // SplitMix64 never yields four zeros in a row, the one state that xoshiro cannot leave.
        Self(std::array::from_fn(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }))
    }

    /// A generator that starts somewhere new in every process.
    pub fn from_os() -> Result<Self, EntropyError> {
        Ok(Self::new(random_u64()?))
    }

    /// The next 64 bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        let state = &mut self.0;
        let result = state[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= shifted;
        state[3] = state[3].rotate_left(45);
        result
    }

    /// A number in `0..bound`, every one as likely (0 if `bound` is 0).
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        below(&mut || self.next_u64(), bound)
    }

    /// A number in `0.0..1.0`, of 53 random bits.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double")]
    pub fn f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A number in `0..bound`, every one as likely (0 if `bound` is 0), from a source of 64 random bits. Multiply and reject,
/// after Daniel Lemire, "Fast Random Integer Generation in an Interval" (2019): nearly always no division.
#[inline]
pub fn below(random: &mut impl FnMut() -> u64, bound: u64) -> u64 {
    let mut product = u128::from(random()) * u128::from(bound);
    if low(product) < bound {
        // 2^64 mod bound: products whose low half is below it would favour some results.
        let uneven = bound.wrapping_neg() % bound;
        while low(product) < uneven {
            product = u128::from(random()) * u128::from(bound);
        }
    }
    low(product >> 64)
}

/// Decides, one after another, which of a known number of elements are among a number of random ones: every subset of that
/// size is as likely. Selection sampling, after Donald Knuth, "The Art of Computer Programming", volume 2, 3.4.2,
/// algorithm S.
#[derive(Debug, Clone)]
pub struct Selection {
    wanted: usize,
    left: usize,
}

impl Selection {
    /// Is going to select `wanted` of `of` elements, or all if they are fewer.
    pub fn new(wanted: usize, of: usize) -> Self {
        Self { wanted: wanted.min(of), left: of }
    }

    /// Whether the next element is selected, from a source of 64 random bits.
    #[inline]
    pub fn next(&mut self, random: &mut impl FnMut() -> u64) -> bool {
        let selected = self.wanted > 0 && below(random, self.left as u64) < self.wanted as u64;
        self.wanted -= usize::from(selected);
        self.left = self.left.saturating_sub(1);
        selected
    }

    /// Whether all are selected.
    pub fn is_done(&self) -> bool {
        self.wanted == 0
    }
}

/// 64 random bits of a generator that each thread has for itself, seeded by the operating system: for samples that need
/// not be repeated.
pub fn thread_random() -> u64 {
    THREAD_RNG.with_borrow_mut(Rng::next_u64)
}

thread_local! {
    // Without entropy the numbers repeat with every start, which harms no sample.
    static THREAD_RNG: std::cell::RefCell<Rng> = std::cell::RefCell::new(Rng::from_os().unwrap_or(Rng::new(1)));
}

/// From now on [`thread_random`] gives this thread the numbers of a seed.
#[cfg(test)]
pub fn seed_thread(seed: u64) {
    THREAD_RNG.set(Rng::new(seed));
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
const fn low(wide: u128) -> u64 {
    wide as u64
}

/// 64 bits that nobody can guess: a seed.
pub fn random_u64() -> Result<u64, EntropyError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}

/// `bytes` unguessable bytes as lower-case hexadecimal (twice as many characters): 20 for a run id.
pub fn random_hex(bytes: usize) -> Result<String, EntropyError> {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut raw = vec![0; bytes];
    getrandom::fill(&mut raw)?;
    Ok(raw.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        // SplitMix64 of seed 0 is published; it fills the state of `new(0)`.
        assert_eq!(
            Rng::new(0).0,
            [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f, 0xf88b_b8a8_724c_81ec]
        );
        // The first outputs of xoshiro256** from the state 1, 2, 3, 4.
        let mut rng = Rng([1, 2, 3, 4]);
        assert_eq!([(); 4].map(|()| rng.next_u64()), [11520, 0, 1_509_978_240, 1_215_971_899_390_074_240]);
    }

    #[test]
    fn below_is_even() {
        let mut rng = Rng::new(5);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[usize::try_from(rng.below(7)).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        // A bound where a third of the range is rejected must still end and stay below.
        let bound = (1 << 63) + 1;
        assert!((0..1000).all(|_| rng.below(bound) < bound));
        assert_eq!((rng.below(0), rng.below(1)), (0, 0));
    }

    #[test]
    fn selections_are_even() {
        let mut rng = Rng::new(6);
        let mut counts = [0_u32; 10];
        for _ in 0..10_000 {
            let mut selection = Selection::new(3, 10);
            let selected: Vec<usize> = (0..10).filter(|_| selection.next(&mut || rng.next_u64())).collect();
            assert!(selected.len() == 3 && selection.is_done());
            selected.iter().for_each(|i| counts[*i] += 1);
        }
        assert!(counts.iter().all(|count| (2_800..3_200).contains(count)), "{counts:?}");
        let mut all = Selection::new(9, 4);
        assert!((0..4).all(|_| all.next(&mut || rng.next_u64())) && !all.next(&mut || 0));
    }

    #[test]
    fn fractions_fill_the_unit() {
        let mut rng = Rng::new(9);
        let mean = (0..10_000).map(|_| rng.f64()).inspect(|x| assert!((0.0..1.0).contains(x))).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }

    #[test]
    fn os_bytes_differ() {
        let (a, b) = (random_hex(20).unwrap(), random_hex(20).unwrap());
        assert_eq!(a.len(), 40);
        assert!(a.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
        assert_ne!(a, b);
        assert_ne!(Rng::from_os().unwrap().next_u64(), Rng::from_os().unwrap().next_u64());
    }
}
