//! The incremental request parser.
//!
//! Owns the request syntax: multibulk, inline (the splitting is in `inline.rs`), limits and protocol errors.
//! Must not know sockets, commands or buffers' owners: it is handed a slice and says how much of it is done with.
//!
//! Whole commands are found in place, their arguments are offsets into the slice. Only a command that is cut off needs
//! state: a boxed `Partial` remembers how far it was read, so that no byte is scanned twice, and an idle connection
//! pays eight bytes. The body of a large argument does not pile up in the read buffer: it moves to a buffer of its
//! own, which the connection can read into directly and which becomes the argument without a copy.
//!
//! Deviation from Redis, on purpose: a line's limit of 64 KiB holds however the bytes were split, so that what a stream
//! means never depends on packet boundaries.

use bytes::Bytes;
use thiserror::Error;

pub use super::args::{ArgRange, ArgView, BIG_ARG, Batch, CommandSpan, OwnedCommand};
use super::inline;
use super::partial::{Partial, rebase};
use super::scan::{Cursor, Scan, find, multibulk_header, scan};

/// Longest inline request, and longest line with a length, in bytes without its end.
pub const INLINE_MAX: usize = 64 * 1024;
/// Most arguments of a command.
pub const MULTIBULK_MAX: u64 = i32::MAX as u64;
/// Most arguments of a command before authentication.
pub const UNAUTHENTICATED_ARGS_MAX: u64 = 10;
/// Longest argument in bytes before authentication.
pub const UNAUTHENTICATED_BULK_MAX: u64 = 16384;

/// At most this much of a buffer is looked at in one call, so that offsets fit 32 bits.
const WINDOW: usize = 1 << 31;

/// What the parser must not exceed.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `proto-max-bulk-len`: longest argument in bytes.
    pub bulk_max: u64,
    /// Whether the connection has authenticated, or need not. While false, parse one command at a time: the command
    /// may be the AUTH that lifts the limits for the next one.
    pub authenticated: bool,
}

/// A request that breaks the protocol. [`ProtocolError::text`] is what the client is told before the
/// connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// No line end in the first 64 KiB after `*`.
    #[error("Protocol error: too big mbulk count string")]
    MultibulkLine,
    /// The number after `*` is none, or too large.
    #[error("Protocol error: invalid multibulk length")]
    MultibulkLength,
    /// More than 10 arguments before authentication.
    #[error("Protocol error: unauthenticated multibulk length")]
    UnauthenticatedMultibulk,
    /// An argument does not start with `$`.
    #[error("Protocol error: expected '$', got '{}'", char::from(*.0))]
    ExpectedDollar(u8),
    /// No line end in the first 64 KiB after `$`.
    #[error("Protocol error: too big bulk count string")]
    BulkLine,
    /// The number after `$` is none, negative, or above `proto-max-bulk-len`.
    #[error("Protocol error: invalid bulk length")]
    BulkLength,
    /// An argument of more than 16384 bytes before authentication.
    #[error("Protocol error: unauthenticated bulk length")]
    UnauthenticatedBulk,
    /// An inline request of more than 64 KiB.
    #[error("Protocol error: too big inline request")]
    InlineTooBig,
    /// An inline request whose quotes are not closed, or closed inside a word.
    #[error("Protocol error: unbalanced quotes in request")]
    UnbalancedQuotes,
}

impl ProtocolError {
    /// The text that follows `-ERR ` on the wire: `Display`'s, with the client's byte as it came.
    pub fn text(&self) -> Vec<u8> {
        match self {
            ProtocolError::ExpectedDollar(byte) => {
                [b"Protocol error: expected '$', got '", &[*byte][..], b"'"].concat()
            }
            other => other.to_string().into_bytes(),
        }
    }
}

/// Why `Parser::parse` stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// What is left is an incomplete command, or nothing.
    NeedMore,
    /// The most commands asked for were found, and there may be more: call again without waiting for bytes.
    Full,
    /// The next command breaks the protocol. Those before it are in the batch and are to be run.
    Error(ProtocolError),
}

/// What `Parser::parse` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// Bytes from the front of the buffer that are done with once the batch has been run.
    pub consumed: usize,
    /// Why it stopped.
    pub status: Status,
}

