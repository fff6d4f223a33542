//! The arguments of parsed commands: where they lie, and views of them.
//!
//! Owns [`Batch`] (what one call of the parser found), [`ArgView`] (one command's arguments, borrowed) and
//! [`OwnedCommand`] (the same, kept: MULTI, blocked clients). Knows nothing of syntax.
//!
//! A small argument is an offset into the caller's read buffer, eight bytes, never copied. A large one is a `Bytes` of
//! its own, so that a store can keep it without copying it under a lock.

use std::ops::Index;

use bytes::Bytes;
use smallvec::SmallVec;

/// Arguments of at least this many bytes live in a `Bytes` of their own and are not copied again.
pub const BIG_ARG: usize = 32 * 1024;

/// `ArgRange::len` of an argument that lies in `Batch::bigs`.
const IN_BIGS: u32 = u32::MAX;

/// Where one argument lies: `len` bytes from `start` in the parsed buffer, or, where `len` is `u32::MAX`, the whole of
/// `Batch::bigs[start]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgRange {
    pub(super) start: u32,
    pub(super) len: u32,
}

impl ArgRange {
    /// An argument in the buffer. The parser keeps both numbers below `u32::MAX` (see `request::WINDOW`).
    #[inline]
    pub(super) fn plain(start: usize, len: usize) -> ArgRange {
        ArgRange { start: start as u32, len: len as u32 }
    }

    /// An argument in the list of big ones.
    #[inline]
    pub(super) fn big(index: usize) -> ArgRange {
        ArgRange { start: index as u32, len: IN_BIGS }
    }

    /// Whether the argument lies in the list of big ones.
    #[inline]
    pub(super) fn is_big(self) -> bool {
        self.len == IN_BIGS
    }
}

/// One command of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandSpan {
    /// Index of its first argument in `Batch::args`.
    pub first_arg: u32,
    /// Number of its arguments, the command's name included; at least 1.
    pub args: u32,
    /// Offset behind it in the parsed buffer: what a connection is done with that stops after this command.
    pub end: u32,
    /// Wire size of the request in bytes.
    pub bytes: usize,
}

/// The commands that the parser found, in order. Owned by a worker and reused: once warm, parsing allocates nothing.
#[derive(Default, Debug)]
pub struct Batch {
    /// The commands.
    pub commands: Vec<CommandSpan>,
    /// The arguments of all commands, one after the other.
    pub args: Vec<ArgRange>,
    /// The arguments that do not lie in the buffer.
    pub bigs: Vec<Bytes>,
}

/// More argument slots than this are given back by `Batch::clear`: 64 KiB.
const KEEP_ARGS: usize = 8192;

impl Batch {
    /// Forgets the commands; keeps the memory, except what an unusually large command needed.
    pub fn clear(&mut self) {
        self.commands.clear();
        self.args.clear();
        if !self.bigs.is_empty() {
            self.bigs.clear();
        }
        if self.args.capacity() > KEEP_ARGS {
            self.args.shrink_to(KEEP_ARGS);
        }
        if self.bigs.capacity() > KEEP_ARGS / 4 {
            self.bigs.shrink_to(KEEP_ARGS / 4);
        }
    }

    /// The arguments of command number `command`; `buf` is the slice that was parsed. Empty where there is no such
    /// command.
    #[inline]
    pub fn view<'a>(&'a self, buf: &'a [u8], command: usize) -> ArgView<'a> {
        let ranges = self.commands.get(command).and_then(|span| {
            let first = span.first_arg as usize;
            self.args.get(first..first + span.args as usize)
        });
        ArgView { buf, ranges: ranges.unwrap_or(&[]), bigs: &self.bigs }
    }
}

/// The arguments of one command, its name first. Borrowed from a buffer and a [`Batch`], or from an [`OwnedCommand`].
#[derive(Clone, Copy)]
pub struct ArgView<'a> {
    buf: &'a [u8],
    ranges: &'a [ArgRange],
    bigs: &'a [Bytes],
}

