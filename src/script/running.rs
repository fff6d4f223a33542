//! The scripts that have run for longer than a moment, so that they can be ended from outside.
//!
//! Owns the list. A script enters itself when its worker first looks whether it is to go on, about a millisecond after its
//! start, so that short ones, nearly all, pay nothing. The list's lock is a leaf.

use crate::resp::OwnedCommand;
use crate::store::IsBusy;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::ThreadId;

/// A function as FUNCTION STATS shows it.
pub struct RunningFunction {
    /// Its name.
    pub name: String,
    /// The command that called it.
    pub command: OwnedCommand,
    /// When that was, on the monotonic clock.
    pub start_ns: u64,
}

/// A script or function that runs.
#[derive(Default)]
pub struct Running {
    /// It is a function.
    function: Option<RunningFunction>,
    kill: AtomicBool,
    /// It has called a command that writes.
    wrote: AtomicBool,
    /// Others are told that it is busy.
    busy: AtomicBool,
    /// Who runs it. Of one thread's the eldest waits for the others.
    thread: Option<ThreadId>,
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
    /// It is a function where a script was meant, or the other way round.
    Other,
}

/// All of them, the eldest first.
#[derive(Default)]
pub struct RunningScripts(Mutex<Vec<Arc<Running>>>);

impl RunningScripts {
    /// Enters a script, or a function; `wrote`: it has called a command that writes.
    pub fn enter(&self, wrote: bool, function: Option<RunningFunction>) -> Arc<Running> {
        let thread = Some(std::thread::current().id());
        let running = Arc::new(Running { wrote: AtomicBool::new(wrote), function, thread, ..Running::default() });
        self.0.lock().push(Arc::clone(&running));
        running
    }

    /// Strikes a script out.
    pub fn leave(&self, running: &Arc<Running>) {
        self.0.lock().retain(|other| !Arc::ptr_eq(other, running));
    }

    /// What others are told is busy: a function only where there is no script.
    pub fn busy(&self) -> Option<IsBusy> {
        let list = self.0.lock();
        let busy = list.iter().filter(|running| running.busy.load(Relaxed));
        busy.map(|running| running.function.is_some()).min().map(|function| IsBusy { function })
    }

    /// Looks at the function that has run for longest, if any runs.
    pub fn with_function<R>(&self, f: impl FnOnce(&RunningFunction) -> R) -> Option<R> {
        let list = self.0.lock();
        list.iter().find_map(|running| running.function.as_ref()).map(f)
    }

    /// Ends the scripts, or the functions, that others are told of; where there are none, the eldest.
    pub fn kill(&self, function: bool) -> Kill {
        let list = self.0.lock();
        let busy: Vec<_> = list.iter().filter(|running| running.busy.load(Relaxed)).collect();
        let meant = if busy.is_empty() { list.iter().take(1).collect() } else { busy };
        if meant.is_empty() {
            return Kill::Nothing;
        }
        // One that waits for a busy one of its thread ends no sooner than that.
        let cannot_end = |running: &Arc<Running>| {
            let mut since = list.iter().skip_while(|other| !Arc::ptr_eq(other, running)).skip(1);
            let waits_for = |other: &Arc<Running>| other.thread == running.thread && other.busy.load(Relaxed);
            running.wrote.load(Relaxed) || since.any(|other| waits_for(other) && other.wrote.load(Relaxed))
        };
        let harmless: Vec<_> = meant.into_iter().filter(|running| !cannot_end(running)).collect();
        if harmless.is_empty() {
            return Kill::Wrote;
        }
        let meant: Vec<_> = harmless.into_iter().filter(|running| running.function.is_some() == function).collect();
        meant.iter().for_each(|running| running.kill.store(true, Relaxed));
        if meant.is_empty() { Kill::Other } else { Kill::Done }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busy_ones_are_meant_else_the_eldest() {
        let scripts = RunningScripts::default();
        assert_eq!(scripts.kill(false), Kill::Nothing);
        let first = scripts.enter(false, None);
        // By another thread.
        let second = std::thread::scope(|scope| scope.spawn(|| scripts.enter(true, None)).join().unwrap());
        second.is_busy_now();
        assert_eq!(scripts.busy(), Some(IsBusy { function: false }));
        assert_eq!((scripts.kill(false), second.is_killed(), first.is_killed()), (Kill::Wrote, false, false));
        scripts.leave(&second);
        assert_eq!((scripts.kill(false), first.is_killed()), (Kill::Done, true));
        let third = scripts.enter(false, None);
        scripts.leave(&first);
        third.writes();
        assert_eq!(scripts.kill(false), Kill::Wrote);
        scripts.leave(&third);
        let (outer, inner) = (scripts.enter(false, None), scripts.enter(true, None));
        outer.is_busy_now();
        assert_eq!(scripts.kill(false), Kill::Done);
        inner.is_busy_now();
        assert_eq!(scripts.kill(false), Kill::Wrote);
        [outer, inner].iter().for_each(|running| scripts.leave(running));
        let command = OwnedCommand::new([&b"FCALL"[..], b"f", b"0"]);
        let function = scripts.enter(false, Some(RunningFunction { name: "f".into(), command, start_ns: 7 }));
        assert_eq!((scripts.kill(false), function.is_killed()), (Kill::Other, false));
        assert_eq!(scripts.with_function(|f| f.start_ns), Some(7));
        assert_eq!((scripts.kill(true), function.is_killed()), (Kill::Done, true));
        assert_eq!(scripts.busy(), None);
        function.is_busy_now();
        assert_eq!(scripts.busy(), Some(IsBusy { function: true }));
    }
}
