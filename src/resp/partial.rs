//! A command that is cut off by the end of the buffer.
//!
//! Owns what the parser remembers between calls: how far a command was read, the arguments that have left the caller's
//! buffer, and the body of a big argument under way. Must not know syntax beyond the two bytes that end an argument.
//!
//! Small arguments stay in the caller's buffer, as offsets, until a big argument's body begins: then everything moves
//! here, so that the body can be read to its final place while the buffer is empty.

use bytes::{Bytes, BytesMut};

use super::args::{ArgRange, Batch, CommandSpan};
use super::scan::{Cursor, Scan};

/// A big argument's buffer is at first at most this much larger than what has come of it, in bytes.
pub(super) const BIG_RESERVE: usize = 64 * 1024;

/// A big argument that has come in part.
pub(super) struct Big {
    pub(super) buf: Vec<u8>,
    pub(super) total: usize,
}

impl Big {
    pub(super) fn start(total: usize, came: &[u8]) -> Big {
        // A length is a claim: memory follows what has really come.
        let mut buf = Vec::with_capacity(total.min(came.len() + BIG_RESERVE));
        buf.extend_from_slice(came);
        Big { buf, total }
    }

    pub(super) fn missing(&self) -> usize {
        self.total.saturating_sub(self.buf.len())
    }

    /// Makes room: doubles, but never beyond the total, so that the finished value wastes nothing. (`reserve` would
    /// double without that bound.)
    pub(super) fn grow(&mut self) {
        if self.buf.len() < self.buf.capacity() || self.missing() == 0 {
            return;
        }
        let capacity = self.total.min(self.buf.len() * 2 + BIG_RESERVE);
        let mut grown = Vec::with_capacity(capacity);
        grown.extend_from_slice(&self.buf);
        self.buf = grown;
    }

    /// Takes what it lacks from the front of `bytes`; returns how many bytes that was.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        let taken = self.missing().min(bytes.len());
        let mut rest = &bytes[..taken];
        while !rest.is_empty() {
            self.grow();
            let room = rest.len().min(self.buf.capacity() - self.buf.len());
            self.buf.extend_from_slice(&rest[..room]);
            rest = &rest[room..];
        }
        taken
    }
}

/// A command that was cut off.
#[derive(Default)]
pub(super) struct Partial {
    /// Arguments still to come; 0: its first line is not complete.
    pub(super) left: u32,
    /// Offset of the first argument that is not complete, from the front of the caller's buffer.
    pub(super) scanned: usize,
    /// Bytes of the unfinished line that hold no line end.
    pub(super) searched: usize,
    /// Wire size of the command's part that the caller's buffer no longer holds; a big argument counts whole.
    pub(super) wire: usize,
    /// The arguments so far: offsets from the front of the caller's buffer, indexes into `bigs`.
    pub(super) args: Vec<ArgRange>,
    pub(super) bigs: Vec<Bytes>,
    /// Bytes held by `bigs`.
    pub(super) held: usize,
    pub(super) big: Option<Big>,
}

impl Partial {
    /// Feeds the big argument under way, if any. `Ok`: the offset behind it, where the next argument starts; `Err`: it
    /// is still incomplete, and so many bytes were taken.
    pub(super) fn resume_big(&mut self, buf: &[u8]) -> Result<usize, usize> {
        let Some(big) = &mut self.big else {
            return Ok(0);
        };
        let taken = big.take(buf);
        if big.missing() > 0 || buf.len() < taken + 2 {
            return Err(taken);
        }
        self.held += big.total;
        self.args.push(ArgRange::big(self.bigs.len()));
        self.bigs.extend(self.big.take().map(|big| Bytes::from(big.buf)));
        self.left -= 1;
        Ok(taken + 2)
    }

    /// Remembers where a scan of `buf` was cut off; what is left of the command starts at `base`. Returns how many
    /// bytes the caller need not keep.
    pub(super) fn suspend(&mut self, buf: &[u8], base: usize, cursor: &Cursor, cut: Scan, window: usize) -> usize {
        self.left = cursor.left;
        self.scanned = cursor.at - base;
        self.searched = 0;
        match cut {
            Scan::Whole => cursor.at,
            Scan::CutBig { total, body } => {
                let end = buf.len().min(body + total);
                self.big = Some(Big::start(total, &buf[body..end]));
                self.absorb(&buf[base..]);
                // The whole of the argument, come or not.
                self.wire += body - base + total + 2;
                end
            }
            Scan::Cut { searched } => {
                self.searched = searched;
                if self.scanned <= window / 2 {
                    return base;
                }
                // A command of gigabytes of small arguments: make room in the window.
                self.absorb(&buf[base..]);
                self.wire += cursor.at - base;
                cursor.at
            }
        }
    }

    /// Copies the small arguments out of the caller's buffer (`buf`: where the command starts), which may then drop
    /// everything before the next argument.
    pub(super) fn absorb(&mut self, buf: &[u8]) {
        let small = |range: &&mut ArgRange| !range.is_big();
        let total: usize = self.args.iter_mut().filter(small).map(|range| range.len as usize).sum();
        let mut block = BytesMut::with_capacity(total);
        for range in self.args.iter_mut().filter(small) {
            let start = range.start as usize;
            block.extend_from_slice(&buf[start..start + range.len as usize]);
        }
        let mut block = block.freeze();
        for range in self.args.iter_mut().filter(small) {
            let arg = block.split_to(range.len as usize);
            *range = ArgRange::big(self.bigs.len());
            self.bigs.push(arg);
        }
        self.held += total;
        self.scanned = 0;
    }

    /// Moves the finished command, whose last `rest` bytes are in the buffer and end at `end` there, into `batch`.
    pub(super) fn finish(self, rest: usize, end: usize, batch: &mut Batch) {
        let (first_arg, first_big) = (batch.args.len(), batch.bigs.len());
        let shift = |range: ArgRange| match range.is_big() {
            true => ArgRange::big(range.start as usize + first_big),
            false => range,
        };
        let args = self.args.len() as u32;
        batch.args.extend(self.args.into_iter().map(shift));
        batch.bigs.extend(self.bigs);
        let bytes = self.wire + rest;
        batch.commands.push(CommandSpan { first_arg: first_arg as u32, args, end: end as u32, bytes });
    }
}

/// The same argument seen from `base` in the buffer and from `first_big` in the list of big ones.
pub(super) fn rebase(range: ArgRange, base: usize, first_big: usize) -> ArgRange {
    match range.is_big() {
        true => ArgRange::big(range.start as usize - first_big),
        false => ArgRange::plain(range.start as usize - base, range.len as usize),
    }
}
