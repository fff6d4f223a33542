//! Replies: an owned RESP2 and RESP3 value, its incremental decoder, and the compact notation of the tables.
//!
//! Written apart from `ostracon::resp` on purpose: the tests must not share a mistake with what they test. The decoder
//! is strict; what it does not understand is an error, never a guess.

use std::fmt;

/// One reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `+text`
    Simple(Vec<u8>),
    /// `-text`, or RESP3's blob error.
    Error(Vec<u8>),
    /// `:n`
    Int(i64),
    /// `$n` and bytes
    Bulk(Vec<u8>),
    /// `$-1`, RESP2's nil
    Nil,
    /// `*-1`, RESP2's nil array
    NilArray,
    /// `_`, RESP3's null
    Null,
    /// `*n`
    Array(Vec<Value>),
    /// `%n`
    Map(Vec<(Value, Value)>),
    /// `~n`
    Set(Vec<Value>),
    /// `>n`
    Push(Vec<Value>),
    /// `,text`: as written, so that formatting is tested
    Double(Vec<u8>),
    /// `#t` or `#f`
    Bool(bool),
    /// `(text`
    Big(Vec<u8>),
    /// `=n`, format and text
    Verbatim(Vec<u8>, Vec<u8>),
    /// `|n`, and the value that follows it
    Attribute(Vec<(Value, Value)>, Box<Value>),
}

impl Value {
    /// The elements of an array, set or push; panics on any other value.
    #[track_caller]
    pub fn items(&self) -> &[Value] {
        match self {
            Value::Array(v) | Value::Set(v) | Value::Push(v) => v,
            other => panic!("no array: {other}"),
        }
    }

    /// The integer; panics on any other value.
    #[track_caller]
    pub fn int(&self) -> i64 {
        match self {
            Value::Int(n) => *n,
            other => panic!("no integer: {other}"),
        }
    }

    /// The bytes of a bulk, simple, error or verbatim string; panics on any other value.
    #[track_caller]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Value::Bulk(b) | Value::Simple(b) | Value::Error(b) | Value::Verbatim(_, b) | Value::Double(b) => b,
            other => panic!("no string: {other}"),
        }
    }

    /// [`Value::bytes`] as text, invalid UTF-8 replaced.
    #[track_caller]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// Whether this is an error reply.
    pub fn is_error(&self) -> bool {
        matches!(self, Value::Error(_))
    }

    /// The notation of the tables: `+OK`, `-ERR text`, `:1`, `word`, `'two words\n'`, `(nil)`, `[a, :1]`, `{k: v}`,
    /// `set[a]`, `push[a]`, `,3.14`, `#t`, `(null)`, `(big 1)`, `(txt 'a b')`.
    pub fn render(&self) -> String {
        let mut out = String::new();
        self.render_into(&mut out);
        out
    }

    fn render_into(&self, out: &mut String) {
        match self {
            Value::Simple(b) => plain(out, '+', b),
            Value::Error(b) => plain(out, '-', b),
            Value::Double(b) => plain(out, ',', b),
            Value::Int(n) => out.push_str(&format!(":{n}")),
            Value::Bulk(b) => bulk(out, b),
            Value::Nil => out.push_str("(nil)"),
            Value::NilArray => out.push_str("(nil-array)"),
            Value::Null => out.push_str("(null)"),
            Value::Bool(true) => out.push_str("#t"),
            Value::Bool(false) => out.push_str("#f"),
            Value::Array(v) => list(out, "", v),
            Value::Set(v) => list(out, "set", v),
            Value::Push(v) => list(out, "push", v),
            Value::Map(pairs) => map(out, pairs),
            Value::Big(b) => out.push_str(&format!("(big {})", String::from_utf8_lossy(b))),
            Value::Verbatim(format, text) => {
                out.push_str(&format!("({} ", String::from_utf8_lossy(format)));
                bulk(out, text);
                out.push(')');
            }
            Value::Attribute(pairs, value) => {
                out.push('|');
                map(out, pairs);
                out.push_str("| ");
                value.render_into(out);
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render())
    }
}