impl<'a> ArgView<'a> {
    /// Number of arguments, the command's name included.
    #[inline]
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there is no argument at all, which no parsed command is.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    #[inline]
    fn resolve(&self, range: ArgRange) -> Option<&'a [u8]> {
        let start = range.start as usize;
        if range.is_big() {
            self.bigs.get(start).map(|big| &big[..])
        } else {
            self.buf.get(start..start + range.len as usize)
        }
    }

    /// Argument `i` (0: the command's name); `None` past the end.
    #[inline]
    pub fn get(&self, i: usize) -> Option<&'a [u8]> {
        self.resolve(*self.ranges.get(i)?)
    }

    /// The `Bytes` of argument `i` where it is at least [`BIG_ARG`] long.
    #[inline]
    fn big(&self, i: usize) -> Option<&'a Bytes> {
        let range = self.ranges.get(i).filter(|range| range.is_big())?;
        // A short one is a slice of a block that holds a whole command's arguments: sharing it would keep the block.
        self.bigs.get(range.start as usize).filter(|big| big.len() >= BIG_ARG)
    }

    /// Argument `i` as shared bytes: a big one is shared, a small one copied. Empty past the end.
    pub fn bytes(&self, i: usize) -> Bytes {
        match self.big(i) {
            Some(big) => big.clone(),
            None => Bytes::copy_from_slice(self.get(i).unwrap_or_default()),
        }
    }

    /// Whether argument `i` is at least [`BIG_ARG`] long, so that `bytes(i)` copies nothing.
    #[inline]
    pub fn is_big(&self, i: usize) -> bool {
        self.big(i).is_some()
    }

    /// All arguments, the command's name first.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + DoubleEndedIterator + use<'a> {
        let view = *self;
        self.ranges.iter().map(move |range| view.resolve(*range).unwrap_or_default())
    }

    /// The view without its first `n` arguments (all of them where there are fewer): for commands inside commands.
    #[inline]
    pub fn skip(&self, n: usize) -> ArgView<'a> {
        ArgView { ranges: self.ranges.get(n..).unwrap_or(&[]), ..*self }
    }

    /// A copy that outlives the buffer: one allocation for the small arguments (a second where there are more than
    /// eight), big ones shared.
    pub fn to_owned(&self) -> OwnedCommand {
        let small = |i: usize| self.get(i).filter(|_| !self.is_big(i)).map_or(0, <[u8]>::len);
        let total: usize = (0..self.len()).map(small).sum();
        let mut data = Vec::with_capacity(total);
        let mut ranges = SmallVec::with_capacity(self.len());
        let mut bigs = Vec::new();
        for i in 0..self.len() {
            if let Some(big) = self.big(i) {
                ranges.push(ArgRange::big(bigs.len()));
                bigs.push(big.clone());
            } else {
                let arg = self.get(i).unwrap_or_default();
                ranges.push(ArgRange::plain(data.len(), arg.len()));
                data.extend_from_slice(arg);
            }
        }
        OwnedCommand { data: data.into_boxed_slice(), ranges, bigs }
    }
}

/// Argument `i`; panics past the end, as a slice does: for positions that the command's arity has vouched for.
impl Index<usize> for ArgView<'_> {
    type Output = [u8];

    #[inline]
    fn index(&self, i: usize) -> &[u8] {
        let range = self.ranges[i];
        let start = range.start as usize;
        if range.is_big() { &self.bigs[start] } else { &self.buf[start..start + range.len as usize] }
    }
}

impl std::fmt::Debug for ArgView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(|arg| arg.escape_ascii().to_string())).finish()
    }
}

/// A command kept beyond its buffer: queued by MULTI, blocked, or made by the server itself.
#[derive(Clone, Debug)]
pub struct OwnedCommand {
    data: Box<[u8]>,
    ranges: SmallVec<[ArgRange; 8]>,
    bigs: Vec<Bytes>,
}

impl OwnedCommand {
    /// A command from its arguments, all copied.
    pub fn new<'a>(args: impl IntoIterator<Item = &'a [u8]>) -> OwnedCommand {
        let mut data = Vec::new();
        let mut ranges = SmallVec::new();
        let mut bigs = Vec::new();
        for arg in args {
            if arg.len() >= BIG_ARG {
                ranges.push(ArgRange::big(bigs.len()));
                bigs.push(Bytes::copy_from_slice(arg));
            } else {
                ranges.push(ArgRange::plain(data.len(), arg.len()));
                data.extend_from_slice(arg);
            }
        }
        OwnedCommand { data: data.into_boxed_slice(), ranges, bigs }
    }

    /// Its arguments.
    #[inline]
    pub fn view(&self) -> ArgView<'_> {
        ArgView { buf: &self.data, ranges: &self.ranges, bigs: &self.bigs }
    }

    /// Bytes it holds on the heap, big arguments included though they may be shared. O(big arguments).
    pub fn heap_bytes(&self) -> usize {
        let ranges = if self.ranges.spilled() { self.ranges.capacity() * size_of::<ArgRange>() } else { 0 };
        let bigs: usize = self.bigs.iter().map(Bytes::len).sum();
        self.data.len() + ranges + self.bigs.capacity() * size_of::<Bytes>() + bigs
    }
}

