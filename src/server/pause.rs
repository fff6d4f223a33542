//! CLIENT PAUSE: when clients are held back, and which of their commands.
//!
//! Owns the state alone: one end, on the monotonic clock, and whether reads are held back, too. Of two pauses the later end
//! counts and the stricter kind, as in Redis, until that end or CLIENT UNPAUSE. How a client waits is `exec/hold.rs`'s.
//!
//! No lock: a command looks at one atomic that is 0 while nothing is paused. A command that had passed its gate when the
//! pause began ends; all that come to it later are held. Pauses are rare and made by operators: two at the very same moment may
//! lose the kind of one of them, never its end.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Whether clients are paused.
#[derive(Debug, Default)]
pub struct Pause {
    /// The end in monotonic nanoseconds; 0: not paused.
    until_ns: AtomicU64,
    all: AtomicBool,
}

impl Pause {
    /// Whether there may be a pause: one relaxed load a command.
    #[inline]
    pub fn any(&self) -> bool {
        self.until_ns.load(Relaxed) != 0
    }

    /// Pauses until a time; `all`: reads, too.
    pub fn begin(&self, now_ns: u64, until_ns: u64, all: bool) {
        if self.until(now_ns, true).is_none() {
            self.all.store(all, Relaxed);
        } else if all {
            self.all.store(true, Relaxed);
        }
        self.until_ns.fetch_max(until_ns.max(1), Relaxed);
    }

    /// Ends the pause.
    pub fn end(&self) {
        self.until_ns.store(0, Relaxed);
    }

    /// When the pause ends that holds a command back, if one does; `writes`: the command may change something.
    pub fn until(&self, now_ns: u64, writes: bool) -> Option<u64> {
        let until = self.until_ns.load(Relaxed);
        if until == 0 {
            return None;
        }
        if now_ns >= until {
            // Unless it was prolonged just now.
            let _ = self.until_ns.compare_exchange(until, 0, Relaxed, Relaxed);
            return None;
        }
        (writes || self.all()).then_some(until)
    }

    /// Whether reads are held back.
    pub fn all(&self) -> bool {
        self.all.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_end_and_the_stricter_kind() {
        let pause = Pause::default();
        assert!(!pause.any());
        pause.begin(10, 100, false);
        assert_eq!((pause.until(50, true), pause.until(50, false)), (Some(100), None));
        pause.begin(50, 60, true);
        assert_eq!((pause.until(70, true), pause.until(70, false)), (Some(100), Some(100)));
        pause.begin(70, 120, false);
        assert_eq!(pause.until(110, false), Some(120));
        assert_eq!((pause.until(120, true), pause.any()), (None, false));
        pause.begin(130, 140, false);
        assert_eq!(pause.until(135, false), None);
        pause.end();
        assert_eq!(pause.until(135, true), None);
    }
}