/// The body of a big argument under way.
pub struct BigTarget<'a> {
    /// Append to this, at most `missing` bytes. It has room for some; call `big_target` again for more.
    pub buf: &'a mut Vec<u8>,
    /// Bytes of the body that have not come.
    pub missing: usize,
}

/// What became of one request.
enum Step {
    /// It ends before this offset; a command was found, or it was empty.
    Done { next: usize, found: bool },
    /// It is incomplete, and what lies before this offset is not needed again.
    Suspended { consumed: usize },
}

/// The parser of one connection.
#[derive(Default)]
pub struct Parser {
    partial: Option<Box<Partial>>,
}

impl Parser {
    /// A parser at the start of a stream.
    pub fn new() -> Parser {
        Parser::default()
    }

    /// Appends the whole commands at the front of `buf` to `batch`, at most `max_commands`. Their arguments are valid
    /// as long as `buf` is. The caller drops the first `consumed` bytes once they have run and calls again with a
    /// buffer that starts with the rest (moved elsewhere or not) and goes on with newer bytes. Empty requests are
    /// skipped. O(new bytes), however small the pieces that a command comes in.
    pub fn parse(&mut self, buf: &[u8], limits: &Limits, batch: &mut Batch, max_commands: usize) -> Parsed {
        self.parse_window(buf, limits, batch, max_commands, WINDOW)
    }

    /// Whether no command is under way.
    pub fn is_idle(&self) -> bool {
        self.partial.is_none()
    }

