//! An owned reply: the tree that a reply's bytes stand for.
//!
//! Owns decoding and encoding of whole replies, for tests, scripts and links to other servers. The server's own replies
//! never take this form: they are written straight to the output (see [`super::reply`]).
//!
//! Decoding keeps its own stack instead of recursing, bounds the depth, and reserves memory only for elements that have
//! come, so that no bytes can exhaust it.

use crate::base::num::format_f64;
use bytes::Bytes;
use thiserror::Error;

/// Deepest nesting that `Value::decode` accepts.
pub const DEPTH_MAX: usize = 128;
/// Longest string that `Value::decode` accepts, in bytes.
pub const BULK_MAX: u64 = 512 * 1024 * 1024;
/// Longest line that `Value::decode` accepts, in bytes.
pub const LINE_MAX: usize = 64 * 1024;

/// A reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `+`: a status.
    Simple(Bytes),
    /// `-`, and `!` of RESP3: an error with its code in front.
    Error(Bytes),
    /// `:`.
    Int(i64),
    /// `$`: a string, or RESP2's null.
    Bulk(Option<Bytes>),
    /// `*`: an array, or RESP2's null in place of one.
    Array(Option<Vec<Value>>),
    /// `%`.
    Map(Vec<(Value, Value)>),
    /// `~`.
    Set(Vec<Value>),
    /// `>`: a message that answers no command.
    Push(Vec<Value>),
    /// `,`.
    Double(f64),
    /// `#`.
    Bool(bool),
    /// `_`.
    Null,
    /// `(`: an integer of any size in decimal.
    BigNumber(Bytes),
    /// `=`: text of a format.
    Verbatim([u8; 3], Bytes),
    /// `|`: facts about the reply that follows them, and that reply.
    Attribute(Vec<(Value, Value)>, Box<Value>),
}

/// Bytes that are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The first byte stands for no type.
    #[error("unknown reply type {0:#04x}")]
    Type(u8),
    /// A line is longer than [`LINE_MAX`], or its `\r` is not followed by `\n`.
    #[error("malformed line in reply")]
    Line,
    /// A number is none, or out of its range.
    #[error("invalid number in reply")]
    Number,
    /// A string is not followed by a line end, or a verbatim one names no format.
    #[error("malformed string in reply")]
    Bulk,
    /// More than [`DEPTH_MAX`] levels.
    #[error("reply nested too deeply")]
    Depth,
}

/// What an aggregate becomes.
#[derive(Clone, Copy)]
enum Kind {
    Array,
    Set,
    Push,
    Map,
    Attribute,
}

/// An aggregate under way.
struct Frame {
    kind: Kind,
    /// Elements still to come.
    left: u64,
    items: Vec<Value>,
}

impl Frame {
    fn finish(self) -> Value {
        match self.kind {
            Kind::Array => Value::Array(Some(self.items)),
            Kind::Set => Value::Set(self.items),
            Kind::Push => Value::Push(self.items),
            Kind::Map => Value::Map(pairs(self.items)),
            Kind::Attribute => {
                let mut items = self.items;
                let value = items.pop().unwrap_or(Value::Null);
                Value::Attribute(pairs(items), Box::new(value))
            }
        }
    }
}

fn pairs(items: Vec<Value>) -> Vec<(Value, Value)> {
    let mut pairs = Vec::with_capacity(items.len() / 2);
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        pairs.push((key, value));
    }
    pairs
}

/// One element of the stream.
enum Token {
    Leaf(Value),
    Open(Frame),
}

impl Value {
    /// The first reply in `bytes` and its length; `None` where it is incomplete. Starts from the front each time:
    /// O(bytes of the reply).
    pub fn decode(bytes: &[u8]) -> Result<Option<(Value, usize)>, DecodeError> {
        let mut at = 0;
        let mut stack: Vec<Frame> = Vec::new();
        loop {
            let Some((token, next)) = token(bytes, at)? else {
                return Ok(None);
            };
            at = next;
            let mut value = match token {
                Token::Leaf(value) => value,
                Token::Open(frame) if frame.left == 0 => frame.finish(),
                Token::Open(frame) => {
                    if stack.len() >= DEPTH_MAX {
                        return Err(DecodeError::Depth);
                    }
                    stack.push(frame);
                    continue;
                }
            };
            loop {
                let Some(mut frame) = stack.pop() else {
                    return Ok(Some((value, at)));
                };
                frame.items.push(value);
                frame.left -= 1;
                if frame.left > 0 {
                    stack.push(frame);
                    break;
                }
                value = frame.finish();
            }
        }
    }

