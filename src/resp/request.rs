//! The incremental request parser.
//!
//! Owns the request syntax: multibulk, inline (the splitting is in [`super::inline`]), limits and protocol errors.
//! Must not know sockets, commands or buffers' owners: it is handed a slice and says how much of it is done with.
//!
//! Whole commands are found in place, their arguments are offsets into the slice. Only a command that is cut off needs
//! state: a boxed [`Partial`] remembers how far it was read, so that no byte is scanned twice, and an idle connection
//! pays eight bytes. The body of a large argument does not pile up in the read buffer: it moves to a buffer of its
//! own, which the connection can read into directly and which becomes the argument without a copy.
//!
//! Deviation from Redis, on purpose: a line's limit of 64 KiB holds however the bytes were split, so that what a stream
//! means never depends on packet boundaries.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

pub use super::args::{ArgRange, ArgView, BIG_ARG, Batch, CommandSpan, OwnedCommand};
use super::inline;

/// Longest inline request, and longest line with a length, in bytes without its end.
pub const INLINE_MAX: usize = 64 * 1024;
/// Most arguments of a command.
pub const MULTIBULK_MAX: u64 = i32::MAX as u64;
/// Most arguments of a command before authentication.
pub const UNAUTHENTICATED_ARGS_MAX: u64 = 10;
/// Longest argument in bytes before authentication.
pub const UNAUTHENTICATED_BULK_MAX: u64 = 16384;

/// A big argument's buffer is at first at most this much larger than what has come of it, in bytes.
const BIG_RESERVE: usize = 1024 * 1024;
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

/// A request that breaks the protocol. `Display` is the text that follows `-ERR ` on the wire; the connection is
/// closed after it.
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
    pub buf: &'a mut BytesMut,
    /// Bytes of the body that have not come.
    pub missing: usize,
}

/// A big argument that has come in part.
struct Big {
    buf: BytesMut,
    total: usize,
}

impl Big {
    fn start(total: usize, came: &[u8]) -> Big {
        // A length is a claim: memory follows what has really come.
        let mut buf = BytesMut::with_capacity(total.min(came.len() + BIG_RESERVE));
        buf.extend_from_slice(came);
        Big { buf, total }
    }

    fn missing(&self) -> usize {
        self.total.saturating_sub(self.buf.len())
    }

    /// Makes room: doubles, but never beyond the total, so that the finished value wastes nothing. (`reserve` would
    /// double without that bound.)
    fn grow(&mut self) {
        if self.buf.len() < self.buf.capacity() || self.missing() == 0 {
            return;
        }
        let capacity = self.total.min(self.buf.len() * 2 + BIG_RESERVE);
        let mut grown = BytesMut::with_capacity(capacity);
        grown.extend_from_slice(&self.buf);
        self.buf = grown;
    }

    /// Takes what it lacks from the front of `bytes`; returns how many bytes that was.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let taken = self.missing().min(bytes.len());
        let mut rest = &bytes[..taken];
        while !rest.is_empty() {
            self.grow();
            let room = rest.len().min(self.buf.capacity() - self.buf.len());
            self.buf.put_slice(&rest[..room]);
            rest = &rest[room..];
        }
        taken
    }
}

/// A command that was cut off.
#[derive(Default)]
struct Partial {
    /// Arguments still to come; 0: its first line is not complete.
    left: u32,
    /// Offset of the first argument that is not complete, from the front of the caller's buffer.
    scanned: usize,
    /// Bytes of the unfinished line that hold no line end.
    searched: usize,
    /// Bytes of the command that the caller's buffer no longer holds.
    wire: usize,
    /// The arguments so far: offsets from the front of the caller's buffer, indexes into `bigs`.
    args: Vec<ArgRange>,
    bigs: Vec<Bytes>,
    /// Bytes held by `bigs`.
    held: usize,
    big: Option<Big>,
}

/// How far the arguments of a command were read.
enum Scan {
    /// All were found.
    Whole,
    /// The buffer ends inside the argument at `Cursor::at`; `searched` as in `Partial`.
    Cut { searched: usize },
    /// The same, of a big argument of `total` bytes whose body starts at `body`.
    CutBig { total: usize, body: usize },
}