    /// Bytes held for a command under way: big arguments, and where its small ones lie. O(1).
    pub fn pending_bytes(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| {
            let big = partial.big.as_ref().map_or(0, |big| big.buf.len());
            let tables = partial.args.capacity() * size_of::<ArgRange>() + partial.bigs.capacity() * size_of::<Bytes>();
            big + partial.held + tables
        })
    }

    /// Whether the body of a big argument is incomplete.
    #[inline]
    pub fn in_big(&self) -> bool {
        self.partial.as_ref().is_some_and(|partial| partial.big.as_ref().is_some_and(|big| big.missing() > 0))
    }

    /// While the body of a big argument is incomplete: where to read it to. Once it is complete this is `None`, and
    /// `parse` wants the two bytes that end the argument.
    pub fn big_target(&mut self) -> Option<BigTarget<'_>> {
        let big = self.partial.as_mut()?.big.as_mut()?;
        let missing = big.missing();
        if missing == 0 {
            return None;
        }
        big.grow();
        Some(BigTarget { buf: &mut big.buf, missing })
    }

    fn parse_window(&mut self, buf: &[u8], limits: &Limits, batch: &mut Batch, max: usize, window: usize) -> Parsed {
        let seen = &buf[..buf.len().min(window)];
        let mut at = 0;
        let mut found = 0;
        loop {
            // A suspended command is all that is left of the buffer, except in its first round.
            if found >= max {
                let more = at < buf.len() || self.partial.is_some();
                return Parsed { consumed: at, status: if more { Status::Full } else { Status::NeedMore } };
            }
            if at >= seen.len() && self.partial.is_none() {
                let status = if at < buf.len() { Status::Full } else { Status::NeedMore };
                return Parsed { consumed: at, status };
            }
            match self.step(seen, at, limits, batch, window) {
                Ok(Step::Done { next, found: one }) => {
                    at = next;
                    found += usize::from(one);
                }
                Ok(Step::Suspended { consumed }) => {
                    let status = if seen.len() < buf.len() { Status::Full } else { Status::NeedMore };
                    return Parsed { consumed, status };
                }
                Err(error) => {
                    self.partial = None;
                    return Parsed { consumed: at, status: Status::Error(error) };
                }
            }
        }
    }

    /// Parses one request at `at`, new or suspended (then `at` is 0).
    #[inline]
    fn step(
        &mut self,
        buf: &[u8],
        at: usize,
        limits: &Limits,
        batch: &mut Batch,
        window: usize,
    ) -> Result<Step, ProtocolError> {
        let mut searched = 0;
        if let Some(partial) = &mut self.partial {
            if partial.left > 0 {
                return self.resume(buf, limits, batch, window);
            }
            searched = partial.searched;
            if buf.len() <= searched {
                return Ok(Step::Suspended { consumed: at });
            }
            self.partial = None;
        }
        if buf.get(at) == Some(&b'*') {
            self.multibulk(buf, at, searched, limits, batch, window)
        } else {
            self.inline(buf, at, searched, batch)
        }
    }

    #[inline]
    fn multibulk(
        &mut self,
        buf: &[u8],
        at: usize,
        searched: usize,
        limits: &Limits,
        batch: &mut Batch,
        window: usize,
    ) -> Result<Step, ProtocolError> {
        let Some((count, next)) = multibulk_header(buf, at, searched, limits)? else {
            return Ok(self.suspend_head(buf, at));
        };
        if count == 0 {
            return Ok(Step::Done { next, found: false });
        }
        let (first_arg, first_big) = (batch.args.len(), batch.bigs.len());
        let mut cursor = Cursor { at: next, left: count, searched: 0 };
        match scan(buf, &mut cursor, limits, &mut batch.args, &mut batch.bigs) {
            Ok(Scan::Whole) => {
                let (first_arg, end) = (first_arg as u32, cursor.at as u32);
                batch.commands.push(CommandSpan { first_arg, args: count, end, bytes: cursor.at - at });
                Ok(Step::Done { next: cursor.at, found: true })
            }
            Ok(cut) => {
                let args = batch.args.drain(first_arg..).map(|range| rebase(range, at, first_big)).collect();
                let bigs: Vec<Bytes> = batch.bigs.drain(first_big..).collect();
                let held = bigs.iter().map(Bytes::len).sum();
                let mut partial = Box::new(Partial { args, bigs, held, ..Partial::default() });
                let consumed = partial.suspend(buf, at, &cursor, cut, window);
                self.partial = Some(partial);
                Ok(Step::Suspended { consumed })
            }
            Err(error) => {
                batch.args.truncate(first_arg);
                batch.bigs.truncate(first_big);
                Err(error)
            }
        }
    }

    fn inline(&mut self, buf: &[u8], at: usize, searched: usize, batch: &mut Batch) -> Result<Step, ProtocolError> {
        let Some(end) = find(b'\n', buf, at, searched, ProtocolError::InlineTooBig)? else {
            return Ok(self.suspend_head(buf, at));
        };
        let first_arg = batch.args.len();
        inline::split(buf, at..end, batch)?;
        let args = batch.args.len() - first_arg;
        if args > 0 {
            let (first_arg, args, bytes) = (first_arg as u32, args as u32, end + 1 - at);
            batch.commands.push(CommandSpan { first_arg, args, end: end as u32 + 1, bytes });
        }
        Ok(Step::Done { next: end + 1, found: args > 0 })
    }

    /// Remembers a request whose first line is incomplete.
    fn suspend_head(&mut self, buf: &[u8], at: usize) -> Step {
        // The last byte is looked at again: it may be a `\r` whose `\n` has not come.
        let searched = buf.len().saturating_sub(at + 1);
        self.partial = Some(Box::new(Partial { searched, ..Partial::default() }));
        Step::Suspended { consumed: at }
    }

    /// Goes on with the suspended command at the front of `buf`.
    fn resume(&mut self, buf: &[u8], limits: &Limits, batch: &mut Batch, window: usize) -> Result<Step, ProtocolError> {
        let Some(mut partial) = self.partial.take() else {
            return Ok(Step::Suspended { consumed: 0 });
        };
        let base = match partial.resume_big(buf) {
            Ok(base) => base,
            Err(consumed) => {
                self.partial = Some(partial);
                return Ok(Step::Suspended { consumed });
            }
        };
        let (old_args, old_bigs) = (partial.args.len(), partial.bigs.len());
        let mut cursor = Cursor { at: base + partial.scanned, left: partial.left, searched: partial.searched };
        let cut = match scan(buf, &mut cursor, limits, &mut partial.args, &mut partial.bigs)? {
            Scan::Whole => {
                partial.finish(cursor.at - base, cursor.at, batch);
                return Ok(Step::Done { next: cursor.at, found: true });
            }
            cut => cut,
        };
        partial.held += partial.bigs[old_bigs..].iter().map(Bytes::len).sum::<usize>();
        for range in &mut partial.args[old_args..] {
            *range = rebase(*range, base, 0);
        }
        let consumed = partial.suspend(buf, base, &cursor, cut, window);
        self.partial = Some(partial);
        Ok(Step::Suspended { consumed })
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
