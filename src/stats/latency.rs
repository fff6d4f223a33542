//! The latency monitor: events that took longer than a threshold, with a short history each.
//!
//! Owns the events by name (`command`, `fast-command`, `expire-cycle`…), of each the last [`HISTORY`] seconds in which
//! it happened, the worst of every second. One mutex, taken only when something was slow and by LATENCY. It must not
//! know the threshold nor the clock: whoever was slow says so.

use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};

/// Samples kept of an event.
pub const HISTORY: usize = 160;

/// The worst of one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Unix time in seconds.
    pub time: u64,
    /// Milliseconds.
    pub ms: u64,
}

/// The samples of one event, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// The samples.
    pub samples: VecDeque<Sample>,
    /// The worst ever, in milliseconds.
    pub max: u64,
}

/// The latency monitor of a server.
#[derive(Debug, Default)]
pub struct LatencyMonitor {
    events: Mutex<BTreeMap<&'static str, Series>>,
}

impl LatencyMonitor {
    /// Notes that `event` took `ms` milliseconds at Unix time `time` (seconds).
    pub fn note(&self, event: &'static str, ms: u64, time: u64) {
        let mut events = self.events.lock();
        let series = events.entry(event).or_default();
        series.max = series.max.max(ms);
        match series.samples.back_mut() {
            Some(last) if last.time == time => last.ms = last.ms.max(ms),
            _ => {
                if series.samples.len() == HISTORY {
                    series.samples.pop_front();
                }
                series.samples.push_back(Sample { time, ms });
            }
        }
    }

    /// The series of an event, whatever its case.
    pub fn series(&self, event: &[u8]) -> Option<(&'static str, Series)> {
        let events = self.events.lock();
        let found = events.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(event));
        found.map(|(name, s)| (*name, s.clone()))
    }

    /// All events.
    pub fn all(&self) -> Vec<(&'static str, Series)> {
        self.events.lock().iter().map(|(n, s)| (*n, s.clone())).collect()
    }

    /// Forgets an event; whether it was there.
    pub fn reset(&self, event: &[u8]) -> bool {
        let mut events = self.events.lock();
        let before = events.len();
        events.retain(|name, _| !name.as_bytes().eq_ignore_ascii_case(event));
        events.len() < before
    }

    /// Forgets all events; how many there were.
    pub fn reset_all(&self) -> usize {
        std::mem::take(&mut *self.events.lock()).len()
    }
}

/// What a series amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Samples.
    pub count: u64,
    /// Least of them, in milliseconds.
    pub low: u64,
    /// Greatest of them.
    pub high: u64,
    /// Their mean.
    pub mean: u64,
    /// Mean distance from the mean.
    pub deviation: u64,
    /// Seconds between the first and the last.
    pub span: u64,
}

impl Series {
    /// The figures of LATENCY DOCTOR and GRAPH; zeros without samples.
    pub fn summary(&self) -> Summary {
        let count = self.samples.len() as u64;
        let ms = || self.samples.iter().map(|s| s.ms);
        let mean = ms().sum::<u64>() / count.max(1);
        let ends = (self.samples.front(), self.samples.back());
        Summary {
            count,
            low: ms().min().unwrap_or(0),
            high: ms().max().unwrap_or(0),
            mean,
            deviation: ms().map(|m| m.abs_diff(mean)).sum::<u64>() / count.max(1),
            span: if let (Some(a), Some(b)) = ends { b.time.saturating_sub(a.time) } else { 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sample_a_second_the_worst() {
        let m = LatencyMonitor::default();
        for (ms, time) in [(5, 100), (9, 100), (7, 100), (3, 102)] {
            m.note("command", ms, time);
        }
        let (name, s) = m.series(b"COMMAND").unwrap();
        assert_eq!(name, "command");
        assert_eq!(s.samples, [Sample { time: 100, ms: 9 }, Sample { time: 102, ms: 3 }]);
        assert_eq!(s.max, 9);
        assert_eq!(s.summary(), Summary { count: 2, low: 3, high: 9, mean: 6, deviation: 3, span: 2 });
        (0..500).for_each(|t| m.note("command", 1, 1000 + t));
        assert_eq!(m.series(b"command").unwrap().1.samples.len(), HISTORY);
        assert!(m.reset(b"Command") && !m.reset(b"command"));
        assert_eq!(m.reset_all(), 0);
    }
}
