//! The scripts that have run for longer than a moment, so that they can be ended from outside.
//!
//! Owns the list. A script enters itself when its worker first looks whether it is to go on, about a millisecond after its
//! start, so that short ones, nearly all, pay nothing. The list's lock is a leaf.

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// A script that runs.
#[derive(Default)]
pub struct Running {
    kill: AtomicBool,
    /// It has called a command that writes.
    wrote: AtomicBool,
    /// Others are told that it is busy.
    busy: AtomicBool,
}

impl Running {
    /// Whether somebody asked for its end.
    pub fn is_killed(&self) -> bool {
        self.kill.load(Relaxed)
    }

    /// From here on it cannot be ended.
    pub fn writes(&self) {
        self.wrote.store(true, Relaxed);
    }

    /// From here on others are told of it.
    pub fn is_busy_now(&self) {
        self.busy.store(true, Relaxed);
    }
}

/// What came of SCRIPT KILL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kill {
    /// The script ends.
    Done,
    /// No script runs.
    Nothing,
    /// It has changed something.
    Wrote,
}

/// All of them, the eldest first.
#[derive(Default)]
pub struct RunningScripts(Mutex<Vec<Arc<Running>>>);

impl RunningScripts {
    /// Enters a script; `wrote`: it has called a command that writes.
    pub fn enter(&self, wrote: bool) -> Arc<Running> {
        let running = Arc::new(Running { wrote: AtomicBool::new(wrote), ..Running::default() });
        self.0.lock().push(Arc::clone(&running));
        running
    }

    /// Strikes a script out.
    pub fn leave(&self, running: &Arc<Running>) {
        self.0.lock().retain(|other| !Arc::ptr_eq(other, running));
    }

    /// Whether others are told of one that it is busy.
    pub fn any_busy(&self) -> bool {
        self.0.lock().iter().any(|running| running.busy.load(Relaxed))
    }

    /// Ends the scripts that others are told of; where there are none, the eldest.
    pub fn kill(&self) -> Kill {
        let list = self.0.lock();
        let busy: Vec<_> = list.iter().filter(|running| running.busy.load(Relaxed)).collect();
        let meant = if busy.is_empty() { list.iter().take(1).collect() } else { busy };
        if meant.is_empty() {
            return Kill::Nothing;
        }
        let harmless: Vec<_> = meant.into_iter().filter(|running| !running.wrote.load(Relaxed)).collect();
        harmless.iter().for_each(|running| running.kill.store(true, Relaxed));
        if harmless.is_empty() { Kill::Wrote } else { Kill::Done }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busy_ones_are_meant_else_the_eldest() {
        let scripts = RunningScripts::default();
        assert_eq!(scripts.kill(), Kill::Nothing);
        let (first, second) = (scripts.enter(false), scripts.enter(true));
        second.is_busy_now();
        assert!(scripts.any_busy());
        assert_eq!((scripts.kill(), second.is_killed(), first.is_killed()), (Kill::Wrote, false, false));
        scripts.leave(&second);
        assert_eq!((scripts.kill(), first.is_killed()), (Kill::Done, true));
        let third = scripts.enter(false);
        scripts.leave(&first);
        third.writes();
        assert_eq!(scripts.kill(), Kill::Wrote);
    }
}