    /// Appends the reply's bytes to `out`. RESP3's types stay RESP3's types; line ends in a status become spaces, and an
    /// error that holds any is written as `!`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        // What is still to be written, the next on top: values may be nested more deeply than the stack is.
        let mut todo = vec![self];
        while let Some(value) = todo.pop() {
            value.encode_one(out, &mut todo);
        }
    }

    /// Writes a leaf, or the head of an aggregate, whose elements it puts on `todo`.
    fn encode_one<'a>(&'a self, out: &mut Vec<u8>, todo: &mut Vec<&'a Value>) {
        match self {
            Value::Simple(text) => line(out, b'+', text),
            // RESP3's `!` takes what a line cannot.
            Value::Error(text) if text.len() >= LINE_MAX || has_line_end(text) => bulk(out, b'!', b"", text),
            Value::Error(text) => line(out, b'-', text),
            Value::Int(n) => line(out, b':', itoa::Buffer::new().format(*n).as_bytes()),
            Value::Bulk(Some(text)) => bulk(out, b'$', b"", text),
            Value::Bulk(None) => line(out, b'$', b"-1"),
            Value::Array(None) => line(out, b'*', b"-1"),
            Value::Array(Some(items)) => list(out, b'*', items, todo),
            Value::Set(items) => list(out, b'~', items, todo),
            Value::Push(items) => list(out, b'>', items, todo),
            Value::Map(items) => map(out, b'%', items, todo),
            Value::Attribute(items, value) => {
                todo.push(value);
                map(out, b'|', items, todo);
            }
            Value::Double(n) => {
                out.push(b',');
                format_f64(*n, out);
                out.extend_from_slice(b"\r\n");
            }
            Value::Bool(true) => line(out, b'#', b"t"),
            Value::Bool(false) => line(out, b'#', b"f"),
            Value::Null => line(out, b'_', b""),
            Value::BigNumber(digits) => line(out, b'(', digits),
            Value::Verbatim(format, text) => bulk(out, b'=', &[format[0], format[1], format[2], b':'], text),
        }
    }
}

fn line(out: &mut Vec<u8>, kind: u8, text: &[u8]) {
    out.push(kind);
    if has_line_end(text) {
        // A line end inside would begin another reply.
        out.extend(text.iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }));
    } else {
        out.extend_from_slice(text);
    }
    out.extend_from_slice(b"\r\n");
}

fn has_line_end(text: &[u8]) -> bool {
    memchr::memchr2(b'\r', b'\n', text).is_some()
}

fn length(out: &mut Vec<u8>, kind: u8, n: usize) {
    line(out, kind, itoa::Buffer::new().format(n).as_bytes());
}

fn bulk(out: &mut Vec<u8>, kind: u8, prefix: &[u8], text: &[u8]) {
    length(out, kind, prefix.len() + text.len());
    out.extend_from_slice(prefix);
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
}

fn list<'a>(out: &mut Vec<u8>, kind: u8, items: &'a [Value], todo: &mut Vec<&'a Value>) {
    length(out, kind, items.len());
    todo.extend(items.iter().rev());
}

fn map<'a>(out: &mut Vec<u8>, kind: u8, items: &'a [(Value, Value)], todo: &mut Vec<&'a Value>) {
    length(out, kind, items.len());
    todo.extend(items.iter().rev().flat_map(|(key, value)| [value, key]));
}

/// Reads the leaf or the head of the aggregate at `at`; `None`: incomplete.
fn token(bytes: &[u8], at: usize) -> Result<Option<(Token, usize)>, DecodeError> {
    let Some(&kind) = bytes.get(at) else {
        return Ok(None);
    };
    if !b"+-:$*%~>,#_(=|!".contains(&kind) {
        return Err(DecodeError::Type(kind));
    }
    let rest = &bytes[at + 1..];
    let window = &rest[..rest.len().min(LINE_MAX)];
    let Some(end) = memchr::memchr(b'\r', window) else {
        return if rest.len() >= LINE_MAX { Err(DecodeError::Line) } else { Ok(None) };
    };
    match rest.get(end + 1) {
        None => return Ok(None),
        Some(b'\n') => {}
        Some(_) => return Err(DecodeError::Line),
    }
    let text = &rest[..end];
    let next = at + end + 3;
    let leaf = match kind {
        b'+' => Value::Simple(Bytes::copy_from_slice(text)),
        b'-' => Value::Error(Bytes::copy_from_slice(text)),
        b':' => Value::Int(number(text)?),
        b'(' => big_number(text)?,
        b',' => Value::Double(number(text)?),
        b'#' => match text {
            b"t" => Value::Bool(true),
            b"f" => Value::Bool(false),
            _ => return Err(DecodeError::Number),
        },
        b'_' if text.is_empty() => Value::Null,
        b'_' => return Err(DecodeError::Line),
        b'$' | b'=' | b'!' => return string(bytes, kind, text, next),
        _ => return Ok(Some((open(kind, text)?, next))),
    };
    Ok(Some((Token::Leaf(leaf), next)))
}

fn number<T: std::str::FromStr>(text: &[u8]) -> Result<T, DecodeError> {
    let text = std::str::from_utf8(text).map_err(|_| DecodeError::Number)?;
    text.parse().map_err(|_| DecodeError::Number)
}

fn big_number(text: &[u8]) -> Result<Value, DecodeError> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(DecodeError::Number);
    }
    Ok(Value::BigNumber(Bytes::copy_from_slice(text)))
}

