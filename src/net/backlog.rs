//! Bytes received that wait: a request that has not come whole, or requests whose turn has not come.
//!
//! Owns the bytes. It must not know what they mean. In an idle connection it is one null pointer.

use crate::resp::BIG_ARG;

/// Bytes received that wait. What is done with at their front is not moved away each turn, which would make a pipeline
/// that was sent in one piece cost the square of its length, but once it is the larger half.
#[derive(Default)]
pub(super) struct Backlog(Option<Box<Waiting>>);

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// So many of `bytes` are done with; never all of them, unless something is about to be read.
    head: usize,
}

impl Backlog {
    /// Whether nothing waits.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// What waits.
    pub(super) fn waiting(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |w| &w.bytes[w.head..])
    }

    /// Bytes that it holds on the heap for them.
    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.0.as_ref().map_or(0, |w| w.bytes.capacity())
    }

    /// Appends bytes. Amortised O(n).
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.0.get_or_insert_default().bytes.extend_from_slice(bytes);
        }
    }

    /// The end, with room to read into; say [`Backlog::done`] afterwards. Doubling keeps a long command linear.
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        let w = self.0.get_or_insert_default();
        w.bytes.reserve((w.bytes.len() - w.head).max(BIG_ARG));
        &mut w.bytes
    }

    /// The first `n` bytes that wait are done with. Amortised O(n).
    pub(super) fn done(&mut self, n: usize) {
        let Some(w) = &mut self.0 else { return };
        w.head += n;
        if w.head == w.bytes.len() {
            self.0 = None;
        } else if w.head > w.bytes.len() / 2 {
            w.bytes.drain(..w.head);
            w.head = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_is_worked_off_without_moving_it_each_turn() {
        let all: Vec<u8> = (0..100_000u32).map(|i| i as u8).collect();
        let mut rest = Backlog::default();
        rest.room().extend_from_slice(&all);
        let (mut at, mut moves, mut head) = (0, 0, 0);
        while !rest.is_empty() {
            assert_eq!(rest.waiting(), &all[at..]);
            let n = 10.min(all.len() - at);
            rest.done(n);
            let now = rest.0.as_ref().map_or(all.len(), |w| w.head);
            moves += u32::from(!rest.is_empty() && now != head + n);
            (at, head) = (at + n, now);
        }
        assert_eq!(at, all.len());
        assert!(moves < 20, "{moves}");
        assert_eq!(rest.capacity(), 0, "an idle connection owns no buffer");
    }

    #[test]
    fn room_that_nothing_came_to_is_given_back() {
        let mut rest = Backlog::default();
        assert!(rest.room().capacity() >= BIG_ARG);
        rest.done(0);
        assert!(rest.is_empty() && rest.waiting().is_empty());
        rest.extend(b"ab");
        rest.room();
        rest.done(0);
        assert_eq!(rest.waiting(), b"ab");
    }
}
