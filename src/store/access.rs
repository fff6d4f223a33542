//! The access clock of an entry: 24 bits that say when (LRU) or how often (LFU) it was used.
//!
//! Owns their meaning. LRU: seconds, modulo 2^24 (194 days). LFU: 16 bits of minutes of the last decay and an 8-bit
//! logarithmic counter, as Redis documents them for `lfu-log-factor` and `lfu-decay-time`.

/// Seconds that fit the LRU clock.
const LRU_BITS: u32 = 24;
const LRU_MASK: u32 = (1 << LRU_BITS) - 1;
/// Counter of a key that was just made, so that new keys are not the first to go.
const LFU_START: u32 = 5;

/// How reads touch the clock, for one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The time, in seconds modulo 2^24.
    Lru(u32),
    /// The time in minutes modulo 2^16, `lfu-log-factor`, `lfu-decay-time`.
    Lfu(u16, u32, u32),
}

impl Access {
    /// The LRU clock at a unix time in milliseconds.
    #[inline]
    pub fn lru(now_ms: u64) -> Self {
        Access::Lru((now_ms / 1000) as u32 & LRU_MASK)
    }

    /// The LFU clock at a unix time in milliseconds.
    pub fn lfu(now_ms: u64, log_factor: u32, decay_minutes: u32) -> Self {
        Access::Lfu((now_ms / 60_000) as u16, log_factor, decay_minutes)
    }

    /// The clock of a new entry.
    #[inline]
    pub fn fresh(self) -> u32 {
        match self {
            Access::Lru(t) => t,
            Access::Lfu(minutes, ..) => u32::from(minutes) << 8 | LFU_START,
        }
    }

    /// The clock after a use; `random` is any well-mixed number.
    #[inline]
    pub fn touch(self, old: u32, random: u64) -> u32 {
        match self {
            Access::Lru(t) => t,
            Access::Lfu(minutes, factor, decay) => {
                let counter = lfu_frequency(old, minutes, decay);
                u32::from(minutes) << 8 | lfu_grow(counter, factor, random)
            }
        }
    }
}

/// One step of the logarithmic counter: the higher it is, the less likely it grows.
fn lfu_grow(counter: u32, factor: u32, random: u64) -> u32 {
    if counter >= 255 {
        return 255;
    }
    let base = f64::from(counter.saturating_sub(LFU_START));
    let p = 1.0 / (base * f64::from(factor) + 1.0);
    let r = (random >> 11) as f64 / (1u64 << 53) as f64;
    counter + u32::from(r < p)
}

/// The LFU counter now: decremented by one for every `decay` minutes since the last decay.
pub fn lfu_frequency(access: u32, now_minutes: u16, decay: u32) -> u32 {
    let (then, counter) = ((access >> 8) as u16, access & 255);
    let steps = u32::from(now_minutes.wrapping_sub(then)).checked_div(decay).unwrap_or(0);
    counter.saturating_sub(steps)
}

/// Seconds since the last use, by the LRU clock.
pub fn idle_seconds(access: u32, now_ms: u64) -> u32 {
    ((now_ms / 1000) as u32).wrapping_sub(access) & LRU_MASK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lru_wraps_and_lfu_decays_and_saturates() {
        assert_eq!(idle_seconds(LRU_MASK, (1u64 << 24) * 1000 + 4000), 5);
        let a = Access::lfu(60_000 * 10, 10, 1);
        assert_eq!(a.fresh() & 255, 5);
        assert_eq!(lfu_frequency(a.fresh(), 13, 1), 2);
        assert_eq!(lfu_frequency(a.fresh(), 13, 0), 5);
        assert_eq!(lfu_frequency(a.fresh(), 100, 1), 0);
        assert_eq!(a.touch(a.fresh(), 0) & 255, 6, "below the start it always grows");
        assert_eq!(a.touch(10 << 8 | 255, 0) & 255, 255);
        assert_eq!(a.touch(10 << 8 | 200, u64::MAX) & 255, 200);
    }
}
