//! The buffer that replies are written to.
//!
//! Owns the pending output of a connection: a run of bytes, and large shared values at places in it, so that a large
//! value goes from the store to the socket in a vectored write without a copy. Must not know what the bytes mean.
//!
//! The segments lie beside the bytes rather than between several buffers: without large values, which is nearly
//! always, this is one `Vec<u8>`.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// Values of at least this many bytes are attached to the output, not copied into it.
pub const SHARE_MIN: usize = 16 * 1024;

/// `OutBuf::clear` gives back what the bytes' capacity exceeds this.
const KEEP_MAX: usize = 1024 * 1024;

/// A place in an [`OutBuf`] to go back to. Valid until something is written out of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    bytes: usize,
    segments: usize,
}

/// Pending output.
#[derive(Default, Debug)]
pub struct OutBuf {
    pub(super) bytes: Vec<u8>,
    /// So many of `bytes` are written.
    head: usize,
    /// Values that come before `bytes[position]`, in order; never empty ones.
    segments: VecDeque<(usize, Bytes)>,
    /// Sum of the segments' lengths.
    shared: usize,
}

impl OutBuf {
    /// An empty buffer.
    pub fn new() -> OutBuf {
        OutBuf::default()
    }

    /// Pending bytes, attached values included.
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.head + self.shared
    }

    /// Bytes that fit without more memory, attached values aside.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether nothing is pending.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops what is pending; keeps the memory unless it is unusually much.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.head = 0;
        self.segments.clear();
        self.shared = 0;
        if self.bytes.capacity() > KEEP_MAX {
            self.bytes.shrink_to(KEEP_MAX);
        }
        if self.segments.capacity() > 1024 {
            self.segments.shrink_to(1024);
        }
    }

    /// Appends bytes.
    #[inline]
    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends a value: attached if it is at least [`SHARE_MIN`] long, else copied.
    pub fn attach(&mut self, value: Bytes) {
        if value.len() >= SHARE_MIN {
            self.shared += value.len();
            self.segments.push_back((self.bytes.len(), value));
        } else {
            self.extend(&value);
        }
    }

    /// The present end, for `truncate`.
    #[inline]
    pub fn mark(&self) -> Mark {
        Mark { bytes: self.bytes.len(), segments: self.segments.len() }
    }

    /// Drops what was appended after `mark`. O(values attached since).
    pub fn truncate(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes.max(self.head));
        for (_, value) in self.segments.drain(mark.segments.min(self.segments.len())..) {
            self.shared -= value.len();
        }
    }

    /// Puts `text` in place of the `old` bytes at `at`, which no value is attached within; moves what follows.
    /// O(bytes behind `at`) unless the lengths are equal.
    pub(super) fn splice(&mut self, at: usize, old: usize, text: &[u8]) {
        if text.len() == old {
            self.bytes[at..at + old].copy_from_slice(text);
            return;
        }
        self.bytes.splice(at..at + old, text.iter().copied());
        for (position, _) in self.segments.iter_mut().rev().take_while(|(position, _)| *position >= at + old) {
            *position = *position + text.len() - old;
        }
    }

    /// Fills `slices` with the front of what is pending, for a vectored write; returns how many it used.
    pub fn fill_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut used = 0;
        let mut at = self.head;
        for (position, value) in &self.segments {
            for part in [&self.bytes[at..*position], &value[..]] {
                if part.is_empty() {
                    continue;
                }
                let Some(slot) = slices.get_mut(used) else {
                    return used;
                };
                *slot = IoSlice::new(part);
                used += 1;
            }
            at = *position;
        }
        if at < self.bytes.len()
            && let Some(slot) = slices.get_mut(used)
        {
            *slot = IoSlice::new(&self.bytes[at..]);
            used += 1;
        }
        used
    }

    /// The front of what is pending up to the first attached value: all of it where there is none. Empty only where
    /// nothing is pending.
    pub fn front(&self) -> &[u8] {
        match self.segments.front() {
            Some((position, value)) if *position == self.head => value,
            Some((position, _)) => &self.bytes[self.head..*position],
            None => &self.bytes[self.head..],
        }
    }

    /// Whether values are attached, so that a vectored write pays.
    #[inline]
    pub fn is_vectored(&self) -> bool {
        !self.segments.is_empty()
    }

    /// Drops the first `n` pending bytes: they are written. An attached value is let go once all of it is.
    pub fn advance(&mut self, mut n: usize) {
        if n >= self.len() {
            if self.segments.is_empty() && self.bytes.capacity() <= KEEP_MAX {
                // Nearly always; the rest of `clear` has nothing to do.
                self.bytes.clear();
                self.head = 0;
            } else {
                self.clear();
            }
            return;
        }
        while let Some((position, value)) = self.segments.front_mut() {
            let plain = *position - self.head;
            if n < plain {
                break;
            }
            self.head = *position;
            n -= plain;
            if n < value.len() {
                value.advance(n);
                self.shared -= n;
                n = 0;
                break;
            }
            n -= value.len();
            self.shared -= value.len();
            self.segments.pop_front();
        }
        self.head += n;
        if self.head > KEEP_MAX && self.head > self.bytes.len() / 2 {
            self.compact();
        }
    }

    /// Moves what is pending to a buffer that is as large as it needs to be; keeps this one's memory.
    pub fn take(&mut self) -> OutBuf {
        let mut leftover = OutBuf::new();
        leftover.append(self);
        leftover
    }

    /// Moves all that is pending in `other` behind what is pending here.
    pub fn append(&mut self, other: &mut OutBuf) {
        if self.is_empty() {
            self.clear();
        } else if self.head > self.bytes.len() / 2 {
            self.compact();
        }
        let base = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes[other.head..]);
        let moved = other.segments.drain(..).map(|(position, value)| (position - other.head + base, value));
        self.segments.extend(moved);
        self.shared += other.shared;
        other.clear();
    }

    /// Drops the written front, so that a buffer that is never quite empty does not grow for ever.
    fn compact(&mut self) {
        self.bytes.drain(..self.head);
        for (position, _) in &mut self.segments {
            *position -= self.head;
        }
        self.head = 0;
    }

    /// Bytes it holds on the heap, attached values included though they may be shared. O(1).
    pub fn heap_bytes(&self) -> usize {
        self.bytes.capacity() + self.segments.capacity() * size_of::<(usize, Bytes)>() + self.shared
    }

    /// What is pending in one piece. O(n): for tests and for replies that go to a script.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len());
        let mut at = self.head;
        for (position, value) in &self.segments {
            all.extend_from_slice(&self.bytes[at..*position]);
            all.extend_from_slice(value);
            at = *position;
        }
        all.extend_from_slice(&self.bytes[at..]);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn big(byte: u8) -> Bytes {
        Bytes::from(vec![byte; SHARE_MIN])
    }

    /// `aa`, a large value, `b`, two large values side by side, `c`; and the same in one piece.
    fn mixed() -> (OutBuf, Vec<u8>) {
        let mut out = OutBuf::new();
        out.extend(b"aa");
        out.attach(big(b'1'));
        out.extend(b"b");
        out.attach(big(b'2'));
        out.attach(big(b'3'));
        out.attach(Bytes::from_static(b"c"));
        let all = [b"aa", &big(b'1')[..], b"b", &big(b'2'), &big(b'3'), b"c"].concat();
        (out, all)
    }

    fn gather(out: &OutBuf, slots: usize) -> Vec<u8> {
        let mut slices = vec![IoSlice::new(b""); slots];
        let used = out.fill_slices(&mut slices);
        slices[..used].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn large_values_keep_their_place() {
        let (out, all) = mixed();
        assert_eq!(out.len(), all.len());
        assert!(out.is_vectored());
        assert_eq!(out.to_vec(), all);
        assert_eq!(gather(&out, 16), all);
        assert_eq!(gather(&out, 2), all[..2 + SHARE_MIN]);
        assert!(out.bytes.len() < 10, "values were copied");
    }

    #[test]
    fn partial_writes_of_every_size_lose_nothing() {
        for step in [97, 1000, SHARE_MIN - 1, SHARE_MIN, SHARE_MIN + 1, SHARE_MIN + 3, 1 << 20] {
            let (mut out, all) = mixed();
            let mut written = Vec::new();
            while !out.is_empty() {
                assert_eq!(out.len(), all.len() - written.len());
                let front = out.front();
                assert!(all[written.len()..].starts_with(front) && !front.is_empty());
                let part = gather(&out, 3);
                let n = step.min(part.len());
                written.extend_from_slice(&part[..n]);
                out.advance(n);
            }
            assert_eq!(written, all, "step {step}");
        }
    }

    #[test]
    fn truncate_goes_back_to_the_mark() {
        let (mut out, all) = mixed();
        let mark = out.mark();
        out.extend(b"x");
        out.attach(big(b'4'));
        out.extend(b"y");
        out.truncate(mark);
        assert_eq!(out.to_vec(), all);
        assert_eq!(out.len(), all.len());
    }

    #[test]
    fn leftovers_move() {
        let (mut out, all) = mixed();
        out.advance(1);
        let mut kept = out.take();
        assert!(out.is_empty());
        assert_eq!(kept.to_vec(), all[1..]);
        kept.advance(SHARE_MIN);
        let (mut more, _) = mixed();
        kept.append(&mut more);
        assert!(more.is_empty());
        let expected = [&all[1 + SHARE_MIN..], &all[..]].concat();
        assert_eq!(kept.to_vec(), expected);
        assert_eq!(kept.len(), expected.len());
    }

    #[test]
    fn a_buffer_that_is_never_empty_does_not_grow_for_ever() {
        let mut out = OutBuf::new();
        out.extend(b"x");
        for _ in 0..100 {
            out.extend(&vec![b'x'; KEEP_MAX / 4]);
            out.advance(KEEP_MAX / 4);
        }
        assert_eq!(out.to_vec(), b"x");
        assert!(out.heap_bytes() <= 4 * KEEP_MAX, "{}", out.heap_bytes());
    }

    #[test]
    fn clear_gives_back_unusual_memory() {
        let mut out = OutBuf::new();
        out.extend(&vec![0; KEEP_MAX + 1]);
        out.clear();
        assert!(out.heap_bytes() <= KEEP_MAX);
        assert!(out.is_empty());
    }
}
