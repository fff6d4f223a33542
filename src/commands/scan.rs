//! What SCAN, SSCAN, HSCAN and ZSCAN share: the cursor's text, the options, and what was found until it can be written.
//!
//! Owns the options' syntax and the form of the reply. Must not know what is scanned, nor what a cursor means: that is
//! the keyspace's and each type's.

use super::{Args, Error, Result};
use crate::base::glob::glob_match;
use crate::base::num::{parse_i64, parse_u64_lenient};
use crate::resp::Reply;
use crate::types::packed::Item;
use bytes::Bytes;

/// Elements that a scan looks at unless COUNT says otherwise.
const COUNT: usize = 10;

/// The option that one kind of scan has beside MATCH and COUNT.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    /// None.
    Nothing,
    /// TYPE, of keys.
    Type,
    /// NOVALUES, of fields.
    NoValues,
    /// NOSCORES, of members of a sorted set.
    NoScores,
}

/// What a scan wants.
pub(super) struct ScanOptions<'a> {
    /// What names must match; `None`: anything.
    pub pattern: Option<&'a [u8]>,
    /// About so many elements are looked at; at least 1.
    pub count: usize,
    /// The name of the type that keys must be of.
    pub type_name: Option<&'a [u8]>,
    /// Whether the values come with the fields, or the scores with the members.
    pub values: bool,
}

impl<'a> ScanOptions<'a> {
    /// Reads all arguments that are left, in whatever order; the last of several counts. A value is judged before what
    /// follows it.
    ///
    /// # Errors
    /// An unknown option, one without its value, a count that is no integer or below 1.
    pub fn parse(args: &mut Args<'a>, own: Own) -> Result<Self> {
        let mut options = ScanOptions { pattern: None, count: COUNT, type_name: None, values: true };
        while !args.is_empty() {
            if own == Own::NoValues && args.take("novalues") || own == Own::NoScores && args.take("noscores") {
                options.values = false;
            } else if args.left() < 2 {
                return Err(Error::Syntax);
            } else if args.take("count") {
                let n = parse_i64(args.bytes()).ok_or(Error::NotInteger)?;
                options.count = usize::try_from(n).ok().filter(|n| *n > 0).ok_or(Error::Syntax)?;
            } else if args.take("match") {
                options.pattern = Some(args.bytes()).filter(|pattern| *pattern != b"*");
            } else if own == Own::Type && args.take("type") {
                options.type_name = Some(args.bytes());
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }

    /// Whether MATCH lets this name pass.
    #[inline]
    pub fn matches(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob_match(pattern, name, false))
    }
}

/// The number that a cursor's text is, up to a NUL as in C; an empty one is 0.
///
/// # Errors
/// No number of 64 bits.
pub(super) fn cursor(text: &[u8]) -> Result<u64> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let n = if text.is_empty() { Some(0) } else { parse_u64_lenient(text) };
    n.ok_or(Error::Text("ERR invalid cursor"))
}

/// What a scan found, kept until the cursor is known: it comes first in the reply.
#[derive(Default)]
pub(super) struct Found {
    text: Vec<u8>,
    pieces: Vec<Piece>,
}

enum Piece {
    Int(i64),
    /// The text of the scan up to here.
    Text(usize),
    Shared(Bytes),
}

impl Found {
    /// An integer, written as its decimal text.
    pub fn int(&mut self, n: i64) {
        self.pieces.push(Piece::Int(n));
    }

    /// A text, copied.
    pub fn text(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
        self.pieces.push(Piece::Text(self.text.len()));
    }

    /// A long text, shared.
    pub fn shared(&mut self, text: Bytes) {
        self.pieces.push(Piece::Shared(text));
    }

    /// An element of a packed block.
    pub fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Int(n) => self.int(n),
            Item::Str(text) => self.text(text),
        }
    }

    /// The whole reply of a scan that goes on at `next`.
    pub fn write(self, next: u64, out: &mut Reply<'_>) {
        out.array(2);
        out.bulk(itoa::Buffer::new().format(next).as_bytes());
        out.array(self.pieces.len());
        let mut start = 0;
        for piece in self.pieces {
            match piece {
                Piece::Int(n) => out.bulk_int(n),
                Piece::Shared(text) => out.shared(text),
                Piece::Text(end) => {
                    out.bulk(&self.text[start..end]);
                    start = end;
                }
            }
        }
    }
}
