//! Long work of a background thread, done in pieces with pauses between them.
//!
//! Owns what a thread paces itself by. Work that may be long calls [`breathe`] every few steps: on a thread that has asked for
//! it ([`pace_this_thread`]) a piece of [`PIECE_NS`] is followed by a pause, on all others it is one test of a flag.
//!
//! Why: a thread that has begun to run keeps its core for a slice of the scheduler's, whatever its priority, which is
//! milliseconds on Linux; a thread that serves clients and is woken on that core waits for so long. After a pause it need not.

use super::clock::Clock;
use std::cell::{Cell, RefCell};

/// How long a piece of work is.
pub const PIECE_NS: u64 = 50_000;

struct Pace {
    clock: Clock,
    /// When the piece began.
    began_ns: u64,
    pause: Box<dyn FnMut()>,
}

thread_local! {
    /// This thread paces itself.
    static PACED: Cell<bool> = const { Cell::new(false) };
    static PACE: RefCell<Option<Pace>> = const { RefCell::new(None) };
}

/// Has this thread call `pause` after every piece of work.
pub fn pace_this_thread(clock: Clock, pause: impl FnMut() + 'static) {
    let began_ns = clock.mono_ns();
    PACE.set(Some(Pace { clock, began_ns, pause: Box::new(pause) }));
    PACED.set(true);
}

/// A step of work that may be long is done: pauses if the piece is. Steps are to be shorter than a piece.
#[inline]
pub fn breathe() {
    if PACED.get() {
        breathe_deeply();
    }
}

/// On a thread that paces itself: empties what `next` takes from, with pauses. On all others what is left is as well dropped at
/// once.
pub fn drain<T>(mut next: impl FnMut() -> Option<T>) {
    while PACED.get() && next().is_some() {
        breathe_deeply();
    }
}

#[cold]
fn breathe_deeply() {
    PACE.with_borrow_mut(|pace| {
        if let Some(Pace { clock, began_ns, pause }) = pace
            && clock.mono_ns().saturating_sub(*began_ns) >= PIECE_NS
        {
            pause();
            *began_ns = clock.mono_ns();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;
    use std::time::Duration;

    #[test]
    fn a_pause_follows_each_piece() {
        breathe();
        let (clock, pauses) = (Clock::manual(), Rc::new(Cell::new(0)));
        let counted = Rc::clone(&pauses);
        pace_this_thread(clock.clone(), move || counted.set(counted.get() + 1));
        let mut seen = Vec::new();
        for _ in 0..6 {
            breathe();
            seen.push(pauses.get());
            clock.advance(Duration::from_nanos(PIECE_NS / 2));
        }
        assert_eq!(seen, [0, 0, 1, 1, 2, 2]);
    }
}
