//! Deadlines of a worker's connections, and how long its loop may sleep.
//!
//! Owns the order of the deadlines. A set rather than a heap: a client that is served long before its deadline, again
//! and again, takes its entry with it, where a heap would keep one of each round until its time comes.

use std::collections::BTreeSet;
use std::time::Duration;

/// Deadlines in monotonic nanoseconds, each with the token of its connection.
#[derive(Default)]
pub(super) struct Timers(BTreeSet<(u64, u64)>);

impl Timers {
    /// Puts `wanted` in the place of `armed`, the deadline that the connection has in here; 0 is none. O(log n).
    pub(super) fn set(&mut self, token: u64, armed: &mut u64, wanted: u64) {
        if *armed != 0 {
            self.0.remove(&(*armed, token));
        }
        if wanted != 0 {
            self.0.insert((wanted, token));
        }
        *armed = wanted;
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The connections whose deadlines have come, in that order. They stay until their connections set others. O(log n +
    /// found).
    pub(super) fn due(&self, now_ns: u64) -> Vec<u64> {
        self.0.range(..=(now_ns, u64::MAX)).map(|(_, token)| *token).collect()
    }

    /// Time until the first deadline, nothing if it has come.
    pub(super) fn until_first(&self, now_ns: u64) -> Option<Duration> {
        self.0.first().map(|(deadline, _)| Duration::from_nanos(deadline.saturating_sub(now_ns)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_deadline_counts_and_one_that_is_taken_back_does_not() {
        let mut timers = Timers::default();
        let (mut a, mut b) = (0, 0);
        timers.set(1, &mut a, 500);
        timers.set(2, &mut b, 300);
        assert_eq!((a, b), (500, 300));
        assert_eq!(timers.until_first(100), Some(Duration::from_nanos(200)));
        assert_eq!((timers.due(299), timers.due(300), timers.due(900)), (vec![], vec![2], vec![2, 1]));
        timers.set(2, &mut b, 700);
        assert_eq!((timers.due(499), timers.due(900)), (vec![], vec![1, 2]));
        timers.set(1, &mut a, 0);
        timers.set(1, &mut a, 0);
        assert_eq!((timers.due(699), timers.due(900)), (vec![], vec![2]));
        assert_eq!(timers.until_first(900), Some(Duration::ZERO));
        timers.set(2, &mut b, 0);
        assert!(timers.is_empty() && timers.until_first(0).is_none() && timers.due(u64::MAX).is_empty());
    }
}