/// A place between two arguments.
struct Cursor {
    at: usize,
    left: u32,
    searched: usize,
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
                batch.commands.push(CommandSpan { first_arg: first_arg as u32, args: count, bytes: cursor.at - at });
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
            let span = CommandSpan { first_arg: first_arg as u32, args: args as u32, bytes: end + 1 - at };
            batch.commands.push(span);
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
                partial.finish(cursor.at, batch);
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

impl Partial {
    /// Feeds the big argument under way, if any. `Ok`: the offset behind it, where the next argument starts; `Err`: it
    /// is still incomplete, and so many bytes were taken.
    fn resume_big(&mut self, buf: &[u8]) -> Result<usize, usize> {
        let Some(big) = &mut self.big else {
            return Ok(0);
        };
        let taken = big.take(buf);
        if big.missing() > 0 || buf.len() < taken + 2 {
            self.wire += taken;
            return Err(taken);
        }
        self.wire += taken + 2;
        self.held += big.total;
        self.args.push(ArgRange::big(self.bigs.len()));
        self.bigs.extend(self.big.take().map(|big| big.buf.freeze()));
        self.left -= 1;
        Ok(taken + 2)
    }

    /// Remembers where a scan of `buf` was cut off; what is left of the command starts at `base`. Returns how many
    /// bytes the caller need not keep.
    fn suspend(&mut self, buf: &[u8], base: usize, cursor: &Cursor, cut: Scan, window: usize) -> usize {
        self.left = cursor.left;
        self.scanned = cursor.at - base;
        self.searched = 0;
        match cut {
            Scan::Whole => cursor.at,
            Scan::CutBig { total, body } => {
                let end = buf.len().min(body + total);
                self.big = Some(Big::start(total, &buf[body..end]));
                self.absorb(&buf[base..]);
                self.wire += end - base;
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
    fn absorb(&mut self, buf: &[u8]) {
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

    /// Moves the finished command, which ends before `end` in the buffer, into `batch`.
    fn finish(self, end: usize, batch: &mut Batch) {
        let (first_arg, first_big) = (batch.args.len(), batch.bigs.len());
        let shift = |range: ArgRange| match range.is_big() {
            true => ArgRange::big(range.start as usize + first_big),
            false => range,
        };
        let args = self.args.len() as u32;
        batch.args.extend(self.args.into_iter().map(shift));
        batch.bigs.extend(self.bigs);
        // `wire` counts what was consumed in earlier calls, and the front of this buffer where it ended a big argument.
        batch.commands.push(CommandSpan { first_arg: first_arg as u32, args, bytes: self.wire + end });
    }
}

/// The same argument seen from `base` in the buffer and from `first_big` in the list of big ones.
fn rebase(range: ArgRange, base: usize, first_big: usize) -> ArgRange {
    match range.is_big() {
        true => ArgRange::big(range.start as usize - first_big),
        false => ArgRange::plain(range.start as usize - base, range.len as usize),
    }
}

/// Reads arguments from `cursor.at` on until all have been found or the buffer ends; appends them to `args`.
#[inline]
fn scan(
    buf: &[u8],
    cursor: &mut Cursor,
    limits: &Limits,
    args: &mut Vec<ArgRange>,
    bigs: &mut Vec<Bytes>,
) -> Result<Scan, ProtocolError> {
    while cursor.left > 0 {
        let Some((len, body)) = bulk_header(buf, cursor.at, cursor.searched, limits)? else {
            return Ok(Scan::Cut { searched: buf.len().saturating_sub(cursor.at + 1) });
        };
        let end = body.saturating_add(len);
        let whole = buf.len() >= end.saturating_add(2);
        if len >= BIG_ARG {
            if !whole {
                return Ok(Scan::CutBig { total: len, body });
            }
            args.push(ArgRange::big(bigs.len()));
            bigs.push(Bytes::copy_from_slice(&buf[body..end]));
        } else {
            if !whole {
                return Ok(Scan::Cut { searched: 0 });
            }
            args.push(ArgRange::plain(body, len));
        }
        // The two bytes that end an argument are not looked at, as in Redis.
        cursor.at = end + 2;
        cursor.left -= 1;
        cursor.searched = 0;
    }
    Ok(Scan::Whole)
}

/// Reads `*count\r\n` at `at`: the count (0 where it is not positive) and the offset behind. `None`: incomplete.
#[inline]
fn multibulk_header(
    buf: &[u8],
    at: usize,
    searched: usize,
    limits: &Limits,
) -> Result<Option<(u32, usize)>, ProtocolError> {
    let (count, next) = match decimal(buf, at + 1) {
        Some(fast) => fast,
        None => {
            let Some(end) = find_line(buf, at, searched, ProtocolError::MultibulkLine)? else {
                return Ok(None);
            };
            let count = strict_i64(&buf[at + 1..end]).ok_or(ProtocolError::MultibulkLength)?;
            (u64::try_from(count).unwrap_or(0), end + 2)
        }
    };
    if count > MULTIBULK_MAX {
        return Err(ProtocolError::MultibulkLength);
    }
    if count > UNAUTHENTICATED_ARGS_MAX && !limits.authenticated {
        return Err(ProtocolError::UnauthenticatedMultibulk);
    }
    Ok(Some((count as u32, next)))
}

/// Reads `$length\r\n` at `at`: the length and the offset behind. `None`: incomplete.
#[inline]
fn bulk_header(
    buf: &[u8],
    at: usize,
    searched: usize,
    limits: &Limits,
) -> Result<Option<(usize, usize)>, ProtocolError> {
    let fast = match buf.get(at) {
        Some(b'$') => decimal(buf, at + 1),
        _ => None,
    };
    let (len, next) = match fast {
        Some(fast) => fast,
        None => {
            let Some(end) = find_line(buf, at, searched, ProtocolError::BulkLine)? else {
                return Ok(None);
            };
            if buf[at] != b'$' {
                return Err(ProtocolError::ExpectedDollar(buf[at]));
            }
            let len = strict_i64(&buf[at + 1..end]).ok_or(ProtocolError::BulkLength)?;
            (u64::try_from(len).map_err(|_| ProtocolError::BulkLength)?, end + 2)
        }
    };
    if len > limits.bulk_max {
        return Err(ProtocolError::BulkLength);
    }
    if len > UNAUTHENTICATED_BULK_MAX && !limits.authenticated {
        return Err(ProtocolError::UnauthenticatedBulk);
    }
    Ok(Some((len as usize, next)))
}

/// Reads a canonical number of at most 18 digits and the two bytes of a line end. `None`: anything else, which the
/// slow path looks into.
#[inline(always)]
fn decimal(buf: &[u8], at: usize) -> Option<(u64, usize)> {
    let tail = buf.get(at..)?;
    let mut number = 0;
    for (i, &byte) in tail.iter().enumerate().take(19) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            let canonical = i > 0 && (tail[0] != b'0' || i == 1);
            let whole = byte == b'\r' && i + 1 < tail.len();
            return (canonical && whole).then_some((number, at + i + 2));
        }
        number = number * 10 + u64::from(digit);
    }
    None
}

/// The number that is the whole of `text`, in the only form that a writer of numbers gives it: no plus sign, no
/// leading zeros, no `-0`.
fn strict_i64(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [b'0'] => digits.len() == text.len(),
        [first, ..] => (b'1'..=b'9').contains(first) && digits.iter().all(u8::is_ascii_digit),
        [] => false,
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Offset of the first `byte` of the line at `at`, whose first `searched` bytes hold none. `None`: it has not come.
#[cold]
fn find(
    byte: u8,
    buf: &[u8],
    at: usize,
    searched: usize,
    too_big: ProtocolError,
) -> Result<Option<usize>, ProtocolError> {
    let limit = at + INLINE_MAX + 1;
    let from = at + searched;
    let part = buf.get(from..buf.len().min(limit)).unwrap_or_default();
    match memchr::memchr(byte, part) {
        Some(i) => Ok(Some(from + i)),
        None if buf.len() >= limit => Err(too_big),
        None => Ok(None),
    }
}

/// Offset of the `\r` that ends the line at `at`, once the byte behind it has come too.
fn find_line(buf: &[u8], at: usize, searched: usize, too_big: ProtocolError) -> Result<Option<usize>, ProtocolError> {
    let end = find(b'\r', buf, at, searched, too_big)?;
    Ok(end.filter(|end| end + 1 < buf.len()))
}