/// Reads the body, at `at`, of the string of type `kind` whose length is `text`.
fn string(bytes: &[u8], kind: u8, text: &[u8], at: usize) -> Result<Option<(Token, usize)>, DecodeError> {
    if kind == b'$' && text == b"-1" {
        return Ok(Some((Token::Leaf(Value::Bulk(None)), at)));
    }
    let len: u64 = number(text)?;
    if len > BULK_MAX {
        return Err(DecodeError::Number);
    }
    let end = at + len as usize;
    let Some(tail) = bytes.get(end..end + 2) else {
        return Ok(None);
    };
    if tail != b"\r\n" {
        return Err(DecodeError::Bulk);
    }
    let body = &bytes[at..end];
    let value = match kind {
        b'$' => Value::Bulk(Some(Bytes::copy_from_slice(body))),
        b'!' => Value::Error(Bytes::copy_from_slice(body)),
        _ => match body {
            [a, b, c, b':', text @ ..] => Value::Verbatim([*a, *b, *c], Bytes::copy_from_slice(text)),
            _ => return Err(DecodeError::Bulk),
        },
    };
    Ok(Some((Token::Leaf(value), end + 2)))
}

/// The aggregate of type `kind` whose length is `text`.
fn open(kind: u8, text: &[u8]) -> Result<Token, DecodeError> {
    if kind == b'*' && text == b"-1" {
        return Ok(Token::Leaf(Value::Array(None)));
    }
    let count: u32 = number(text)?;
    let count = u64::from(count);
    let (kind, left) = match kind {
        b'*' => (Kind::Array, count),
        b'~' => (Kind::Set, count),
        b'>' => (Kind::Push, count),
        b'%' => (Kind::Map, count * 2),
        _ => (Kind::Attribute, count * 2 + 1),
    };
    Ok(Token::Open(Frame { kind, left, items: Vec::new() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    fn all_types() -> Value {
        Value::Array(Some(vec![
            Value::Simple(text("OK")),
            Value::Error(text("ERR no")),
            Value::Int(-7),
            Value::Bulk(Some(text("a\r\nb"))),
            Value::Bulk(None),
            Value::Array(None),
            Value::Array(Some(vec![])),
            Value::Map(vec![(Value::Int(1), Value::Set(vec![Value::Int(2)]))]),
            Value::Push(vec![Value::Bool(true), Value::Bool(false), Value::Null]),
            Value::Double(1.5),
            Value::Double(f64::NEG_INFINITY),
            Value::BigNumber(text("-123456789012345678901234567890")),
            Value::Verbatim(*b"txt", text("hi")),
            Value::Attribute(vec![(Value::Int(3), Value::Int(4))], Box::new(Value::Int(5))),
        ]))
    }

    #[test]
    fn decodes_what_it_encodes_at_every_cut() {
        let value = all_types();
        let mut bytes = Vec::new();
        value.encode(&mut bytes);
        for cut in 0..bytes.len() {
            assert_eq!(Value::decode(&bytes[..cut]), Ok(None), "cut at {cut}");
        }
        let len = bytes.len();
        bytes.extend_from_slice(b":1\r\n");
        assert_eq!(Value::decode(&bytes), Ok(Some((value, len))));
    }

    #[test]
    fn line_ends_cannot_forge_replies() {
        let mut bytes = Vec::new();
        Value::Simple(text("a\r\n+b")).encode(&mut bytes);
        Value::Error(text("ERR a\r\nb")).encode(&mut bytes);
        assert_eq!(bytes, b"+a  +b\r\n!8\r\nERR a\r\nb\r\n");
    }

    #[test]
    fn refuses_what_is_no_reply() {
        let cases: [(&[u8], DecodeError); 14] = [
            (b"x", DecodeError::Type(b'x')),
            (b"+a\rb", DecodeError::Line),
            (b":\r\n", DecodeError::Number),
            (b":9223372036854775808\r\n", DecodeError::Number),
            (b"$-2\r\n", DecodeError::Number),
            (b"$536870913\r\n", DecodeError::Number),
            (b"$1\r\naxx", DecodeError::Bulk),
            (b"=3\r\ntxt\r\n", DecodeError::Bulk),
            (b"*-2\r\n", DecodeError::Number),
            (b"%-1\r\n", DecodeError::Number),
            (b"*99999999999\r\n", DecodeError::Number),
            (b"#x\r\n", DecodeError::Number),
            (b"_x\r\n", DecodeError::Line),
            (b"(1x\r\n", DecodeError::Number),
        ];
        for (bytes, error) in cases {
            assert_eq!(Value::decode(bytes), Err(error), "{}", bytes.escape_ascii());
        }
        assert_eq!(Value::decode(&[b'+'; LINE_MAX + 1]), Err(DecodeError::Line));
    }

    #[test]
    fn bounds_the_depth_and_believes_no_count() {
        assert_eq!(Value::decode(&b"*1\r\n".repeat(DEPTH_MAX)), Ok(None));
        assert_eq!(Value::decode(&b"*1\r\n".repeat(DEPTH_MAX + 1)), Err(DecodeError::Depth));
        assert_eq!(Value::decode(b"*4294967295\r\n:1\r\n"), Ok(None));
    }
}