/// A line of text behind its prefix; a space at the very end is shown as `\s`, which a table would lose.
fn plain(out: &mut String, prefix: char, bytes: &[u8]) {
    out.push(prefix);
    escape(out, bytes);
    if bytes.last() == Some(&b' ') {
        out.pop();
        out.push_str("\\s");
    }
}

/// A bulk string: bare where it cannot be taken for anything else, else in single quotes.
fn bulk(out: &mut String, bytes: &[u8]) {
    let bare = bytes.iter().all(|b| b.is_ascii_graphic() && !b"'\"\\[]{}(),".contains(b))
        && bytes.first().is_some_and(|b| !b"+-:~#|,".contains(b))
        && !bytes.ends_with(b":");
    if bare {
        escape(out, bytes);
    } else {
        out.push('\'');
        escape(out, bytes);
        out.push('\'');
    }
}

/// Printable ASCII as it is, but `\` and in quotes `'`; the rest as `\n`, `\r`, `\t` or `\xhh`.
fn escape(out: &mut String, bytes: &[u8]) {
    let quoted = out.ends_with('\'');
    for &byte in bytes {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'\\' => out.push_str("\\\\"),
            b'\'' if quoted => out.push_str("\\'"),
            b' '..=b'~' => out.push(byte as char),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
}

fn list(out: &mut String, prefix: &str, values: &[Value]) {
    out.push_str(prefix);
    out.push('[');
    for (i, value) in values.iter().enumerate() {
        out.push_str(if i > 0 { ", " } else { "" });
        value.render_into(out);
    }
    out.push(']');
}

fn map(out: &mut String, pairs: &[(Value, Value)]) {
    out.push('{');
    for (i, (key, value)) in pairs.iter().enumerate() {
        out.push_str(if i > 0 { ", " } else { "" });
        key.render_into(out);
        out.push_str(": ");
        value.render_into(out);
    }
    out.push('}');
}

/// Bytes that came from the server and are not decoded yet.
#[derive(Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    start: usize,
}

impl Decoder {
    /// Adds bytes as they came.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The bytes not decoded yet.
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// The next whole reply, `None` while it is incomplete, an error text for bytes that are no RESP.
    /// Decodes again from the start of a reply each time: O(size) an attempt.
    pub fn next(&mut self) -> Result<Option<Value>, String> {
        let mut cursor = Cursor { bytes: &self.buffer[self.start..], at: 0 };
        match cursor.value() {
            Ok(value) => {
                self.start += cursor.at;
                Ok(Some(value))
            }
            Err(Stop::Incomplete) => Ok(None),
            Err(Stop::Wrong(text)) => Err(text),
        }
    }
}

enum Stop {
    Incomplete,
    Wrong(String),
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn line(&mut self) -> Result<&[u8], Stop> {
        let rest = &self.bytes[self.at..];
        let Some(length) = rest.windows(2).position(|two| two == b"\r\n") else {
            return Err(Stop::Incomplete);
        };
        self.at += length + 2;
        Ok(&rest[..length])
    }

    fn number(&mut self) -> Result<i64, Stop> {
        let line = self.line()?;
        let text = String::from_utf8_lossy(line).into_owned();
        text.parse().map_err(|_| Stop::Wrong(format!("no number: {text:?}")))
    }

    fn blob(&mut self, length: i64) -> Result<Vec<u8>, Stop> {
        let length = usize::try_from(length).map_err(|_| Stop::Wrong(format!("length {length}")))?;
        let rest = &self.bytes[self.at..];
        if rest.len() < length + 2 {
            return Err(Stop::Incomplete);
        }
        if &rest[length..length + 2] != b"\r\n" {
            return Err(Stop::Wrong("a blob does not end in CRLF".into()));
        }
        self.at += length + 2;
        Ok(rest[..length].to_vec())
    }

    fn values(&mut self, count: i64) -> Result<Vec<Value>, Stop> {
        (0..count).map(|_| self.value()).collect()
    }

