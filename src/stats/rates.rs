//! Rates of the moment: operations and bytes a second, over the last sixteen samples.
//!
//! Owns the ring of samples. Must be fed by the periodic work, ten times a second; INFO only reads.

use parking_lot::Mutex;

/// Samples that a rate is the mean of.
const SAMPLES: usize = 16;
/// Figures that are followed.
const FIGURES: usize = 3;

/// What is followed: commands, bytes received, bytes sent.
pub type Totals = [u64; FIGURES];

/// The rates of a server.
#[derive(Debug, Default)]
pub struct Rates {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    last: Option<(u64, Totals)>,
    ring: [[f64; FIGURES]; SAMPLES],
    at: usize,
}

impl Rates {
    /// Takes a sample: the totals at monotonic time `now_ns`.
    pub fn sample(&self, now_ns: u64, totals: Totals) {
        let mut inner = self.inner.lock();
        let before = inner.last.replace((now_ns, totals));
        let Some((then, old)) = before else { return };
        let seconds = now_ns.saturating_sub(then) as f64 / 1e9;
        if seconds <= 0.0 {
            return;
        }
        let at = inner.at;
        // Totals go back on CONFIG RESETSTAT.
        inner.ring[at] = std::array::from_fn(|i| totals[i].saturating_sub(old[i]) as f64 / seconds);
        inner.at = (at + 1) % SAMPLES;
    }

    /// Commands, bytes received and bytes sent a second.
    pub fn get(&self) -> [f64; FIGURES] {
        let inner = self.inner.lock();
        std::array::from_fn(|i| inner.ring.iter().map(|s| s[i]).sum::<f64>() / SAMPLES as f64)
    }

    /// Forgets the samples.
    pub fn reset(&self) {
        *self.inner.lock() = Inner::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_is_found() {
        let r = Rates::default();
        (0..=20).for_each(|i| r.sample(i * 100_000_000, [i * 50, i * 1000, 0]));
        assert_eq!(r.get().map(f64::round), [500.0, 10_000.0, 0.0]);
        r.sample(2_200_000_000, [0, 0, 0]);
        assert!(r.get()[0] < 500.0);
        r.reset();
        assert_eq!(r.get(), [0.0; 3]);
    }
}