/// Bytes of a command that [`ArgBuffer`] keeps room for.
const KEEP_BYTES: usize = 64 * 1024;

/// A place where commands are put together one after the other, as a script's: once warm, nothing is allocated.
#[derive(Debug, Default)]
pub struct ArgBuffer {
    data: Vec<u8>,
    ranges: Vec<ArgRange>,
    bigs: Vec<Bytes>,
}

impl ArgBuffer {
    /// Forgets the command; keeps the memory, except what an unusually large one needed.
    pub fn clear(&mut self) {
        self.data.clear();
        self.data.shrink_to(KEEP_BYTES);
        self.ranges.clear();
        self.ranges.shrink_to(KEEP_ARGS);
        self.bigs.clear();
    }

    /// Adds an argument.
    #[inline]
    pub fn push(&mut self, arg: &[u8]) {
        if arg.len() >= BIG_ARG {
            self.ranges.push(ArgRange::big(self.bigs.len()));
            self.bigs.push(Bytes::copy_from_slice(arg));
        } else {
            self.push_with(|data| data.extend_from_slice(arg));
        }
    }

    /// Adds what `write` appends, which is short.
    #[inline]
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.data.len();
        write(&mut self.data);
        self.ranges.push(ArgRange::plain(start, self.data.len() - start));
    }

    /// The command.
    #[inline]
    pub fn view(&self) -> ArgView<'_> {
        ArgView { buf: &self.data, ranges: &self.ranges, bigs: &self.bigs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_holds_one_command_after_the_other() {
        let (mut buffer, big) = (ArgBuffer::default(), vec![b'x'; BIG_ARG]);
        for args in [&[&b"SET"[..], b"", &big, b"last"][..], &[b"GET"], &[]] {
            buffer.clear();
            args.iter().for_each(|arg| buffer.push(arg));
            assert!(buffer.view().iter().eq(args.iter().copied()));
        }
        buffer.push_with(|data| data.push(b'7'));
        assert_eq!((buffer.view().get(0), buffer.view().len()), (Some(&b"7"[..]), 1));
    }

    #[test]
    fn owned_commands_keep_every_argument() {
        let big = vec![b'x'; BIG_ARG];
        let args: [&[u8]; 10] = [b"a", b"", b"ccc", &big, b"e", &big[1..], b"g", b"h", b"i", b"j"];
        let command = OwnedCommand::new(args);
        let view = command.view();
        assert!(view.iter().eq(args));
        assert_eq!((view.len(), view.is_empty()), (10, false));
        assert!(view.is_big(3) && !view.is_big(5));
        assert_eq!(view.bytes(3).as_ptr(), view[3].as_ptr());
        assert_eq!((view.get(10), view.bytes(10)), (None, Bytes::new()));
        let copy = view.skip(2).to_owned();
        assert!(copy.view().iter().eq(args[2..].iter().copied()));
        assert_eq!(copy.view()[1].as_ptr(), view[3].as_ptr());
        assert!(command.heap_bytes() >= 2 * BIG_ARG);
        assert!(view.skip(11).is_empty());
    }

    #[test]
    fn a_slice_of_a_block_is_not_shared() {
        let block = Bytes::from(vec![b'x'; 100]);
        let batch = Batch {
            commands: vec![CommandSpan { first_arg: 0, args: 1, end: 0, bytes: 0 }],
            args: vec![ArgRange::big(0)],
            bigs: vec![block.slice(..10)],
        };
        let view = batch.view(b"", 0);
        assert_eq!(&view[0], &[b'x'; 10]);
        assert!(!view.is_big(0));
        assert_ne!(view.bytes(0).as_ptr(), block.as_ptr());
        assert!(batch.view(b"", 1).is_empty());
    }
}