    fn pairs(&mut self) -> Result<Vec<(Value, Value)>, Stop> {
        let count = self.number()?;
        (0..count).map(|_| Ok((self.value()?, self.value()?))).collect()
    }

    fn value(&mut self) -> Result<Value, Stop> {
        let Some(&kind) = self.bytes.get(self.at) else {
            return Err(Stop::Incomplete);
        };
        self.at += 1;
        Ok(match kind {
            b'+' => Value::Simple(self.line()?.to_vec()),
            b'-' => Value::Error(self.line()?.to_vec()),
            b':' => Value::Int(self.number()?),
            b',' => Value::Double(self.line()?.to_vec()),
            b'(' => Value::Big(self.line()?.to_vec()),
            b'$' => match self.number()? {
                -1 => Value::Nil,
                length => Value::Bulk(self.blob(length)?),
            },
            b'!' => {
                let length = self.number()?;
                Value::Error(self.blob(length)?)
            }
            b'=' => {
                let length = self.number()?;
                let blob = self.blob(length)?;
                if blob.get(3) != Some(&b':') {
                    return Err(Stop::Wrong("a verbatim string without a format".into()));
                }
                Value::Verbatim(blob[..3].to_vec(), blob[4..].to_vec())
            }
            b'*' => match self.number()? {
                -1 => Value::NilArray,
                count => Value::Array(self.values(count)?),
            },
            b'~' => {
                let count = self.number()?;
                Value::Set(self.values(count)?)
            }
            b'>' => {
                let count = self.number()?;
                Value::Push(self.values(count)?)
            }
            b'%' => Value::Map(self.pairs()?),
            b'|' => Value::Attribute(self.pairs()?, Box::new(self.value()?)),
            b'_' => match self.line()? {
                b"" => Value::Null,
                other => return Err(Stop::Wrong(format!("null with text {other:?}"))),
            },
            b'#' => match self.line()? {
                b"t" => Value::Bool(true),
                b"f" => Value::Bool(false),
                other => return Err(Stop::Wrong(format!("bool {other:?}"))),
            },
            other => {
                return Err(Stop::Wrong(format!("unknown type byte {:?}", other as char)));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Value {
        let mut decoder = Decoder::default();
        for byte in &bytes[..bytes.len() - 1] {
            decoder.feed(&[*byte]);
            assert_eq!(decoder.next(), Ok(None));
        }
        decoder.feed(&bytes[bytes.len() - 1..]);
        let value = decoder.next().unwrap().unwrap();
        assert_eq!(decoder.rest(), b"");
        value
    }

    #[test]
    fn every_type_decodes_bytewise_and_renders() {
        for (bytes, text) in [
            (&b"+OK\r\n"[..], "+OK"),
            (b"-ERR a 'b' \r\n", "-ERR a 'b'\\s"),
            (b":-12\r\n", ":-12"),
            (b"$3\r\nfoo\r\n", "foo"),
            (b"$0\r\n\r\n", "''"),
            (b"$4\r\na b'\r\n", "'a b\\''"),
            (b"$2\r\n\x00\n\r\n", "'\\x00\\n'"),
            (b"$2\r\n-1\r\n", "'-1'"),
            (b"$-1\r\n", "(nil)"),
            (b"*-1\r\n", "(nil-array)"),
            (b"_\r\n", "(null)"),
            (b"*2\r\n:1\r\n*0\r\n", "[:1, []]"),
            (b"%1\r\n+a\r\n#t\r\n", "{+a: #t}"),
            (b"~1\r\n$1\r\na\r\n", "set[a]"),
            (b">1\r\n$1\r\na\r\n", "push[a]"),
            (b",inf\r\n", ",inf"),
            (b"(12\r\n", "(big 12)"),
            (b"=5\r\ntxt:a\r\n", "(txt a)"),
            (b"|1\r\n+a\r\n+b\r\n:1\r\n", "|{+a: +b}| :1"),
        ] {
            assert_eq!(decode(bytes).render(), text);
        }
    }
}
