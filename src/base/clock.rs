//! The clock: the only place that asks the system what time it is.
//!
//! Owns wall time (expiry, TIME, ids) and monotonic time (durations, latency), and lets a test set both. Everything
//! else gets a [`Clock`] handed to it. Monotonic time reads the processor's counter (`quanta`): a few nanoseconds, no
//! system call, so that a command may be timed. Wall time is the system's, so that it follows the administrator's and
//! NTP's changes; on Linux it costs some twenty nanoseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A source of time; cheap to clone, shared by all threads.
#[derive(Debug, Clone)]
pub struct Clock {
    counter: quanta::Clock,
    /// The counter when the clock was made: [`Clock::mono_ns`] counts from here.
    origin: u64,
    manual: Option<Arc<Manual>>,
}

/// When a thread looked at the wall last; see [`Clock::both`].
#[derive(Debug, Clone, Copy)]
pub struct Anchor {
    mono_ns: u64,
    unix_us: u64,
}

impl Anchor {
    /// How long one look at the wall is good for.
    pub const KEEP_NS: u64 = 5_000_000;
}

/// The times of a clock that stands still until a test moves it.
#[derive(Debug)]
struct Manual {
    unix_us: AtomicU64,
    mono_ns: AtomicU64,
}

impl Clock {
    /// The system's clock. The first one of a process measures the counter's rate, which may take some milliseconds.
    pub fn new() -> Self {
        let counter = quanta::Clock::new();
        let origin = counter.raw();
        Self { counter, origin, manual: None }
    }

    /// A clock for tests: starts at Unix time 0 and monotonic time 0 and moves only by [`Clock::set_unix_ms`] and
    /// [`Clock::advance`]. Clones share the time.
    pub fn manual() -> Self {
        let manual = Manual { unix_us: AtomicU64::new(0), mono_ns: AtomicU64::new(0) };
        Self { manual: Some(Arc::new(manual)), ..Self::new() }
    }

    /// A look at the wall, for [`Clock::both`].
    pub fn anchor(&self) -> Anchor {
        Anchor { mono_ns: self.mono_ns(), unix_us: self.unix_us() }
    }

    /// Wall time in milliseconds and monotonic time in nanoseconds, for the price of the latter: the wall is looked at
    /// every [`Anchor::KEEP_NS`], in between it goes on with the counter.
    #[inline]
    pub fn both(&self, anchor: &mut Anchor) -> (u64, u64) {
        let mono = self.mono_ns();
        let since = mono.wrapping_sub(anchor.mono_ns);
        if since < Anchor::KEEP_NS && self.manual.is_none() {
            return ((anchor.unix_us + since / 1000) / 1000, mono);
        }
        *anchor = Anchor { mono_ns: mono, unix_us: self.unix_us() };
        (anchor.unix_us / 1000, mono)
    }

    /// Wall time in microseconds at `mono_ns`, which was a moment ago: found as in [`Clock::both`].
    #[inline]
    pub fn wall_us(&self, anchor: &mut Anchor, mono_ns: u64) -> u64 {
        let since = mono_ns.wrapping_sub(anchor.mono_ns);
        if since < Anchor::KEEP_NS && self.manual.is_none() {
            return anchor.unix_us + since / 1000;
        }
        *anchor = self.anchor();
        anchor.unix_us
    }

    /// Milliseconds since 1970-01-01 UTC.
    #[inline]
    pub fn unix_ms(&self) -> u64 {
        self.unix_us() / 1000
    }

    /// Microseconds since 1970-01-01 UTC. A system clock set before 1970 reads 0.
    #[inline]
    pub fn unix_us(&self) -> u64 {
        match &self.manual {
            None => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
                u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
            }
            Some(manual) => manual.unix_us.load(Ordering::Acquire),
        }
    }

    /// Nanoseconds since this clock (or the one it was cloned from) was made. Never goes back on one thread.
    #[inline]
    pub fn mono_ns(&self) -> u64 {
        match &self.manual {
            None => self.counter.delta_as_nanos(self.origin, self.counter.raw()),
            Some(manual) => manual.mono_ns.load(Ordering::Acquire),
        }
    }

    /// Moves a manual clock's wall and monotonic time on. Does nothing to the system's clock.
    pub fn advance(&self, by: Duration) {
        if let Some(manual) = &self.manual {
            manual.unix_us.fetch_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX), Ordering::AcqRel);
            manual.mono_ns.fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Ordering::AcqRel);
        }
    }

    /// Sets a manual clock's wall time, back if need be; monotonic time stays. Does nothing to the system's clock.
    pub fn set_unix_ms(&self, unix_ms: u64) {
        if let Some(manual) = &self.manual {
            manual.unix_us.store(unix_ms.saturating_mul(1000), Ordering::Release);
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_time_is_now() {
        let clock = Clock::new();
        // 2023-01-01: anything built later reads more.
        assert!(clock.unix_ms() > 1_672_531_200_000);
        assert!(clock.unix_us() / 1000 >= 1_672_531_200_000);
        let first = clock.mono_ns();
        assert!((0..1000).all(|_| clock.mono_ns() >= first));
        assert!(clock.mono_ns() < 60_000_000_000);
        // It cannot be moved.
        clock.set_unix_ms(5);
        clock.advance(Duration::from_secs(100_000));
        assert!(clock.unix_ms() > 1_672_531_200_000);
        assert!(clock.mono_ns() < 60_000_000_000);
    }

    #[test]
    fn manual_time_is_what_the_test_says() {
        let clock = Clock::manual();
        let shared = clock.clone();
        assert_eq!((shared.unix_ms(), shared.mono_ns()), (0, 0));
        clock.set_unix_ms(1_000);
        clock.advance(Duration::from_micros(1_500));
        assert_eq!((shared.unix_us(), shared.unix_ms(), shared.mono_ns()), (1_001_500, 1_001, 1_500_000));
        clock.set_unix_ms(7);
        assert_eq!((shared.unix_ms(), shared.mono_ns()), (7, 1_500_000));
    }
}
